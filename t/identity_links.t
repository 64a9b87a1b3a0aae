# Links from ids to cookies live as long as their ids are used.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use Test::More;
use Time::HiRes qw(sleep);

my $t = Onsite::Test->new;
$t->write_file('html/index.html', html_page('x'));
$t->start(state => 'size=16m ttl=3s');

my %jar;
$t->visit('/', jar => \%jar);
my ($cookie) = $jar{onsite_id} =~ /^([^.]+)/;

sub track {
    my ($event, %o) = @_;
    my $r = $t->post('/onsite/v1/track',
        { event => $event, anonymousId => 'phone' }, %o);
    is($r->{status}, 200, $event);
}

track('Linked', jar => \%jar);
for (1 .. 7) {
    sleep 0.8;
    track('Used');
}

my ($record) = $t->state_records('--visitor', $cookie);
is($record->{counts}{Used}, 7, 'a link does not expire in use')
    or diag(json_encode($record));
is($record->{counts}{Linked}, 1, 'nor does its visitor');

$t->done;
