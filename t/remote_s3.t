# A store in storage that speaks S3's API: s3rver, behind a door that signs
# every request again by what AWS documents and compares (s3rver takes any
# signature of version 4).  Vectors that AWS published are in
# t/unit/test_remote_sign.c.

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256 hmac_sha256_hex sha256_hex);
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::INET;
use Onsite::Published;
use Onsite::Test;
use Test::More;
use Time::HiRes qw(sleep time);

my $t = Onsite::Test->new;
my $dir = $t->dir;
my $store = Onsite::Test::build_dir() . '/t/store';
my $s3rver = Onsite::Test::root() . '/t/node_modules/s3rver';
plan(skip_all => "$store is not built") unless -x $store;
plan(skip_all => 's3rver is absent (make t/node_modules)') unless -d $s3rver;

delete @ENV{ grep { /_proxy$/i || /^(AWS|ONSITE)_/ } keys %ENV };
delete @ENV{qw(CA ENDPOINT REGION STALL)};
my $told = '';

sub store {
    my ($url, @words) = @_;
    open my $p, '-|', $store, $url, @words or die "$store: $!";
    local $/;
    my $out = <$p> // '';
    close $p;
    $told .= $out;
    is($? & 127, 0, "$words[0]: no crash") if $? & 127;
    my @answers = map { json_decode($_) } split /\n/, $out;
    return wantarray ? @answers : $answers[-1];
}

sub slurp { Onsite::Test::read_file("$dir/$_[0]") }

# The Authorization that AWS documents for a request with this head.
sub authorization {
    my ($head, $secret) = @_;
    my ($first, @lines) = split /\r\n/, $head;
    my ($method, $path) = $first =~ /^(\S+) (\S+) HTTP/;
    my %h = map { /^([^:]+): *(.*?) *$/ ? (lc $1 => $2) : () } @lines;
    my ($key, $date, $region, $service, $names) = $h{authorization} =~
        m{Credential=([^/]+)/(\d+)/([^/]+)/([^/]+)/aws4_request, SignedHeaders=([^,]+), }
        or return 'none';
    my $canonical = join "\n", $method, $path, '',
        (map { "$_:$h{$_}" } split /;/, $names), '', $names,
        $h{'x-amz-content-sha256'};
    my $k = "AWS4$secret";
    $k = hmac_sha256($_, $k) for $date, $region, $service, 'aws4_request';
    my $scope = "$date/$region/$service/aws4_request";
    my $signature = hmac_sha256_hex(join("\n", 'AWS4-HMAC-SHA256',
        $h{'x-amz-date'}, $scope, sha256_hex($canonical)), $k);
    return "AWS4-HMAC-SHA256 Credential=$key/$scope, SignedHeaders=$names, "
        . "Signature=$signature";
}

# the server
my $port = Onsite::Test::free_port();
$t->write_file('s3/.keep', '');
my $pid = fork // die;
if ($pid == 0) {
    open STDOUT, '>', "$dir/s3rver.log";
    open STDERR, '>&', \*STDOUT;
    { exec 'node', "$s3rver/bin/s3rver.js", '--directory', "$dir/s3",
        '--port', $port, '--configure-bucket', 'shop.snapshots' }
    POSIX::_exit(127);
}
push @{ $t->{children} }, $pid;
ok(eventually(20, sub { IO::Socket::INET->new(
    PeerAddr => "127.0.0.1:$port") }), 'a server') or diag(slurp('s3rver.log'));

