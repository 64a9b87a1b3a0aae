# status: one page for an operator, and what is not well.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Published;
use Onsite::Receiver;
use Onsite::Sidecar;
use Onsite::Test;
use Test::More;

my $t = Onsite::Test->new;
my $p = Onsite::Published->new($t);
my $s = Onsite::Sidecar->new($t);
my $dir = $t->dir;
mkdir "$dir/out";

sub status { return $t->run_loader('status', @_) }
sub status_json {
    my ($code, $out, $err) = status(@_, '--json');
    my $status = eval { json_decode($out) } or fail("json: $err $out");
    is($status->{well} ? 0 : 1, $code, 'the exit status says whether all is well');
    return $status;
}
sub found {
    my ($re, @args) = @_;
    my ($found) = grep { $_->{what} =~ $re } @{ status_json(@args)->{findings} };
    return $found && $found->{remedy};
}

# what cannot be told of
my ($code, $out, $err) = status('--config', "$dir/none");
is("$code $err", "2 lmdb-loader status: $dir/none: cannot be opened: "
    . "No such file or directory\n", 'no such configuration');
is((status('nothing/here'))[0], 1, 'no such folder');
SKIP: {
    skip 'this machine has a configuration', 1 if -e '/etc/onsite/pop.conf';
    like((status())[2], qr/of what\? .*status DIR.*--config.*\.example/, 'nothing named');
}
is((status('--config', 'x', $dir))[0], 2, 'both');
is((status('a', 'b'))[0], 2, 'two');

# nothing is there
$s->config(sync => { from => $p->{store}, to => $p->{file}, every => '100ms',
    trust => "$p->{key}.pub" }, drain => { to => "file:$dir/out",
    'rotate-time' => '1s' });
($code, $out) = status('--config', $s->{conf});
is($code, 1, 'nothing is well');
like($out, qr/^2 not well:\n  ! .*state.*is missing, and with it what the sidecar tells\n    -> .*nginx/,
    'what, and what helps');
like($out, qr/\[sync\] no verified snapshot is live/, 'no snapshot');
like($out, qr/^sidecar  not known$/m, 'of the sidecar nothing is known');
mkdir $t->state_dir, 0700;
like((status('--config', $s->{conf}))[1],
    qr/  ! the sidecar does not run\n    -> systemctl start/, 'no sidecar');
rmdir $t->state_dir;
ok(found(qr/the state cannot be read/, $t->state_dir), 'a state that is not there');

# all is well
$p->publish(7, 'seven');
$t->start(state => 'size=16m shards=2', snapshot => 1,
    http => 'onsite_outbox_events on;', server => q(
        location / { root %%DIR%%/html; onsite on; }
        location /onsite/ { onsite_collect; }
        location = /status { onsite_status; }
        location = /status/prometheus { onsite_status prometheus; }
        location = /status/text { onsite_status text; }));
$s->start;
$s->wait_ready;
eventually(10, sub { ($s->tasks->{drain}{good}) });
my @args = ($t->state_dir, '--nginx', "http://127.0.0.1:$t->{port}/status");
eventually(10, sub { (status(@args))[1] =~ /ago, ready$/m });
($code, $out) = status(@args);
is($code, 0, 'all is well') or diag($out);
like($out, qr/^all is well$/m, 'and said to be');
like($out, qr/^snapshot  \[sync\] \Q$p->{file}\E\n  version +7, 2 campaigns, live since \d+ s ago, verified\n  site +default, expires in 29 d\n  checked +\d s ago$/m,
    'the snapshot');
like($out, qr/^state  \S+\n  visitors +0\n  used +.* of 16.0 MB \(\d %\), shards 2\n  readers +\d+\n  timers +0$/m,
    'the state');
like($out, qr/^outbox  .*\n  events +0\n  deliveries +0\n  dropped +0 events, 0 deliveries$/m,
    'the outbox');
like($out, qr/^nginx  http\S+\n  events +0, 0 rejected$/m, 'nginx');
like($out, qr/^sidecar  process $s->{pid}, began .* ago, ready\n  config +\Q$s->{conf}\E\n  sync +process \d+, began .* ago, last good \d s ago\n +sync_taken 1$/m,
    'the sidecar');
is((status('--config', $s->{conf}))[0], 0, 'by its configuration');

for ('', '/prometheus', '/text') {
    $t->post('/onsite/v1/track', { event => 'E', anonymousId => 'v' });
    my $nginx = status_json($t->state_dir, '--nginx',
        "http://127.0.0.1:$t->{port}/status$_")->{nginx};
    ok($nginx->{good} && $nginx->{events} > 0, "nginx' numbers as status$_ has them");
}
my $json = status_json($t->state_dir);
is($json->{sidecar}{pid}, $s->{pid}, 'JSON has the sidecar');
is($json->{snapshots}[0]{version}, 7, 'the snapshot');
ok(!exists $json->{nginx}, 'and nothing of nginx that was not asked');
is($json->{state}{visitors}, 1, 'and visitors');

# numbers of nginx that cannot be had
for (["http://127.0.0.1:$t->{port}/none", qr/\/none/],
    ["http://127.0.0.1:$t->{port}/", qr/no address/], ['ftp://x/y', qr/no address/],
    ["http://127.0.0.1:$t->{port}/onsite/onsite.js", qr/is not onsite_status/],
    ['http://127.0.0.1:' . Onsite::Test::free_port() . '/status', qr/onnect/])
{
    my ($url, $re) = @$_;
    like((status($t->state_dir, '--nginx', $url))[1],
        qr/! nginx does not answer at \Q$url\E: .*$re/, $url);
}

