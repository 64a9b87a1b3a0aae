# A state that is full takes batches of many visitors all the same.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use Test::More;

my $t = Onsite::Test->new;
$t->write_file('html/index.html', html_page('x'));
$t->start(state => 'size=4m');

my $visitors = 0;
for my $n (1 .. 24) {
    my @events = map { { type => 'track', event => 'Event ' . $_ % 5 . 'x' x 90,
        anonymousId => "full-$n-" . int($_ / 5) } } 0 .. 1999;
    my $r = $t->post('/onsite/v1/batch', { batch => \@events });
    is($r->{status}, 200, "batch $n") or diag($r->{content});
    $visitors += 400 if $r->{status} == 200;
}

my $status = $t->status;
is($status->{events}{total}, 24 * 2000, 'all events are counted');
cmp_ok($status->{state}{visitors}, '<', $visitors, 'the oldest made room');
my ($last) = $t->state_records('--visitor', 'full-24-399');
is(scalar keys %{ $last->{counts} }, 5, 'the last visitor is whole');

$t->done;
