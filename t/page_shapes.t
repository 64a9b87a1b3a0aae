# Answers that are no whole page, and the connection after one that is.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use Test::More;

my $OURS = qr{<template data-onsite.*?</template>\s*<script[^>]*></script>}s;

my $t = Onsite::Test->new;
my $page = html_page('<p>x</p>');
$t->write_file('html/index.html', $page);
$t->write_file('html/empty.html', '');
$t->campaigns(Onsite::Test::popup('hello'));

my $type = "Content-Type: text/html\r\n";
my $length = 'Content-Length: ' . length($page) . "\r\n";
my %answer = (
    '/head' => "HTTP/1.1 200 OK\r\n$type${length}\r\n",
    '/304' => "HTTP/1.1 304 Not Modified\r\n${type}ETag: \"a\"\r\n\r\n",
    '/206' => "HTTP/1.1 206 Partial Content\r\n${type}Content-Length: 4\r\n"
        . "Content-Range: bytes 0-3/9\r\n\r\n<htm",
    '/202' => "HTTP/1.1 202 Accepted\r\n${type}Content-Length: 0\r\n\r\n",
    '/zero' => "HTTP/1.1 200 OK\r\n${type}Content-Length: 0\r\n\r\n",
    '/zero-chunked' => "HTTP/1.1 200 OK\r\n${type}"
        . "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    '/zero-close' => "HTTP/1.1 200 OK\r\n${type}Connection: close\r\n\r\n",
    '/trailers' => "HTTP/1.1 200 OK\r\n${type}Trailer: X-Sum\r\n"
        . "Transfer-Encoding: chunked\r\n\r\n"
        . sprintf("%x\r\n%s\r\n0\r\nX-Sum: 1\r\n\r\n", length $page, $page),
    '/cut' => "HTTP/1.1 200 OK\r\n${type}Content-Length: 5000\r\n\r\n$page",
    '/more' => "HTTP/1.1 200 OK\r\n${type}$length\r\n${page}too much",
);
my $up = $t->upstream(sub {
    my ($s, $head) = @_;
    my ($path) = $head =~ m{^\w+ (\S+)};
    print $s $answer{$path};
});
$t->{expand} = { UP => $up };

$t->start(server => <<'END');
        root %%DIR%%/html;
        onsite on;
        location / { }
        location /up/ { proxy_http_version 1.1;
            proxy_pass http://127.0.0.1:%%UP%%/; }
        location /now/ { proxy_http_version 1.1; proxy_buffering off;
            proxy_pass http://127.0.0.1:%%UP%%/; }
        location = /200 { default_type text/html; return 200; }
        location = /204 { default_type text/html; return 204; }
        location = /gif { empty_gif; }
        location /onsite/ { onsite_collect; }
        location = /status { onsite_status; }
END

sub answers {
    my ($path, $status, $content, %o) = @_;
    my $start = time;
    my $r = $t->visit($path, %o);
    is($r->{status}, $status, "$path: $status");
    is($r->{content} // '', $content, "$path: untouched") if defined $content;
    cmp_ok(time - $start, '<', 3, "$path: does not hang");
    is($t->status->{injections}{total}, 0, "$path: nothing inserted");
    return $r;
}

for my $p ('/up', '/now') {
    my $r = answers("$p/head", 200, '', method => 'HEAD');
    is($r->{headers}{'content-length'}, length $page, 'HEAD tells the length');
    $r = answers("$p/304", 304, '');
    is($r->{headers}{etag}, '"a"', '304 keeps the ETag');
    $r = answers("$p/206", 206, '<htm');
    is($r->{headers}{'content-range'}, 'bytes 0-3/9', '206 keeps the range');
    answers("$p/202", 202, '');
    answers("$p/zero", 200, '');
    answers("$p/zero-chunked", 200, '');
    answers("$p/zero-close", 200, '');
}
answers('/200', 200, '');
answers('/204', 204, '');
answers('/empty.html', 200, '');
answers('/gif', 200);

sub pages {
    my ($raw) = @_;
    my @found = $raw =~ /$OURS/g;
    return scalar @found;
}

my $views = 0;
sub shows {
    my ($path, %o) = @_;
    my $r = $t->visit($path);
    my $content = $r->{content};
    is($content =~ s/$OURS//g, 1, "$path: inserted once");
    is($content, $page, "$path: else the page");
}
shows($_) for qw(/up/trailers /now/trailers /up/more);

my $raw = $t->raw("GET /up/cut HTTP/1.1\r\nHost: a\r\n\r\n");
like($raw, qr/<p>x/, 'an origin that breaks off: what came');
unlike($raw, qr/\r\n0\r\n\r\n$/, 'and no end of the body');

# pages one after another on a connection, each whole
my $get = "GET /index.html HTTP/1.1\r\nHost: a\r\n";
$raw = $t->raw("$get\r\n" . "GET /gif HTTP/1.1\r\nHost: a\r\n\r\n$get\r\n"
    . "HEAD /index.html HTTP/1.1\r\nHost: a\r\n\r\n"
    . "GET /up/trailers HTTP/1.1\r\nHost: a\r\n\r\n"
    . "$get" . "Connection: close\r\n\r\n");
is(pages($raw), 4, 'pipelined: four pages');
my @heads = $raw =~ m{HTTP/1\.1 (\d+)}g;
is("@heads", '200 200 200 200 200 200', 'six answers');
like($raw, qr/\r\n0\r\n\r\n$/, 'to the last chunk');

$raw = $t->raw("GET /index.html HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
is(pages($raw), 1, 'HTTP/1.0 that would stay connected');
like($raw, qr{</html>\n$}, 'gets the page to its end');
like($raw, qr/^Connection: close/mi, 'which is the end of the connection');

$t->done;
