# run: a configuration and what is wrong with one; what is told over HTTP and
# to systemd; reloading; stopping.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::INET;
use IO::Socket::UNIX;
use Onsite::Published;
use Onsite::Sidecar;
use Onsite::Test;
use Test::More;

my $t = Onsite::Test->new;
my $p = Onsite::Published->new($t);
my $s = Onsite::Sidecar->new($t);
my $dir = $t->dir;
my $out = "$dir/out";
mkdir $out;
my %sync = (from => $p->{store}, to => $p->{file}, trust => "$p->{key}.pub",
    every => '100ms');
my %drain = (to => "file:$out", 'rotate-time' => '1s');

sub check {
    return $t->run_loader('run', '--check', $s->{conf});
}

# what is right
$t->write_file('endpoints.json', '{"https://h.example/": {"unsigned": true}}');
$s->config(sync => { %sync }, 'drain b' => [ zstd => undef, zstd => 'off', %drain ]);
my ($code, undef, $err) = check();
is($code, 2, 'a flag twice');
like($err, qr/pop\.conf:\d+: \[drain b\] zstd is set already, in line \d+$/m, 'is told');
$s->text(<<"END");
\x{ef}\x{bb}\x{bf}# a comment
  ; another
state=@{[$t->state_dir]}\r
stop-timeout = 3s   # behind a value

[ sync  shop ]
from = $p->{store}
to = $p->{file}
trust = $p->{key}.pub
trust = $p->{key}.pub
[sync more]
from = $p->{store}
to = $p->{file}2
trust = $p->{key}.pub
[drain]
to = file:$dir/with#hash
zstd
state = @{[$t->state_dir]}/
[roam]
with = nats://127.0.0.1:9
[checkpoint]
to = $dir/checkpoints
[deliver]
endpoints = $dir/endpoints.json
any-endpoint = no
END
mkdir "$dir/with#hash";
($code, my $said, $err) = check();
is($code, 0, 'comments, blanks, flags, line ends') or diag($err);
like($said, qr/: good, 6 sections$/, 'is good');
is(scalar(my @none = glob "$p->{file}*"), 0, 'and nothing was done');

# what is wrong: where, what, and what to do
sub wrong {
    my ($what, $text, $re, $line) = @_;
    my $conf = 'state = ' . $t->state_dir . "\n[sync]\nfrom = $p->{store}\n"
        . "to = $p->{file}\ntrust = $p->{key}.pub\n$text";
    $s->text($conf);
    my ($code, $out, $err) = check();
    is($code, 2, $what);
    $line = $line ? ":$line: .*" : '.*';
    like($err, qr/^lmdb-loader run: \S*pop\.conf$line$re/m, 'is told')
        or diag($err);
}

wrong('an unknown section', "[snyc]\na = b\n",
    qr/there is no section \[snyc\]; there are: sync, drain/, 6);
wrong('a section twice', "[sync]\n", qr/\[sync\] is in line 2 already/, 6);
wrong('a section without an end', "[drain\n", qr/"\]" is missing/, 6);
wrong('a section with a bad name', "[drain a/b]\n", qr/is named as in/, 6);
wrong('an unknown option', "[drain]\nto = file:$out\nzsdt\n",
    qr/\[drain\] there is no option "zsdt" here; there are: to, .*zstd/, 8);
wrong('an option that is for hands', "once\n",
    qr/\[sync\] there is no option "once"/, 6);
wrong('an option twice', "to = /x\n", qr/\[sync\] to is set already, in line 4$/, 6);
for (['sync' => "from = $p->{store}\nto = $dir/./@{[$p->{file} =~ s{.*/}{}r]}\n"
            . "trust = $p->{key}.pub\n", 8, qr/to: "\S+" is that of \[sync\] in line 4 already/],
    ['checkpoint' => "to = $dir/c\n[checkpoint c]\nto = $dir/c/\n", 9,
        qr/to: "\S+" is that of \[checkpoint b\] in line 7 already/],
    map { my ($kind, $lines) = @$_;
        [$kind => "$lines\[$kind c]\n$lines", 8,
            qr/\[$kind b\] in line 6 does this for the state already: there can be one/] }
        ['drain', "to = file:$out\n"], ['deliver', "endpoints = $dir/endpoints.json\n"],
        ['roam', "with = nats://127.0.0.1:9\n"])
{
    wrong("two [$_->[0]] of the same", "[$_->[0] b]\n$_->[1]",
        qr/\[$_->[0] [bc]\].*?$_->[3]/, $_->[2]);
}
wrong('another state', "[drain]\nto = file:$out\nstate = $dir/other\n",
    qr/\[drain\] state: "\S+other" is not that of line 1,/, 8);
