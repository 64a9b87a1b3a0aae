#!/usr/bin/perl

# A client that reads slowly while zlib knows more bytes than there is room
# for, of input that is used up: its buffer is the upstream's again.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Compress::Raw::Zlib;
use IO::Socket::INET;
use Onsite::Test;
use Socket;
use Test::More;
use Time::HiRes 'sleep';

my $ROOM = 64 * 1024;           # of the module's buffers, of which there are 2
my $OURS = qr{<template data-onsite.*?</template>\s*<script[^>]*></script>}s;

my $page = '<!doctype html><html><head><title>x</title></head><body>'
    . (' ' x 200_000)
    . join(' ', map { "w$_" . $_ * 7919 % 1e6 } 1 .. 2500) . '</body></html>';

my $gz = compress($page);
my $k = full_at($gz);

my $t = Onsite::Test->new;

$t->campaigns(Onsite::Test::popup('hello'));

my $upstream = $t->upstream(sub {
    my ($socket) = @_;

    print {$socket} "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
        . "Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n";
    sleep 0.1;
    print {$socket} chunk(substr $gz, 0, $k), chunk(substr $gz, $k, 2000);
    sleep 0.3;
    print {$socket} chunk(substr $gz, $k + 2000, 2000);
    sleep 0.3;
    print {$socket} chunk(substr $gz, $k + 4000), "0\r\n\r\n";
});

my $slow_port = Onsite::Test::free_port();
my $locations = <<'END';
        onsite on;
        proxy_http_version 1.1;

        location / { proxy_pass http://127.0.0.1:%%UP%%; }
        location /onsite/ { onsite_collect; }
END

$t->{expand} = { UP => $upstream, SLOW => $slow_port };
$t->start(
    server  => $locations,
    servers => "server { listen 127.0.0.1:%%SLOW%% sndbuf=4096;\n$locations }"
);

for my $wait (0, 0, 1.5) {
    my $body = slow_visit($wait);

    ok($body =~ s/$OURS//, "a campaign, read after $wait s");
    ok($body eq $page, '... in the page, whole and in order')
        or diag(length($body) . ' bytes of ' . length $page);
}

unlike($t->error_log, qr/the page is damaged/, 'and nothing of it is damaged');

$t->done;


sub compress {
    my ($plain) = @_;
    my ($z) = Compress::Raw::Zlib::Deflate->new(-AppendOutput => 1,
        -WindowBits => WANT_GZIP);
    my $out = '';

    $z->deflate($plain, $out);
    $z->flush($out, Z_FINISH);

    return $out;
}


# How many bytes of it are the fewest that inflate to more than both buffers
# hold: all of them are read when those are full, and zlib still has output.

sub full_at {
    my ($stream) = @_;

    for my $n (20 .. 900) {
        my $z = Compress::Raw::Zlib::Inflate->new(-WindowBits => WANT_GZIP,
            -ConsumeInput => 0);
        my $input = substr $stream, 0, $n;
        my $out = '';

        $z->inflate($input, $out);

        return $n if length $out > 2 * $ROOM;
    }

    die "the page never fills the buffers\n";
}


sub chunk {
    my ($bytes) = @_;

    return sprintf "%x\r\n%s\r\n", length $bytes, $bytes;
}


sub slow_visit {
    my ($wait) = @_;
    my $socket = IO::Socket::INET->new(Proto => 'tcp');
    my $got = '';

    setsockopt $socket, SOL_SOCKET, SO_RCVBUF, pack 'I', 4096;
    connect $socket, pack_sockaddr_in($slow_port, inet_aton('127.0.0.1'))
        or die "connect: $!\n";
    $socket->autoflush(1);
    print {$socket} "GET /a HTTP/1.0\r\nHost: a\r\n"
        . "Sec-Fetch-Dest: document\r\n\r\n";

    sleep $wait;
    1 while sysread $socket, $got, 65536, length $got;

    return (split /\r\n\r\n/, $got, 2)[1];
}
