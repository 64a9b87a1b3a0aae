# drain to https: batches that are sent again as they were, events that nobody
# takes, servers that are away, slow, full, or not what they should be.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Drain;
use Onsite::Receiver;
use Onsite::Test;
use Test::More;
use Time::HiRes qw(sleep time);

delete @ENV{ grep { /_proxy$/i || /^ONSITE_/ } keys %ENV };
my $t = Onsite::Test->new;
$ENV{HOME} = $t->dir;
my $d = Onsite::Drain->new($t);
$t->campaigns(Onsite::Test::popup('none', trigger => { event => 'Never' }));
# two authorities, and a server with a certificate of the first
sub sh { system('sh', '-c', "cd @{[$t->dir]} && ($_[0]) >> openssl.log 2>&1") == 0
    or die $_[0] }
sh("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
    . " -keyout $_.key -out $_.pem -days 2 -subj /CN=$_") for 'ca', 'other';
$t->write_file('san', 'subjectAltName=DNS:localhost');
sh('openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem'
    . ' -out csr -subj /CN=localhost && openssl x509 -req -in csr -CA ca.pem'
    . ' -CAkey ca.key -days 2 -CAcreateserial -extfile san -out cert.pem');
my $tls = Onsite::Test::free_port();
$t->start(workers => 2, state => 'size=64m shards=2',
    http => 'onsite_outbox_events on;', servers => <<"END");
    server {
        listen 127.0.0.1:$tls ssl;
        ssl_certificate @{[$t->dir]}/cert.pem;
        ssl_certificate_key @{[$t->dir]}/key.pem;
        location / { return 204; }
    }
END

