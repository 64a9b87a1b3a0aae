# A page is the same for any way that its upstream sends it: split at every
# byte, byte by byte, in one piece, with and without a length.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use Test::More;
use Time::HiRes qw(sleep);

my $t = Onsite::Test->new;
my $body = '<!-- </body> --><script>var a = "</body>";</script>'
    . '<textarea></body></textarea><a title="</body>">x</a><p>The end';
my $page = html_page($body);
$t->campaigns(Onsite::Test::popup('hello'));

# /N: the first N bytes, a flush, then the rest; /all: byte by byte;
# /big: 300 KB with the end tag across a buffer's border
my $upstream = $t->upstream(sub {
    my ($s, $head) = @_;
    my ($how) = $head =~ m{^GET /(\w+)};
    print $s "HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n";
    if ($how eq 'length') {
        print $s 'Content-Length: ' . length($page) . "\r\n\r\n$page";
    } elsif ($how eq 'all') {
        print $s "\r\n";
        for (split //, $page) { print $s $_; sleep 0.0005; }
    } elsif ($how =~ /^big(\d+)/) {
        print $s "\r\n<!doctype html><body>" . 'x' x $1 . '</body></html>';
    } else {
        print $s "\r\n" . substr($page, 0, $how);
        sleep 0.003;
        print $s substr($page, $how);
    }
});
$t->{expand} = { UP => $upstream };
$t->start(server => <<'END');
        onsite on;
        location / { proxy_pass http://127.0.0.1:%%UP%%; proxy_buffering off; }
        location /buffered/ { proxy_pass http://127.0.0.1:%%UP%%/; }
        location /small/ { proxy_pass http://127.0.0.1:%%UP%%/;
            proxy_buffer_size 1k; proxy_buffers 4 1k; proxy_busy_buffers_size 2k; }
        location /onsite/ { onsite_collect; }
END

# The insertion differs by its exposure token only.
sub cut {
    my ($content) = @_;
    my $n = ($content =~ s{<template data-onsite.*?</template>\s*<script[^>]*></script>}{}s);
    return ($n, $content);
}

my @where = $t->get('/length')->{content} =~ /(The end)<template/;
is(scalar @where, 1, 'inserted before the real end tag');

my $wrong = 0;
for my $i (1 .. length($page) - 1) {
    my ($n, $rest) = cut($t->get("/$i")->{content});
    $wrong++ unless $n == 1 && $rest eq $page;
}
is($wrong, 0, 'split at every byte: inserted once, else untouched');

for my $how ('/all', '/buffered/length', '/buffered/all', '/small/length') {
    my ($n, $rest) = cut($t->get($how)->{content});
    is($n, 1, "$how: inserted once");
    is($rest, $page, "$how: else untouched");
}

for my $size (4060 .. 4100, 32700 .. 32760, 300_000) {
    my ($n, $rest) = cut($t->get("/buffered/big$size")->{content});
    next if $n == 1
        && $rest eq '<!doctype html><body>' . 'x' x $size . '</body></html>';
    fail("a page of $size");
}
pass('pages over the borders of buffers');

$t->done;
