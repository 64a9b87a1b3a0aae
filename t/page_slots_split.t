# Slots in pages that come in pieces: every split, compressed and not, with
# flushes, small buffers and a held-back content that is larger than they are;
# whatever is no slot, or has no end, stays byte for byte. UTF-16 by its mark
# is left alone.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Compress::Gzip qw(gzip);
use Encode qw(encode);
use Onsite::Test;
use Test::More;
use Time::HiRes qw(sleep);

my $END = qr{(?:<template data-onsite.*?</template>\s*)+<script[^>]*></script>}s;

my $NEW = '<b>new</b>';
my @slots = ('<div data-onsite-slot="hero"><p>as it <i>was</i></p></div>',
    '<!--onsite:slot hero-->as it <b>was</b><!--/onsite:slot-->');
my @filled = ("<div data-onsite-slot=\"hero\">$NEW</div>",
    "<!--onsite:slot hero-->$NEW<!--/onsite:slot-->");
my $other = '<p data-onsite-slot="none">as it was</p><!-- <div '
    . 'data-onsite-slot="hero">x</div> --><textarea>'
    . '<div data-onsite-slot="hero">x</div></textarea>';

sub pages {
    my ($between) = @_;
    return map { html_page(join $between, 'before', @$_, $other, 'after') }
        \@slots, \@filled;
}

my ($page, $want) = pages('<p>between</p>');
my ($long, $long_want) = pages('x' x 40_000);
(my $wide = $slots[0]) =~ s/as it/'y' x 30_000/e;
my $held = html_page("before${wide}after$other");
my $held_want = html_page("before$filled[0]after$other");
my $unended = "<!doctype html><body>before<div data-onsite-slot=\"hero\">"
    . 'z' x 70_000 . '</div>after</body>';
my $utf16 = encode('UTF-16', $page);

my %page = (page => [$page, $want], long => [$long, $long_want],
    held => [$held, $held_want], unended => [$unended, $unended],
    utf16 => [$utf16, $utf16]);

my $t = Onsite::Test->new;
$t->campaigns(Onsite::Test::popup('hello'), Onsite::Test::popup('hero',
    channel => 'embed', slot => 'hero', content => { html => $NEW }));

# /NAME-N: N bytes, a flush, the rest; /NAME-each: N bytes each
my $up = $t->upstream(sub {
    my ($s, $head) = @_;
    my ($coding, $name, $at, $each) =
        $head =~ m{^GET /(?:now/|small/|gzip/)?(z?)(\w+)-(\d+)(each)?} or return;
    my $body = $page{$name}[0];
    gzip(\(my $copy = $body), \$body) if $coding;
    print $s "HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n"
        . ($coding ? "Content-Encoding: gzip\r\n" : '') . "\r\n";
    if ($each) {
        for (my $i = 0; $i < length $body; $i += $at) {
            print $s substr $body, $i, $at;
            sleep 0.0003 if $i < 400;
        }
        return;
    }
    print $s substr $body, 0, $at;
    sleep 0.003;
    print $s substr $body, $at if $at < length $body;
});
$t->{expand} = { UP => $up };
$t->start(server => <<'END');
        onsite on;
        location / { proxy_pass http://127.0.0.1:%%UP%%; }
        location /now/ { proxy_buffering off;
            proxy_pass http://127.0.0.1:%%UP%%; }
        location /small/ { proxy_buffer_size 512; proxy_buffers 3 512;
            proxy_busy_buffers_size 512; proxy_max_temp_file_size 0;
            limit_rate 2m; proxy_pass http://127.0.0.1:%%UP%%; }
        location /onsite/ { onsite_collect; }
        location = /status { onsite_status; }
END

my $wrong = 0;
sub page_is {
    my ($path, $want, $inserted) = @_;
    my $content = $t->visit($path)->{content};
    my $n = $content =~ s/$END//g || 0;
    return if $n == $inserted && $content eq $want;
    diag("$path: $n at the end, "
        . (length $content > 2000 ? length $content : $content))
        if !$wrong++;
}

for my $coding ('', 'z') {
    my $size = length $page;
    gzip(\$page, \my $gz);
    $size = length $gz if $coding;
    page_is("/now/${coding}page-$_", $want, 1) for 1 .. $size;
    page_is("/now/${coding}page-1each", $want, 1);
    is($wrong, 0, "${coding}split at every byte: filled, else the page");
    for my $how ('99999999', '97each', '1000each') {
        for my $name (qw(page long held)) {
            page_is("/$_$coding$name-$how", $page{$name}[1], 1)
                for '', 'now/', 'small/';
        }
        for my $where ('', 'now/', 'small/') {
            page_is("/$where${coding}unended-$how", $unended, 1)
        }
    }
    is($wrong, 0, "${coding}pieces of every size: filled, else the page");
    my $encoded = $t->status->{skips}{encoded} // 0;
    page_is("/now/${coding}utf16-$_", $utf16, 0) for 1 .. 6, '99999999';
    is($wrong, 0, "${coding}UTF-16: as it came");
    is($t->status->{skips}{encoded} - $encoded, 7, 'and counted');
}

$t->done;
