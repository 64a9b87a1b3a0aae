# checkpoint: a live state on a disk, whole or not there; while it is written,
# by a process that is stopped at each step, and on a disk that is full.

use strict;
use warnings;

use Digest::SHA;
use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Checkpoint;
use Onsite::Test;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

my $t = Onsite::Test->new;
our $folder = $t->dir . '/kept';
my ($code, $out, $err);
$t->campaigns(Onsite::Test::popup('hello'));
$t->start(workers => 2, state => 'size=16m shards=4',
    http => 'access_log off; onsite_outbox_events on;');
send_events($t, 400) for 1 .. 3;

# one
($code, $out, $err) = checkpoint($t, $folder);
is($code, 0, 'a checkpoint') or diag($err);
my ($name) = checkpoints($folder);
like($name, qr/^\d{8}T\d{6}\.\d{3}Z$/, 'is named for its time');
like($out, qr/\Q$folder\/$name\E: [\d.]+ MB of 4 shard\(s\)/, 'and told of');
is(sprintf('%o', (stat "$folder/$name")[2] & 07777), 700, 'its folder is ours');
my @files = glob "$folder/$name/*";
is(join(' ', map { m{([^/]+)$} } @files), join(' ', 'checkpoint.json',
    map { "shard-00$_.mdb" } 0 .. 3), 'all shards are there');
is((grep { ((stat)[2] & 07777) != 0600 } @files), 0, 'and are for nobody else');
my $m = json_decode(Onsite::Test::read_file("$folder/$name/checkpoint.json"));
is("$m->{type} $m->{format} $m->{state} $m->{lmdb}", 'onsite-checkpoint 1 1 0.9',
    'it says what it is');
for my $i (0 .. 3) {
    my $file = "$folder/$name/shard-00$i.mdb";
    is($m->{shards}[$i]{sha256}, Digest::SHA->new(256)->addfile($file)->hexdigest,
        "shard $i has its checksum");
    is($m->{shards}[$i]{size}, -s $file, 'and its size');
}
is(scalar(my @parts = glob "$folder/*.part"), 0, 'nothing is left half');

# its size ahead, and as JSON
($code, $out) = $t->run_loader('checkpoint', '--state', $t->state_dir, '--to',
    $folder, '--dry-run', '--json');
is($code, 0, '--dry-run');
my $told = json_decode($out);
cmp_ok($told->{bytes}, '>', 100_000, 'tells its size');
cmp_ok($told->{free}, '>', $told->{bytes}, 'and the room');
is(scalar(checkpoints($folder)), 1, 'and makes none');
my @reports = map { json_decode((checkpoint($t, $folder, '--json', '--keep', '2'))[1]) }
    1 .. 3;
is(join(',', map { $_->{removed} } @reports), '0,1,1', 'the latest are kept');
is_deeply([checkpoints($folder)], [map { $_->{checkpoint} } @reports[1, 2]],
    'these');

# a clock that was set back
my $future = '20990101T000000.000Z';
system('cp', '-a', "$folder/$reports[2]{checkpoint}", "$folder/$future");
($code, $out) = checkpoint($t, $folder, '--json');
is(json_decode($out)->{checkpoint}, '20990101T000000.001Z',
    'what is made later is later');
system('rm', '-r', "$folder/$future", "$folder/20990101T000000.001Z");

# all the time, beside nginx and under load
sub start {
    my (@args) = @_;
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        open STDOUT, '>>', $t->dir . '/out.log';
        open STDERR, '>>', $t->dir . '/err.log';
        { exec $t->loader, 'checkpoint', $t->state_dir, '--to', $folder, @args }
        POSIX::_exit(127);
    }
    push @{ $t->{children} }, $pid;
    return $pid;
}
sub stop {
    my ($pid) = @_;
    kill 'TERM', $pid;
    waitpid $pid, 0;
    return $?;
}
sub told { Onsite::Test::read_file($t->dir . "/$_[0].log") }

my $pid = start('--every', '1s', '--json');
my $made = sub { scalar(my @l = split /\n/, told('out')) };
ok(eventually(10, sub { send_events($t, 50); $made->() >= 2 }), 'one a second');
($code, $out, $err) = checkpoint($t, $folder);
is($code, 1, 'a second process');
like($err, qr/process $pid makes checkpoints in/, 'is told who makes them');
my $before = $made->();
is(stop($pid), 0, 'it ends when told to');
cmp_ok($made->(), '>', $before, 'with one more');
is(told('err'), '', 'and had nothing to complain of');
is($t->status->{store}{errors}, 0, 'nor had nginx');

# and when the clock is set back meanwhile
SKIP: {
    my ($faketime) = glob '/usr/lib/*/faketime/libfaketime.so.1';
    skip 'no libfaketime, or with a sanitizer', 2 unless $faketime && faults_work();
    $t->write_file('clock', "+0\n");
    local @ENV{qw(LD_PRELOAD FAKETIME_TIMESTAMP_FILE FAKETIME_NO_CACHE
        FAKETIME_DONT_FAKE_MONOTONIC)} = ($faketime, $t->dir . '/clock', 1, 1);
    $pid = start('--every', '1s', '--json');
    delete $ENV{LD_PRELOAD};
    $before = $made->();
    ok(eventually(10, sub { $made->() > $before }), 'a clock that is right');
    $t->write_file('clock', "-1h\n");
    $before = $made->();
    ok(eventually(6, sub { $made->() > $before + 2 }), 'and set back: they are made on');
    stop($pid);
}

