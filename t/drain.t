# drain: events leave into files, each once, also where the process is killed;
# folders that are gone; one process at a time.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Outbox;
use Onsite::Test;
use Test::More;
use Time::HiRes qw(sleep time);

my $t = Onsite::Test->new;
$t->campaigns({ id => 'order', channel => 'webhook',
    endpoint => 'https://h.example/', trigger => { event => 'Order Completed' },
    content => { data => {} } });
$t->start(workers => 2, state => 'size=64m shards=2',
    http => 'onsite_outbox_events on;');

my $n = 0;

# So many events, of ids that are never used again.
sub send_events {
    my ($many) = @_;
    my @batch = map { { type => 'track', event => 'Sent', anonymousId =>
        'v-' . $n % 97, messageId => 'm-' . ++$n, properties => { n => $n } } }
        1 .. $many;
    my $r = $t->post('/onsite/v1/batch', { batch => \@batch });
    $r->{status} == 200 or die "batch: $r->{status}";
}

my $folders = 0;
sub folder {
    my $dir = $t->dir . '/out' . ++$folders;
    mkdir $dir or die "$dir: $!";
    return $dir;
}

# Lines of all whole files, oldest first.
sub lines {
    my ($dir) = @_;
    return map { split /\n/, Onsite::Test::read_file($_) }
        sort glob "$dir/*.ndjson";
}

sub ids { return sort map { json_decode($_)->{messageId} } @_ }

sub start_drain {
    my (@args) = @_;
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        open STDERR, '>>', $t->dir . '/drain.log';
        exec Onsite::Test::loader($t), 'drain', $t->state_dir, @args;
        exit 127;
    }
    push @{ $t->{pids} }, $pid;
    return $pid;
}

sub end_drain {
    my ($pid, $signal) = @_;
    kill $signal, $pid;
    waitpid $pid, 0;
    return $?;
}

# once
my $dir = folder();
send_events(1000);
$t->post('/onsite/v1/track', { event => 'Order Completed', anonymousId => 'v-1',
    messageId => 'm-order', userId => 'u', context => { ip => '1.2.3.4',
    page => { path => '/p' } } });
my ($code, $out, $err) = $t->run_loader('drain', $t->state_dir, '--to',
    "file:$dir", '--once', '--json');
is($code, 0, 'drained') or diag($err);
is_deeply(json_decode($out), { events => 1001, damaged => 0,
    rejected => 0 }, 'told');
my @lines = lines($dir);
is_deeply([ids(@lines)], [sort 'm-order', map { "m-$_" } 1 .. 1000],
    'each event once');
my ($order) = grep { $_->{messageId} eq 'm-order' } map { json_decode($_) } @lines;
my $onsite = delete $order->{context}{onsite};
like(delete $order->{timestamp}, qr/^20\d\d-\d\d-\d\dT[\d:.]+Z$/, 'with its time');
is_deeply($order, { type => 'track', messageId => 'm-order', anonymousId => 'v-1',
    userId => 'u', event => 'Order Completed', properties => {},
    context => { page => { path => '/p' } } }, 'as Segment has it');
is($onsite->{site}, 'default', 'its site');
like("$onsite->{visitor} $onsite->{seq}", qr/^[0-9a-f]{32} \d+$/, 'its visitor and number');
is(scalar(grep { /\.part$/ } glob "$dir/*"), 0, 'nothing is left half');
is($t->status->{outbox}{events}, 0, 'none is left');
is(scalar(outbox($t)), 1, 'deliveries are');
($code, $out) = $t->run_loader('drain', '--state', $t->state_dir, '--to',
    "file://$dir", '--once', '--json');
is(json_decode($out)->{events}, 0, 'nothing more');
my $files = () = glob "$dir/*";
is($files, 1, 'and no other file');
send_events(1);
$t->run_loader('drain', $t->state_dir, '--to', "file:$dir", '--once');
is(scalar lines($dir), 1002, 'numbers go on');

# rotation
$dir = folder();
send_events(500) for 1 .. 4;
is($t->run_loader('drain', $t->state_dir, '--to', "file:$dir", '--once',
    '--rotate-size', '64k'), 0, 'small files');
my @files = glob "$dir/*.ndjson";
cmp_ok(scalar @files, '>', 4, 'are several');
is((grep { -s $_ > 70 * 1024 } @files), 0, 'and small');
is_deeply([ids(lines($dir))], [sort map { "m-$_" } $n - 1999 .. $n], 'each once');

# all the time, and one process at a time
$dir = folder();
my $pid = start_drain('--to', "file:$dir", '--rotate-time', '1s');
send_events(100);
ok(eventually(10, sub { lines($dir) == 100 }), 'what comes leaves');
($code, $out, $err) = $t->run_loader('drain', $t->state_dir, '--to',
    "file:$dir", '--once');
