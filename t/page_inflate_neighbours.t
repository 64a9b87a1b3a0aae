# Other filters and phases around a page that comes compressed: ranges, slice,
# sub_filter, SSI, error_page, auth_request, X-Accel-Redirect, mirror, 206, a
# cache that goes stale, HTTP/1.0, HTTP/2. One view, one insertion, every byte.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Compress::Gzip qw(gzip);
use IO::Uncompress::Gunzip qw(gunzip);
use Onsite::Test;
use Test::More;
use Time::HiRes qw(sleep);

my $OURS = qr{<template data-onsite.*?</template>\s*<script[^>]*></script>}s;

my $page = html_page('<p>Welcome</p>'
    . join(' ', map { $_ * 7919 % 1e6 } 1 .. 30_000) . '<p>End</p>');
gzip(\$page, \my $gz);

my $t = Onsite::Test->new;
$t->campaigns(Onsite::Test::popup('hello'));
$t->write_file('html/page.html', $page);
$t->write_file('html/page.html.gz', $gz);
my $down = $t->dir . '/tmp/down';
my $up = $t->upstream(sub {
    my ($s, $head) = @_;
    my ($path) = $head =~ m{^\w+ (\S+)};
    my $type = "Content-Type: text/html\r\nContent-Encoding: gzip\r\n"
        . "ETag: \"a\"\r\nAccept-Ranges: bytes\r\n";
    if ($head =~ /^Range: bytes=(\d+)-(\d*)/mi) {
        my ($from, $to) = ($1, $2 eq '' ? length($gz) - 1 : $2);
        $to = length($gz) - 1 if $to >= length $gz;
        my $part = substr $gz, $from, $to - $from + 1;
        print $s "HTTP/1.1 206 Partial Content\r\nConnection: close\r\n$type"
            . "Content-Range: bytes $from-$to/@{[ length $gz ]}\r\n"
            . 'Content-Length: ' . length($part) . "\r\n\r\n$part";
    } elsif (-e $down) {
        print $s "HTTP/1.0 500 Broken\r\n\r\n";
    } elsif ($path =~ m{/accel}) {
        print $s "HTTP/1.0 200 OK\r\nX-Accel-Redirect: /static/page.html\r\n\r\n";
    } elsif ($path =~ m{/missing}) {
        print $s "HTTP/1.0 404 Not Found\r\n${type}Content-Length: "
            . length($gz) . "\r\n\r\n$gz";
    } elsif ($path =~ m{/allow}) {
        print $s "HTTP/1.0 204 No Content\r\n\r\n";
    } else {
        print $s "HTTP/1.0 200 OK\r\n${type}Content-Length: "
            . length($gz) . "\r\n\r\n$gz";
    }
});
$t->{expand} = { UP => $up };
$t->start(http => <<'END', server => <<'END2');
    proxy_cache_path %%DIR%%/tmp/cache keys_zone=cache:1m use_temp_path=off;
END
        onsite on;
        gzip on; gzip_min_length 1; gzip_http_version 1.0; gzip_vary on;
        proxy_http_version 1.1;
        location / { proxy_pass http://127.0.0.1:%%UP%%; }
        location /range/ { proxy_set_header Range $http_range;
            proxy_pass http://127.0.0.1:%%UP%%; }
        location /slice/ { slice 4k; proxy_set_header Range $slice_range;
            proxy_pass http://127.0.0.1:%%UP%%; }
        location /sub/ { sub_filter_once off; sub_filter Welcome Hello;
            gunzip on; proxy_pass http://127.0.0.1:%%UP%%; }
        location /ssi/ { ssi on; proxy_pass http://127.0.0.1:%%UP%%; }
        location /auth/ { auth_request /allow;
            proxy_pass http://127.0.0.1:%%UP%%; }
        location /mirror/ { mirror /allow; proxy_pass http://127.0.0.1:%%UP%%; }
        location /error/ { error_page 404 =200 /static/page.html;
            proxy_intercept_errors on; proxy_pass http://127.0.0.1:%%UP%%; }
        location /tried/ { root %%DIR%%/html; gzip_static always;
            try_files /none /page.html =404; }
        location /static/ { alias %%DIR%%/html/; gzip_static always; }
        location /stale/ { proxy_cache cache; proxy_cache_valid 1s;
            proxy_cache_use_stale http_500; sendfile on;
            add_header X-Cache $upstream_cache_status;
            proxy_pass http://127.0.0.1:%%UP%%; }
        location /onsite/ { onsite_collect; }
        location = /status { onsite_status; }
END2

my $views = 0;

sub page_is {
    my ($what, $path, $want, %o) = @_;
    for my $accept ('', 'gzip') {
        my $r = $t->visit($path, headers => { %o,
            $accept ? ('accept-encoding' => $accept) : () });
        my $content = $r->{content};
        if (($r->{headers}{'content-encoding'} // '') eq 'gzip') {
            gunzip(\$r->{content}, \$content);
        }
        is($r->{headers}{'content-encoding'} // '', $accept, "$what: encoding");
        my $n = $content =~ s/$OURS//g;
        is($n || 0, 1, "$what: inserted once");
        ok($content eq $want, "$what: else the page");
        is($r->{status}, 200, "$what: whole");
        is($r->{headers}{$_}, undef, "$what: no $_")
            for qw(etag content-range accept-ranges);
        is($t->status->{events}{total}, ++$views, "$what: one view");
    }
}

page_is('alone', '/page', $page);
page_is('a range asked of us', '/static/page.html', $page, range => 'bytes=0-99');
page_is('slices', '/slice/x', $page);
page_is('SSI', '/ssi/x', $page);
page_is('auth_request', '/auth/x', $page);
page_is('mirror', '/mirror/x', $page);
page_is('error_page', '/error/missing', $page);
page_is('X-Accel-Redirect', '/accel', $page);
page_is('try_files', '/tried/x', $page);
page_is('cache', '/stale/x', $page);
$t->write_file('tmp/down', '');
sleep 1.2;
page_is('a stale page', '/stale/x', $page);
unlink $down;

my $r = $t->visit('/sub/x');
(my $content = $r->{content}) =~ s/$OURS//g;
ok($content eq $page =~ s/Welcome/Hello/r, 'gunzip ahead of sub_filter');

# not whole: as they came
$r = $t->visit('/range/x', headers => { range => 'bytes=10-109' });
is($r->{status}, 206, '206 from the upstream');
is($r->{content}, substr($gz, 10, 100), 'is the part that was asked for');
is($r->{headers}{'content-encoding'}, 'gzip', 'of the compressed page');
$r = $t->visit('/missing');
is($r->{content}, $gz, 'an error page of the upstream is as it came');
my $etag = $t->request('/static/page.html', method => 'HEAD')->{headers}{etag};
$r = $t->visit('/static/page.html', headers => { 'if-none-match' => $etag });
is($r->{status}, 304, 'and so is an answer that there is nothing new');

my $raw = $t->raw("GET /page HTTP/1.0\r\n\r\n");
my ($head, $body) = split /\r\n\r\n/, $raw, 2;
unlike($head, qr/^(?:transfer-encoding|content-length|content-encoding):/mi,
    'HTTP/1.0: until the connection ends');
$body =~ s/$OURS//g;
ok($body eq $page, 'HTTP/1.0: the page');

$t->done;
