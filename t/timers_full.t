# A state that is full of visitors, timers and deliveries fails no request, and
# whoever is remembered is told of once.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Outbox;
use Onsite::Test;
use Test::More;
use Time::HiRes qw(sleep);

my $t = Onsite::Test->new;
$t->campaigns(abandoned('1s', content => { data => { who => '{{cart.skus}}',
    much => 'x' x 700 } }));
$t->start(workers => 2, state => 'size=1m', http => 'access_log off;');

my ($answered, $next) = (0, 0);
for my $i (1 .. 120) {
    my $r = $t->post('/onsite/v1/batch', { batch => [map { {
        type => 'track', event => 'Product Added', anonymousId => "v-$next",
        properties => { sku => 'v-' . $next++, price => 1 } } } 1 .. 100] });
    $answered += $r->{status} == 200;
    sleep 0.02;
}
is($answered, 120, 'all is answered 200');

ok(eventually(10, sub { $t->status->{timers}{pending} == 0 }),
    'no timer is left');
my $s = $t->status;
cmp_ok($s->{state}{evictions}, '>', 1000, 'records made room');
is($s->{state}{full}, 0, 'the state was never full');
is($s->{store}{errors}, 0, 'no operation failed');
cmp_ok($s->{timers}{fired}, '>', 100, 'timers fired');
cmp_ok($s->{outbox}{bytes}, '<=', 1024 * 1024 / 4, 'the outbox has its share');

my %times;
$times{$_->{data}{who}[0]}++ for outbox($t);
cmp_ok(scalar keys %times, '>', 50, 'deliveries');
is(scalar(grep { $_ != 1 } values %times), 0, 'one for a visitor');
is($s->{outbox}{deliveries} + $s->{outbox}{refused}, $s->{timers}{fired},
    'what fired is there or counted as refused');

is($t->post('/onsite/v1/track', { event => 'Seen', anonymousId => 'later' })
    ->{status}, 200, 'and on');

$t->done;
