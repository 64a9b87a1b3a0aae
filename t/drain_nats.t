# drain to NATS JetStream: each event is in the stream exactly once, whoever is
# killed, stopped or frozen meanwhile.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Drain;
use Onsite::Nats;
use Onsite::Test;
use Test::More;
use Time::HiRes qw(sleep);

delete @ENV{ grep { /^ONSITE_/ } keys %ENV };
my $t = Onsite::Test->new;
my $d = Onsite::Drain->new($t);
$t->campaigns(Onsite::Test::popup('none', trigger => { event => 'Never' }));
$t->start(workers => 2, state => 'size=64m shards=2',
    http => 'onsite_outbox_events on;', server => <<'END');
        location /onsite/ { onsite_collect; }
        location /other/ { onsite_collect; onsite_site "shop.example *"; }
        location = /status { onsite_status; }
END
my $nats = Onsite::Nats->new($t)->start;
my ($code, $out, $err);
sub once { ($code, $out, $err) = $d->once('--to', $nats->url, '--json', @_); return $code }

# What is in the stream behind what was looked at before: it moves on.
my $seen = 0;
sub came {
    my @new = $nats->messages('ONSITE_EVENTS', $seen + 1);
    $seen = $new[-1]{seq} if @new;
    return @new;
}
sub kept { return ($nats->info('ONSITE_EVENTS') || { state => { messages => 0 } })->{state}{messages} }
sub are_once {
    my ($n, $what) = @_;
    is_deeply([sort map { $_->{id} } came()], [sort $d->last($n)], $what);
}

# without a stream, and with one
$d->send(200);
is(once(), 1, 'without a stream');
like($err, qr/there is no stream ONSITE_EVENTS: --create-stream makes it, or: nats stream add/,
    'it is told what to do');
is($t->status->{outbox}{events}, 200, 'and they stay');
is(once('--create-stream'), 0, 'made') or diag($err);
is_deeply(json_decode($out), { events => 200, damaged => 0, rejected => 0 }, 'counted');
my @came = came();
is_deeply([sort map { $_->{id} } @came], [sort $d->last(200)], 'each once, by its id');
is($came[0]{subject}, 'onsite.events.default', 'a subject of its site');
my $event = json_decode($came[0]{data});
is("$event->{type} $event->{messageId}", "track $came[0]{id}", "Segment's shape");
my $config = $nats->info('ONSITE_EVENTS')->{config};
is("$config->{storage} @{ $config->{subjects} } $config->{duplicate_window}",
    'file onsite.events.> 120000000000', 'the stream that was made');
is(once('--create-stream'), 0, 'which is there');

# many are under way at once, whatever portions they are read in
sub transactions {
    my $sum = 0;
    $sum += (`mdb_stat -n -e $_` =~ /Last transaction ID: (\d+)/)[0]
        for glob $t->state_dir . '/shard-*.mdb';
    return $sum;
}
$d->send(4000);
my $before = transactions();
is(once(), 0, 'many');
cmp_ok(transactions() - $before, '<', 12, 'are let go of together');
is(kept(), 4200, 'and all there');
$seen = 4200;

# ids and sites that are no tokens
my @odd = ("a\r\nNats-Msg-Id: b", 'x' x 200, "\x{e9}", 'two words', 'm.1>*');
$t->post('/other/v1/batch', { batch => [map { { type => 'track', event => 'Odd',
    anonymousId => 'o', messageId => $_ } } @odd] })->{status} == 200 or die 'odd';
is(once(), 0, 'odd ids');
@came = came();
is_deeply([sort map { json_decode($_->{data})->{messageId} } @came], [sort @odd], 'all come');
is((grep { $_->{headers} =~ /Nats-Msg-Id.*Nats-Msg-Id/s } @came), 0, 'none makes a header');
is_deeply([map { $_->{subject} } @came], [('onsite.events.shop%2Eexample%20%2A') x 5], 'nor a token');

