# Whatever is sent: a clear error or a counted skip, never a crash, never a
# changed page.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Compress::Gzip qw(gzip);
use Onsite::Test;
use Test::More;

my $t = Onsite::Test->new;
my $page = html_page('<p>x</p>');
$t->write_file('html/index.html', $page);
$t->campaigns(Onsite::Test::popup('echo', content => {
    html => '<p title="{{event.properties.path}}">'
        . '{{event.properties.search}}</p>' }));
$t->start;
my ($worker) = $t->workers;

my $big = '{"event":"x","properties":{"a":"' . 'b' x 10_000_000 . '"}}';
my $bomb;
my $zeros = '{"event":"x","properties":{"a":"' . '0' x 20_000_000 . '"}}';
gzip(\$zeros, \$bomb);
gzip(\(my $copy = $bomb), \my $double);

my @bodies = (
    ['deep arrays', '[' x 100_000, 400],
    ['deep objects', '{"a":' x 50_000, 400],
    ['10 MB', $big, 413],
    ['a gzip bomb', $bomb, 413],
    ['a bomb in gzip', $double, 400],
    ['cut gzip', substr($bomb, 0, 200), 400],
    ['gzip header alone', "\x1f\x8b", 400],
    ['NUL bytes', "\0" x 1000, 400],
    ['NUL in a name', "{\"event\":\"a\\u0000b\",\"anonymousId\":\"z\"}", undef],
    ['invalid UTF-8', "{\"event\":\"\xff\xfe\"}", 400],
    ['a lone surrogate', '{"event":"\ud800"}', undef],
    ['huge numbers', '{"event":"x","properties":{"price":1e400,"quantity":'
        . '9' x 5000 . '}}', undef],
    ['huge quantity', '{"event":"Product Added","properties":{"sku":"s",'
        . '"price":1e308,"quantity":1e308}}', 200],
    ['a name of 40 KB', '{"event":"' . 'n' x 40_000 . '"}', 400],
    ['an id of 10 KB', '{"event":"x","anonymousId":"' . 'n' x 10_000 . '"}',
        400],
    ['a million values', '{"event":"x","properties":{"a":['
        . join(',', (1) x 12_000) . ']}}', undef],
    ['random bytes', join('', map { chr(($_ * 7919 + 13) % 256) } 1 .. 5000),
        400],
    ['proto', '{"event":"__proto__","__proto__":{"x":1}}', 200],
);
for (@bodies) {
    my ($what, $body, $status) = @$_;
    for my $path (qw(v1/track v1/batch decide beacon)) {
        my $r = $t->post("/onsite/$path", $body);
        if (defined $status && $path eq 'v1/track') {
            is($r->{status}, $status, "$what: $status")
                or diag(substr $r->{content}, 0, 300);
        } else {
            like($r->{status}, qr/^(200|204|400|413)$/,
                "$what to $path: a clear answer");
        }
    }
}

# visitors' data in a page is escaped
my $r = $t->visit('/?"><script>alert(1)</script>');
unlike($r->{content}, qr/<script>alert/, 'a query is escaped');
$r = $t->visit('/%22onmouseover=%22alert(1)');
unlike($r->{content}, qr/"onmouseover/, 'a path is escaped');

# cookies
for my $cookie ('onsite_id=', 'onsite_id=' . 'A' x 5000,
    'onsite_id=' . 'A' x 22 . '.' . 'A' x 22, 'onsite_id; onsite_id=x',
    'x=1; onsite_id="quoted"', ';;;;====', 'onsite_id=' . 'A' x 45)
{
    $r = $t->visit('/', headers => { cookie => $cookie });
    is($r->{status}, 200, 'cookie ' . substr($cookie, 0, 30));
    like($r->{headers}{'set-cookie'} // '', qr/^onsite_id=/,
        'is not believed');
}

like($t->raw("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    . "Cookie: onsite_id=\xff.\xff\r\n\r\n"), qr/Set-Cookie: onsite_id=/,
    'a cookie of other bytes');

# queries
for my $query ('event=%', 'event=%zz&a=%f', '=&&&=&', 'event', '%00=%00',
    'event=' . 'x' x 6000, 'event=x&' . join('&', map { "k$_=v" } 1 .. 500))
{
    $r = $t->get("/onsite/pixel.gif?$query");
    is($r->{status}, 200, 'pixel ' . substr($query, 0, 30));
    is(length $r->{content}, 43, 'a GIF');
}

# requests that end early
$t->raw("POST /onsite/v1/track HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"
    . '{"eve', timeout => 0.3);
$t->raw("POST /onsite/v1/track HTTP/1.1\r\nHost: x\r\n"
    . "Transfer-Encoding: chunked\r\n\r\n5\r\n{\"eve\r\n", timeout => 0.3);
my $chunked = $t->raw("POST /onsite/v1/track HTTP/1.1\r\nHost: x\r\n"
    . "Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    . join('', map { sprintf "%x\r\n%s\r\n", length, $_ }
        '{"event":"ch', 'unked","anonymousId":"c"}') . "0\r\n\r\n");
like($chunked, qr/"success":true/, 'a chunked body');

is(($t->workers)[0], $worker, 'the worker lives');
$r = $t->visit('/');
(my $without = $r->{content})
    =~ s{<template.*</template>\s*<script[^>]*></script>}{}s;
is($without, $page, 'and serves the page');

$t->done;
