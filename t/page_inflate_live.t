# Compressed pages on their way: flushed pieces pass at once, any split gives
# the same bytes, clients and origins that leave leave nothing behind, and a page
# that inflates a thousand times takes no memory for it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Compress::Raw::Zlib;
use IO::Socket::INET;
use Onsite::Test;
use Socket;
use Test::More;
use Time::HiRes qw(sleep time);

my $OURS = qr{<template data-onsite.*?</template>\s*<script[^>]*></script>}s;

# A gzip stream that is flushed behind each piece: the pieces of it.
sub gz {
    my ($z) = Compress::Raw::Zlib::Deflate->new(-AppendOutput => 1,
        -WindowBits => WANT_GZIP);
    my @out;
    for my $i (0 .. $#_) {
        $z->deflate($_[$i], my $out = '');
        $z->flush($out, $i < $#_ ? Z_SYNC_FLUSH : Z_FINISH);
        push @out, $out;
    }
    return @out;
}

my $page = html_page('<!-- </body> --><script>var a = "</body>";</script>'
    . '<textarea></body></textarea><p>The end');
my $large = html_page('<p>' . join(' ', map { $_ * 7919 % 1e6 } 1 .. 60_000)
    . '</p>');
my ($one) = gz($page);
my ($many) = gz($large);
my @flushed = gz('<!DOCTYPE html><html><head><title>x</title></head><bo',
    'dy><p>first</p><!-- </b', 'ody> --><p>second</p></bo', "dy></html>\n");

# 64 MB of spaces
my $bomb = do {
    my ($z) = Compress::Raw::Zlib::Deflate->new(-AppendOutput => 1,
        -WindowBits => WANT_GZIP);
    $z->deflate('<!doctype html><body>', my $out = '');
    $z->deflate(' ' x 1_000_000, $out) for 1 .. 64;
    $z->deflate('</body>', $out);
    $z->flush($out);
    $out;
};

my $t = Onsite::Test->new;
$t->campaigns(Onsite::Test::popup('hello'));
my $pause = 0.7;
my $up = $t->upstream(sub {
    my ($s, $head) = @_;
    my ($what, $at) = $head =~ m{^GET /(?:\w+/)*(\w+)-?(\w*)};
    return if !defined $what;
    print $s "HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n"
        . "Content-Encoding: gzip\r\n\r\n";
    if ($what eq 'flushed') {
        for (@flushed) { print $s $_; sleep $pause; }
        return;
    }
    my $body = { one => $one, bomb => $bomb,
        reset => substr($many, 0, 50_000) }->{$what} // $many;
    if ($what eq 'reset') {
        print $s $body;
        setsockopt $s, SOL_SOCKET, SO_LINGER, pack 'II', 1, 0;
    } elsif ($at eq 'each') {
        for (split //, $body) { print $s $_; sleep 0.0005; }
    } elsif ($at ne '') {
        print $s substr $body, 0, $at;
        sleep 0.003;
        print $s substr $body, $at;
    } else {
        print $s $body;
    }
});
$t->{expand} = { UP => $up };
$t->start(server => <<'END');
        onsite on;
        location / { proxy_pass http://127.0.0.1:%%UP%%; }
        location /now/ { proxy_buffering off;
            proxy_pass http://127.0.0.1:%%UP%%; }
        location /gzip/ { proxy_buffering off; gzip on; gzip_min_length 1;
            gzip_http_version 1.0;
            proxy_pass http://127.0.0.1:%%UP%%; }
        location /onsite/ { onsite_collect; }
        location = /status { onsite_status; }
END

# Seconds until each of these was there, and all of the body.
sub arrivals {
    my ($path, $more, @parts) = @_;
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1:' . $t->port);
    my $start = time;
    print $s "GET $path HTTP/1.0\r\nSec-Fetch-Dest: document\r\n$more\r\n";
    my ($got, $plain, $coded, @at) = ('', '', 0);
    while (sysread $s, $got, 65536, length $got) {
        my ($head, $body) = split /\r\n\r\n/, $got, 2;
        next if !defined $body;
        if ($head =~ /^content-encoding: gzip/mi) {
            $coded = 1;
            my $z = Compress::Raw::Zlib::Inflate->new(-WindowBits => WANT_GZIP);
            $z->inflate($body, $plain = '');
        } else {
            $plain = $body;
        }
        $plain =~ $parts[$_] and $at[$_] //= time - $start for 0 .. $#parts;
    }
    return ($coded, $plain, @at);
}

for my $path ('/now/flushed', '/gzip/flushed') {
    my $more = $path =~ /gzip/ ? "Accept-Encoding: gzip\r\n" : '';
    my ($coded, $body, @at) = arrivals($path, $more, qr/<title>/, qr/<p>first/,
        qr/<p>second/);
    cmp_ok($at[$_] // 99, '<', $pause * ($_ + 0.8), "$path: piece $_ at once")
        for 0 .. 2;
    is($coded, $more ? 1 : 0, $more ? 'compressed again' : 'not compressed');
    like($body, qr{<p>second</p><template data-onsite.*</script></body>}s,
        "$path: inserted at the end tag that came in two");
}

# every split of the compressed bytes
sub cut { my ($c) = @_; my $n = $c =~ s/$OURS//g; return ($n || 0, $c) }

my $wrong = 0;
for my $i ((map { "/now/one-$_" } 1 .. length($one) - 1), '/now/one-each') {
    my ($n, $rest) = cut($t->visit($i)->{content});
    $wrong++ unless $n == 1 && $rest eq $page;
}
is($wrong, 0, 'split at every byte: inserted once, else the page');

# who leaves
for my $path ('/large', '/now/large', '/gzip/large', '/reset', '/now/reset',
    '/gzip/reset')
{
    for my $i (1 .. 10) {
        my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1:' . $t->port);
        setsockopt $s, SOL_SOCKET, SO_RCVBUF, pack 'I', 4096;
        print $s "GET $path HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n";
        sysread $s, my $some, $i * 100 if $i % 3;
        setsockopt $s, SOL_SOCKET, SO_LINGER, pack 'II', 1, 0 if $i % 2;
        close $s;
    }
}
for my $path ('/large', '/now/large') {
    my ($n, $rest) = cut($t->visit($path)->{content});
    ok($n == 1 && $rest eq $large, "$path: whole after others have left");
}
my $raw = $t->raw("GET /reset HTTP/1.1\r\nHost: a\r\n\r\n");
unlike($raw, qr/\r\n0\r\n\r\n$/, 'a page that the origin broke off has no end');

# memory of the worker in KB
sub memory {
    my ($pid) = $t->workers;
    return Onsite::Test::read_file("/proc/$pid/status")
        =~ /^$_[0]:\s+(\d+)/m ? $1 : 0;
}

SKIP: {
    skip 'a sanitizer keeps what is freed', 2
        if ($ENV{FLAVOUR} || '') eq 'asan';
    my $before = memory('VmHWM');
    my @clients = map {
        my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1:' . $t->port);
        setsockopt $s, SOL_SOCKET, SO_RCVBUF, pack 'I', 4096;
        print $s "GET /bomb HTTP/1.1\r\nHost: a\r\n\r\n";
        $s;
    } 1 .. 8;
    sleep 1;
    cmp_ok(memory('VmHWM') - $before, '<', 8 * 400,
        '8 that do not read 64 MB take no more than for any page');
    close $_ for @clients;

    $before = memory('VmHWM');
    my $out = $t->request('/bomb', timeout => 60)->{content};
    is(length($out =~ s/$OURS//r), 64_000_028, 'read to its end');
    cmp_ok(memory('VmHWM') - $before, '<', 1000, 'it takes none either');
}
is(scalar $t->workers, 1, 'the worker lives');

$t->done;
