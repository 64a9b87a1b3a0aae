# A page's Content-Security-Policy: our script goes in where every policy lets
# it run, with the nonce that they ask for, and nowhere else.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use Test::More;

my $t = Onsite::Test->new;
my $page = html_page('<p>x</p>');
$t->campaigns(Onsite::Test::popup('hello'));
my @headers;
my $file = $t->dir . '/tmp/headers';
$t->write_file('tmp/headers.base', '');
my $up = $t->upstream(sub {
    my ($s) = @_;
    print $s "HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n"
        . Onsite::Test::read_file($file) . "\r\n"
        . $page =~ s{(?=<body>)}{Onsite::Test::read_file("$file.base")}er;
});
$t->{expand} = { UP => $up };
$t->start(server => <<'END');
        onsite on;
        location / { proxy_pass http://127.0.0.1:%%UP%%; }
        location /onsite/ { onsite_collect; }
        location = /status { onsite_status; }
END

# nonce: undef for none, 'refused' for no insertion at all
# of a request as a proxy or a browser sends it; empty: as visit() does
my %request;

sub page {
    return $t->visit('/') unless %request;
    my $all = $t->raw(join "\r\n", 'GET / HTTP/1.0',
        'User-Agent: Mozilla/5.0 Firefox/140.0', 'Sec-Fetch-Dest: document',
        (map { "$_: $request{$_}" } sort keys %request), '', '');
    return { content => (split /\r\n\r\n/, $all, 2)[1] };
}

sub policy {
    my ($nonce, $what, @policies) = @_;
    $t->write_file('tmp/headers', join '', map {
        /^\w[\w-]+:/ ? "$_\r\n" : "Content-Security-Policy: $_\r\n" } @policies);
    my $before = $t->status;
    my $r = page();
    my $after = $t->status;
    my ($script) = $r->{content} =~ /(<script src[^>]*>)/;
    my $refused = ($nonce // '') eq 'refused';
    is($script ? 1 : 0, $refused ? 0 : 1, $what);
    is($after->{skips}{csp} - $before->{skips}{csp}, $refused ? 1 : 0,
        '  skips.csp');
    is($after->{events}{total} - $before->{events}{total}, 1,
        '  the view counts');
    if ($refused) {
        is($r->{content}, $page, '  the page as it is');
        return;
    }
    my ($found) = ($script // '') =~ /nonce="([^"]*)"/;
    is($found, $nonce, '  nonce ' . ($nonce // 'none'));
}

policy(undef, 'none');
policy(undef, 'of images only', "img-src 'none'; object-src 'none'");
policy(undef, 'self', "default-src 'self'");
policy(undef, 'self, in capitals', "DEFAULT-SRC 'SELF'");
policy('refused', 'none at all', "default-src 'none'");
policy('refused', 'another origin', 'script-src https://cdn.example');
policy('refused', 'an empty list', 'script-src');
policy(undef, 'script-src before default-src',
    "default-src 'none'; script-src 'self'");
policy('refused', 'script-src before default-src, the other way',
    "default-src 'self'; script-src 'none'");
policy(undef, 'script-src-elem before script-src',
    "script-src 'none'; script-src-elem 'self'");
policy('refused', 'the first of two of a name',
    "script-src 'none'; script-src 'self'");
policy('abc', 'a nonce', "script-src 'nonce-abc'");
policy('abc', 'a nonce beside self', "script-src 'self' 'nonce-abc'");
policy('abc', 'a nonce and strict-dynamic',
    "script-src 'self' 'strict-dynamic' 'nonce-abc'");
policy('refused', 'strict-dynamic without a nonce',
    "script-src 'self' 'strict-dynamic' 'sha256-AAAA'");
policy('refused', 'an empty nonce', "script-src 'nonce-'");
policy('abc', 'a nonce of styles is not one of scripts',
    "style-src 'nonce-zzz'; script-src 'nonce-abc'");

policy('abc', 'two policies with the same nonce',
    "script-src 'nonce-abc'", "script-src 'nonce-abc' https:");
policy('refused', 'two that ask for different nonces',
    "script-src 'nonce-abc'", "script-src 'nonce-xyz'");
policy('abc', 'two, of which one lets all of the origin in',
    "script-src 'self' 'nonce-xyz'", "script-src 'nonce-abc'");
policy('xyz', 'a second nonce that both know',
    "script-src 'nonce-xyz'", "script-src 'nonce-abc' 'nonce-xyz'");
policy('refused', 'two, of which one lets nothing in',
    "script-src 'self'", "default-src 'none'");
policy('refused', 'two in one header', "script-src 'self', default-src 'none'");
policy('abc', 'two in one header, with a nonce',
    "script-src 'nonce-abc', default-src 'self'");
policy(undef, 'one that only reports',
    "Content-Security-Policy-Report-Only: default-src 'none'");
policy('refused', 'a sandbox', 'sandbox allow-forms');
policy(undef, 'a sandbox with scripts',
    'sandbox allow-scripts allow-same-origin');
policy('refused', 'a sandbox of no origin, where integrity cannot be checked',
    'sandbox allow-scripts');
policy('refused', 'more than anyone sends', ("default-src 'self'") x 40);
policy('refused', 'an odd one', ";; ;, ,;script-src\t'none' ;");
policy('refused', 'a nonce that is none', "script-src 'nonce-a\"b'");
policy('aB+/=', 'a nonce of all that one may hold', "script-src 'nonce-aB+/='");

# hashes of URLs: beside one, hosts and schemes say nothing
policy('refused', 'the hash of a URL', "script-src 'self' 'url-sha256-AAAA'");
policy('refused', 'the hash of a URL beside all',
    "script-src * https: 'URL-SHA512-AAAA'");
policy('abc', 'the hash of a URL, and a nonce',
    "script-src 'self' 'url-sha384-AAAA' 'nonce-abc'");
policy('refused', 'the hash of a URL in the second of two',
    "script-src 'self'", "default-src 'self' 'url-sha256-AAAA'");
policy(undef, 'the hash of a URL that is none',
    "script-src 'self' 'url-sha256-'");

# its hash
policy(undef, 'for the integrity', "script-src 'self'");
my ($integrity) = $t->visit('/')->{content} =~ /integrity="(sha384-[^"]+)"/;
policy(undef, 'the hash of its integrity', "script-src '$integrity'");
policy(undef, 'the hash, under strict-dynamic',
    "script-src 'strict-dynamic' '$integrity'");
policy(undef, 'the hash, beside one of a URL',
    "script-src 'url-sha256-AAAA' '$integrity'");
policy('refused', 'another hash', "script-src '\U$integrity'");

# the script's URL
my $port = $t->port;
policy(undef, 'its host and port', "script-src http://127.0.0.1:$port");
policy(undef, 'its path', "script-src 127.0.0.1:$port/onsite/");
policy('refused', 'another path', "script-src 127.0.0.1:$port/assets/");
policy('refused', 'another port', 'script-src 127.0.0.1:1');
policy('refused', 'its host with the port of the scheme',
    'script-src 127.0.0.1');
policy(undef, 'its scheme', 'script-src http:');
policy('refused', 'a scheme that is not its own', 'script-src https:');

%request = (host => 'WWW.Shop.Example', 'x-forwarded-proto' => 'https');
policy(undef, 'behind TLS: the scheme', 'script-src https:');
policy(undef, 'behind TLS: the host', 'script-src https://*.shop.example:443');
policy('refused', 'behind TLS: a port', 'script-src *.shop.example:80');
$request{'x-forwarded-proto'} = 'https,http';
policy(undef, 'behind two proxies', 'script-src https:');
$request{'x-forwarded-proto'} = 'http';
policy('refused', 'a proxy without TLS', 'script-src https:');
delete $request{'x-forwarded-proto'};
policy(undef, 'browsers tell of fetches over TLS only', 'script-src https:');
$request{host} = 'shop.localhost';
policy('refused', 'but for hosts of this machine', 'script-src https:');
$request{host} = 'shop.example:8443';
policy(undef, 'a port of its own', 'script-src https://shop.example:8443/');
policy('refused', 'a port of its own, not named', 'script-src shop.example');
%request = ();

# a page whose base leads elsewhere: our path would go there
sub src {
    my ($base) = @_;
    $t->write_file("tmp/headers",
        "Content-Security-Policy: script-src 'self'\r\n");
    $t->write_file('tmp/headers.base', $base);
    return page()->{content} =~ m{<script src="([^"]*)/onsite/onsite\.js\?}
        ? $1 : 'none';
}

my $own = "http://127.0.0.1:$port";
is(src(''), '', 'no base');
is(src('<base href="https://cdn.example/">'), $own, 'another origin');
is(src('<base href=//cdn.example/>'), $own, 'another host');
is(src("<BASE target=x HREF=' &#x2f;\\cdn.example'>"), $own,
    'another host, in disguise');
is(src("<base href=$own/sub/>"), $own, 'its own origin');
is(src('<base href="/sub/">'), '', 'a path');
is(src('<base href="sub/"><base href="//x/">'), '', 'the first one counts');
is(src('<!-- <base href="//cdn.example/"> -->'), '', 'a comment');
%request = (host => 'WWW.Shop.Example:8443', 'x-forwarded-proto' => 'https');
is(src('<base href="//cdn.example/">'), 'https://WWW.Shop.Example:8443',
    'behind TLS');
%request = ();
$t->write_file('tmp/headers.base', '');

# what an operator finds
$t->write_file('tmp/headers',
    "Content-Security-Policy: img-src *;  default-src 'none'\r\n");
$t->visit('/why');
my ($found) = grep { /Content-Security-Policy/ } split /\n/, $t->error_log;
like($found, qr/\[info\].* onsite: ".*" of the .* add .*, request: "GET \//,
    'the log tells what refused, and where');
is(scalar(() = $t->error_log =~ /would not let our script/g), 1,
    'once a minute');
ok(eventually(5, sub { $t->access_log =~ m{GET /why .*\|csp\|} }),
    '$onsite_reason');

$t->done;
