# A new binary: for a while workers of both masters fire timers, each with a
# lease of its own, and each timer fires once.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Outbox;
use Onsite::Test;
use Test::More;
use Time::HiRes qw(sleep);

my $t = Onsite::Test->new;
$t->campaigns(abandoned('1s', content => { data => {
    who => '{{cart.skus}}' } }));

my $conf = $t->conf_text(workers => 2, main =>
    'env LD_PRELOAD; env ASAN_OPTIONS; env UBSAN_OPTIONS;');
$conf =~ s/^daemon off;/daemon on;/m;
$t->write_conf(conf => $conf);
waitpid $t->spawn_nginx('-c', $t->dir . '/nginx.conf'), 0;
is($?, 0, 'starts');

my $pid_file = $t->dir . '/nginx.pid';
sub pid_of {
    my ($path) = @_;
    my ($pid) = Onsite::Test::read_file($path) =~ /(\d+)/;
    return $pid && kill(0, $pid) ? $pid : undef;
}
my $old = eventually(10, sub { pid_of($pid_file) });
ok(eventually(10, sub { $t->get('/status')->{status} == 200 }), 'serves');

my $n = 0;
sub add {
    my @ids = map { 'v-' . $n++ } 1 .. 100;
    is($t->post('/onsite/v1/batch', { batch => [map { { type => 'track',
        event => 'Product Added', anonymousId => $_, properties => {
        sku => $_, price => 1 } } } @ids] })->{status}, 200, 'carts');
}

for (1 .. 10) {
    add();
    sleep 0.05;
}

kill 'USR2', $old;
my $new = eventually(10, sub {
    my $pid = pid_of($pid_file);
    return -e "$pid_file.oldbin" && $pid && $pid != $old ? $pid : undef;
});
ok($new, 'a second master');

# who answers is of either
my %owners;
for (1 .. 20) {
    add();
    $owners{$t->status->{timers}{owner}} = 1 for 1 .. 5;
    sleep 0.05;
}
delete $owners{0};
cmp_ok(scalar keys %owners, '==', 2, 'two leases');

kill 'QUIT', $old;
ok(eventually(10, sub { !kill(0, $old) }), 'the old one leaves');
add();

ok(eventually(5, sub { $t->status->{timers}{pending} == 0 }), 'all fired');
my %times;
$times{$_->{data}{who}[0]}++ for outbox($t);
is(scalar keys %times, $n, 'each is told of');
is(scalar(grep { $_ != 1 } values %times), 0, 'once');

kill 'QUIT', $new;
ok(eventually(10, sub { !kill(0, $new) }), 'stops');
$t->done;
