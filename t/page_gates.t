# Which responses are documents: a view is counted, and something inserted, on
# those and on no others.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use Test::More;

my $t = Onsite::Test->new;
my $page = html_page('<p>Welcome to the page</p>');
$t->write_file("html/$_", $page)
    for qw(index.html gz.html ssi.html fragment.html error.html);
$t->write_file('html/ssi.html', html_page(
    '<!--#include virtual="/fragment.html" -->'));
$t->write_file('html/fragment.html', '<p>fragment</p></body>');
$t->write_file('html/text.txt', $page);
$t->write_file('html/unclosed.html', '<!doctype html><title>x</title><p>text');
$t->campaigns(Onsite::Test::popup('hello'));

# /WHAT: the page, its bytes said to be encoded so
my %codings = (br => 'br', zstd => 'zstd', deflate => 'deflate',
    twice => 'gzip, gzip', both => "gzip\r\nContent-Encoding: br",
    unknown => 'x-made-up');
my $coded = $t->upstream(sub {
    my ($s, $head) = @_;
    my ($name) = $head =~ m{^GET /(\w+)};
    print $s "HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n"
        . "Content-Encoding: $codings{$name}\r\n\r\n$page";
});
my @charsets = map { lc, uc, "\"$_\"", "$_; x=y" } qw(utf-16 utf-16be utf-32
    ucs-2 unicode csunicode iso-10646-ucs-2 unicodefeff unicodefffe iso-2022-jp
    csiso2022jp iso-2022-kr iso-2022-cn hz-gb-2312 utf-7);
my @narrow = ('utf-8', 'UTF-8; x="charset=utf-16"', 'windows-1252',
    'unicode-1-1-utf-8', 'shift_jis', '""', '');
my @kept = ('ATTACHMENT', 'filename=x; attachment',
    'filename="a\\"; b" ; Attachment ;');
my @opened = ('inline', 'inline; filename="x; attachment"', '', ';',
    'inline; filename=attachment', 'attachments');
my $odd = $t->upstream(sub {
    my ($s, $head) = @_;
    my ($path) = $head =~ m{^\w+ (\S+)};
    my ($as, $i) = $path =~ m{^/(\w+)/(\d+)$};
    if (defined $as) {
        my ($charset, $disposition) = ('utf-8', 'inline');
        $charset = $charsets[$i] if $as eq 'charset';
        $charset = $narrow[$i] if $as eq 'narrow';
        $disposition = $kept[$i] if $as eq 'kept';
        $disposition = $opened[$i] if $as eq 'opened';
        print $s "HTTP/1.0 200 OK\r\nContent-Type: text/html; charset=$charset"
            . "\r\nContent-Disposition: $disposition\r\n\r\n$page";
        return;
    }
    my %answer = (
        '/no-content' => "HTTP/1.0 204 No Content\r\n"
            . "Content-Type: text/html\r\n\r\n",
        '/empty' => "HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n"
            . "Content-Length: 0\r\n\r\n",
        '/created' => "HTTP/1.0 201 Created\r\n"
            . "Content-Type: text/html\r\n\r\n$page",
        '/upper' => "HTTP/1.0 200 OK\r\n"
            . "Content-Type: TEXT/HTML; charset=utf-8\r\n\r\n$page",
        '/download' => "HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n"
            . "Content-Disposition: attachment; filename=a.html\r\n\r\n$page",
        '/stream' => "HTTP/1.0 200 OK\r\n"
            . "Content-Type: text/event-stream\r\n\r\ndata: </body>\n\n",
        '/replace' => "HTTP/1.0 200 OK\r\n"
            . "Content-Type: multipart/x-mixed-replace; boundary=x\r\n\r\n"
            . "--x\r\nContent-Type: text/html\r\n\r\n$page\r\n--x--\r\n",
        '/utf16' => "HTTP/1.0 200 OK\r\n"
            . "Content-Type: text/html; charset=utf-16le\r\n\r\n$page",
        '/xhtml' => "HTTP/1.0 200 OK\r\n"
            . "Content-Type: application/xhtml+xml; charset=utf-8\r\n\r\n$page",
        '/rss' => "HTTP/1.0 200 OK\r\nContent-Type: TEXT/XML\r\n\r\n$page",
        '/accel' => "HTTP/1.0 200 OK\r\nX-Accel-Redirect: /index.html\r\n"
            . "Content-Type: text/html\r\n\r\n",
    );
    print $s $answer{$path} // "HTTP/1.0 404 Not Found\r\n\r\n";
});
$t->{expand} = { CODED => $coded, ODD => $odd };