wrong('a folder that is not there', "[drain]\nto = file:$dir/nofolder\n",
    qr/\[drain\] --to: \Q$dir\E\/nofolder: No such file/, 7);
wrong('an option without its value', "every =\n",
    qr/\[sync\] every needs a value: every = TIME/, 6);
wrong('a value that is not right', "every = soon\n",
    qr/\[sync\] --every: "soon" is not a duration/, 6);
wrong('another one', "[drain]\nto = ftp://x\n", qr/\[drain\] --to: "ftp/, 7);
wrong('an option of another', "[drain]\nto = file:$out\nbatch-size = 1m\n",
    qr/\[drain\] --batch-size: is for https/, 8);
$t->write_file('garbage', "no certificate\n");
wrong('a file without a certificate', "[drain]\nto = https://x/\nca = @{[$t->dir]}/garbage\n",
    qr/\[drain\] --ca: \S+: has no certificate/, 8);
wrong('what it would be told by', "watch = ftp://x\n", qr/\[sync\] --watch: .*ftp/, 6);
wrong('what it would call', "[deliver]\nendpoints = $dir/none.json\n",
    qr/\[deliver\] .*none\.json/);
wrong('whom it would exchange with', "[roam]\nwith = ftp://x\n", qr/\[roam\] .*ftp/);
wrong('a flag that is neither', "[drain]\nto = file:$out\nzstd = 9\n",
    qr/zstd is on or off, not "9"/, 8);
wrong('a needed option', "[drain]\n", qr/\[drain\] --to is missing/, 6);
wrong('a key that is not there', "[sync b]\nfrom = $p->{store}\nto = /x\n"
    . "trust = $dir/nokey\n", qr/\[sync b\] .*\Q$dir\E\/nokey/);
wrong('quotes', "every = \"5s\"\n", qr/every: .*without quotes/, 6);
wrong('no line of ours', "what is this\n", qr/"what is this" is no option/, 6);
wrong('a binary', "\x01\x02\n", qr/a control byte \(0x01\)/, 6);
wrong('several at once', "[snyc]\n[drain]\nwhat = x\n", qr/\[drain\] there is/);

for (["listen = 9180", qr/listen: "9180" is no place to listen/],
    ['listen = localhost:http', qr/no place/], ['listen = unix:rel', qr/no place/],
    ['lisen = 127.0.0.1:1', qr/pop\.conf:2: there is no option "lisen" here;.*listen/],
    ['stop-timeout = fast', qr/pop\.conf:2: stop-timeout: "fast"/],
    ['stop-timeout = 99d', qr/pop\.conf:2: stop-timeout: "99d" is not a duration from 1s to 5m/],
    ['stop-timeout = 0s', qr/not a duration from 1s to 5m/],
    ['state = /y', qr/pop\.conf:2: state is set already, in line 1$/m],
    ["listen = unix:/x\nlisten = unix:/x", qr/pop\.conf:3: listen is set already, in line 2$/m],
    ['nginx = 127.0.0.1/status', qr/pop\.conf:2: nginx: "127\S+ is no address of/],
    ['state', qr/pop\.conf:2: state needs a value/],
    ['state = rel/dir', qr/"rel\/dir" is no absolute path/])
{
    $s->text('state = ' . $t->state_dir . "\n$_->[0]\n[drain]\nto = file:$out\n");
    ($code, $said, $err) = check();
    is($code, 2, $_->[0]);
    like($err, $_->[1], 'is told') or diag($err);
}
for (['0.0.0.0:9180', 1], ['*:9180', 1], ['[::]:9180', 1], ['127.0.0.2:9180', 0],
    ['[::1]:9180', 0], ['unix:/x', 0])
{
    my ($listen, $warned) = @$_;
    $s->text('state = ' . $t->state_dir . "\nlisten = $listen\n[drain]\nto = file:$out\n");
    ($code, $said, $err) = check();
    is($code, 0, "listen = $listen");
    is($err =~ /warning: listen: whoever reaches \Q$listen\E/ ? 1 : 0, $warned,
        $warned ? 'anybody may ask' : 'is for this machine') or diag($err);
}

# what is as it is on this machine
$s->config(drain => { %drain });
($code, $said, $err) = check();
is($code, 0, 'a state that is not there yet');
like($err, qr/pop\.conf: warning: state: \S+: there is no such folder yet: nginx makes it .*is it the same\?$/m,
    'is told');
unlike($err, qr/listen|as root/, 'and nothing else');
mkdir $t->state_dir, 0700;
is((check())[2], '', 'now it is there');
my $taken = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1:$s->{port}")
    or die "listen: $!";
($code, $said, $err) = check();
is($code, 0, 'somebody listens there');
like($err, qr/pop\.conf: warning: listen: 127\.0\.0\.1:$s->{port}: Address already in use: /,
    'is told');
undef $taken;
{
    local $s->{top} = { listen => "unix:$dir/taken" };
    $s->config(drain => { %drain });
    is((check())[2], '', 'nobody at a path');
    ok(!-e "$dir/taken", 'and nobody after it was looked at');
    $taken = IO::Socket::UNIX->new(Listen => 1, Local => "$dir/taken") or die "listen: $!";
    like((check())[2], qr/warning: listen: unix:\S+: Address already in use/, 'somebody');
    undef $taken;
    is((check())[2], '', 'somebody who is gone');
    ok(-S "$dir/taken", 'whose socket stays');
    local $s->{top} = { listen => "unix:$dir/none/s" };
    $s->config(drain => { %drain });
    like((check())[2], qr/warning: listen: unix:\S+: No such file/, 'no folder for it');
}
SKIP: {
    my ($name, $uid, $gid) = (getpwnam 'nobody')[0, 2, 3];
    skip 'only root may look as another', 1 if $> != 0 || !defined $uid;
    $s->config(drain => { %drain });
    chown $uid, $gid, $t->state_dir;
    like((check())[2], qr/note: checked as root: runuser -u nobody -- lmdb-loader run \S+pop\.conf --check sees what nobody may read$/m,
        'as whom it looked');
    chown 0, 0, $t->state_dir;
}
rmdir $t->state_dir;

$s->text("state = /x\n");
like((check())[2], qr/there is no section/, 'nothing to do');
$s->text("[drain]\nto = file:$out\n");
like((check())[2], qr/pop\.conf:1: state is missing: the folder of/, 'no state');
is($t->run_loader('run', "$dir/none.conf"), 2, 'no file');
like(($t->run_loader('run', "$dir/none.conf"))[2], qr/none\.conf: cannot be opened/,
    'is told');
is($t->run_loader('run'), 2, 'no name');
$s->config(sync => { %sync, every => 'never' })->start;
is($s->ended, 2, 'it does not begin with a wrong one');
like($s->log, qr/"never" is not a duration/, 'and says why');

# all of it
$p->publish(7, 'seven');
$t->start(state => 'size=16m shards=2', snapshot => 1,
    http => 'onsite_outbox_events on;');
$s->config(sync => { %sync }, drain => { %drain });
$s->start(WATCHDOG_USEC => 1_000_000);
ok($s->wait_ready, 'ready');
ok($s->told(qr/^READY=1$/m), 'systemd is told');
ok($s->told(qr/^STATUS=ready: 2 sections/m), 'and how many there are');
ok($s->told(qr/^WATCHDOG=1/), 'that it lives, too');
is($p->live, 7, 'the snapshot is live');
$t->post('/onsite/v1/batch', { batch => [map { { type => 'track',
    event => 'Sent', anonymousId => "v$_", messageId => "m$_" } } 1 .. 50] });
ok(eventually(10, sub { ($s->tasks->{drain}{counters}{drain_events} // 0) == 50 }),
    'events left, and are counted');
ok($s->logs(qr/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ \[sync\] \S+: live, version 7$/m),
    'lines have time and section');
my $line = Onsite::Test::read_file("/proc/" . $s->tasks->{drain}{pid} . '/comm');
is($line, "onsite drain\n", 'processes have names');

# it is what listens there
($code, undef, $err) = check();
is($code, 0, 'checked while it runs');
unlike($err, qr/listen/, 'where it listens is no news');

# HTTP
my $r = $s->get('/healthz');
is("$r->{status} $r->{content}", qq(200 {"healthy":true,"reasons":[]}\n), 'healthz');
$r = $s->get('/readyz');
is("$r->{status} $r->{content}", qq(200 {"ready":true,"reasons":[]}\n), 'readyz');
is($r->{headers}{'content-type'}, 'application/json', 'its type');
is($s->get('/')->{status}, 404, 'nothing else');
is($s->get('/readyz', method => 'POST', content => 'x')->{status}, 405, 'GET only');
is($s->get('/metrics', method => 'HEAD')->{status}, 200, 'or HEAD');
my $status = $s->status;
is($status->{well}, JSON::PP::true(), 'all is well') or diag(json_encode($status->{findings}));
is($status->{snapshots}[0]{version}, 7, 'status has the snapshot');
is($status->{state}{shards}, 2, 'and the state');

# metrics, as promtool looks at them
$r = $s->get('/metrics');
is($r->{headers}{'content-type'}, 'text/plain; version=0.0.4; charset=utf-8',
    'the type of metrics');
my (%help, %type, %seen, @bad, $last);
for (split /\n/, $r->{content}) {
    if (/^# HELP (\S+) (\S.*\.)$/) {
        push @bad, "twice: $_" if $help{$1}++;
    } elsif (/^# TYPE (\S+) (counter|gauge)$/) {
        push @bad, "no help: $_" if !$help{$1};
        $type{$1} = $2;
        $last = $1;
        my ($name, $type) = ($1, $2);
        push @bad, "name: $_"
            if ($type eq 'counter' ? 1 : 0) != ($name =~ /_total$/ ? 1 : 0)
            || $name !~ /^onsite_sidecar_[a-z_]+$/
            || $name =~ /_(?:milli|minutes|hours|count|sum)/;
    } elsif (/^([a-z_]+)(\{section="[^"]+"\})? -?[0-9.e+]+$/) {
        my ($name, $labels) = ($1, $2 // '');
        push @bad, "order: $_" if $name ne $last;
        push @bad, "twice: $_" if $seen{"$name$labels"}++;
    } else {
        push @bad, $_;
    }
}
is_deeply(\@bad, [], 'each line is right');
my %wanted = ('ready' => 1, 'state_writable' => 1, 'outbox_events' => 0,
    'outbox_dead_deliveries' => 0,
    'snapshot_version{section="sync"}' => 7,
    'task_running{section="drain"}' => 1,
    'drain_events_total{section="drain"}' => 50,
    'sync_taken_total{section="sync"}' => 1,
    'task_restarts_total{section="sync"}' => 0);
for (sort keys %wanted) {
    like($r->{content}, qr/^onsite_sidecar_\Q$_\E $wanted{$_}$/m,
        "$_ is $wanted{$_}");
}
like($r->{content}, qr/^onsite_sidecar_snapshot_expiry_timestamp_seconds\{section="sync"\} 1[\d.]+$/m,
    'expiry');

# reloading
my $before = $s->tasks;
mkdir "$dir/out2";
$s->config(sync => { %sync }, drain => { %drain, 'rotate-size' => '1m' },
    'sync copy' => { from => $p->{file}, to => "$dir/copy.mdb", every => '100ms' });
$s->signal('HUP');
ok(eventually(10, sub { -e "$dir/copy.mdb" }), 'a section that came');
ok(eventually(10, sub { ($s->tasks->{drain}{pid} // 0) !~ /^(?:0|$before->{drain}{pid})$/ }),
    'one that changed began anew');
is($s->tasks->{sync}{pid}, $before->{sync}{pid}, 'one that did not goes on');
is($s->tasks->{drain}{counters}{drain_events}, 50, 'counters stay');
is($s->tasks->{drain}{restarts}, 0, 'and it was no restart');
ok($s->told(qr/^RELOADING=1\nMONOTONIC_USEC=\d+/), 'systemd is told');
ok($s->told(qr/^READY=1\nSTATUS=.*was read anew/), 'when it is over, too');

$before = $s->tasks;
$s->config(sync => { %sync }, drain => { to => 'nowhere' });
$s->signal('HUP');
ok($s->logs(qr/pop\.conf:\d+: \[drain\] --to: "nowhere/), 'a wrong one is told');
ok($s->logs(qr/\[run\] \S+pop\.conf is wrong: what was read before goes on/),
    'and what was read before goes on');
ok($s->told(qr/is wrong/), 'systemd knows it');
my %pids = map { $_ => $before->{$_}{pid} } keys %$before;
is_deeply({ map { $_ => $s->tasks->{$_}{pid} } keys %pids }, \%pids,
    'all goes on');

# endpoints name files with secrets
$t->write_file('hook.secret', 'whsec_' . 'A' x 32 . "\n");
chmod 0600, "$dir/hook.secret";
$t->write_file('endpoints.json',
    '{"https://h.example/": {"secrets": "hook.secret"}}');
$s->config(sync => { %sync }, deliver => { endpoints => "$dir/endpoints.json" });
$s->signal('HUP');
ok(eventually(10, sub { $s->tasks->{deliver}{pid} }), 'deliveries');
$before = $s->tasks;
$t->write_file('hook.secret', 'whsec_' . 'B' x 32 . "\n");
$s->signal('HUP');
ok(eventually(10, sub { ($s->tasks->{deliver}{pid} // 0)
    !~ /^(?:0|$before->{deliver}{pid})$/ }), 'a secret that was replaced');
is($s->tasks->{sync}{pid}, $before->{sync}{pid}, 'is nothing to others');

# another place to listen, a section less, a key that was replaced
$s->{top}{listen} = "unix:$dir/socket";
$s->config(sync => { %sync, trust => "$dir/all.pub" });
$t->write_file('all.pub', Onsite::Test::read_file("$p->{key}.pub"));
$s->signal('HUP');
my $answer;
ok(eventually(10, sub {
    my $c = IO::Socket::UNIX->new(Peer => "$dir/socket") or return 0;
    print $c "GET /status HTTP/1.0\r\n\r\n";
    local $/;
    $answer = <$c> =~ s/.*?\r\n\r\n//sr;
    return $answer =~ /^\{/ && !grep { $_->{section} eq 'drain' }
        @{ json_decode($answer)->{sidecar}{tasks} };
}), 'it listens elsewhere, and the section went');
my ($mine) = grep { $_->{section} eq 'sync' }
    @{ json_decode($answer)->{sidecar}{tasks} };
$t->write_file('all.pub', Onsite::Test::read_file("$p->{key}.pub") x 2);
$s->signal('HUP');
ok(eventually(10, sub { !kill 0, $mine->{pid} }),
    'a file that it names was replaced: it begins anew');
is((stat "$dir/socket")[2] & 0777, 0660, 'the socket is not for all');

# the end
($code, undef, $err) = $t->run_loader('run', $s->{conf});
is($code, 1, 'a second one');
like($err, qr/socket: Address already in use|runs for/, 'is told');
is($s->stop, 0, 'it ends when told to');
ok($s->told(qr/^STOPPING=1\n.*\nEXTEND_TIMEOUT_USEC=15000000/),
    'systemd is told, and how long it may take');
ok(!-e "$dir/socket", 'the socket went');
ok(!-e $t->state_dir . '/sidecar.tasks', 'its table went');
unlike($s->log, qr/killed|AddressSanitizer|runtime error/, 'nobody was killed');

# under journald
delete $s->{top}{listen};
$s->config('sync copy' => { from => $p->{file}, to => "$dir/copy2.mdb" });
unlink "$dir/run.log";
$t->write_file('run.log', '');
my ($dev, $ino) = (stat "$dir/run.log")[0, 1];
$s->start(JOURNAL_STREAM => "$dev:$ino");
ok($s->logs(qr/^\[sync copy\] \S+: live, version 7$/m), 'journald has the time itself');
is($s->stop('INT'), 0, 'SIGINT ends it, too');

$t->done;
