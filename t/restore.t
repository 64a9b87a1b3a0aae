# restore: a checkpoint becomes the state: what is there again, under which
# numbers, whose it is; where it is refused; damaged ones; stopped at each step;
# nginx and the sidecar killed together.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Checkpoint;
use Onsite::Outbox;
use Onsite::Test;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

my $t = Onsite::Test->new;
my ($folder, $out_dir, $state) = ($t->dir . '/kept', $t->dir . '/out', $t->state_dir);
mkdir $out_dir;
my %conf = (workers => 2, state => 'size=8m shards=2',
    http => 'access_log off; onsite_outbox_events on;');
my ($code, $out, $err);
$t->campaigns({ id => 'order', channel => 'webhook',
    endpoint => 'https://h.example/', trigger => { event => 'Order Completed' },
    content => { data => {} } });

# nothing there yet: what a unit runs before nginx starts
($code, $out, $err) = restore($t, $folder, '--if-empty');
is($code, 0, 'no checkpoint is no error with --if-empty');
like($err, qr/there is no checkpoint/, 'and told');
is((restore($t, $folder))[0], 1, 'else it is one');
$t->start(%conf);

sub kill_all {
    my @workers = $t->workers;
    $t->allow_log(qr/exited on signal 9/);
    kill 'KILL', $t->{pid}, @workers;
    $t->stop('KILL');
    eventually(5, sub { !grep { kill 0, $_ } @workers });
}
sub wipe { system('rm', '-r', $state) }
sub drained {
    my ($code, $out, $err) = $t->run_loader('drain', $state, '--to',
        "file:$out_dir", '--once', '--json');
    is($code, 0, 'drained') or diag($err);
    return json_decode($out)->{events};
}
sub ids_out {
    return map { json_decode($_)->{messageId} }
        map { split /\n/, Onsite::Test::read_file($_) } glob "$out_dir/*.ndjson";
}
sub order {
    my ($who) = @_;
    $t->post('/onsite/v1/track', { event => 'Order Completed',
        anonymousId => $who, messageId => "o-$who" });
}

# all that is there, and what is lost
my %jar;
$t->visit('/', jar => \%jar);
my @sent = send_events($t, 100);
drained();
push @sent, send_events($t, 100);
order('ann');
push @sent, 'o-ann';
my ($first) = outbox($t);
my @before = events_out($t);
is(checkpoint($t, $folder), 0, 'a checkpoint');
my @later = send_events($t, 100);               # leave before the crash
order('bob');
push @later, 'o-bob';
my %numbers = map { $_->{seq} => 1 } events_out($t), outbox($t);
drained();
send_events($t, 100);                           # are lost
%numbers = (%numbers, map { $_->{seq} => 1 } events_out($t), outbox($t));
kill_all();
wipe();

($code, $out, $err) = restore($t, $folder, '--if-empty', '--json');
is($code, 0, 'restored') or diag($err);
my $told = json_decode($out);
is("$told->{restored} $told->{shards}", '1 2', 'told');
is(sprintf('%o', (stat $state)[2] & 07777), 700, 'the directory is ours');
my @files = glob "$state/shard-*";
is((grep { ((stat)[2] & 07777) != 0600 } @files), 0, 'and so are files');
is(scalar @files, 4, 'with their locks');
my ($ok) = $t->test_conf(%conf);
ok($ok, 'nginx -t');
$t->start(%conf);
is($t->state_of('v-m-1')->{counts}{Sent}, 1, 'visitors are there');
is(-s "$state/shard-000.mdb", 4 << 20, 'as large as is configured');
is_deeply([sort map { $_->{id} } events_out($t)], [sort map { $_->{id} } @before],
    'what waited, too');
is_deeply([outbox($t)], [$first], 'and deliveries');
my ($jar_before) = values %jar;
$t->visit('/', jar => \%jar);
is((values %jar)[0], $jar_before, 'a cookie is still good: the secret is there');

# numbers are never given twice, ids come again
push @sent, send_events($t, 50);
order('bob');
push @sent, 'o-bob';
my @now = (events_out($t), outbox($t));
my %old = map { $_->{seq} => 1 } @before, $first;
is((grep { $numbers{ $_->{seq} } && !$old{ $_->{seq} } } @now), 0,
    'no number comes again for something else');
my ($least) = sort { $a <=> $b } map { $_->{seq} & ~(0xff << 56) }
    grep { $old{ $_->{seq} } && $_->{kind} eq 'event' } @now;
cmp_ok((grep { $_->{kind} eq 'event' && !$old{ $_->{seq} }
    && ($_->{seq} & ~(0xff << 56)) < $least + 2**40 } @now), '==', 0,
    'new ones are far behind');
