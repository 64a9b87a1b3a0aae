# Browsers that have a page ask whether it is new, and are told that it is not
# before we are asked: such a view has to count, and not to come about again.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use Test::More;

my $t = Onsite::Test->new;
my $page = html_page('<p>x</p>');
$t->write_file("html/$_", $page) for qw(index.html other.html plain.txt);
$t->campaigns(
    Onsite::Test::popup('second', trigger => { event => 'Page Viewed',
        count => 2 }, frequency => { cap => 1, per => 'visitor' }));

my %old = (
    '/bare' => '', '/typed' => "Content-Type: text/html\r\n",
    '/image' => "Content-Type: image/png\r\n",
    '/saved' => "Content-Disposition: attachment\r\n",
    '/marked' => "X-Onsite: 1\r\n",
);
my $up = $t->upstream(sub {
    my ($s, $head) = @_;
    my ($path) = $head =~ m{^\w+ ([^ ?]+)};
    print $s "HTTP/1.0 304 Not Modified\r\nETag: \"a\"\r\n$old{$path}\r\n";
});
$t->{expand} = { UP => $up };
$t->start(server => <<'END');
        root %%DIR%%/html;
        location / { onsite on; }
        location /dry/ { onsite dry_run; alias %%DIR%%/html/; }
        location /up/ { onsite on; proxy_pass http://127.0.0.1:%%UP%%/; }
        location /onsite/ { onsite_collect; }
        location = /status { onsite_status; }
END

sub views { $t->status->{pageviews}{total} }
sub shows { $_[0]{content} =~ /data-onsite-campaign="second"/ ? 1 : 0 }

# What a browser does: keeps a page with its validators, and asks with them.
my %kept;
sub browse {
    my ($path, $jar) = @_;
    my %ask;
    if (my $h = $kept{$jar}{$path}) {
        $ask{'if-none-match'} = $h->{etag} if $h->{etag};
        $ask{'if-modified-since'} = $h->{'last-modified'}
            if $h->{'last-modified'};
    }
    my $r = $t->visit($path, jar => $jar, headers => \%ask);
    $kept{$jar}{$path} = $r->{headers} if $r->{status} == 200;
    return $r;
}

my %ann;
my $r = browse('/index.html', \%ann);
is($r->{headers}{$_}, undef, "the first page has no $_")
    for qw(etag last-modified);
is($r->{headers}{'content-length'}, length $page, 'but its length');
is($r->{headers}{'accept-ranges'}, 'bytes', 'and its ranges');
$r = browse('/index.html', \%ann);
is($r->{status}, 200, 'asked for again it comes again');
ok(shows($r), 'with what the second view brings');
$r = browse('/index.html', \%ann);
is($r->{content}, $page, 'the third is the page');
is($r->{headers}{$_}, undef, "without $_, no cookie set")
    for qw(etag last-modified);
is(views(), 3, 'three views');

$r = $t->visit('/dry/index.html');
is($r->{headers}{etag}, undef, 'a dry run counts views as well');
$r = $t->visit('/plain.txt');
ok($r->{headers}{etag}, 'what is no document keeps its validators');
$r = $t->get('/index.html', method => 'HEAD');
ok($r->{headers}{etag}, 'and so does what is no view');
my %had = ('if-none-match' => $r->{headers}{etag},
    'if-modified-since' => $r->{headers}{'last-modified'});
$r = $t->visit('/index.html', headers => { 'user-agent' => 'Googlebot/2.1' });
is($r->{headers}{etag}, $had{'if-none-match'}, 'crawlers get the page as it is');

# a copy from before the module was there
my (%ben, %cid);
my $before = views();
$r = $t->visit('/index.html', jar => \%ben, headers => \%had);
is($r->{status}, 304, 'a copy from before is still good');
like($r->{headers}{'set-cookie'}, qr/^onsite_id=/, 'its viewer gets a cookie');
is($r->{headers}{'cache-control'}, 'private, no-store', 'nobody else does');
is($r->{headers}{etag}, $had{'if-none-match'}, 'the ETag is still the copy\'s');
is($r->{content} // '', '', 'no body');
is(views(), ++$before, 'a view');
$r = $t->visit('/index.html', jar => \%ben, headers => \%had);
is($r->{status}, 304, 'and again');
is($r->{headers}{'cache-control'}, undef, 'no word of caching without a cookie');
is(views(), ++$before, 'the second view');
is($t->status->{injections}{total}, 1, 'nothing can be shown there');
is($t->status->{skips}{not_modified}, 2, 'skips.not_modified');
like($t->access_log, qr/ 304|\|304\|.*\|not_modified\|/, '$onsite_reason');
ok(shows($t->visit('/other.html', jar => \%ben)), 'the next page shows it');
ok(!shows($t->visit('/other.html', jar => \%ben)), 'once');
$before = views();

# what is not a view
sub uncounted {
    my ($what, $path, %headers) = @_;
    my $r = $t->visit($path, headers => { %had, %headers });
    is($r->{status}, 304, "$what: 304");
    is($r->{headers}{'set-cookie'}, undef, "$what: no cookie");
    is(views(), $before, "$what: not counted");
}
uncounted('a frame', '/index.html', 'sec-fetch-dest' => 'iframe');
uncounted('a fetch', '/index.html', 'sec-fetch-dest' => 'empty');
uncounted('a crawler', '/index.html', 'user-agent' => 'Googlebot/2.1');
uncounted('a prefetch', '/index.html', 'sec-purpose' => 'prefetch');
uncounted("an upstream's image", '/up/image');
uncounted("an upstream's download", '/up/saved');
uncounted('one that was counted', '/up/marked');
$r = $t->get('/index.html', headers => \%had);
is($r->{status}, 304, 'whoever does not say that it is a document: 304');
is(views(), $before, 'not counted');
my $txt = $t->get('/plain.txt')->{headers};
uncounted('another type', '/plain.txt', 'if-none-match' => $txt->{etag},
    'if-modified-since' => $txt->{'last-modified'});

for my $path ('/up/bare', '/up/typed') {
    $r = $t->visit($path, jar => \%cid);
    is($r->{status}, 304, "$path: 304");
    is($r->{headers}{etag}, '"a"', "$path: as it came");
    is(views(), ++$before, "$path: a view");
}
ok(shows($t->visit('/other.html', jar => \%cid)), 'and both count');

# ranges and If-Range work as they do without validators
$r = $t->visit('/index.html', jar => \%ann, headers => { range => 'bytes=0-5' });
is($r->{status}, 206, 'a range of an unchanged page');
$r = $t->visit('/index.html', jar => \%ann, headers => { range => 'bytes=0-5',
    'if-range' => $had{'if-none-match'} });
is($r->{status}, 200, 'If-Range: all of it');

$t->done;