my $r = Onsite::Receiver->new($t, sub {
    my ($request) = @_;
    my $mode = $request->{mode};
    return 'cut' if $mode eq 'cut';
    return 'hang' if $mode eq 'hang';
    return (400, 'event n is bad') if $mode eq 'bad'
        && $request->{body} =~ /"bad":true/;
    return 413 if $mode =~ /^most (\d+)/ && length $request->{body} > $1;
    if ($mode eq 'token') {
        return 204 if ($request->{headers}{authorization} // '') eq 'Bearer right';
        return (401, '{"error":"no"}');
    }
    return ($1, $2 // '', 'Retry-After' => 2, Location => 'http://x/')
        if $mode =~ /^(\d+) ?(.*)/;
    return 204;
});
my ($code, $out, $err);

sub once {
    my (@args) = @_;
    ($code, $out, $err) = $d->once('--to', $r->url, '--json', @args);
    return $code;
}
sub left { return json_decode($out)->{events} }
sub begin { my ($mode) = @_; $r->anew; $r->mode($mode // '') }

# what comes
$d->send(300);
is(once(), 0, 'drained') or diag($err);
is(left(), 300, 'and counted');
is_deeply([sort $r->ids], [sort $d->last(300)], 'each event once');
my ($first) = $r->taken;
is("$first->{method} $first->{path}", 'POST /in', 'by POST');
is("@{ $first->{headers} }{qw(content-type content-encoding)}",
    'application/x-ndjson gzip', 'NDJSON, compressed');
like($first->{headers}{'idempotency-key'}, qr/^[0-9a-f]{32}$/, 'with a key');
cmp_ok($first->{sent} * 3, '<', length $first->{body}, 'much smaller');
my ($event) = $r->events;
is($event->{type} . $event->{event}, 'trackSent', "Segment's events");
is($t->status->{outbox}{events}, 0, 'none is left');
is(once(), 0, 'with nothing to send');
is(scalar(my @all = $r->taken), 2, 'nothing is sent');

# sizes, headers, credentials
begin();
$t->write_file('headers', "X-Key: k1\n\n  Content-Type: application/json-seq \n");
$t->write_file('token', "t0ken\n");
$d->send(150);
is(once('--no-gzip', '--batch-size', '4k', '--header-file', $t->dir . '/headers',
    '--token-file', $t->dir . '/token'), 0, 'small batches') or diag($err);
my @small = $r->taken;
cmp_ok(scalar @small, '>', 4, 'are many');
is((grep { length $_->{body} > 4600 } @small), 0, 'and small');
my %h = %{ $small[0]{headers} };
is("@h{qw(x-key content-type authorization)}", 'k1 application/json-seq Bearer t0ken',
    'headers of files');
is($h{'content-encoding'}, undef, 'not compressed');
is_deeply([sort $r->ids], [sort $d->last(150)], 'each once');
begin();
$d->send(1);
my $with = $r->url =~ s{//}{//us%40r:pa%2Fss@}r . '?q=s3cret';
is(($d->once('--to', $with))[0], 0, 'a user in the URL');
is(($r->taken)[0]{headers}{authorization}, 'Basic dXNAcjpwYS9zcw==', 'by Basic');
is(($r->taken)[0]{path}, '/in?q=s3cret', 'a query');

# sent again as it was: no answer, more events, answers, killed
begin('cut');
$d->send(100);
is(once(), 1, 'no answer');
like($err, qr{^lmdb-loader drain: http://127\S+/in: .+}, 'is told');
$d->send(100);
$r->mode('');
is(once(), 0, 'and then one');
my @twice = $r->requests;
is($twice[0]{status}, 'cut', 'the first came');
my ($again) = grep { $_->{headers}{'idempotency-key'}
    eq $twice[0]{headers}{'idempotency-key'} } @twice[1 .. $#twice];
is($again && $again->{body}, $twice[0]{body}, 'and comes again as it was, with its key');
is_deeply([sort $r->ids], [sort $d->last(200)], 'each once');

SKIP: {
    my $kills = Onsite::Test::build_dir() . '/t/mdb_kills.so';
    skip 'no preload with a sanitizer', 3 if ($ENV{FLAVOUR} // '') eq 'asan';
    my ($killed, $again, $bad) = (0, 0, 0);
    for my $step (map { $_ . ($_ % 2 ? " b" : " a") } 1 .. 9, 2, 4, 3) {
        begin();
        $d->send(40);
        $t->write_file('kills', $step);
        {
            local @ENV{qw(LD_PRELOAD ONSITE_MDB_KILLS)} = ($kills, $t->dir . '/kills');
            once('--batch-size', '4k');
        }
        $killed++ if $code != 0;
        $d->send(10);
        once();
        my (%keys, %ids);
        for ($r->taken) {
            $again += $keys{ $_->{headers}{'idempotency-key'} }++ ? 1 : 0;
            next if $keys{ $_->{headers}{'idempotency-key'} } > 1;
            $ids{ $_->{messageId} }++ for @{ $_->{events} };
        }
        $bad++ if join(',', map { "$_$ids{$_}" } sort keys %ids)
            ne join(',', map { "${_}1" } sort $d->last(50));
    }
    cmp_ok($killed, '>', 7, 'killed at its steps');
    cmp_ok($again, '>', 0, 'some batches came twice, with the same key');
    is($bad, 0, 'by keys each event came once');
}

# events that are to blame
begin('bad');
my $rejects = $t->dir . '/rejects';
$d->send(20);
my @bad = $d->send(3, bad => \1);
$d->send(60);
push @bad, $d->send(1, bad => \1);
$d->send(1);
is(once('--rejects', $rejects), 1, 'events that nobody takes');
is_deeply([sort $r->ids], [grep { my $id = $_; !grep { $_ eq $id } @bad }
    sort $d->last(85)], 'all others come, once');
is_deeply(json_decode($out), { events => 81, damaged => 0, rejected => 4 }, 'counted');
my @put = map { json_decode($_) } split /\n/, Onsite::Test::read_file($rejects);
is_deeply([sort map { $_->{event}{messageId} } @put], [sort @bad], 'put aside');
like($put[0]{why}, qr/status 400 \(it says "event n is bad"\)/, 'with the answer');
like($put[0]{rejected}, qr/^20\d\d-/, 'and when');
like($err, qr/1 event will never be taken, and was put into \Q$rejects\E: messageId $put[0]{event}{messageId}/,
    'told');
cmp_ok(scalar $r->requests, '<', 80, 'by halves');
is((stat $rejects)[2] & 0777, 0600, 'for the owner');
begin('bad');
$d->send(1, bad => \1);
$d->send(10);
is(once(), 1, 'without a file');
like($err, qr/was dropped \(--rejects FILE/, 'they are dropped');
is($t->status->{outbox}{events}, 0, 'and gone');

# a server that takes nothing
begin('400 no such table');
$d->send(30);
is(once(), 1, 'none is taken');
like($err, qr/status 400 \(it says "no such table"\)/, 'told');
unlike($err, qr/never/, 'no event is to blame');
is($t->status->{outbox}{events}, 30, 'they stay');
$r->anew->mode('');
is(once(), 0, 'until it does');
is_deeply([sort $r->ids], [sort $d->last(30)], 'each once');
for my $mode ('400 no such table', '413') {
    begin($mode);
    $d->send(300);
    my $pid = $d->start('--to', $r->url);
    ok(eventually(5, sub { $d->told =~ /not one event of a batch is taken: \S+: status \d+/ }),
        "$mode: told before all were tried") or diag($d->told);
    cmp_ok(scalar $r->requests, '<', 100, 'soon');
    $r->mode('');
    ok(eventually(10, sub { $r->ids == 300 && $d->told =~ /goes on/ }), 'it goes on');
    is_deeply([sort $r->ids], [sort $d->last(300)], 'each once');
    is(scalar(my @told = $d->told =~ /^/mg), 2, 'all told once') or diag($d->told);
    $d->end($pid);
}
begin('bad');
$d->send(1, bad => \1);
is(once(), 1, 'a single event that is bad');
is($t->status->{outbox}{events}, 1, 'stays');
$d->send(20);
is(once(), 1, 'until another one is taken');
is($t->status->{outbox}{events}, 0, 'and then goes');
is_deeply([sort $r->ids], [sort $d->last(20)], 'each once');

# too large for it, by a limit of its own, also before all is sent
for my $mode ('most 3000', 'early 413 2000') {
    begin($mode);
    $d->send(60);
    is(once('--no-gzip'), 0, "$mode: what is too large") or diag($err);
    is_deeply([sort $r->ids], [sort $d->last(60)], 'comes in parts, each once');
}

# 401, and another token while it runs
begin('token');
$t->write_file('token', 'wrong');
$d->send(20);
my $pid = $d->start('--to', $r->url, '--token-file', $t->dir . '/token');
ok(eventually(5, sub { $d->told =~ /status 401/ }), 'a wrong token');
like($d->told, qr/are the credentials right \(--token-file/, 'is told');
$t->write_file('token', 'right');
ok(eventually(8, sub { $r->events == 20 }), 'and another one is read');
ok(eventually(5, sub { $d->told =~ /goes on/ }), 'told, too');
unlike($d->told, qr/wrong|right$/m, 'the token never is');
is($d->end($pid), 0, 'it ends');

# asked to wait, and told once
begin('429 slower');
$d->send(5);
$pid = $d->start('--to', $r->url);
ok(eventually(5, sub { $r->requests }), 'asked to wait');
my $asked = time;
$r->mode('');
ok(eventually(8, sub { $r->events == 5 }), 'it does');
cmp_ok(($r->taken)[0]{at} - ($r->requests)[0]{at}, '>', 1.9, 'as long as it was asked to');
is(scalar(my @told = $d->told =~ /status 429/g), 1, 'told once');
# away, while it ends
begin('hang');
$d->send(5);
ok(eventually(5, sub { $t->status->{outbox}{events} == 5 }), 'a server that hangs');
sleep 1.2;
my $start = time;
is($d->end($pid), 0, 'it ends all the same');
cmp_ok(time - $start, '<', 6, 'soon');
is(once('--timeout', '1s'), 1, 'no answer in time');
like($err, qr/within 1 s \(--timeout\)/, 'is told');
$r->mode('');
is(once(), 0, 'and again');
is_deeply([sort $r->ids], [sort $d->last(5)], 'each once');

# certificates are always verified
$d->send(3);
for (["https://localhost:$tls/"], ["https://localhost:$tls/", '--ca', $t->dir . '/other.pem'],
    ["https://127.0.0.1:$tls/", '--ca', $t->dir . '/ca.pem'])
{
    ($code, $out, $err) = $d->once('--to', @$_);
    is($code, 1, "not trusted: @$_");
    like($err, qr/certificate|SSL/, 'is told');
}
($code, $out, $err) = $d->once('--to', "https://localhost:$tls/", '--ca', $t->dir . '/none');
like($err, qr{--ca: \S+/none: No such file}, 'no such file');
$t->write_file('garbage', "-----BEGIN\nno certificate\n");
($code, $out, $err) = $d->once('--to', "https://localhost:$tls/", '--ca', $t->dir . '/garbage');
like($err, qr{--ca: \S+/garbage: has no certificate}, 'no certificate in it');
is($t->status->{outbox}{events}, 3, 'nothing left');
is(($d->once('--to', "https://localhost:$tls/", '--ca', $t->dir . '/ca.pem'))[0], 0,
    'by an authority of our own');

# what is wrong with where it leads to
$d->send(1);
for (['301', qr/redirects, which is not followed/], ['404', qr/is the URL right/],
    ['415', qr/does it take gzip/], ['503 busy', qr/status 503 \(it says "busy"\)/])
{
    my ($mode, $like) = @$_;
    $r->mode($mode);
    is(once(), 1, "status $mode");
    like($err, $like, 'is told');
}
is($t->status->{outbox}{events}, 1, 'and it stays');
my $closed = Onsite::Test::free_port();
is(($d->once('--to', "http://u:s3cret\@127.0.0.1:$closed/?k=s3cret"))[0], 1, 'nobody there');
for (['http://shop.example/in', qr/for this machine only/],
    ["https://x/#f", qr/no fragment/], ['ftp://x/', qr/is none of/],
    ['https://', qr/URL is not right/], ['http://127.0.0.1.example/', qr/this machine/],
    ['segment:https://x', qr/wants a write key/],
    ['segment:k@https://u:p@x', qr/segment:KEY\@https/],
    ['segment:k@https://x/?a', qr/has no query/])
{
    my ($url, $like) = @$_;
    ($code, $out, $err) = $d->once('--to', $url);
    is($code, 2, $url);
    like($err, $like, 'is told');
}
for (['--batch-size', '9m'], ['--batch-size', 'x'], ['--timeout', '0']) {
    is(($d->once('--to', $r->url, @$_))[0], 2, "@$_");
}
for my $bad ("X-Key\n", ": v\n", "A: b\1\n") {
    $t->write_file('headers', $bad);
    ($code, $out, $err) = $d->once('--to', $r->url, '--header-file', $t->dir . '/headers');
    is($code, 1, 'a header that is none');
    like($err, qr/headers: a line is no "Name: value"/, 'is told');
}
$t->write_file('headers', "A: b\ncontent-length: 5\n");
($code, $out, $err) = $d->once('--to', $r->url, '--header-file', $t->dir . '/headers');
is($code, 1, 'a header that is not for others');
like($err, qr/headers: Content-Length and .* cannot be given/, 'is told');
unlike($d->{all}, qr/s3cret|pa%2Fss|pa\/ss/, 'no secret was told');

$t->done;