is($code, 1, 'a second one');
like($err, qr/process $pid drains \S+ already/, 'is told who does it');
send_events(100);
sleep 0.3;
is(end_drain($pid, 'TERM'), 0, 'it ends when told to');
$t->run_loader('drain', $t->state_dir, '--to', "file:$dir", '--once');
is_deeply([ids(lines($dir))], [sort map { "m-$_" } $n - 199 .. $n], 'each once');

# killed, again and again
$dir = folder();
my $first = $n;
for my $round (1 .. 25) {
    my $pid = start_drain('--to', "file:$dir", '--rotate-size', '8k');
    send_events(50) for 1 .. 3;
    sleep rand 0.08;
    end_drain($pid, 'KILL');
}
is($t->run_loader('drain', $t->state_dir, '--to', "file:$dir", '--once'), 0,
    'the last one');
my @ids = ids(lines($dir));
is(scalar @ids, $n - $first, 'as many as were sent');
is_deeply(\@ids, [sort map { "m-$_" } $first + 1 .. $n], 'each once');
is(scalar(grep { /\.part$/ } glob "$dir/*"), 0, 'nothing is left half');

# a folder that is gone, and comes back
$dir = folder();
$pid = start_drain('--to', "file:$dir", '--rotate-time', '1s');
sleep 0.3;
rmdir $dir or die "rmdir: $!";
send_events(50);
ok(eventually(5, sub { -s $t->dir . '/drain.log' }), 'it complains');
my $log = Onsite::Test::read_file($t->dir . '/drain.log');
like($log, qr/\Q$dir\E/, 'of what');
sleep 2.5;
mkdir $dir;
ok(eventually(10, sub { lines($dir) == 50 }), 'and goes on when it is back');
cmp_ok(scalar(my @told = split /\n/, Onsite::Test::read_file($t->dir
    . '/drain.log')), '<=', 4, 'each cause is told once');
is(end_drain($pid, 'TERM'), 0, 'ended');

# a file in its place holds up nobody who drains to elsewhere
$dir = folder();
unlink $t->dir . '/drain.log';
$pid = start_drain('--to', "file:$dir");
sleep 0.5;
rmdir $dir or die "rmdir: $!";
$t->write_file($dir, 'x');
send_events(20);
ok(eventually(5, sub { -s $t->dir . '/drain.log' }), 'a file where the folder was');
end_drain($pid, 'KILL');
$dir = folder();
($code, $out, $err) = $t->run_loader('drain', $t->state_dir, '--to', "file:$dir", '--once');
is($code, 0, 'and then another folder') or diag($err);
is(scalar lines($dir), 20, 'has them');

# zstd
SKIP: {
    system('zstd --version >/dev/null 2>&1') == 0 or skip 'no zstd', 2;
    $dir = folder();
    send_events(300);
    is($t->run_loader('drain', $t->state_dir, '--to', "file:$dir", '--once',
        '--zstd'), 0, '--zstd');
    my @packed = glob "$dir/*.ndjson.zst";
    is(scalar(my @l = split /\n/, `zstd -dc @packed`), 300, 'is one');
}

# at rest, and an entry that is damaged
send_events(10);
$t->stop;
$dir = folder();
is($t->run_loader('drain', $t->state_dir, '--to', "file:$dir", '--once'), 0,
    'a resting state');
is(scalar lines($dir), 10, 'drains, too');

# usage
for (['no sink', qr/--to is missing/], ['another', qr/file:DIR/, '--to', 'ftp://x'],
    ['no folder', qr/a folder is missing behind file:/, '--to', 'file:'],
    ['none either', qr/a folder is missing behind file:/, '--to', 'file://'],
    ['a file', qr/drain\.log: is no folder/, '--to', "file:@{[$t->dir]}/drain.log"],
    ['what is for another --to', qr/--batch-size: is for https:/, '--to', "file:$dir",
        '--batch-size', '1m'],
    ['as well', qr/--rotate-time: is for file:DIR.* --to https:/, '--to', 'https://x',
        '--rotate-time', '1s'],
    ['or a flag', qr/--create-stream: is for nats:/, '--to', 'segment:k@https://x',
        '--create-stream'],
    ['a bad size', qr/--rotate-size.*"much"/, '--to', "file:$dir", '--rotate-size', 'much'],
    ['a bad time', qr/--rotate-time/, '--to', "file:$dir", '--rotate-time', 'soon'])
{
    my ($what, $text, @args) = @$_;
    ($code, $out, $err) = $t->run_loader('drain', $t->state_dir, @args, '--once');
    is($code, 2, $what);
    like($err, $text, 'is told');
}
($code, $out, $err) = $t->run_loader('drain', '--to', "file:$dir");
is($code, 2, 'no state');
($code, $out, $err) = $t->run_loader('drain', $t->state_dir, '--to',
    'file:/nothing/there', '--once');
