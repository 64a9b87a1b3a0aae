# run: processes that die, hang or cannot begin; a snapshot that is broken, a
# state that is wiped, clients that are slow.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use File::Path qw(remove_tree);
use IO::Socket::INET;
use Onsite::Published;
use Onsite::Sidecar;
use Onsite::Test;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

my $t = Onsite::Test->new;
my $p = Onsite::Published->new($t);
my $s = Onsite::Sidecar->new($t);
my $dir = $t->dir;
mkdir "$dir/out";
my %sync = (from => $p->{store}, to => $p->{file}, trust => "$p->{key}.pub",
    every => '100ms');
my %drain = (to => "file:$dir/out", 'rotate-time' => '1s');
my @nginx = (state => 'size=16m', snapshot => 1,
    http => 'onsite_outbox_events on;');

# nothing is there yet: it waits, and says for what
$s->config(sync => { %sync }, drain => { %drain }, checkpoint => {
    to => "$dir/checkpoints", every => '5m' });
$s->start;
ok($s->wait_unready(qr/^state: /), 'no state');
ok($s->wait_unready(qr/^sync: /), 'no snapshot');
ok($s->told(qr/^STATUS=not ready: .*\nEXTEND_TIMEOUT_USEC=\d+/),
    'systemd is asked for time');
ok(!$s->told(qr/^READY/m, 0), 'and not told that it is ready');
$p->publish(7, 'seven');
$t->start(@nginx);
ok($s->wait_ready(20), 'both come');
ok($s->told(qr/^READY=1/m), 'systemd is told');

# a child that is killed
my $first = $s->tasks->{drain}{pid};
kill 'KILL', $first;
ok(eventually(10, sub {
    my $drain = $s->tasks->{drain};
    return $drain->{restarts} && $drain->{pid} && $drain->{pid} != $first;
}), 'one that was killed runs again');
like($s->tasks->{drain}{end}, qr/^killed by signal 9/, 'how it ended is told');
ok($s->logs(qr/\[drain\] killed by signal 9 \(Killed\); starts again in/),
    'as a line, too');
is($s->get('/healthz')->{status}, 200, 'once is no loop');

