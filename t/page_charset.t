# Pages in any charset: what goes in is ASCII, and reads right in all of them;
# only where the response says that it is in UTF-8 it is as it was written.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use Test::More;

my $t = Onsite::Test->new;

my $euro = "\xe2\x82\xac";
my $smile = "\xf0\x9f\x98\x80";
my $page = html_page(
    "<p>\xc1</p><div data-onsite-slot=\"hero\"><i>default</i></div>");

# long literals stay in the snapshot where they can
my $long = '<p>' . 'long ' x 500 . '</p>';
my %often = (frequency => { cap => 1000, per => 'session' });

$t->campaigns(
    Onsite::Test::popup('pop', %often, content => { html =>
        "<h2 title=\"\x{20ac}\">5 \x{20ac} off</h2>$long"
        . "<p>{{event.properties.title}}</p><!-- \x{20ac} -->" }),
    Onsite::Test::popup('slot', %often, channel => 'embed', slot => 'hero',
        content => { html => "<style>b::after { content: '\x{20ac}' }</style>"
            . "<b>\x{1f600}</b>$long"
            . "<script>a = '\\\x{20ac}\x{1f600}'</script>" }),
    Onsite::Test::popup('waits', when => { seen => "#\x{e9}" }));

# What the origin says of its page, by path.
my %types = (
    none => 'text/html',
    utf8 => 'text/html; charset=utf-8',
    upper => 'text/html;charset=UTF-8',
    quoted => 'text/html; charset="Utf-8"',
    latin => 'text/html; charset=iso-8859-1',
    sjis => 'text/html; charset="Shift_JIS"',
    empty => 'text/html; charset=',
    other => 'text/html; charset=utf-85',
    wide => 'text/html; charset="UTF-16LE"',
);
my $up = $t->upstream(sub {
    my ($s, $head) = @_;
    my ($name) = $head =~ m{^GET /(\w+)};
    print $s "HTTP/1.0 200 OK\r\nContent-Type: $types{$name}\r\n\r\n$page";
});
$t->{expand} = { UP => $up };
$t->write_file('html/page.html', $page);

$t->start(http => <<'END', server => <<'END');
    charset_map koi8-r utf-8 { C1 D0B0; }
END
        root %%DIR%%/html;
        onsite on;
        types { text/html html; }
        location = /plain { try_files /page.html =404; }
        location = /says { charset utf-8; try_files /page.html =404; }
        location = /recoded { charset utf-8; source_charset koi8-r;
            try_files /page.html =404; }
        location = /back { charset koi8-r; source_charset utf-8;
            try_files /page.html =404; }
        location = /cs { charset utf-8;
            proxy_pass http://127.0.0.1:%%UP%%/none; }
        location = /override { charset utf-8; override_charset on;
            proxy_pass http://127.0.0.1:%%UP%%/latin; }
        location / { proxy_pass http://127.0.0.1:%%UP%%; }
        location /onsite/ { onsite_collect; }
        location = /status { onsite_status; }
END

# The page, what fills its slot, and what is in front of </body>.
sub parts {
    my ($path) = @_;
    my $text = $t->visit($path)->{content};
    my $ours = $text =~ s{(<template data-onsite.*</script>)(?=</body>)}{}s
        ? $1 : '';
    my $slot = $text =~ s{(<div data-onsite-slot="hero">)(.*?)(</div>)}{$1$3}s
        ? $2 : '';
    return ($text, $slot, $ours);
}

# /override: nginx has no map, and leaves it at iso-8859-1
for my $path (qw(/plain /none /latin /sjis /empty /other /back /override)) {
    my ($text, $slot, $ours) = parts($path);
    unlike($ours . $slot, qr/[^\x00-\x7f]/, "$path: what goes in is ASCII");
    like($ours, qr{<h2 title="&\#8364;">5 &\#8364; off</h2>\Q$long\E},
        "$path: references");
    like($ours, qr{<!-- \? -->}, "$path: nothing can stand in comments");
    like($ours, qr{onsite-when="[^"]*\#&\#233;&quot;},
        "$path: also in attributes of ours");
    is($slot, "<style>b::after { content: '\\0020AC ' }</style>"
        . "<b>&#128512;</b>$long<script>a = '\\u20AC\\uD83D\\uDE00'</script>",
        "$path: a slot, with scripts and styles");
    like($text, $path eq '/back' ? qr{<p>\?</p>} : qr{<p>\xc1</p>},
        "$path: the page is as it was");
}

for my $path (qw(/utf8 /upper /quoted /says /cs)) {
    my ($text, $slot, $ours) = parts($path);
    like($ours, qr{<h2 title="$euro">5 $euro off</h2>}, "$path: as written");
    like($ours, qr{onsite-when="[^"]*\#\xc3\xa9&quot;}, "$path: when");
    is($slot, "<style>b::after { content: '$euro' }</style><b>$smile</b>$long"
        . "<script>a = '\\$euro$smile'</script>", "$path: the slot");
}

# nginx's charset filter is in front of us: what goes in is not recoded

my ($text, $slot, $ours) = parts('/recoded');
like($text, qr{<p>\xd0\xb0</p>}, 'in a page that nginx recodes to UTF-8');
like($ours, qr{5 $euro off}, 'what goes in is as it was written');

($text, $slot, $ours) = parts('/wide');
is($ours . $slot, '<i>default</i>', 'a wide charset in quotes is seen');
is($t->status->{skips}{encoded}, 1, 'and counted');

# A preview

my (undef, $link) = $t->run_loader('preview', $t->snapshot, '--campaign', 'pop',
    '--url', 'http://127.0.0.1/latin', '--state', $t->state_dir);
my ($token) = $link =~ /(onsite_preview=\S+)/;
($text, $slot, $ours) = parts("/latin?$token");
like($ours, qr{data-onsite-preview}, 'a preview');
like($ours, qr{5 &\#8364; off}, 'is ASCII, too');

# Answers in JSON are UTF-8

my $answer = $t->post('/onsite/decide', { type => 'page', name => 'x',
    anonymousId => 'somebody' })->{content};
like($answer, qr{5 $euro off}, 'an answer is as it was written');

$t->done;
