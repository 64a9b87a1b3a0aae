# A visitor whose id was seen before its cookie is as new as it was.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use Test::More;

my $t = Onsite::Test->new;
$t->write_file('html/index.html', html_page('x'));
$t->campaigns(
    Onsite::Test::popup('welcome', audience => { 'visitor.status' => 'new' },
        trigger => { event => 'Page Viewed', count => 2,
            within => 'session' }),
);
$t->start(state => 'size=16m shards=4');

for my $n (1 .. 8) {
    my %jar;
    my $call = sub {
        my $r = $t->post('/onsite/v1/track', { event => $_[0],
            anonymousId => "id-$n" }, @_[1 .. $#_]);
        is($r->{status}, 200, $_[0]);
    };
    $call->('Before');
    $t->visit('/', jar => \%jar);
    $call->('Both', jar => \%jar);
    like($t->visit('/', jar => \%jar)->{content}, qr/"welcome"/,
        'in the first visit still');

    my ($r) = $t->state_records('--visitor', $jar{onsite_id} =~ /^([^.]+)/);
    is($r->{visits}, 1, 'one visit');
    is($r->{counts}{Before}, 1, 'with what was before the cookie');
    is($r->{session}{pageviews}, 2, 'and all pages');
    is($r->{session}{events}, 4, 'and events');
}

$t->done;
