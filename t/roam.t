# Roaming: two machines with one key, and a visitor who goes from one to the
# other. Nothing waits, history joins once, what is erased is erased everywhere.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Nats;
use Onsite::Roam;
use Onsite::Test;
use Test::More;
use Time::HiRes qw(sleep time);

my $SERVER = <<'END';
        location / { root %%DIR%%/html; onsite on;
            onsite_identity $http_x_user; }
        location /onsite/ { onsite_collect; onsite_server_key trusted;
            onsite_identity $http_x_user; }
        location /brief/ { onsite_collect; onsite_consent session; }
        location = /status { onsite_status; }
END

my %pop;
my $key = 'a key that both machines have, 32 bytes and more';

for my $name (qw(a b)) {
    my $t = $pop{$name} = Onsite::Test->new;
    $t->write_file('html/index.html', html_page('x'));
    $t->write_file('key', $key);
    $t->campaigns({ id => 'once', channel => 'popup',
        content => { html => 'seen' },
        trigger => { event => 'Asked' },
        frequency => { cap => 1, per => 'visitor' } });
}
my ($ta, $tb) = @pop{qw(a b)};

my ($ok, $said) = $ta->test_conf(http => 'onsite_roaming on;');
ok(!$ok, 'onsite_roaming needs a key');
like($said, qr/"onsite_roaming" needs "onsite_key_file", the same on all/,
    'which is told');

