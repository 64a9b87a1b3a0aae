# Pages that the origin sends compressed: inflated where something is
# inserted, left as they are where nothing is; in any pieces, damaged or not,
# with no more memory than for any other page.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Compress::Raw::Zlib;
use IO::Socket::INET;
use Onsite::Test;
use Test::More;
use Time::HiRes qw(sleep);

my $OURS = qr{<template data-onsite.*?</template>\s*<script[^>]*></script>}s;

# A member, as a gzip of these settings makes it.
sub gz {
    my ($plain, %o) = @_;
    my ($z) = Compress::Raw::Zlib::Deflate->new(-WindowBits =>
        16 + ($o{bits} // 15), -Level => $o{level} // 6, -AppendOutput => 1);
    my $out = '';
    $z->deflate($plain, $out);
    $z->flush($out, Z_FINISH);
    return $out;
}

# The same with every field that a header may have.
sub long_header {
    my ($member) = @_;
    my $head = "\x1f\x8b\x08\x1e" . "\0" x 6 . pack('v/a', 'extra' x 99)
        . "page.html\0" . "a comment\0";
    return $head . pack('v', crc32($head) & 0xffff) . substr $member, 10;
}

my $page = html_page('<p>' . join(' ', map { "word $_" } 1 .. 9000) . '</p>');
my $third = int(length($page) / 3);
my $gz = gz($page);
my $half = substr $gz, 0, length($gz) / 2;
my $big = html_page(join '', map { $_ * 7919 % 1e6 . ($_ % 3 ? ' ' : '<br>') }
    1 .. 90_000);
my $dense = html_page(' ' x 3_000_000);

my %whole = (
    plain => [$page, $page],
    one => [$gz, $page],
    stored => [gz($page, level => 0), $page],
    window => [gz($page, bits => 9), $page],
    members => [join('', map { gz($_) } substr($page, 0, $third),
        '', substr($page, $third, $third), substr $page, 2 * $third), $page],
    tiny => [join('', map { gz($_) } split //, html_page('tiny')),
        html_page('tiny')],
    header => [long_header($gz), $page],
    big => [gz($big), $big],
    dense => [gz($dense), $dense],
    zeros => ["$gz\0\0\0\0\0\0\0\0", $page],
    garbage => ["${gz}not of it", $page],
    crumb => ["$gz\x1f", $page],
    crumbs => [gz('x') . $gz . "\x1f\x1f\x8b", "x$page"],
);
my %broken = (
    truncated => $half,
    cut => substr($gz, 0, -1),
    nothing => substr($gz, 0, 7),
    checksum => substr($gz, 0, -8) . 'xxxx' . substr($gz, -4),
    length => substr($gz, 0, -4) . 'xxxx',
    bytes => $half . ('x' x 100) . substr($gz, length($half) + 100),
    second => gz('x' x 100) . $half,
    second_bytes => $gz . "\x1f\x8b\x09\0" . 'x' x 100,
    text => $page,
    deflate => do { my $z = Compress::Raw::Zlib::Deflate->new(
        -AppendOutput => 1); $z->deflate($page, my $out = ''); $z->flush($out);
        $out },
);
my %empty = (member => gz(''), members => gz('') x 3, bytes => '');

my $t = Onsite::Test->new;
$t->campaigns(Onsite::Test::popup('hello', trigger => {
    event => 'Page Viewed', where => { path => { '$regex' => '^(?!/quiet)' } } }));
$t->write_file('html/page.html', $page);
$t->write_file('html/page.html.gz', $gz);

# /NAME?how: in one piece with its length, in chunks, with pauses
my $up = $t->upstream(sub {
    my ($s, $head) = @_;
    my ($name, $how) = $head =~ m{^\w+ /(?:\w+/)*(\w+)\?(\w+)};
    my $body = $whole{$name} ? $whole{$name}[0] : $broken{$name}
        // $empty{ $name =~ s/^empty_//r };
    my $coding = $name eq 'plain' ? '' : "Content-Encoding: gzip\r\n";
    my $type = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n$coding"
        . "ETag: \"a\"\r\nConnection: close\r\n";
    if ($how eq 'length') {
        print $s "${type}Content-Length: @{[ length $body ]}\r\n\r\n$body";
        return;
    }
    my $size = { chunked => 1000, single => 1, flushed => 700 }->{$how};
    $size = 13 if $size == 1 && length $body > 2000;
    print $s "${type}Transfer-Encoding: chunked\r\n\r\n";
    my $n = 0;
    for (my $i = 0; $i < length $body; $i += $size) {
        my $part = substr $body, $i, $size;
        printf $s "%x\r\n%s\r\n", length $part, $part;
        sleep 0.002 if $how eq 'flushed' && $n++ < 20;
    }
    print $s "0\r\n\r\n";
});
$t->{expand} = { UP => $up };

$t->start(http => <<'END', server => <<'END2');
    proxy_cache_path %%DIR%%/tmp/cache keys_zone=cache:1m use_temp_path=off;
    proxy_http_version 1.1;
END
        root %%DIR%%/html;
        onsite on;
        gzip on; gzip_min_length 1;
        location / { proxy_pass http://127.0.0.1:%%UP%%; }
        location /bare/ { gzip off; proxy_pass http://127.0.0.1:%%UP%%; }
        location /now/ { proxy_buffering off;
            proxy_pass http://127.0.0.1:%%UP%%; }
        location /now/bare/ { proxy_buffering off; gzip off;
            proxy_pass http://127.0.0.1:%%UP%%; }
        location /cached/ { proxy_cache cache; proxy_cache_valid 1h;
            proxy_ignore_headers Cache-Control; sendfile on;
            proxy_pass http://127.0.0.1:%%UP%%; }
        location /cached/bare/ { proxy_cache cache; proxy_cache_valid 1h;
            gzip off; sendfile on; proxy_pass http://127.0.0.1:%%UP%%; }
        location /gunzip/ { gunzip on; proxy_pass http://127.0.0.1:%%UP%%; }
        location /slow/ { limit_rate 400k; gzip off; proxy_buffers 4 4k;
            proxy_busy_buffers_size 4k; proxy_buffer_size 4k;
            proxy_max_temp_file_size 0; proxy_pass http://127.0.0.1:%%UP%%; }
        location /small/ { limit_rate 4m; proxy_buffer_size 512;
            proxy_buffers 3 512; proxy_busy_buffers_size 512; gzip_buffers 2 256;
            proxy_max_temp_file_size 0; proxy_pass http://127.0.0.1:%%UP%%; }
        location /static/ { alias %%DIR%%/html/; gzip_static always; }
        location /static/file/ { alias %%DIR%%/html/; gzip_static always;
            gzip off; sendfile on; output_buffers 1 64; }
        location /static/direct/ { alias %%DIR%%/html/; gzip_static always;
            directio 512; }
        location /static/named/ { alias %%DIR%%/html/; gzip off;
            types { text/html gz; } add_header Content-Encoding gzip; }
        location /dry/ { onsite dry_run; proxy_pass http://127.0.0.1:%%UP%%; }
        location /bypass/ { onsite_bypass 1;
            proxy_pass http://127.0.0.1:%%UP%%; }
        location /onsite/ { onsite_collect; }
        location = /status { onsite_status; }
END2

my %gzip = (headers => { 'accept-encoding' => 'gzip' });

sub inflated {
    my ($r) = @_;
    return $r->{content} if !$r->{headers}{'content-encoding'};
    my $z = Compress::Raw::Zlib::Inflate->new(-WindowBits => WANT_GZIP);
    my $rc = $z->inflate(my $in = $r->{content}, my $out);
    return $rc == Z_STREAM_END && $in eq '' ? $out : "not gzip: $rc";
}

# One report for many pages: a line only for one that is not as it should be.
my $good = 0;
sub page_is {
    my ($path, $want, $encoding, %o) = @_;
    my $r = $t->visit($path, %o);
    my $content = inflated($r);
    my $n = $content =~ s/$OURS//g || 0;
    my $got = $r->{headers}{'content-encoding'} // '';
    if ($r->{status} == 200 && $n == 1 && $content eq $want
        && $got eq $encoding && !defined $r->{headers}{etag})
    {
        $good++;
        return $r;
    }
    fail("$path @{[ %o ? 'with' : 'without' ]} gzip");
    diag("status $r->{status}, $n inserted, encoding '$got', "
        . length($content) . ' bytes, not ' . length $want);
    return $r;
}

sub all_good {
    my ($n, $what) = @_;
    is($good, $n, "$what: inserted once, else the page, coded as it should be");
    $good = 0;
}

my @ways = qw(length chunked flushed single);
my $n = 0;
for my $place ('', 'bare/', 'now/', 'now/bare/', 'cached/', 'cached/bare/',
    'gunzip/', 'small/')
{
    for my $name (sort keys %whole) {
        # nginx's own takes nothing behind a stream
        next if $place eq 'gunzip/' && $name =~ /zeros|garbage|crumb/;
        my @how = $name eq 'one' || $name eq 'tiny' ? @ways
            : $name =~ /members|crumb/ ? qw(length single) : 'length';
        for my $how (@how) {
            my $path = "/$place$name?$how";
            my $plain = $whole{$name}[1];
            for (1 .. ($place =~ /cached/ ? 2 : 1)) {
                page_is($path, $plain, '');
                page_is($path, $plain, $place =~ /bare/ ? '' : 'gzip', %gzip);
                $n += 2;
            }
        }
    }
}
all_good($n, 'gzip from the origin, through every place');

for my $place (qw(static static/file static/direct)) {
    page_is("/$place/page.html", $page, '');
    page_is("/$place/page.html", $page, $place =~ /file/ ? '' : 'gzip', %gzip);
}
page_is('/static/named/page.html.gz', $page, '');
page_is('/slow/one?length', $page, '');
page_is('/slow/one?chunked', $page, '');
all_good(9, 'from files, and to slow clients');

# damaged: what came before the damage, and no end
for my $place ('', 'bare/', 'now/', 'now/bare/') {
    for my $name (sort keys %broken) {
        for my $how ('length', 'single') {
            my $raw = $t->raw("GET /$place$name?$how HTTP/1.1\r\nHost: a\r\n"
                . "Sec-Fetch-Dest: document\r\n\r\n");
            next if $raw !~ /\r\n0\r\n\r\n$/;
            fail("/$place$name?$how: ended");
        }
    }
}
my @told = $t->error_log =~ /(the page is damaged|ends within its gzip)/g;
cmp_ok(scalar @told, '>=', 4 * 2 * keys %broken, 'damaged: no end, and told');
my $raw = $t->raw("GET /bare/truncated?length HTTP/1.1\r\nHost: a\r\n\r\n");
my $there = inflated({ content => $half, headers => {} });
cmp_ok(length $raw, '>', $third, 'what came before the damage is passed on');
unlike($raw, $OURS, 'with nothing inserted');

# of an empty page nothing is made
for my $place ('', 'bare/', 'now/', 'cached/') {
    for my $name (map { "empty_$_" } sort keys %empty) {
        for my $with ({}, \%gzip) {
            my $r = $t->visit("/$place$name?chunked", %$with);
            next if $r->{status} == 200 && inflated($r) eq '';
            fail("/$place$name: status $r->{status}: $r->{content}");
        }
    }
}
pass('empty pages stay empty');

# nothing decided: the origin's own bytes
for my $path (map { "/$_/one?length" } qw(quiet dry bypass)) {
    my $r = $t->visit($path);
    is($r->{headers}{'content-encoding'}, 'gzip', "$path: still compressed");
    is($r->{content}, $gz, 'byte for byte');
    is($r->{headers}{etag}, $path =~ /bypass/ ? '"a"' : undef,
        'without a validator, where it is a view');
    is($r->{headers}{'content-length'}, length $gz, 'and its length');
}
my $r = $t->request('/one?length', method => 'HEAD', %gzip);
is($r->{headers}{'content-encoding'}, 'gzip', 'HEAD is not changed');
is($t->status->{skips}{encoded} // 0, 0, 'no skips.encoded');

$t->done;
