# drain beside what goes wrong: a sink that is away while the state fills, a
# state that is not there yet, or wiped.

use strict;
use warnings;

use File::Path qw(remove_tree);
use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Drain;
use Onsite::Outbox;
use Onsite::Receiver;
use Onsite::Test;
use Test::More;
use Time::HiRes qw(sleep);

delete @ENV{ grep { /_proxy$/i || /^ONSITE_/ } keys %ENV };
my $t = Onsite::Test->new;
my $d = Onsite::Drain->new($t, prefix => 'f');
$t->write_file('html/index.html', html_page('x'));
$t->campaigns({ id => 'order', channel => 'webhook',
    endpoint => 'https://h.example/', trigger => { event => 'Order Completed' },
    content => { data => {} } });
my $r = Onsite::Receiver->new($t, sub { return $_[0]{mode} eq 'away' ? 'cut' : 204 });

# the state is not there yet
my $pid = $d->start('--to', $r->url);
ok(eventually(5, sub { $d->told =~ /\Q@{[$t->state_dir]}\E/ }), 'no state: told');
$t->start(state => 'size=2m', http => 'onsite_outbox_events on;');
$d->send(10);
ok(eventually(10, sub { $r->ids == 10 }), 'it is drained when it is there') or diag($d->told);

# the sink is away, the state fills: pages flow, the oldest events give way and
# are counted, deliveries stay
$r->anew->mode('away');
my $orders = 0;
for my $i (1 .. 120) {
    $d->send(50, text => 'x' x 100);
    next if $i % 4;
    $t->post('/onsite/v1/track', { event => 'Order Completed', anonymousId =>
        "o-$i", messageId => 'o-' . ++$orders })->{status} == 200 or die 'an order';
    is($t->visit('/')->{status}, 200, 'pages flow') if $i % 40 == 0;
}
my $outbox = $t->status->{outbox};
cmp_ok($outbox->{dropped}, '>', 100, 'the oldest events were dropped, and are counted');
is(scalar(outbox($t)), $orders, 'no delivery was');
is($outbox->{refused}, 0, 'and none refused');
my @status = ('status', $t->state_dir, '--nginx', "http://127.0.0.1:$t->{port}/status");
like(($t->run_loader(@status))[1], qr/! \d+ events were dropped since nginx began/,
    'status finds it');
ok(eventually(10, sub { $d->told =~ /\Q@{[$r->url]}\E/ }), 'the drain tells');
is($d->end($pid), 0, 'and ends when told to');
$r->anew->mode('');
my ($code, $out, $err) = $d->once('--to', $r->url, '--json');
is($code, 0, 'the sink is back') or diag($err);
my %ids = map { $_ => 1 } grep { /^f-/ } $r->ids;
my @sent = $d->last(6000);
my $came = grep { $ids{$_} } @sent;
is(scalar keys %ids, $came, 'only what was sent comes');
my @last = grep { $ids{$_} } @sent[-100 .. -1];
is(scalar @last, 100, 'the latest do');
my $other = grep { !/^f-/ } $r->ids;
is($came + $other + $t->status->{outbox}{dropped}, 6000 + $orders + $t->status->{pageviews}{total},
    'what came and what was dropped is what happened');
is(scalar(outbox($t)), $orders, 'deliveries are still there');
my $page = ($t->run_loader(@status))[1];
unlike($page, qr/! .*dropped/, 'what is over is no finding');
like($page, qr/dropped +\d+ events, 0 deliveries since nginx began$/m, 'and is told');

# a disk that is full, told once by its folder
SKIP: {
    my $small = $t->dir . '/small';
    mkdir $small;
    skip 'no file system can be mounted', 3 if $> != 0
        || system("mount -t tmpfs -o size=16k none $small 2>/dev/null") != 0;
    $d->send(500);
    $pid = $d->start('--to', "file:$small", '--rotate-time', '1s');
    ok(eventually(5, sub { $d->told =~ /: \Q$small\E: cannot .*No space left/ }),
        'a full disk') or diag($d->told);
    sleep 3.2;                          # at least one more try
    is(scalar(my @told = $d->told =~ /No space/g), 1, 'told once') or diag($d->told);
    system("mount -o remount,size=4m $small");
    ok(eventually(10, sub { $t->status->{outbox}{events} == 0 }), 'and it goes on');
    $d->end($pid);
    system('umount', $small);
}

# wiped, and made anew
$pid = $d->start('--to', $r->url);
$d->send(10);
ok(eventually(10, sub { $t->status->{outbox}{events} == 0 }), 'it drains');
$t->stop;
remove_tree($t->state_dir);
$r->anew;
$t->start(state => 'size=8m shards=2', http => 'onsite_outbox_events on;');
$d->send(40);
ok(eventually(10, sub { $r->ids == 40 }), 'a state that was wiped: it goes on with the new one')
    or diag($d->told);
like($d->told, qr/was made anew/, 'and says so');
is_deeply([sort $r->ids], [sort $d->last(40)], 'each once');
is($d->end($pid), 0, 'ended');

$t->done;
