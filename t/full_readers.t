# A worker that loses its processor while it reads a state that is full keeps
# the pages that others give back meanwhile: they wait for it, and fail nobody.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Outbox;
use Onsite::Test;
use Test::More;

my $library = Onsite::Test::build_dir() . '/t/mdb_pauses.so';
plan(skip_all => "$library is not built") unless -e $library;

{
    no warnings 'redefine';
    my $preload = \&Onsite::Test::preload;
    *Onsite::Test::preload = sub { $preload->() . " $library" };
}

my $t = Onsite::Test->new;
$t->campaigns(abandoned('1s', content => { data => { who => '{{cart.skus}}',
    much => 'x' x 700 } }));
$t->start(workers => 2, state => 'size=1m', http => 'access_log off;');

# until timers have fired, a second after what they wait for, in either worker
my ($batches, $answered, $next) = (0, 0, 0);
while ($batches < 150
    || ($batches < 3000 && $t->status->{timers}{fired} <= 10))
{
    my $r = $t->post('/onsite/v1/batch', { batch => [map { {
        type => 'track', event => 'Product Added', anonymousId => "v-$next",
        properties => { sku => 'v-' . $next++, price => 1 } } } 1 .. 100] });
    $answered += $r->{status} == 200;
    $batches++;
}
is($answered, $batches, 'all is answered 200');

my $s = $t->status;
cmp_ok($s->{state}{evictions}, '>', 1000, 'records made room');
is($s->{store}{errors}, 0, 'no operation failed');
cmp_ok($s->{timers}{fired}, '>', 10, 'timers fired meanwhile');
unlike($t->error_log, qr/does not end what it reads/, 'nobody was given up');

$t->done;