drained();
my %times;
$times{$_}++ for ids_out();
my %was = map { $_ => 1 } @sent, @later;
is((grep { !$times{$_} && $_ !~ /^[0-9a-f]{32}$/ } keys %was), 0,
    'all that was kept has left');
is((grep { !$was{$_} && $_ !~ /^[0-9a-f]{32}$/ } keys %times), 0,
    'and nothing else');
my %waited = map { $_->{id} => 1 } @before;
is((grep { $times{$_} != ($waited{$_} || $_ eq 'o-bob' ? 2 : 1) } keys %times), 0,
    'once, but what waited then and left since: that comes again, by its id');

# a second time: what had left since comes again with the same id
my @again = send_events($t, 20);
checkpoint($t, $folder);
drained();
kill_all();
wipe();
is((restore($t, $folder, '--if-empty'))[0], 0, 'once more');
$t->start(%conf);
drained();
%times = ();
$times{$_}++ for ids_out();
is((grep { ($times{$_} // 0) != 2 } @again), 0, 'what left in between comes again, by its id');

# who was erased since does not come back
send_events($t, 2);
my ($gone, $stays) = grep { $t->state_of($_) } qw(v-m-1 v-m-2);
my $pid = fork // die "fork: $!";
if ($pid == 0) {
    open STDOUT, '>', '/dev/null';
    { exec $t->loader, 'checkpoint', $state, '--to', $folder, '--every', '1h' }
    POSIX::_exit(127);
}
push @{ $t->{children} }, $pid;
my $had = (checkpoints($folder))[-1];
ok(eventually(10, sub { (checkpoints($folder))[-1] ne $had }), 'a checkpoint');
is($t->run_loader('erase', $state, '--visitor', $gone), 0, 'one is erased');
ok(eventually(10, sub { -s "$folder/erased.ndjson" }), 'and written down');
is(sprintf('%o', (stat "$folder/erased.ndjson")[2] & 07777), 600, 'for nobody else');
kill 'KILL', $pid;
kill_all();
wipe();
($code, $out, $err) = restore($t, $folder, '--if-empty', '--json');
is($code, 0, 'restored') or diag($err);
is(json_decode($out)->{erased}, 1, 'without one');
$t->start(%conf);
is($t->state_of($gone), undef, 'who is not there');
ok($t->state_of($stays), 'while others are');
checkpoint($t, $folder, '--keep', 1);
ok(!-e "$folder/erased.ndjson", 'what no checkpoint needs is forgotten');
checkpoint($t, $folder);

# refused where it is in use, or there is one
($code, $out, $err) = restore($t, $folder);
is($code, 1, 'a state');
like($err, qr/there is one in \S+ already: --force replaces it/, 'is not replaced');
($code, $out, $err) = restore($t, $folder, '--if-empty');
is($code, 0, 'with --if-empty it is no error');
like($err, qr/there is one/, 'and told');
($code, $out, $err) = restore($t, $folder, '--force');
is($code, 1, 'one in use');
like($err, qr/process \d+ uses the one in/, 'is never replaced');
$t->stop;
is((restore($t, $folder, '--force'))[0], 0, 'at rest it is, by force');

# damaged: the one before, and it is told
$t->start(%conf);
my @names = checkpoints($folder);
send_events($t, 10);
checkpoint($t, $folder);
$t->stop;
my ($latest) = (checkpoints($folder))[-1];
sub damage {
    my ($file, $at) = @_;
    open my $f, '+<', $file or die "$file: $!";
    seek $f, $at, 0;
    print $f "\x5a";
    close $f;
}
my %kinds = (
    'a byte' => sub { damage("$_[0]/shard-001.mdb", 20_000) },
    'its end' => sub { truncate "$_[0]/shard-000.mdb", 4096 },
    'a file' => sub { unlink "$_[0]/shard-000.mdb" },
    'its manifest' => sub { damage("$_[0]/checkpoint.json", 30) },
    'no manifest' => sub { unlink "$_[0]/checkpoint.json" },
);
for my $kind (sort keys %kinds) {
    system('cp', '-a', "$folder/$latest", "$folder.safe");
    $kinds{$kind}->("$folder/$latest");
    wipe();
    ($code, $out, $err) = restore($t, $folder, '--json');
    is($code, 0, "damaged, $kind: restored") or diag($err);
    is(json_decode($out)->{checkpoint}, $names[-1], 'from the one before');
    like($err, qr/\Q$latest\E is passed over: /, 'and told');
    system('rm', '-r', "$folder/$latest");
    rename "$folder.safe", "$folder/$latest";
}

# by time
wipe();
my ($d, $c) = $names[0] =~ /^(\d{8})T(\d{6})/;
(my $time = $names[0]) =~ s/(\d{4})(..)(..)T(..)(..)/$1-$2-$3T$4:$5:/;
for my $when ($names[0], $time) {
    ($code, $out) = restore($t, $folder, '--force', '--json', '--time', $when);
    is($code, 0, "--time $when");
    is(json_decode($out)->{checkpoint}, $names[0], 'is that one');
}
($code, undef, $err) = restore($t, $folder, '--force', '--time',
    '2001-01-01T00:00:00Z');
like($err, qr/none of its \d+ checkpoint\(s\) is as old as --time asks for: the oldest is 20\d{6}T\d{6}\.\d{3}Z$/m,
    'a time before all checkpoints is told');
is($code, 1,
    'none so old');
is((restore($t, $folder, '--time', 'yesterday'))[0], 2, 'no time');

# another user's
SKIP: {
    skip 'not root', 3 if $> != 0;
    is((restore($t, $folder, '--force', '--user', 'nobody'))[0], 0, '--user');
    my $uid = getpwnam('nobody');
    is((grep { (stat)[4] != $uid } $state, glob("$state/shard-*"),
        "$state/onsite-state"), 0, 'all is theirs');
    chmod 0755, $state;
    chmod 0644, "$state/onsite-state";
    my $text = qx(setpriv --reuid daemon --clear-groups @{[$t->loader]} state $state 2>&1);
    like($text, qr/Permission denied; it belongs to user $uid, .*: run it as that user or as root/,
        'whoever may not read it is told who may');
}
is((restore($t, $folder, '--force', '--user', 'nobody-such'))[0], 2, 'no such user');

# as units do it: what the sidecar's configuration says, and nothing without
sub conf { $t->write_file('pop.conf', "state = $state\n\n" . join '', @_) }
my $conf = $t->dir . '/pop.conf';
my $kept = $t->dir . '/elsewhere';
conf("[checkpoint]\nto = $kept\nkeep = 1\n");
$t->start(%conf);
for (1 .. 2) {
    ($code, $out, $err) = $t->run_loader('checkpoint', '--config', $conf, '--once');
    is($code, 0, 'checkpoint --config') or diag($err);
}
is(scalar(checkpoints($kept)), 1, 'goes where [checkpoint] says, as often');
my @others = checkpoints($folder);
conf("[drain]\nto = file:$out_dir\n");
($code, $out, $err) = $t->run_loader('checkpoint', '--config', $conf, '--once');
is($code, 0, 'without [checkpoint] it is no error');
like($err, qr/pop\.conf has no \[checkpoint\]: there is nothing to do$/, 'and told');
is_deeply([checkpoints($folder)], \@others, 'none is made');
$t->stop;
wipe();
($code, $out, $err) = $t->run_loader('restore', '--config', $conf, '--if-empty');
is($code, 0, 'nor is anything restored');
like($err, qr/has no \[checkpoint\]/, 'which is told');
ok(!-e $state, 'at all');
conf("[checkpoint]\nto = $kept\n");
($code, $out, $err) = $t->run_loader('restore', '--config', $conf, '--if-empty', '--json');
is($code, 0, 'restore --config') or diag($err);
is(json_decode($out)->{checkpoint}, (checkpoints($kept))[-1], 'takes what is kept there');
conf("[checkpoint\n");
is(($t->run_loader('checkpoint', '--config', $conf, '--once'))[0], 2, 'a wrong one');
is(($t->run_loader('restore', '--config', $conf))[0], 2, 'is no configuration');

# stopped at each step: the next one ends it, and nginx starts in between
SKIP: {
    skip 'a preloaded disk and a sanitizer do not go together', 3
        unless faults_work();
    wipe();
    my $steps = with_fault($t, undef, sub { restore($t, $folder) });
    cmp_ok($steps, '>', 15, 'there are steps');
    my ($stopped, $bad) = (0, 0);
    for my $step (1 .. $steps) {
        for my $how (qw(b e)) {
            wipe();
            ($code, undef, $err) = with_fault($t, "$step $how",
                sub { restore($t, $folder) });
            $stopped++ if $code != 0;
            my $whole = (restore($t, $folder, '--if-empty'))[0];
            my ($read, $text) = $t->run_loader('state', $state);
            next if $whole == 0 && $read == 0 && !-e "$state/restore.part"
                && (() = $text =~ /\n/g) > 200;
            $bad++;
            diag("step $step $how: $whole $read");
        }
    }
    is($bad, 0, 'the next one ends it');
    cmp_ok($stopped, '>', 30, 'it was stopped');
}
$t->start(%conf);
ok($t->state_of($stays), 'nginx takes it');

$t->done;
