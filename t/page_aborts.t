# Clients that leave in the middle of a page, and origins that do: nothing is
# left behind, and the next page is whole.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::INET;
use Onsite::Test;
use Socket;
use Test::More;
use Time::HiRes qw(sleep);

my $OURS = qr{<template data-onsite.*?</template>\s*<script[^>]*></script>}s;

my $t = Onsite::Test->new;
my $page = html_page('<p>' . 'filler ' x 60_000 . '</p>');
$t->write_file('html/index.html', $page);
$t->campaigns(Onsite::Test::popup('hello'));
my $up = $t->upstream(sub {
    my ($s, $head) = @_;
    print $s "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
        . "Transfer-Encoding: chunked\r\n\r\n";
    printf $s "%x\r\n%s\r\n", 5000, substr $page, $_ * 5000, 5000 for 0 .. 9;
    if ($head =~ m{^GET /reset}) {
        setsockopt $s, SOL_SOCKET, SO_LINGER, pack 'II', 1, 0;
        return;
    }
    sleep 0.2;
    my $rest = substr $page, 50_000;
    printf $s "%x\r\n%s\r\n0\r\n\r\n", length $rest, $rest;
});
$t->{expand} = { UP => $up };
$t->start(server => <<'END');
        root %%DIR%%/html;
        onsite on;
        proxy_http_version 1.1;
        location / { }
        location /up/ { proxy_pass http://127.0.0.1:%%UP%%/; }
        location /now/ { proxy_pass http://127.0.0.1:%%UP%%/;
            proxy_buffering off; }
        location /gzip/ { alias %%DIR%%/html/; gzip on; }
        location /onsite/ { onsite_collect; }
        location = /status { onsite_status; }
END

# leaves after the first bytes, politely or with a reset
for my $path ('/index.html', '/up/page', '/now/page', '/gzip/', '/up/reset',
    '/now/reset')
{
    for my $i (1 .. 12) {
        my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1:' . $t->port)
            or die "connect: $!";
        setsockopt $s, SOL_SOCKET, SO_RCVBUF, pack 'I', 4096;
        print $s "GET $path HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n";
        sysread $s, my $some, $i * 100 if $i % 3;
        setsockopt $s, SOL_SOCKET, SO_LINGER, pack 'II', 1, 0 if $i % 2;
        close $s;
    }
}

for my $path ('/index.html', '/up/page', '/now/page') {
    my $content = $t->visit($path)->{content};
    is($content =~ s/$OURS//g, 1, "$path: inserted once");
    ok($content eq $page, "$path: else the page");
}

my $raw = $t->raw("GET /up/reset HTTP/1.1\r\nHost: a\r\n\r\n");
unlike($raw, qr/\r\n0\r\n\r\n$/, 'a page that the origin broke off has no end');
unlike($raw, $OURS, 'and nothing inserted');

ok(eventually(5, sub { $t->error_log =~ /prematurely closed|reset by peer/ }),
    'the log has what happened');
$raw = $t->raw("GET /index.html\r\n");
like($raw, $OURS, 'HTTP/0.9: even that');
is(scalar $t->workers, 1, 'the worker lives');

$t->done;
