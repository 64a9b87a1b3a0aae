# TLS and HTTP/2: the same pages, and a cookie that is Secure.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use Test::More;

my $OURS = qr{<template data-onsite.*?</template>\s*<script[^>]*></script>}s;

my $nginx = $ENV{NGINX_BIN} || '/usr/sbin/nginx';
my $built = qx($nginx -V 2>&1);
plan(skip_all => 'nginx has no TLS or no HTTP/2')
    if $built !~ /http_ssl_module/ || $built !~ /http_v2_module/;
plan(skip_all => 'curl has no HTTP/2') if `curl --version` !~ /\bHTTP2\b/;
plan(skip_all => 'no openssl') if !`openssl version 2>/dev/null`;

my ($major, $minor, $patch) = $built =~ m{nginx/(\d+)\.(\d+)\.(\d+)};
my $old = $minor < 25 || ($minor == 25 && $patch < 1);

my $t = Onsite::Test->new;
my ($dir, $port) = ($t->dir, Onsite::Test::free_port());
system("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost "
    . "-keyout $dir/key.pem -out $dir/cert.pem 2>/dev/null") == 0
    or plan(skip_all => 'openssl made no certificate');

my $page = html_page('<p>x</p>' . 'filler ' x 20_000);
$t->write_file('html/index.html', $page);
$t->write_file('html/empty.html', '');
$t->write_file('html/ssi/index.html', html_page(
    '<!--#include virtual="/empty.html" -->'));
$t->campaigns(Onsite::Test::popup('hello'));
my $up = $t->upstream(sub {
    my ($s) = @_;
    print $s "HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n";
    for (my $i = 0; $i < length $page; $i += 1000) {
        print $s substr $page, $i, 1000;
    }
});
$t->{expand} = { TLS => $port, UP => $up,
    LISTEN => $old ? "listen 127.0.0.1:$port ssl http2;"
        : "listen 127.0.0.1:$port ssl; http2 on;" };
$t->start(servers => <<'END');
    server {
        %%LISTEN%%
        ssl_certificate %%DIR%%/cert.pem;
        ssl_certificate_key %%DIR%%/key.pem;
        server_name localhost;
        root %%DIR%%/html;
        onsite on;
        location / { }
        location /ssi/ { ssi on; }
        location /now/ { proxy_buffering off;
            proxy_pass http://127.0.0.1:%%UP%%/; }
        location /gzip/ { alias %%DIR%%/html/; gzip on; }
        location /off/ { onsite_cookie plain secure=off samesite=strict
            path=/off/; alias %%DIR%%/html/; }
        location /onsite/ { onsite_collect; }
        location = /status { onsite_status; }
    }
END

sub fetch {
    my ($version, $path, @more) = @_;
    my $out = "$dir/tmp/out";
    my $head = "$dir/tmp/head";
    unlink $out, $head;
    my $code = system('curl', '-sk', '-m', '10', "--http$version", '-o', $out,
        '-D', $head, '-H', 'Sec-Fetch-Dest: document', '-H',
        'User-Agent: Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0', @more,
        "https://localhost:$port$path", '--resolve',
        "localhost:$port:127.0.0.1");
    return ($code, Onsite::Test::read_file($head),
        Onsite::Test::read_file($out));
}

for my $version ('1.1', '2') {
    for my $path ('/', '/now/', '/gzip/') {
        my ($code, $head, $body) = fetch($version, $path, '--compressed');
        is($code, 0, "HTTP/$version $path: curl is content");
        like($head, qr{^HTTP/\Q$version\E }, 'in that version');
        like($head, qr/^set-cookie: onsite_id=[^;]+;.*HttpOnly/mi, 'a cookie');
        like($head, qr/^set-cookie:.*; Secure/mi, 'that is Secure');
        my $n = $body =~ s/$OURS//g;
        is($n, 1, 'inserted once');
        ok($body eq $page, 'else the page') or diag length $body;
    }
    my ($code, $head, $body) = fetch($version, '/empty.html');
    is($code, 0, "HTTP/$version: an empty page does not hang");
    ($code, $head, $body) = fetch($version, '/ssi/');
    is($code, 0, "HTTP/$version: nor one with an empty include");
    like($body, $OURS, 'which gets its insertion');
    ($code, $head, $body) = fetch($version, '/', '-I');
    is($code, 0, "HTTP/$version: HEAD");
    is($body =~ /$OURS/ ? 1 : 0, 0, 'has no body');
    ($code, $head) = fetch($version, '/off/');
    like($head, qr/^set-cookie: plain=/mi, 'a cookie as configured');
    unlike($head, qr/; Secure/i, 'not Secure where that is off');
    ($code, $head, $body) = fetch($version, '/onsite/v1/track', '-d',
        '{"event":"Seen","anonymousId":"a"}');
    is($body, '{"success":true}', "HTTP/$version: an event");
}

my $r = $t->get('/status');
is(json_decode($r->{content})->{store_errors} // 0, 0, 'no error of the store');
$t->done;
