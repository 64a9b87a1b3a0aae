# doctor: nothing to say of what is well; each fault is found, and its remedy
# told.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use IPC::Open3;
use Onsite::Checkpoint;
use Onsite::Published;
use Onsite::Test;
use POSIX ();
use Test::More;

my $t = Onsite::Test->new;
my $p = Onsite::Published->new($t);
my ($state, $folder) = ($t->state_dir, $t->dir . '/kept');
my ($code, $out, $err);
$p->publish(1, 'one');
$p->sync;
$t->start(workers => 2, state => 'size=16m shards=2',
    http => 'access_log off; onsite_outbox_events on;');
send_events($t, 400);
checkpoint($t, $folder);

my $nginx = $ENV{NGINX_BIN} || '/usr/sbin/nginx';
sub doctor {
    my ($code, $out, $err) = $t->run_loader('doctor', $state, '--module',
        $t->module, '--nginx', $nginx, '--json', @_);
    my $r = eval { json_decode($out) } // { findings => [] };
    # what is the machine's is not ours to mend
    my @found = grep { $_->{check} !~ /^(?:clock|limits)$/ } @{ $r->{findings} };
    return ($code, $r, @found);
}

# One finding of that kind, with a remedy.
sub finds {
    my ($what, $check, $level, $text, @args) = @_;
    my ($code, $r, @found) = doctor(@args);
    @found = grep { $_->{check} eq $check } @found;
    is(scalar @found, 1, "$what is found") or return diag(explain($r));
    is($found[0]{level}, $level, "as a $level");
    like($found[0]{what}, $text, 'by its name');
    isnt($found[0]{remedy}, '', 'with a remedy');
    is($code, $level eq 'error' ? 1 : 0, 'and the exit status says so');
}

# well
my @all = ('--snapshot', $p->{file}, '--trust', $t->dir . '/key.pub', '--checkpoints',
    $folder);
my ($rc, $r, @found) = doctor(@all);
is(scalar @found, 0, 'nothing is wrong') or diag(explain(\@found));
is($rc, 0, 'exit 0');
ok($r->{good}, 'good');
cmp_ok(scalar @{ $r->{checks} }, '>=', 16, 'and much was looked at');
($code, $out) = $t->run_loader('doctor', $state);
is($code, 0, 'for people');
like($out, qr/^checked: library .*state lock readers.*; nothing was named for:/m,
    'tells what was looked at, and what not');

$t->write_file('pop.conf', <<"END");
state = $state
[sync]
from = $p->{store}
to = $p->{file}
trust = @{[ $t->dir ]}/key.pub
[checkpoint]
to = $folder
END
($code, $out) = $t->run_loader('doctor', '--config', $t->dir . '/pop.conf', '--json');
is($code, 0, 'what a sidecar has');
my %made = map { $_ => 1 } @{ json_decode($out)->{checks} };
ok((!grep { !$made{$_} } qw(state snapshot sync trust checkpoints)), 'is looked at');
$t->write_file('bad.conf', "[sync\n");
is($t->run_loader('doctor', '--config', $t->dir . '/bad.conf'), 2, 'if it can be read');

sub conf {
    return $t->write_file('other.conf', "state = $state\n" . join '', @_);
}
finds('nginx that nobody watches', 'nginx', 'note', qr/not watched/, '--config',
    $t->dir . '/pop.conf');
finds('nginx that does not answer', 'nginx', 'error', qr/does not answer at http/,
    '--config', conf('nginx = http://127.0.0.1:', Onsite::Test::free_port(),
    "/status\n[drain]\nto = file:$folder\n"));
finds('a folder that is missing', 'drain', 'error', qr/\[drain x\] \S+none: No such/,
    '--config', conf("[drain x]\nto = file:", $t->dir, "/none\n"));

# the state
chmod 0755, $state;
finds('a state that others see', 'owner', 'warning', qr/mode 0755/);
chmod 0700, $state;
SKIP: {
    skip 'not root', 10 if $> != 0;
    my $uid = (stat "$state/shard-000.mdb")[4];
    chown $uid + 1, -1, "$state/shard-000.mdb";
    finds('a shard of another owner', 'owner', 'error',
        qr/1 file of .*shard-000\.mdb, belongs to user @{[$uid + 1]}, and/);
    chown $uid, -1, "$state/shard-000.mdb";
    finds('another owner', 'owner', 'error', qr/the workers are daemon/,
        '--user', 'daemon');
}
$t->write_file("$state/shard-000.mdb.quarantine-17", 'x');
finds('a shard that was set aside', 'damage', 'warning', qr/quarantine-17/);
unlink "$state/shard-000.mdb.quarantine-17";
$t->write_file("$state/shard-001.mdb.damaged", '');
finds('damage', 'damage', 'error', qr/met damage/);
finds('what cannot be opened', 'state', 'error', qr/found damaged/);
unlink "$state/shard-001.mdb.damaged";
is(($t->run_loader('doctor', $t->dir . '/none'))[0], 1, 'no such directory');