$t->start(server => <<'END');
        root %%DIR%%/html;
        onsite on;
        location / { }
        location /onsite/ { onsite_collect; }
        location = /status { onsite_status; }
        location /coded/ { proxy_pass http://127.0.0.1:%%CODED%%/; }
        location /coded-here/ { alias %%DIR%%/html/;
            add_header Content-Encoding br; }
        location /all/ { onsite_types *; proxy_pass http://127.0.0.1:%%ODD%%/; }
        location /xml/ { onsite_types application/xhtml+xml;
            proxy_pass http://127.0.0.1:%%ODD%%/; }
        location /odd/ { proxy_pass http://127.0.0.1:%%ODD%%/; }
        location = /ssi.html { ssi on; }
        location = /return { return 200 "<html><body></body></html>";
            default_type text/html; }
        location = /204 { return 204; }
        location = /missing { error_page 404 =200 /error.html; return 404; }
        location = /auth.html { auth_request /allow; try_files /index.html =404; }
        location = /allow { proxy_pass http://127.0.0.1:%%ODD%%/no-content; }
        location = /off.html { onsite off; try_files /index.html =404; }
        location = /dry.html { onsite dry_run; try_files /index.html =404; }
        location = /bypass.html { onsite_bypass $arg_no; try_files /index.html =404; }
        location = /mirror.html { mirror /mirrored; try_files /index.html =404; }
        location = /mirrored { internal; proxy_pass http://127.0.0.1:%%ODD%%/upper; }
END

my $INSERTED = qr/<template[^>]+data-onsite-campaign="hello"/;
my $before = 0;

# Visits and says whether it was inserted (how often) and counted.
sub visit_is {
    my ($path, $inserted, $counted, $what, %o) = @_;
    my $r = $t->visit($path, %o);
    my $n = () = ($r->{content} // '') =~ /$INSERTED/g;
    is($n, $inserted, "$what: inserted $inserted");
    my $views = $t->status->{events}{total};
    is($views - $before, $counted, "$what: counted $counted");
    $before = $views;
    return $r;
}

visit_is('/index.html', 1, 1, 'a document');
visit_is('/', 1, 1, 'an index by internal redirect');
visit_is('/return', 1, 1, 'return 200 with HTML');
visit_is('/unclosed.html', 1, 1, 'a document without end tags');
visit_is('/index.html', 0, 0, 'HEAD', method => 'HEAD');
visit_is('/204', 0, 0, 'return 204');
visit_is('/odd/no-content', 0, 0, '204 from the upstream');
visit_is('/odd/created', 0, 0, '201');
visit_is('/odd/download', 0, 0, 'a download');
visit_is('/odd/stream', 0, 0, 'an event stream');
visit_is('/all/stream', 0, 0, 'an event stream, with onsite_types *');
visit_is('/all/replace', 0, 0, 'and one of pictures or pages');
visit_is('/all/upper', 1, 1, 'but a page');
visit_is('/odd/xhtml', 0, 0, 'XHTML is not of onsite_types');
visit_is('/xml/upper', 1, 1, 'with it text/html still is');
for my $path ('/xml/xhtml', '/all/xhtml', '/all/rss') {
    my $was = $t->status->{skips}{xml};
    is(visit_is($path, 0, 1, "$path is left alone")->{content}, $page,
        '  as it is');
    is($t->status->{skips}{xml}, $was + 1, '  skips.xml');
}
visit_is('/odd/utf16', 0, 1, 'UTF-16 is left alone');
visit_is("/odd/charset/$_", 0, 1, "charset=$charsets[$_]") for 0 .. $#charsets;
visit_is("/odd/narrow/$_", 1, 1, "charset=$narrow[$_]") for 0 .. $#narrow;
visit_is("/odd/kept/$_", 0, 0, "a download: $kept[$_]") for 0 .. $#kept;
visit_is("/odd/opened/$_", 1, 1, "no download: $opened[$_]") for 0 .. $#opened;
visit_is('/odd/upper', 1, 1, 'a type in capitals, with a charset');
visit_is('/odd/accel', 1, 1, 'X-Accel-Redirect');
visit_is('/missing-not-there', 0, 0, '404');
visit_is('/missing', 1, 1, 'error_page =200');
visit_is('/text.txt', 0, 0, 'plain text');
visit_is('/auth.html', 1, 1, 'auth_request');
visit_is('/mirror.html', 1, 1, 'mirror');
visit_is('/off.html', 0, 0, 'onsite off');
visit_is('/bypass.html?no=1', 0, 0, 'onsite_bypass 1');
visit_is('/bypass.html?no=0', 1, 1, 'onsite_bypass 0');
my $r = visit_is('/dry.html', 0, 1, 'dry_run');
is($r->{content}, $page, 'dry_run leaves the page as it is');

$r = visit_is('/ssi.html', 1, 1, 'SSI');
like($r->{content}, qr{<p>fragment</p>}, 'with its include');

$r = visit_is('/odd/empty', 0, 1, 'an empty document');
is($r->{status}, 200, 'which does not hang');

for my $name (sort keys %codings) {
    $r = visit_is("/coded/$name", 0, 1, "encoded: $name");
    is($r->{content}, $page, 'is left as it is');
    isnt($r->{headers}{'content-encoding'}, undef, 'and said to be encoded');
}
$r = visit_is('/coded-here/index.html', 0, 1, 'encoded, as add_header says');
is($r->{content}, $page, 'is left as it is');

$r = visit_is('/index.html', 0, 0, 'a fragment fetched by a script',
    headers => { 'sec-fetch-dest' => 'empty' });
$r = visit_is('/index.html', 0, 0, 'an iframe',
    headers => { 'sec-fetch-dest' => 'iframe' });
visit_is('/index.html', 0, 0, 'a POST', method => 'POST', content => 'x');
visit_is('/index.html', 0, 0, 'a crawler', headers => { 'user-agent' =>
    'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)'
});
$r = visit_is('/index.html', 0, 0, 'a prefetch',
    headers => { 'sec-purpose' => 'prefetch' });

# no header at all, as from an old browser
$r = $t->get('/index.html');
like($r->{content}, $INSERTED, 'without Sec-Fetch-Dest the type decides');
$before++;

# scripts that ask for a part of a page, or a page to take parts of, also where
# browsers do not say Sec-Fetch-Dest (plain http)
for ([htmx => 'hx-request' => 'true'], [Turbo => 'turbo-frame' => 'cart'],
    ['a visit of Turbo' => 'x-turbo-request-id' => '4f1c'],
    [jQuery => 'x-requested-with' => 'XMLHttpRequest'],
    ['X-Requested-With in capitals', 'x-requested-with', 'XMLHTTPREQUEST'],
    [pjax => 'x-pjax' => 'true'], [Unpoly => 'x-up-version' => '3.0'])
{
    my ($what, $name, $value) = @$_;
    my $was = $t->status;
    is($t->get('/index.html', headers => { $name => $value })->{content},
        $page, "asked for by $what: left alone");
    my $now = $t->status;
    is($now->{events}{total} - $was->{events}{total}, 0, '  no view');
    is($now->{skips}{fragment} - $was->{skips}{fragment}, 1,
        '  skips.fragment');
    visit_is('/index.html', 1, 1, '  but not what the browser says is one',
        headers => { $name => $value });
}
for (['x-requested-with' => 'com.example.shop'], ['x-requested-with' => ''],
    ['hx-requests' => 'true'])
{
    my ($name, $value) = @$_;
    like($t->get('/index.html', headers => { $name => $value })->{content},
        $INSERTED, "$name: $value says nothing");
    $before++;
}

# ranges and conditions
$r = $t->visit('/index.html', headers => { range => 'bytes=0-9' });
is($r->{status}, 200, 'a page that is changed has no ranges');
$before++;
$r = $t->visit('/off.html', headers => { range => 'bytes=0-9' });
is($r->{status}, 206, 'one that is not has them');
$r = $t->visit('/off.html');
my $etag = $r->{headers}{etag};
$r = $t->visit('/index.html', headers => { 'if-none-match' => $etag });
is($r->{status}, 304, '304 stays 304');
is($t->status->{events}{total}, ++$before, 'and is a view');

# HTTP/1.0
my $raw = $t->raw("GET /index.html HTTP/1.0\r\nHost: localhost\r\n\r\n");
like($raw, $INSERTED, 'HTTP/1.0');
like($raw, qr{</html>\n$}, 'to its end');

my $skips = $t->status->{skips};
is($skips->{encoded}, 2 + keys(%codings) + @charsets, 'skips.encoded')
    or diag(json_encode($skips));

$t->done;