# again and again; the one that watches, too
for (2 .. 3) {
    my $pid;
    eventually(10, sub { $pid = $s->tasks->{drain}{pid} });
    kill 'KILL', $pid;
    eventually(10, sub { ($s->tasks->{drain}{restarts} // 0) == $_ });
}
my $watch = $s->tasks->{watch}{pid};
kill 'KILL', $watch;
ok(eventually(10, sub { ($s->tasks->{watch}{pid} // $watch) != $watch }),
    'the one that watches runs again');
ok(eventually(10, sub { $s->get('/healthz')->{status} == 503 }), 'a loop is not healthy');
like($s->get('/healthz')->{content}, qr/"healthy":false,"reasons":\["drain: 3 times killed/,
    'which one is told');
ok((grep { $_->{what} =~ /^\[drain\] ends again and again: 3 times/ }
    @{ $s->status->{findings} }), 'status finds it');

# what is live is broken, and the store is away
ok($s->wait_ready, 'without it all is ready');
rename $p->{store}, "$p->{store}.away";
open my $f, '+<', $p->{file} or die;
seek $f, 9000, 0;
print $f 'x' x 100;
close $f;
unlink glob "$p->{file}.sync/7.*";
ok($s->wait_unready(qr/^sync: /), 'a snapshot that is broken');
is($s->get('/readyz')->{status}, 503, 'is not ready');
rename "$p->{store}.away", $p->{store};
ok($s->wait_ready(20), 'until the store is back');
is($p->live, 7, 'and it was put back');

# the state is wiped
$t->stop;
remove_tree($t->state_dir);
ok($s->wait_unready(qr/^state: /), 'a state that is wiped');
is($s->get('/metrics')->{status}, 200, 'metrics are told all the same');
ok(eventually(5, sub { $s->get('/metrics')->{content}
    =~ /^onsite_sidecar_state_available 0$/m }), 'so is this');
ok(eventually(10, sub { $s->tasks->{checkpoint}{failing} }), 'no checkpoint of it');
$t->start(@nginx);
ok($s->wait_ready(20), 'nginx makes another one');
ok(eventually(10, sub { !$s->tasks->{checkpoint}{failing} }),
    'which is kept before the next one is due');
ok(eventually(5, sub { -e $t->state_dir . '/sidecar.tasks' }), 'the table is there again');
my $n = 0;
sub send_events {
    my ($many) = @_;
    $t->post('/onsite/v1/batch', { batch => [map { { type => 'track',
        event => 'Sent', anonymousId => "v$_", messageId => 'm' . ++$n } }
        1 .. $many] })->{status} == 200 or die 'batch';
}
sub ids {
    return sort map { json_decode($_)->{messageId} }
        map { split /\n/, Onsite::Test::read_file($_) } glob "$dir/out/*.ndjson";
}
send_events(20);
ok(eventually(20, sub { my @ids = ids(); @ids == 20 }), 'and events leave it');

# somebody holds the lock of the state, and hangs; clients are slow, and too
# many
my $holding = open my $holder, '|-', 'mdb_load', '-n', '-T', '-s', 'meta',
    $t->state_dir . '/shard-000.mdb';
my @slow = map { my $c = IO::Socket::INET->new(
    PeerAddr => "127.0.0.1:$s->{port}"); print $c 'GET /rea' if $c; $c } 1 .. 130;
is(scalar(grep { defined } @slow), 130, 'many connections');
my $began = time;
ok(eventually(15, sub { $s->get('/healthz', timeout => 8)->{status} != 599 }),
    'they are cut');
cmp_ok(time - $began, '<', 6, 'soon');
ok($s->wait_unready(qr/^looking at state and snapshots has taken \d+ s/),
    'a lock that is held');
is($s->get('/metrics')->{status}, 200, 'what was seen last is told');
@slow = ();
kill 'KILL', $holding;
close $holder;
ok($s->wait_ready, 'until it is let go');
local $SIG{PIPE} = 'IGNORE';
like($t->raw('GET /' . 'x' x 100_000 . " HTTP/1.0\r\n\r\n", port => $s->{port}),
    qr/^(?:$|HTTP\/1.[01] 4)/, 'a request that is too long');

# stopping loses nothing, and nobody waits for ever
send_events(10) for 1 .. 20;
is($s->stop, 0, 'it ends');
$s->config(drain => { %drain, 'rotate-time' => '100ms' });
$s->{top}{'stop-timeout'} = '1s';
$s->config(drain => { %drain, 'rotate-time' => '100ms' })->start;
ok(eventually(20, sub { my @ids = ids(); @ids == $n }), 'and the next one goes on');
is_deeply([ids()], [sort map { "m$_" } 1 .. $n], 'each event left once');
my $pid;
eventually(10, sub { $pid = $s->tasks->{drain}{pid} });
kill 'STOP', $pid;
$began = time;
is($s->stop, 0, 'a child that does not end');
cmp_ok(time - $began, '<', 5, 'is not waited for');
like($s->log, qr/\[drain\] has not ended in time: killed/, 'but killed, and that is told');

# the master is killed
$s->start;
ok(eventually(10, sub { $s->tasks->{drain}{pid} && $s->tasks->{watch}{pid} }), 'it runs');
my @pids = map { $_->{pid} } values %{ $s->tasks };
is($s->stop('KILL'), 128 + 9, 'the master is killed');
ok(eventually(10, sub { !grep { kill 0, $_ } @pids }), 'its children go');

# what is left of it is in nobody's way
$s->start;
ok(eventually(10, sub { $s->tasks->{drain}{pid} }), 'the next one runs');
my ($code, undef, $err) = $t->run_loader('run', $s->{conf});
is($code, 1, 'a second one');
like($err, qr/Address already in use/, 'has nowhere to listen');
$t->write_file('second.conf', 'state = ' . $t->state_dir . "\n[drain]\nto = file:$dir/out\n");
($code, undef, $err) = $t->run_loader('run', "$dir/second.conf");
is($code, 1, 'one that listens nowhere');
like($err, qr/process \d+ runs for \Q@{[$t->state_dir]}\E already/, 'is told who is there');
is($s->stop, 0, 'ended');

unlike($s->log, qr/AddressSanitizer|runtime error/, 'no sanitizer report');

$t->done;