my $door = $t->upstream(sub {
    my ($client, $head) = @_;
    my ($sent) = $head =~ /^authorization: (.*?)\r$/mi;
    if ($sent ne authorization($head, 'S3RVER') && $sent !~ /NOBODY/) {
        my $body = '<Error><Code>SignatureDoesNotMatch</Code><Message>Check '
            . 'your key.</Message></Error>';
        print $client "HTTP/1.1 403 Forbidden\r\nConnection: close\r\n"
            . 'Content-Length: ' . length($body) . "\r\n\r\n$body";
        return;
    }
    my $server = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") or die;
    $head =~ s/\r\n\r\n$/\r\nConnection: close\r\n\r\n/;
    print $server $head;
    $server->flush;
    my ($left) = $head =~ /^content-length: (\d+)/mi;
    if ($left && $head =~ /^expect:/mi) {
        # what lies between the server's first line and its answer
        print $client scalar(<$server>), scalar(<$server>);
    }
    if ($left) {
        read($client, my $body, $left);
        print $server $body;
        $server->flush;
    }
    local $/ = \65536;
    print $client $_ while <$server>;
});
$ENV{AWS_ENDPOINT_URL} = "http://127.0.0.1:$door";
my $r = store('s3://shop.snapshots', 'get', 'x', 100);
is($r->{status}, 'i/o error', 'without a key');
like($r->{error}, qr/AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY/, 'is told');
$ENV{AWS_ACCESS_KEY_ID} = 'S3RVER';
$ENV{AWS_SECRET_ACCESS_KEY} = 'n0ne';
$r = store('s3://shop.snapshots', 'get', 's/x', 100);
like($r->{error}, qr{^s3://shop\.snapshots/s/x: status 403: SignatureDoesNotMatch: Check},
    'a wrong secret');
$ENV{AWS_ACCESS_KEY_ID} = 'NOBODY';
$r = store('s3://shop.snapshots', 'get', 's/x', 100);
like($r->{error}, qr{status 403: InvalidAccessKeyId: }, 'a key of nobody');
$ENV{AWS_ACCESS_KEY_ID} = 'S3RVER';
$ENV{AWS_SECRET_ACCESS_KEY} = 'S3RVER';

# objects, with and without a prefix
my $data = join '', map { pack 'N', $_ * 2654435761 % 4294967296 }
    1 .. 300_000;
my $n = length $data;
$t->write_file('body', $data);
for my $url ('s3://shop.snapshots', 's3://shop.snapshots/',
    "s3://shop.snapshots/a b/\xc3\xa9+c%41\$/")
{
    my @all = store($url, 'get', 's/manifest.json', 100, '+',
        'exists', 's/manifest.json', '+',
        'text', 's/manifest.json', '{"one":1}', '+', 'put', 's/body',
        "$dir/body", '+', 'exists', 's/body', '+', 'fetch', 's/body',
        "$dir/part", $n);
    if ($url =~ m{s$}) {
        is($all[$_]{status}, 'not found', 'an object that is not there')
            for 0, 1;
    }
    is($all[2]{status}, 'ok', 'one is put') or diag($all[2]{error});
    is($all[3]{status}, 'ok', 'a file, too') or diag($all[3]{error});
    is($all[3]{bar}, $n, 'the bar is told');
    is($all[4]{size}, $n, 'it is there');
    is($all[5]{status}, 'ok', 'and comes back') or diag($all[5]{error});
    ok(slurp('part') eq $data, 'byte by byte');
    unlink "$dir/part";
    sleep 2 if $url =~ m{s$};
    @all = store($url, 'get', 's/manifest.json', 100, '+',
        'get', 's/manifest.json', 100, 'last');
    is($all[0]{body}, '{"one":1}', 'the small one, too');
    utf8::encode($all[0]{url});
    is($all[0]{url}, $url =~ s{/$}{}r, 'of a store that is told as it is meant');
    if ($url =~ m{s$}) {
        like($all[0]{etag}, qr/^"/, 'with a validator');
        ok($all[1]{unchanged}, 'that saves the next time');
    }
}
my $name = "gr\xc3\xb6\xc3\x9fe & co/a+b c%41?#[x];='()!*,:\@\$~.json";
my @all = store('s3://shop.snapshots/p', 'text', $name, 'special', '+',
    'get', $name, 100, '+', 'exists', $name, '+', 'text', '../x', 'y');
is($all[0]{status}, 'ok', 'a name with everything in it')
    or diag($all[0]{error});
is($all[1]{body}, 'special', 'means that very object');
is($all[2]{size}, 7, 'everywhere');
is($all[3]{status}, 'invalid', 'no name leads out');

# going on where it broke off
sleep 2;
@all = store('s3://shop.snapshots', 'get', 's/body', 2_000_000);
like($all[0]{etag}, qr/^"/, 'what validator it has');
$t->write_file('part', substr $data, 0, 700_000);
$t->write_file('part.etag',
    "s3://shop.snapshots/s/body\n$all[0]{etag}\n");
$r = store('s3://shop.snapshots', 'fetch', 's/body', "$dir/part", $n);
is($r->{status}, 'ok', 'a download goes on') or diag($r->{error});
is($r->{received}, $n - 700_000, 'where it was');
ok(slurp('part') eq $data, 'to the same bytes');

$r = store('s3://no.such.bucket', 'get', 's/x', 100);
like($r->{error}, qr{status 404: NoSuchBucket: }, 'no such bucket');
is($r->{status}, 'i/o error', 'is not the same as nothing in it');
$r = store('s3://no.such.bucket', 'text', 's/x', 'y');
like($r->{error}, qr{status 404: NoSuchBucket: }, 'to put something, either');
SKIP: {
    my ($faketime) = glob '/usr/lib/*/faketime/libfaketime.so.1';
    skip 'libfaketime is absent', 1 unless $faketime;
    skip 'sanitizers have to come first', 1
        if ($ENV{FLAVOUR} // '') eq 'asan';
    local $ENV{LD_PRELOAD} = $faketime;
    local $ENV{FAKETIME} = '+1h';
    $r = store('s3://shop.snapshots', 'get', 's/body', 2_000_000);
    like($r->{error}, qr/RequestTimeTooSkewed: .*; is the clock of this machine right\?/,
        'a clock that is wrong');
}

# a snapshot goes there, signed, and comes from there
my $p = Onsite::Published->new($t);
for my $version (7, 8) {
    local $p->{store} = 's3://shop.snapshots/pops';
    my ($code, $out, $err) = $p->publish($version, "n $version");
    is($code, 0, "version $version is published") or diag($err);
    like($out, qr/as a patch/, 'with a patch') if $version == 8;
    ($code, $out, $err) = $p->sync;
    is($code, 0, 'a POP takes it') or diag($err);
    is($p->live, $version, 'and it is live');
    ($code, $out) = $p->sync;
    like($out, qr/current/, 'once');
    sleep 1.1;          # s3rver's times, by which it tells ETags, are seconds
}

# every request as it is sent
my $odd = $t->upstream(sub {
    my ($client, $head) = @_;
    open my $f, '>', "$dir/head.new";
    print $f $head;
    close $f;
    rename "$dir/head.new", "$dir/head";
    my ($length) = $head =~ /^content-length: (\d+)/mi;
    print $client "HTTP/1.1 100 Continue\r\n\r\n" if $head =~ /100-continue/i;
    read $client, my $body, $length if $length;
    print $client $head =~ m{/moved}
        ? "HTTP/1.1 301 Moved\r\nx-amz-bucket-region: eu-west-3\r\n"
            . "Location: http://127.0.0.1:1/\r\nContent-Length: 54\r\n\r\n"
            . '<Error><Code>PermanentRedirect</Code><Message></Error>'
        : "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
});

$ENV{AWS_ENDPOINT_URL} = "http://127.0.0.1:$odd/";
$ENV{AWS_ACCESS_KEY_ID} = 'AKIDEXAMPLE';
$ENV{AWS_SECRET_ACCESS_KEY} = 's3cret/+word';
for my $token ('', 'token/+=') {
    local $ENV{AWS_SESSION_TOKEN} = $token;
    for my $words (['get', $name, 9], ['exists', $name],
        ['text', $name, 'bytes'], ['put', 's/body', "$dir/body"])
    {
        unlink "$dir/head";
        $r = store('s3://bucket/p', @$words);
        my $head = slurp('head');
        my ($sent) = $head =~ /^authorization: (.*?)\r$/mi;
        is($sent, authorization($head, 's3cret/+word'),
            "$words->[0]: signed" . ($token ne '' ? ' in a session' : ''))
            or diag($head);
        my $payload = $words->[0] eq 'text' ? 'bytes'
            : $words->[0] eq 'put' ? $data : '';
        like($head, qr/^x-amz-content-sha256: @{[sha256_hex($payload)]}\r$/mi,
            'with all that is sent');
        like($head, qr{^\w+ /bucket/p/}, 'in the path');
        my $names = join ';', qw(host x-amz-content-sha256 x-amz-date),
            $token ne '' ? 'x-amz-security-token' : ();
        like($head, qr/SignedHeaders=\Q$names\E,/, 'and these headers');
    }
}
$r = store('s3://bucket/moved', 'text', 'x', 'y');
like($r->{error}, qr{^s3://bucket/moved/x: status 301: the bucket is in the region eu-west-3 \(--s3-region\)},
    'another region');
like(slurp('head'), qr{/us-east-1/s3/}, 'than the usual one');
$ENV{AWS_DEFAULT_REGION} = 'eu-west-3';
store('s3://bucket', 'text', 'x', 'y');
like(slurp('head'), qr{/eu-west-3/s3/}, 'which the environment names');
$ENV{AWS_REGION} = 'eu-west-4';
store('s3://bucket', 'text', 'x', 'y');
like(slurp('head'), qr{/eu-west-4/s3/}, 'and better so');
$ENV{REGION} = 'eu-west-5';
store('s3://bucket', 'text', 'x', 'y');
like(slurp('head'), qr{/eu-west-5/s3/}, 'or the option');

# AWS itself: which host is asked for
delete $ENV{AWS_ENDPOINT_URL};
$ENV{https_proxy} = "http://127.0.0.1:$odd";
for (['bucket', 'eu-west-5', 'bucket.s3.eu-west-5.amazonaws.com'],
    ['bucket', 'cn-north-1', 'bucket.s3.cn-north-1.amazonaws.com.cn'],
    ['a.bucket', 'eu-west-5', 's3.eu-west-5.amazonaws.com'])
{
    my ($bucket, $region, $host) = @$_;
    $ENV{REGION} = $region;
    store("s3://$bucket", 'get', 'x', 9);
    like(slurp('head'), qr/^CONNECT \Q$host\E:443 /, $host);
}

# what is not right
$ENV{REGION} = 'us-east-1';
for my $bad ('s3://', 's3://ab', 's3:///x', 's3://key:s3cret@bucket/x',
    's3://' . 'b' x 64)
{
    is(store($bad, 'get', 'x', 9)->{status}, 'invalid', "$bad is no store");
}
for (['REGION', 'eu west'], ['REGION', 'x' x 40], ['ENDPOINT', 'ftp://x'],
    ['ENDPOINT', 'host:9000'], ['AWS_ACCESS_KEY_ID', "a\nb"],
    ['STALL', 'never'])
{
    local $ENV{$_->[0]} = $_->[1];
    is(store('s3://bucket', 'get', 'x', 9)->{status}, 'invalid',
        "$_->[0] $_->[1]");
}
unlike($told, qr/s3cret|n0ne|token/, 'no secret was ever told');

$t->done;