$_->start(server => $SERVER, workers => 2, state => 'size=16m shards='
    . ($_ == $ta ? 1 : 3), http => 'onsite_key_file %%DIR%%/key;
    onsite_roaming on;') for $ta, $tb;

my $nats = Onsite::Nats->new($ta)->start;
roams_with($nats);

sub view {
    my ($t, $jar, $user) = @_;
    my $r = $t->visit('/', jar => $jar,
        headers => { defined $user ? ('x-user' => $user) : () });
    $r->{status} == 200 or die $r->{status};
}

sub track {
    my ($t, $jar, $event, $at) = @_;
    my $r = $t->post(($at // '/onsite') . '/v1/track', { event => $event },
        jar => $jar);
    $r->{status} == 200 or die $r->{status};
}

sub ask {
    my ($t, $jar) = @_;
    my $r = $t->post('/onsite/decide', { type => 'track', event => 'Asked' },
        jar => $jar);
    return map { $_->{html} } @{ json_decode($r->{content})->{campaigns} };
}

sub wanted { $_[0]->status->{roaming}{wanted} }

# without a bucket
my ($code, $out, $err) = roam($ta, '--once');
is($code, 1, 'without a bucket');
like($err, qr/there is no bucket "onsite_visitors": make it with --create/,
    'which is told once');
is(() = $err =~ /there is no bucket/g, 1, 'and not again');
for ([2, 'with whom\?', $ta->state_dir],
    [2, 'not 1 to 64', $ta->state_dir, '--with', $nats->url, '--bucket', 'a.b'],
    [2, 'which state', '--with', $nats->url])
{
    my ($expected, $why, @args) = @$_;
    ($code, $out, $err) = $ta->run_loader('roam', @args);
    is($code, $expected, "usage: $why");
    like($err, qr/$why/, 'says so');
}
is(roam($ta, '--once', '--create-bucket', '--ttl', '2d'), 0, 'it is made');
is($nats->info('KV_onsite_visitors')->{config}{max_age}, 2 * 86400 * 1e9,
    'as long as asked for');

# where nginx notes nothing
my $off = Onsite::Test->new;
$off->campaigns({ id => 'x', channel => 'popup', content => { html => 'x' },
    trigger => { event => 'X' } });
$off->start(state => 'size=16m');
($code, $out, $err) = roam($off, '--once');
is($code, 0, 'nothing is to be done');
like($err, qr/has noted nothing there .*"onsite_roaming on;"/, 'which is told');
is(() = $err =~ /has noted nothing/g, 1, 'once');
$off->stop;
$off->check_logs;
$off->{clean} = 1;

# history comes along
start_roam($ta, $tb);
my %jar;
view($ta, \%jar) for 1 .. 3;
track($ta, \%jar, 'Liked') for 1 .. 2;
is(join(',', ask($ta, \%jar)), 'seen', 'shown at A');
ok(eventually(5, sub { settled($ta) }), 'A has put it');

my $began = time;
view($tb, \%jar);
comes($tb, \%jar, 'Asked=1 Liked=2 Page Viewed=4', 'B knows it');
cmp_ok(time - $began, '<', 3, 'at once');
is(wanted($tb), 1, 'B asked for it');
is(join(',', ask($tb, \%jar)), '', 'and keeps to the cap');
my $r = record($tb, id(\%jar));
is($r->{visits}, 1, 'one visit');
ok(eventually(5, sub { settled($ta, $tb) }), 'all has been put');

# nothing goes to and fro
my $last = sub { $nats->info('KV_onsite_visitors')->{state}{last_seq} };
my $at = $last->();
view($ta, \my %else);
ok(eventually(5, sub { settled($ta) && $last->() > $at }), 'another visitor');
is($last->(), $at + 1, 'is the only record that is put');

# others' cookies and new visitors want nothing
my $before = wanted($tb);
view($tb, {});
view($tb, { onsite_id => 'A' x 22 . '.' . 'B' x 22 });
my %forged = (onsite_id => substr($jar{onsite_id}, 0, -2) . '__');
view($tb, \%forged);
is(wanted($tb), $before, 'new visitors and forged cookies');
track($tb, { %else }, 'Brief', '/brief');
is(wanted($tb), $before, 'and who is remembered for a session');

# NATS hangs: who comes does not wait
my %slow;
view($ta, \%slow) for 1 .. 5;
ok(eventually(5, sub { settled($ta) }), 'a record at A');
$nats->freeze(0);
my @took;
for (1 .. 5) {
    my $start = time;
    view($tb, \%slow);
    push @took, time - $start;
}
@took = sort { $a <=> $b } @took;
cmp_ok($took[2], '<', 0.1, 'no request waits for it');
is(counts($tb, \%slow), 'Page Viewed=5', 'and goes on with what is here');
$nats->thaw(0);
comes($tb, \%slow, 'Page Viewed=10', 'what is there joins when it is back');

# NATS goes down
my %down;
view($ta, \%down) for 1 .. 2;
ok(eventually(5, sub { settled($ta) }), 'another');
my $heard = length told($tb);
my $since = sub { substr told($tb), $heard };
$nats->kill;
view($tb, \%down);
view($ta, \%slow);
cmp_ok(waiting($tb), '>', 0, 'it is noted meanwhile');
ok(eventually(10, sub { $since->() =~ /\S/ }), 'that it is away is told');
$nats->start;
comes($tb, \%down, 'Page Viewed=3', 'and done later');
ok(eventually(10, sub { settled($ta, $tb) }), 'all of it');
ok(eventually(5, sub { $since->() =~ /goes on$/m }), 'which is told');

# erased at A: gone at B, unasked
is($ta->post('/onsite/privacy/erase', '', jar => { %jar })->{status}, 200,
    'erased at A');
ok(eventually(5, sub { counts($tb, \%jar) eq 'none' }), 'gone at B');
my %late = %jar;
ok(eventually(5, sub { settled($ta, $tb) }), 'settled');
view($tb, \%late);
isnt($late{onsite_id} // '', $jar{onsite_id}, 'its cookie is none any more');

# a customer, on a device that B has never seen
my (%phone, %laptop);
view($ta, \%phone, 'ann') for 1 .. 2;
view($ta, \%laptop);
view($ta, \%laptop, 'ann');
comes($ta, 'ann', 'Page Viewed=4', 'a customer of two devices at A');
ok(eventually(5, sub { settled($ta) }), 'put');
view($tb, \%phone);
ok(eventually(5, sub { settled($tb) }), 'the phone comes to B');
view($tb, \%phone, 'ann');
comes($tb, 'ann', 'Page Viewed=6', 'and leads to the customer');
view($tb, \%laptop, 'ann');
ok(eventually(5, sub { settled($tb) }), 'the laptop too');
view($tb, \%laptop);
comes($tb, 'ann', 'Page Viewed=8', 'each view counted once');

# who logs in with the very first request
my %tablet;
view($ta, \%tablet) for 1 .. 2;
view($ta, \%tablet, 'bob');
ok(eventually(5, sub { settled($ta) }), 'another customer');
view($tb, \%tablet, 'bob');
comes($tb, 'bob', 'Page Viewed=4', 'is known with the first request');

# a device that A knows as nobody's, and that logs in at once at B
my %fresh;
view($ta, \%fresh) for 1 .. 3;
ok(eventually(5, sub { settled($ta) }), 'a device');
view($tb, \%fresh, 'eve');
ok(eventually(5, sub { settled($tb) }), 'logs in at B');
view($tb, \%fresh, 'eve');
comes($tb, 'eve', 'Page Viewed=5', 'its history comes along');

# what is for the session only does not roam, and takes back what did
my %brief;
track($ta, \%brief, 'Brief', '/brief');
ok(eventually(5, sub { settled($ta, $tb) }), 'settled');
$at = $last->();
track($ta, \%brief, 'Brief', '/brief');
is(waiting($ta), 0, 'for the session only');
my %less;
view($ta, \%less);
ok(eventually(5, sub { settled($ta) && $last->() == $at + 1 }), 'then fully');
track($ta, \%less, 'Less', '/brief');
ok(eventually(5, sub { settled($ta) && $last->() == $at + 2 }), 'then less');
my ($marker) = grep { $_->{seq} == $at + 2 } $nats->messages('KV_onsite_visitors');
like($marker->{headers}, qr/KV-Operation: DEL/, 'the bucket has it no more');
my %chosen;
view($ta, \%chosen);
ok(eventually(5, sub { settled($ta) && $last->() == $at + 3 }), 'fully');
is($ta->post('/onsite/consent', { consent => 'session' }, jar => \%chosen)->{status},
    200, 'a choice of less');
ok(eventually(5, sub { settled($ta) && $last->() == $at + 4 }), 'goes at once');
($marker) = grep { $_->{seq} == $at + 4 } $nats->messages('KV_onsite_visitors');
like($marker->{headers}, qr/KV-Operation: DEL/, 'from the bucket, too');

# bytes that are no record
view($ta, \my %odd);
view($ta, \%odd);
ok(eventually(5, sub { settled($ta) }), 'a record');
my ($put) = grep { $_->{seq} == $last->() } $nats->messages('KV_onsite_visitors');
$nats->publish($put->{subject}, "\x93\x01" . 'x' x 50);
view($tb, \%odd);
ok(eventually(5, sub { settled($tb) }), 'it is damaged in the bucket');
is(counts($tb, \%odd), 'Page Viewed=1', 'and nothing joins');
like(told($tb), qr/is damaged: ours takes its place/, 'which is told');
$nats->publish($put->{subject}, "\x93\x07\xce\x10\x10\x10\x10\x00");
view($tb, \%odd);
ok(eventually(5, sub { settled($tb) }), 'of a later version');
like(told($tb), qr/is of a later version, and is left alone/, 'it stays');

# one process at a time
($code, $out, $err) = roam($tb);
is($code, 1, 'a second one');
my $first = roamer($tb);
like($err, qr/process $first\b/, 'is told of the first');
stop_roam($ta, $tb);

# killed at each commit, before and after: everything joins once
is(roam($ta, '--once'), 0, 'up to date');
is(roam($tb, '--once'), 0, 'both');
my $kills = $ta->dir . '/kills';
my %preload = (LD_PRELOAD => join(' ', Onsite::Test::preload(),
    Onsite::Test::build_dir() . '/t/mdb_kills.so'), ONSITE_MDB_KILLS => $kills,
    ASAN_OPTIONS => 'detect_leaks=0', );
my @killed;
my $died = 0;
for my $commit (1 .. 4) {
    for my $when (qw(b a)) {
        my @jars = map { {} } 1 .. 3;
        view($ta, $_) for @jars, @jars;
        view($ta, $jars[2], "c$commit$when");
        is(scalar(roam($ta, '--once')), 0, 'A puts them');
        view($tb, $_) for @jars;
        $ta->write_file($kills, "$commit $when\n");
        local @ENV{ keys %preload } = values %preload;
        $died += scalar(roam($tb, '--once')) == 128 + 9;
        push @killed, @jars[0, 1], "c$commit$when";
        delete local @ENV{ keys %preload };
        is(scalar(roam($tb, '--once')), 0, "killed at $commit$when");
        view($tb, $jars[2], "c$commit$when");
    }
}
cmp_ok($died, '>=', 6, 'it was killed');
is(join(' ', map { counts($tb, $_) =~ s/Page Viewed=//r } @killed),
    join(' ', ('3 3 5') x 8), 'all joined once');

# many at once, and none is lost or counted twice
my @many = map { {} } 1 .. 80;
view($ta, $_) for @many, @many[0 .. 39];
is(scalar(roam($ta, '--once')), 0, 'many are put');
view($tb, $_) for @many;
is(scalar(roam($tb, '--once')), 0, 'and taken');
my %by;
$by{ counts($tb, $many[$_]) }++ for 0 .. 4, 75 .. 79;
is_deeply(\%by, { 'Page Viewed=3' => 5, 'Page Viewed=2' => 5 },
    'each with what it had');
is(waiting($tb), 0, 'nothing is left to do');

# who was met while there was no NATS for long
$nats->stop;
my %gone;
view($_, \%gone) for $ta, $tb;
start_roam($ta);
my $pid = fork // die "fork: $!";
if ($pid == 0) {
    open STDERR, '>>', $tb->dir . '/roam.log';
    exec $tb->loader, 'roam', $tb->state_dir, '--with', $nats->url,
        '--give-up', '1s';
}
push @{ $tb->{children} }, $pid;
ok(eventually(10, sub { told($tb) =~ /1 visitors go on with what is known/ }),
    'goes on with what is known here') or diag told($tb);
kill 'TERM', $pid;
waitpid $pid, 0;
is($?, 0, 'it ends all the same');
stop_roam($ta);

for ($ta, $tb) {
    unlike(told($_), qr/Sanitizer|runtime error/, 'no sanitizer report');
}
$tb->stop;
$tb->check_logs;
$tb->{clean} = 1;
$ta->done;