# a folder of drain that cannot be written, and what nginx lost long ago
rename "$dir/out", "$dir/out.away";
ok(eventually(10, sub { $t->post('/onsite/v1/track', { event => 'E', anonymousId => 'v' });
    (found(qr/^\[drain\] has been failing/, $t->state_dir) // '')
        =~ /its folder can be written and has room/ }), 'a folder that is away');
rename "$dir/out.away", "$dir/out";
ok(eventually(20, sub { (status($t->state_dir))[0] == 0 }), 'and is back');
my $r = Onsite::Receiver->new($t, sub { return $_[0]{method} eq 'POST'
    ? (400, 'no such table') : (200, json_encode({ state => { available => \1 },
        events => { total => 9, rejected => 0 }, store => { errors => 0 },
        outbox => { refused => 0, dropped => 7 } })) });
($code, $out) = status($t->state_dir, '--nginx', $r->url('/status'));
is($code, 0, 'events that were dropped once') or diag($out);
like($out, qr/dropped +7 events, 0 deliveries since nginx began/, 'are told');

# the store is away
rename $p->{store}, "$p->{store}.away";
ok(eventually(10, sub { (status($t->state_dir))[1]
    =~ /! \[sync\] has been failing for \d+ s: .*store/ }), 'a store that is away');
ok(eventually(5, sub { $s->status->{snapshots}[0]{failing} }), 'over HTTP, too');
rename "$p->{store}.away", $p->{store};
ok(eventually(20, sub { (status($t->state_dir))[0] == 0 }), 'and is back')
    or diag((status($t->state_dir))[1]);

# a version that expired, a rollback
$p->publish(8, 'eight', '--expires', '1s');
ok(eventually(10, sub { (status($t->state_dir))[1]
    =~ /! \[sync\] version 8, which is live, expired \d s ago/ }), 'one that expired');
$t->run_loader('rollback', '--to', $p->{file});
like((status($t->state_dir))[1],
    qr/^  rolled back +by hand: stays until a version above 8 is published$/m, 'a rollback');

# nginx is watched, and who tells of what is published is away
$s->{top}{nginx} = "http://127.0.0.1:$t->{port}/status";
mkdir "$dir/kept";
mkdir "$dir/kept/20990101T000000.000Z";
$s->config(sync => { from => $p->{store}, to => $p->{file}, trust => "$p->{key}.pub",
    watch => 'nats://127.0.0.1:' . Onsite::Test::free_port() },
    checkpoint => { to => "$dir/kept", every => '1m' }, drain => { to => $r->url });
$s->signal('HUP');
ok(eventually(15, sub { my $status = eval { $s->status } // {};
    return ($status->{nginx} // {})->{state_available} }),
    'nginx has its state');
like($s->get('/metrics')->{content}, qr/^onsite_sidecar_nginx_state_available 1$/m,
    'as a metric');
ok(eventually(10, sub { found(qr/^\[sync\] NATS has been away for \d+ s: .*127/,
    $t->state_dir) }), 'NATS that is away is found');
ok(eventually(10, sub { $s->get('/metrics')->{content}
    =~ /^onsite_sidecar_task_away_seconds\{section="sync"\} \d*\.?\d*[1-9]/m }),
    'as a metric, too');
# a checkpoint that is dated ahead, a sink that takes nothing
like(found(qr/^the latest checkpoint is dated \d+ d ahead/, $t->state_dir),
    qr/clock/, 'a date to come is found');
like((status($t->state_dir))[1], qr/the latest dated ahead by \d+ d$/m, 'and told');
ok(eventually(10, sub { $s->get('/metrics')->{content}
    =~ /^onsite_sidecar_checkpoint_age_seconds \d*\.?\d*[1-9]/m }),
    'its age is that of the last success');
$t->post('/onsite/v1/batch', { batch => [map { { type => 'track', event => 'E',
    anonymousId => "v$_" } } 1 .. 300] });
ok(eventually(15, sub { (found(qr/^\[drain\] .*: not one event of a batch is taken: .* status 400/,
    $t->state_dir) // '') =~ /takes what it sends/ }), 'a sink that takes nothing');
like($s->get('/metrics')->{content},
    qr/^onsite_sidecar_task_failing_seconds\{section="drain"\} \d*\.?\d*[1-9]/m,
    'is a metric');
$t->stop;
ok(found(qr/^nginx does not answer at http/, '--config', $s->{conf}), 'nginx is away');
ok(eventually(15, sub { grep { $_->{what} =~ /^nginx does not answer/ }
    @{ $s->status->{findings} } }), 'which the sidecar sees');
$t->start(state => 'size=16m shards=4', snapshot => 1,
    server => 'location = /status { onsite_status; }');
ok(found(qr/^nginx runs without its state/, '--config', $s->{conf}),
    'nginx that cannot use its state');
$t->stop;

# the sidecar goes, and nobody has seen to its end
kill 'KILL', $s->{pid};
ok(eventually(5, sub { (status($t->state_dir))[1] =~ /! the sidecar does not run/ }),
    'a sidecar that was killed');
$s->ended;
$t->write_file($t->state_dir . '/sidecar.tasks', 'x' x 100_000);
like((status($t->state_dir))[1], qr/! the sidecar does not run/, 'a table that is none');

$t->done;