is($code, 1, 'no such folder');
like($err, qr{/nothing/there: No such file.*: make the folder}, 'is named');
($code, $out) = $t->run_loader('drain', '--help');
like($out, qr/--to=URL.*--once.*--rotate-size/s, '--help');

($code, $out, $err) = do {
    local @ENV{qw(ONSITE_CA ONSITE_BATCH_SIZE)} = ('/none', 'what');
    $t->run_loader('drain', $t->state_dir, '--to', "file:$dir", '--once');
};
is($code, 0, 'what the environment has for others is let alone') or diag($err);

# a folder that is no state stays as it is
$dir = folder();
for (['drain', '--to', "file:$dir"],
    ['deliver', '--any-endpoint', '--secret', $t->dir . '/secret'],
    ['roam', '--with', 'nats://127.0.0.1:1'])
{
    my ($command, @args) = @$_;
    $t->write_file('secret', 'whsec_' . 'QUJD' x 12 . "\n");
    chmod 0600, $t->dir . '/secret';
    unlink $t->dir . '/wrong.log';
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        open STDERR, '>', $t->dir . '/wrong.log';
        exec $t->loader, $command, $dir, @args;
        exit 127;
    }
    ok(eventually(5, sub { -s $t->dir . '/wrong.log' }), "$command of no state complains");
    kill 'KILL', $pid;
    waitpid $pid, 0;
    like(Onsite::Test::read_file($t->dir . '/wrong.log'), qr/\Q$dir\E/, 'of it');
    is_deeply([glob "$dir/*"], [], 'and puts nothing there');
}

# who was root once locks nobody out
my $lock = $t->state_dir . '/drain.lock';
SKIP: {
    skip 'not root', 4 if $> != 0;
    my ($uid, $gid) = (getpwnam 'daemon')[2, 3];
    my ($own, $group) = (stat $t->state_dir)[4, 5];
    unlink $lock;
    chown $uid, $gid, $t->state_dir;
    $t->run_loader('drain', $t->state_dir, '--to', "file:$dir", '--once');
    is(join(' ', (stat $lock)[4, 5]), "$uid $gid", "the lock is the folder's owner's");
    chown 0, 0, $lock;
    chown $uid, $gid, $dir, glob $t->state_dir . '/{onsite-state,*.mdb,*.mdb-lock}';
    chmod 0755, $t->dir;
    my $as = sub {
        return system('setpriv', "--reuid=$uid", "--regid=$gid", '--clear-groups', 'sh',
            '-c', 'exec "$@" 2>' . $t->dir . '/as.log', 'sh', $t->loader, 'drain',
            $t->state_dir, '--to', "file:$dir", '--once') >> 8;
    };
    $t->write_file('as.log', '');
    chmod 0666, $t->dir . '/as.log';
    is($as->(), 0, "root's lock is taken as it is")
        or diag(Onsite::Test::read_file($t->dir . '/as.log'));
    chmod 0600, $lock;
    is($as->(), 1, 'one that cannot be read');
    like(Onsite::Test::read_file($t->dir . '/as.log'),
        qr/drain\.lock: cannot be opened: Permission denied: run this as .*chown/,
        'is told, and what helps');
    unlink $lock;
    chown $own, $group, $t->state_dir, glob $t->state_dir . '/*';
}

# ps has no secrets
for (["segment:s3cret\@https://127.0.0.1:1/", 'segment:xxxxxx@https://127.0.0.1:1/'],
    ['nats://us:s3cret@127.0.0.1:1,us:s3cret@localhost:1', qr/nats:\/\/x+\@localhost:1/],
    ['https://us:s3cr@t@127.0.0.1:1/in?k=s3cret', qr{https://x+\@127\.0\.0\.1:1/in\?x+}])
{
    my ($to, $shown) = @$_;
    for my $args (["--to=$to"], ['--to', $to]) {
        unlink $t->dir . '/hidden.log';
        my $pid = fork // die "fork: $!";
        if ($pid == 0) {
            open STDERR, '>', $t->dir . '/hidden.log';
            exec $t->loader, 'drain', $t->dir . '/no-state-yet', @$args;
            exit 127;
        }
        eventually(5, sub { -s $t->dir . '/hidden.log' });
        my $line = Onsite::Test::read_file("/proc/$pid/cmdline");
        kill 'KILL', $pid;
        waitpid $pid, 0;
        next if $line eq '';            # it has ended by itself
        unlike($line, qr/s3c?/, "hidden: $args->[0]");
        like($line, ref $shown ? $shown : qr/\Q$shown\E/, 'the rest is there');
    }
}

$t->done;
