# nginx's own cache is before us: it keeps the origin's page, and each visitor
# gets an own one made from it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use Test::More;
use Time::HiRes qw(sleep);

my $OURS = qr{<template data-onsite.*?</template>\s*<script[^>]*></script>}s;

my $t = Onsite::Test->new;
my $page = html_page('<p>cached</p>' . 'filler ' x 20_000);
$t->campaigns(
    Onsite::Test::popup('first', audience => { 'visitor.counts.Page Viewed' =>
        { '$lte' => 1 } }),
    Onsite::Test::popup('again', audience => { 'visitor.counts.Page Viewed' =>
        { '$gt' => 1 } }));

my $down = $t->dir . '/tmp/down';
my $up = $t->upstream(sub {
    my ($s) = @_;
    if (-e $down) {
        print $s "HTTP/1.0 500 Internal Server Error\r\n\r\nbroken";
        return;
    }
    print $s "HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n"
        . "Cache-Control: public, max-age=1\r\nETag: \"a\"\r\n"
        . "Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
        . 'Content-Length: ' . length($page) . "\r\n\r\n$page";
});
$t->{expand} = { UP => $up };

$t->start(http => <<'END', server => <<'END2');
    proxy_cache_path %%DIR%%/tmp/cache keys_zone=cache:1m
        use_temp_path=off;
    sendfile on;
END
        onsite on;
        location / { proxy_pass http://127.0.0.1:%%UP%%; proxy_cache cache;
            proxy_cache_use_stale error http_500 updating;
            add_header X-Cache $upstream_cache_status; }
        location /onsite/ { onsite_collect; }
        location = /status { onsite_status; }
END2

sub page_is {
    my ($what, $jar, $cache, $campaign) = @_;
    my $r = $t->visit('/page', jar => $jar);
    is($r->{headers}{'x-cache'}, $cache, "$what: $cache");
    like($r->{content}, qr/data-onsite-campaign="$campaign"/, "sees $campaign");
    (my $rest = $r->{content}) =~ s/$OURS//g;
    ok($rest eq $page, 'in the page as the origin made it');
    is($r->{headers}{'cache-control'}, 'private, no-store',
        'not for anyone else');
    is($r->{headers}{$_}, undef, "no $_")
        for 'etag', 'last-modified', 'content-length', 'accept-ranges';
    return $r;
}

my (%ann, %ben);
page_is('Ann', \%ann, 'MISS', 'first');
page_is('Ann', \%ann, 'HIT', 'again');
my $r = page_is('Ben', \%ben, 'HIT', 'first');
like($r->{headers}{'set-cookie'}, qr/onsite_id/, 'with a cookie of his own');
isnt($ann{onsite_id}, $ben{onsite_id}, "not Ann's");
page_is('Ben', \%ben, 'HIT', 'again');

my @files = grep { -f } split /\n/, `find @{[ $t->dir ]}/tmp/cache -type f`;
is(scalar @files, 1, 'one file in the cache');
my $kept = join '', map { Onsite::Test::read_file($_) } @files;
unlike($kept, qr/onsite/i, 'with nothing of ours');
like($kept, qr/<p>cached/, 'but the page');

# a copy from before us has the origin's validators: 304 from the cache
$r = $t->visit('/page', jar => \%ben,
    headers => { 'if-none-match' => '"a"' });
is($r->{status}, 304, 'who has the origin\'s page is told so');

sleep 2.2;
$t->write_file('tmp/down', '');
page_is('Ann, origin down', \%ann, 'STALE', 'again');

$t->done;