# who hangs: a reader that nobody lets write, a writer that nobody gives a line
SKIP: {
    skip 'no lmdb-utils', 10 if system('which mdb_dump mdb_load >/dev/null');
    send_events($t, 400) for 1 .. 5;
    my $pid = open3(my $in, my $from, undef, 'mdb_dump', '-n', '-a',
        "$state/shard-000.mdb");
    read $from, my $some, 10;
    send_events($t, 400);
    finds('a reader that hangs', 'readers', 'error', qr/process $pid does not end/);
    kill 'KILL', $pid;
    waitpid $pid, 0;

    $t->stop;
    $pid = open3(my $to, my $none, undef, 'mdb_load', '-n', '-s', 'x',
        "$state/shard-001.mdb");
    $to->autoflush(1);
    print $to "VERSION=3\nformat=bytevalue\ntype=btree\nHEADER=END\n 61\n";
    eventually(5, sub { (Onsite::Test::read_file("/proc/$pid/wchan") || 'pipe') =~ /pipe/
        && Onsite::Test::read_file("/proc/$pid/maps") =~ /shard-001/ });
    finds('a lock that is held', 'lock', 'error', qr/holds the lock/);
    kill 'KILL', $pid;
    waitpid $pid, 0;
    ($code, $r, @found) = doctor();
    is($code, 0, 'of a dead process it is free');
}

# snapshots and keys
$t->write_file('broken.mdb', 'x' x 9000);
finds('a damaged snapshot', 'snapshot', 'error', qr/broken\.mdb/, '--snapshot',
    $t->dir . '/broken.mdb');
mkdir $t->dir . '/broken.mdb.sync';
(undef, undef, @found) = doctor('--snapshot', $t->dir . '/broken.mdb');
like((map { $_->{remedy} } grep { $_->{check} eq 'snapshot' } @found)[0],
    qr/sync .*rollback/, 'one that sync brings');
chmod 0666, $p->{file};
finds('one that anybody writes', 'snapshot', 'error', qr/by anybody/, '--snapshot',
    $p->{file});
chmod 0644, $p->{file};
my $workers = (stat $state)[4];
SKIP: {
    skip 'workers are root', 10 if !$workers;
    chmod 0600, $p->{file};
    finds('one that workers cannot read', 'snapshot', 'error',
        qr/mode 0600 .*workers \(user $workers\) cannot read it/, '--snapshot', $p->{file});
    chmod 0644, $p->{file};
    chown $workers, -1, $t->dir;
    finds('a folder that root made', 'sync', 'error', qr/\.sync is root's/,
        '--snapshot', $p->{file});
    chown 0, -1, $t->dir;
}
rename $p->{store}, "$p->{store}.away";
$p->sync;
finds('a sync that fails', 'sync', 'error', qr/failing since \d{4}-/, '--snapshot',
    $p->{file});
rename "$p->{store}.away", $p->{store};
chmod 0666, $all[3];
finds('keys that others write', 'trust', 'error', qr/whom to trust/, '--trust', $all[3]);
chmod 0644, $all[3];
$t->write_file('no.pub', 'x');
finds('what is no key', 'trust', 'error', qr/no\.pub/, '--trust', $t->dir . '/no.pub');
$t->write_file('secret', 'x' x 32);
chmod 0644, $t->dir . '/secret';
finds('a secret that is none', 'keys', 'error', qr/0644.*read a secret/, '--key-file',
    $t->dir . '/secret');

# checkpoints
my ($name) = checkpoints($folder);
rename "$folder/$name", "$folder/20200101T000000.000Z";
finds('an old checkpoint', 'checkpoints', 'warning', qr/minutes old/, '--checkpoints',
    $folder);
rename "$folder/20200101T000000.000Z", "$folder/20990101T000000.000Z";
finds('one of a time to come', 'checkpoints', 'warning', qr/dated \d+ d ahead/,
    '--checkpoints', $folder);
system('rm', '-r', "$folder/20990101T000000.000Z");
finds('none at all', 'checkpoints', 'warning', qr/has no checkpoint/,
    '--checkpoints', $folder);

# a module for another nginx: its version, its signature
sub patched {
    my ($from, $to) = @_;
    my $so = Onsite::Test::read_file($t->module);
    $so =~ s/$from/$to/g or return;
    return $t->write_file('other.so', $so);
}
my ($v) = `$nginx -v 2>&1` =~ m{nginx/([\d.]+)};
my ($a, $b, $c) = split /\./, $v;
my $other = patched(quotemeta(pack 'Q<', $a * 1000000 + $b * 1000 + $c),
    pack 'Q<', 1099007);
finds('a module of another version', 'module', 'error',
    qr/built for nginx 1\.99\.7, and \S+ is \Q$v\E/, '--module', $other);
$other = patched(qr/8,4,8,0/, '8,4,8,1');
finds('another signature', 'module', 'error', qr/not binary compatible/, '--module',
    $other);

# nearly full
my $small = Onsite::Test->new;
$small->campaigns(Onsite::Test::popup('x'));
$small->start(state => 'size=2m', http => 'access_log off; onsite_outbox_events on;');
send_events($small, 400) for 1 .. 8;
($code, $out) = $small->run_loader('doctor', $small->state_dir, '--json');
is((grep { $_->{check} eq 'outbox' } @{ json_decode($out)->{findings} }), 1,
    'an outbox that is nearly full');
$small->stop;
$small->{clean} = 1;

$t->done;
