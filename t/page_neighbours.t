# Other filters and phases at work on the same page: sub_filter, SSI,
# addition, auth_request, mirror, slice.  One view, one insertion, every byte.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use Test::More;

my $OURS = qr{<template data-onsite.*?</template>\s*<script[^>]*></script>}s;

my $t = Onsite::Test->new;
my $page = html_page('<p>Welcome</p>' . 'filler ' x 3000 . '<p>End</p>');
$t->write_file('html/index.html', $page);
$t->write_file('html/part.html', '<html><body>part</body></html>');
$t->write_file('html/big.html', '<div>' . 'y' x 100_000 . '</body></div>');
$t->write_file('html/ssi/nested.html', html_page('[<!--#include '
    . 'virtual="/ssi/inner.html" -->][<!--#include virtual="/up/page" -->]'));
$t->write_file('html/ssi/inner.html',
    'inner(<!--#include virtual="/part.html" -->)');
$t->write_file('html/ssi/big.html', html_page(
    '<!--#include virtual="/big.html" -->after'));
$t->write_file('html/ssi/wait.html', html_page(
    '<!--#include virtual="/up/page" wait="yes" -->after'));
$t->write_file('html/ssi/script.html', html_page('<script>var a = "'
    . '<!--#include virtual="/part.html" -->";</script>'));
$t->campaigns(Onsite::Test::popup('hello'));

my $up = $t->upstream(sub {
    my ($s, $head) = @_;
    my ($path) = $head =~ m{^\w+ (\S+)};
    if ($head =~ /^Range: bytes=(\d+)-(\d+)/mi) {
        my ($from, $to) = ($1, $2);
        my $size = length $page;
        $to = $size - 1 if $to >= $size;
        my $part = substr $page, $from, $to - $from + 1;
        print $s "HTTP/1.0 206 Partial Content\r\nContent-Type: text/html\r\n"
            . "ETag: \"a\"\r\nContent-Range: bytes $from-$to/$size\r\n"
            . 'Content-Length: ' . length($part) . "\r\n\r\n$part";
        return;
    }
    my $body = $path =~ /page/ ? '<i>from the origin</i></body>' : '';
    print $s "HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n"
        . "Set-Cookie: other=1\r\nContent-Length: " . length($body)
        . "\r\n\r\n$body";
});
$t->{expand} = { UP => $up };

$t->start(server => <<'END');
        root %%DIR%%/html;
        onsite on;
        location / { }
        location /up/ { proxy_pass http://127.0.0.1:%%UP%%; }
        location /sub/ { alias %%DIR%%/html/; sub_filter_once off;
            sub_filter '</body>' '<b>sub</b></body>'; sub_filter Welcome Hello; }
        location /ssi/ { ssi on; }
        location /added/ { alias %%DIR%%/html/;
            add_before_body /part.html; add_after_body /up/page; }
        location /auth/ { alias %%DIR%%/html/; auth_request /up/auth; }
        location /mirror/ { alias %%DIR%%/html/; mirror /up/mirror; }
        location /slice/ { slice 4k; proxy_set_header Range $slice_range;
            proxy_http_version 1.1; proxy_pass http://127.0.0.1:%%UP%%; }
        location /onsite/ { onsite_collect; }
        location = /status { onsite_status; }
END

my $views = 0;

sub page_is {
    my ($path, $want, $what) = @_;
    my $r = $t->visit($path);
    is($r->{status}, 200, $what);
    my $content = $r->{content};
    my $n = $content =~ s/$OURS//g;
    is($n || 0, 1, "$what: inserted once");
    ok($content eq $want, "$what: else untouched")
        or diag(length($content) . ' bytes, not ' . length $want);
    is($t->status->{events}{total}, ++$views, "$what: one view");
    is(scalar(grep { /onsite_id/ } ref $r->{headers}{'set-cookie'}
        ? @{ $r->{headers}{'set-cookie'} } : $r->{headers}{'set-cookie'} // ''),
        1, "$what: one cookie of ours");
    return $r;
}

my $origin = '<i>from the origin</i></body>';
my $part = '<html><body>part</body></html>';

page_is('/index.html', $page, 'the page alone');
page_is('/sub/index.html', ($page =~ s/Welcome/Hello/r)
    =~ s{</body>}{<b>sub</b></body>}r, 'sub_filter');
page_is('/ssi/nested.html', html_page("[inner($part)][$origin]"), 'nested SSI');
page_is('/ssi/big.html',
    html_page('<div>' . 'y' x 100_000 . '</body></div>after'), 'a large include');
page_is('/ssi/wait.html', html_page("${origin}after"), 'SSI that waits');
page_is('/ssi/script.html', html_page("<script>var a = \"$part\";</script>"),
    'SSI in a script');
page_is('/added/index.html', $part . $page . $origin, 'addition');
page_is('/auth/index.html', $page, 'auth_request');
page_is('/mirror/index.html', $page, 'mirror');
page_is('/slice/x', $page, 'slice');

$t->done;