# killed: at each of its transactions, and whenever it may be
SKIP: {
    my $kills = Onsite::Test::build_dir() . '/t/mdb_kills.so';
    skip 'no preload with a sanitizer', 3 if ($ENV{FLAVOUR} // '') eq 'asan';
    my $killed = 0;
    for my $step (map { ("$_ b", "$_ a") } 1 .. 4) {
        $d->send(20);
        $t->write_file('kills', $step);
        local @ENV{qw(LD_PRELOAD ONSITE_MDB_KILLS)} = ($kills, $t->dir . '/kills');
        once();
        $killed++ if $code != 0;
    }
    cmp_ok($killed, '>', 3, 'killed at its transactions');
    is(once(), 0, 'and not');
    are_once(160, 'each once');
}
for (1 .. 8) {
    my $pid = $d->start('--to', $nats->url);
    $d->send(60);
    sleep rand 0.15;
    $d->end($pid, 'KILL');
}
is(once(), 0, 'killed in between');
are_once(480, 'each once');

# NATS away and back
my $pid = $d->start('--to', $nats->url);
$d->send(50);
ok(eventually(10, sub { kept() == $seen + 50 }), 'what comes leaves');
$nats->kill;
$d->send(50);
ok(eventually(15, sub { $d->told =~ /\Q@{[$nats->url]}\E/ }), 'it is told that NATS is away');
$d->send(50);
$nats->start;
ok(eventually(20, sub { kept() >= $seen + 150 && $d->told =~ /goes on/ }),
    'it goes on when it is back') or diag($d->told);
# frozen, so that nobody knows what came
$nats->freeze;
$d->send(50);
ok(eventually(15, sub { (my @told = $d->told =~ /^lmdb-loader/mg) > 2 }),
    'a server that hangs') or diag($d->told);
$nats->thaw;
ok(eventually(20, sub { $t->status->{outbox}{events} == 0 }), 'it goes on');
is($d->end($pid), 0, 'ended');
are_once(200, 'each once');

# what no stream takes; a server that is not there; wrong words
my $small = Onsite::Nats->new($t)->start;
$small->api('STREAM.CREATE.ONSITE_EVENTS', { name => 'ONSITE_EVENTS', subjects =>
    ['onsite.events.>'], storage => 'file', max_msg_size => 2000 });
$d->send(3);
$d->send(1, text => 'x' x 3000);
$d->send(3);
($code, $out, $err) = $d->once('--to', $small->url, '--json', '--rejects', $t->dir . '/rejects');
is($code, 1, 'one is too large');
is_deeply(json_decode($out), { events => 6, damaged => 0, rejected => 1 }, 'counted')
    or diag($err);
like(Onsite::Test::read_file($t->dir . '/rejects'), qr/larger than a message may be/, 'put aside');
is($small->info('ONSITE_EVENTS')->{state}{messages}, 6, 'all others are kept');
my $none = Onsite::Test::free_port();
for (['nats://user:s3cret@127.0.0.1:' . $none, 1], ['nats://', 2], ['nats://a,tls://b', 2]) {
    my ($url, $expected) = @$_;
    $d->send(1) if $expected == 1;
    ($code, $out, $err) = $d->once('--to', $url);
    is($code, $expected, $url);
    like($err, qr/^lmdb-loader drain: ./, 'is told');
    unlike($err, qr/s3cret/, 'without a secret');
}
is(once(), 0, 'what is left');
$nats->stop;
$small->stop;

# one of three is killed, whoever leads
my $three = Onsite::Nats->new($t, servers => 3)->start;
$nats = $three;
$seen = 0;
$pid = $d->start('--to', $three->url, '--create-stream');
$d->send(100);
ok(eventually(20, sub { kept() == 100 }), 'three of them') or diag($d->told);
is($three->info('ONSITE_EVENTS')->{config}{num_replicas}, 3, 'all keep it');
my $leader = $three->info('ONSITE_EVENTS')->{cluster}{leader};
$d->send(100);
$three->kill($leader =~ /(\d)$/);
$d->send(100);
ok(eventually(30, sub { $t->status->{outbox}{events} == 0 && kept() >= 300 }),
    'one is killed, and it goes on') or diag($d->told);
is($d->end($pid), 0, 'ended');
are_once(300, 'each once');

$t->done;