# a state that comes later
my $state = $t->state_dir;
$t->stop;
rename $state, "$state.away";
$pid = start('--every', '1s');
ok(eventually(5, sub { told('err') =~ /No such file/ }), 'no state: told');
rename "$state.away", $state;
my ($last) = (checkpoints($folder))[-1];
ok(eventually(10, sub { (checkpoints($folder))[-1] gt $last }),
    'made when there is one');
ok(eventually(5, sub { told('err') =~ /goes on/ }), 'and told');
is(stop($pid), 0, 'ended');

# who erased from a state is not in a copy: not even in what is free
$t->start(workers => 1, state => 'size=16m shards=4', http => 'access_log off;');
$t->post('/onsite/v1/track', { anonymousId => 'gone', userId => 'known-as-GONE',
    event => 'x', type => 'track' });
checkpoint($t, $folder);
($last) = (checkpoints($folder))[-1];
is(system("grep -q known-as-GONE $folder/$last/shard-*"), 0, 'who is there is');
is($t->run_loader('erase', $state, '--visitor', 'gone'), 0, 'who was erased');
checkpoint($t, $folder);
($last) = (checkpoints($folder))[-1];
isnt(system("grep -q known-as-GONE $folder/$last/shard-*"), 0, 'is not');

# stopped at each step, and a disk that is full at each
SKIP: {
    skip 'a preloaded disk and a sanitizer do not go together', 4
        unless faults_work();
    my $steps = with_fault($t, undef, sub { checkpoint($t, $folder, '--keep', 1) });
    cmp_ok($steps, '>', 15, 'there are steps');
    my ($stopped, $bad, $full) = (0, 0, 0);
    for my $step (1 .. $steps) {
        for my $how (qw(b e)) {
            ($code, undef, $err) = with_fault($t, "$step $how",
                sub { checkpoint($t, $folder, '--keep', 1) });
            $stopped++ if $code != 0;
            $full++ if $how eq 'e' && $err =~ /No space left|disk is full/;
            ($code, $out, $err) = restore($t, $folder, '--dry-run', '--json');
            next if $code == 0 && json_decode($out)->{passed_over} == 0;
            $bad++;
            diag("step $step $how: $err");
        }
    }
    is($bad, 0, 'there is always one that is good, and none that is not');
    cmp_ok($stopped, '>', 30, 'it was stopped');
    cmp_ok($full, '>', 8, 'a full disk is told by its name');
}
is(checkpoint($t, $folder, '--keep', 1), 0, 'the next one');
my @left = glob "$folder/*";
is(scalar @left, 2, 'leaves itself and the lock alone') or diag("@left");

# a disk that is too small tells by how much
SKIP: {
    my $small = $t->dir . '/small';
    mkdir $small;
    skip 'no file system can be mounted', 6 if $> != 0
        || system("mount -t tmpfs -o size=64k none $small 2>/dev/null") != 0;
    ($code, $out, $err) = checkpoint($t, $small);
    is($code, 1, 'a disk that is too small');
    like($err, qr/the disk is full: a checkpoint takes \d+ bytes and \d+ are free, [1-9]\d+ are missing/,
        'is told, with what is missing');
    is(scalar(@left = glob "$small/2*"), 0, 'and nothing is left there');
    ($code, $out, $err) = $t->run_loader('restore', $folder, '--to', "$small/state");
    like($err, qr/[1-9]\d+ are missing; give it a larger tmpfs/, 'nor can one be restored there');

    system('umount', $small);

    # where none can be made: told once, without a name that is new each time
    system("mount -t tmpfs -o size=16m,nr_inodes=2 none $small");
    $t->write_file('err.log', '');
    local $folder = $small;
    $pid = start('--every', '1s');
    ok(eventually(5, sub { told('err') =~ /\Q$small\E: a checkpoint there cannot be created: No space/ }),
        'a folder with no room for names') or diag(told('err'));
    sleep 3.2;                          # at least one more try
    is(scalar(my @lines = split /\n/, told('err')), 1, 'told once') or diag(told('err'));
    kill 'KILL', $pid;
    waitpid $pid, 0;
    system('umount', $small);
}

# usage
for (['no folder', qr/--to is missing/], ['no such number', qr/--keep: "0"/,
        '--to', $folder, '--keep', '0'],
    ['no such time', qr/--every/, '--to', $folder, '--every', 'often'])
{
    my ($what, $text, @args) = @$_;
    ($code, $out, $err) = $t->run_loader('checkpoint', $state, @args, '--once');
    is($code, 2, $what);
    like($err, $text, 'is told');
}
($code, $out, $err) = $t->run_loader('checkpoint', $state, '--to',
    '/nothing/there', '--once');
is($code, 1, 'a folder that cannot be made');
like($err, qr{/nothing/there}, 'is named');
($code, $out, $err) = $t->run_loader('checkpoint', $t->dir . '/none', '--to',
    $folder, '--once');
is($code, 1, 'no state');

$t->done;
