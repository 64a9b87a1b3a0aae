# A preview link shows one campaign to who holds it, whatever it asks for, and
# nothing is counted, written or set; any other token leaves the page as it is.

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use Test::More;
use Time::HiRes qw(sleep);

my $t = Onsite::Test->new;
my $key = $t->write_file('key', 'k' x 40);
my $url = 'http://127.0.0.1:' . $t->port . '/landing/';

# what nobody would be shown: never fires, over, capped, for somebody else
my %never = (trigger => { event => 'Never Sent' },
    schedule => { until => '2001-01-01T00:00:00Z' }, holdout => 0.99,
    audience => { 'visitor.counts.Nothing' => { '$gt' => 5 } },
    frequency => { cap => 1, per => 'visitor' });

$t->campaigns(
    Onsite::Test::popup('usual', frequency => { cap => 1, per => 'visitor' }),
    Onsite::Test::popup('secret', %never, content => {
        html => '<h2>{{event.properties.search}}|{{visitor.visits}}</h2>' }),
    Onsite::Test::popup('split', %never, content => undef, variants => [
        { id => 'a', weight => 0.5, content => { html => '<p>A</p>' } },
        { id => 'b', weight => 0.5, content => { html => '<p>B</p>' } }]),
    Onsite::Test::popup('hero', %never, channel => 'embed', slot => 'hero'),
    Onsite::Test::popup('leaving', %never, when => { exit => \1 }),
    { id => 'hook', channel => 'webhook', endpoint => 'https://x.example/',
      trigger => { event => 'Page Viewed' },
      content => { data => { a => 1 } } },
    Onsite::Test::popup('off', enabled => JSON::PP::false),
);
$t->write_file('html/landing/index.html',
    html_page('<div data-onsite-slot="hero">default</div>'));
$t->write_file('html/index.html', html_page('home'));
$t->write_file('html/meta/index.html', html_page('x') =~ s{<title>}{<meta
    http-equiv="Content-Security-Policy" content="script-src 'none'"><title>}r);
$t->write_file('html/nonce/index.html', html_page('x') =~ s{<title>}{<meta
    http-equiv="Content-Security-Policy" content="script-src 'nonce-m1'"><title>}r);
$t->write_file('html/broken/index.html', html_page('x<!-- never closed'));
$t->start(http => "onsite_key_file $key;\n"
    . "proxy_cache_path %%DIR%%/tmp/cache keys_zone=c:1m;", server => <<'END');
        onsite on;
        location / { root %%DIR%%/html; onsite_event 'Served'; }
        location /dry { alias %%DIR%%/html/landing; onsite dry_run; }
        location /strict { alias %%DIR%%/html/landing;
            add_header Content-Security-Policy "script-src 'none'"; }
        location /hash { alias %%DIR%%/html/landing;
            add_header Content-Security-Policy
                "script-src 'self' 'url-sha256-AAAA'"; }
        location /nonced { alias %%DIR%%/html/landing;
            add_header Content-Security-Policy
                "script-src 'url-sha256-AAAA' 'nonce-h1'"; }
        location /cached { proxy_pass http://127.0.0.1:%%PORT%%/plain;
            proxy_cache c; proxy_cache_valid 1h; }
        location /plain { alias %%DIR%%/html/landing; onsite off; }
        location /onsite/ { onsite_collect; }
        location = /status { onsite off; onsite_status; }
END

sub preview {
    my (%o) = @_;
    my ($code, $out, $err) = $t->run_loader('preview', $t->snapshot,
        '--key-file', $key, '--campaign', $o{campaign} // 'secret',
        '--url', $o{url} // $url, @{ $o{more} || [] });
    is($code, 0, 'a link is made') or diag($err);
    chomp $out;
    return $o{link} ? $out : $out =~ s{^https?://[^/]+}{}r;
}

# the records, the outbox and all: the data files' bytes
sub state_bytes {
    return join ',', map { sha256_hex(Onsite::Test::read_file($_)) }
        sort grep { -f && !/lock/ } glob($t->state_dir . '/*'),
            glob($t->state_dir . '/*/*');
}

sub counters {
    my $s = $t->status;
    delete $s->{state}{$_} for qw(readers);
    delete $s->{snapshot}{age_seconds};
    delete $s->{$_} for qw(uptime_seconds time);
    delete $s->{timers}{tick_age_seconds} if ref $s->{timers};
    delete $s->{timers}{age_seconds} if ref $s->{timers};
    return json_encode($s);
}

# shown, with nothing left behind
sub shows {
    my ($path, $re, $what, %o) = @_;
    my ($state, $counted) = (state_bytes(), counters());
    my $r = $t->visit($path, %o);
    is($r->{status}, 200, $what);
    like($r->{content}, $re, '  it is in the page');
    like($r->{content}, qr/<script [^>]*data-onsite-preview/, '  the mark');
    unlike($r->{content}, qr/data-onsite-exposure="[^"]/, '  no token');
    is($r->{headers}{'x-onsite-preview'}, 'shown', '  X-Onsite-Preview');
    is($r->{headers}{'x-robots-tag'}, 'noindex', '  X-Robots-Tag');
    is($r->{headers}{'cache-control'}, 'private, no-store', '  no cache');
    is($r->{headers}{'set-cookie'}, undef, '  no cookie');
    is($r->{headers}{etag}, undef, '  no validator');
    is(counters(), $counted, '  nothing is counted');
    is(state_bytes(), $state, '  nothing is written');
    return $r;
}

my %jar;
$t->visit('/', jar => \%jar);
$t->visit('/', jar => \%jar);
sleep 1.2;

my $link = preview();
shows($link, qr{<h2>\|1</h2>}, 'for a visitor', jar => { %jar });
shows($link, qr{<h2>\|1</h2>}, 'again', jar => { %jar });
shows($link, qr{<h2>\|1</h2>}, 'for who was never here');
shows($link, qr{<h2>\|</h2>}, 'without consent',
    headers => { 'sec-gpc' => '1' });
shows($link, qr{<h2>}, 'fetched ahead',
    headers => { 'sec-purpose' => 'prefetch;prerender' });
unlike($t->access_log, qr/GET \/landing.*\|secret\|/, 'not in $onsite_campaign');
like($t->access_log, qr/GET \/landing.*\|preview\|/, '$onsite_reason');

$link = preview(url => "$url?x=1&y=%20#top");
like($link, qr{\?x=1&y=%20&onsite_preview=[\w-]+#top$}, 'the query is kept');
$link =~ s/#.*//;
shows($link, qr{<h2>\?x=1&amp;y=%20\|}, 'the query, without the token');
$link =~ s/x=1/x=2/;
shows($link, qr{<h2>\?x=2}, 'another query');

like(preview(url => $url . '?onsite_preview=old&a'),
    qr{/\?a&onsite_preview=[\w-]+$}, 'a new token replaces an old one');
shows(preview(url => uc($url =~ s{/landing/}{}r) =~ s/HTTP/http/r
    . '/l%61nding/'), qr{<h2>}, 'host and escapes in any way');

shows(preview(campaign => 'split'), qr{<p>A</p>}, 'the first variant');
shows(preview(campaign => 'split', more => ['--variant', 'b']),
    qr{<p>B</p>}, 'another variant');
shows(preview(campaign => 'hero'), qr{<h2>hero</h2>}, 'in a slot');
my $at_once = shows(preview(campaign => 'leaving'), qr{<h2>leaving</h2>},
    'what waits for something in the page');
unlike($at_once->{content}, qr/data-onsite-when/, '  at once');

# through a cache whose key has the query
my $cached = preview(url => $url =~ s/landing/cached/r);
shows($cached, qr{<h2>}, 'past a cache');
shows($cached, qr{<h2>}, 'out of a cache');
unlike($t->visit('/cached/')->{content}, qr/data-onsite-preview|secret/,
    'which keeps the page of the origin');

# where it cannot be shown it says why, and counts nothing either
sub hides {
    my ($path, $why, $what) = @_;
    my ($state, $counted) = (state_bytes(), counters());
    my $r = $t->visit($path);
    is($r->{headers}{'x-onsite-preview'}, $why, $what);
    unlike($r->{content}, qr/onsite\.js/, '  nothing is in the page');
    is(counters(), $counted, '  nothing is counted');
    is(state_bytes(), $state, '  nothing is written');
}

hides(preview(url => $url =~ s/landing/dry/r), 'dry run', 'a dry run');
hides(preview(url => $url =~ s/landing/strict/r), 'csp', 'a policy');
hides(preview(url => $url =~ s/landing/hash/r), 'csp', 'a hash of a URL');

# of what only the page itself tells nothing is known with the header
hides(preview(url => $url =~ s/landing/meta/r), 'shown', 'a policy in a meta');
hides(preview(url => $url =~ s/landing/broken/r), 'shown', 'no place');
for ([nonced => 'h1'], [nonce => 'm1']) {
    my ($path, $nonce) = @$_;
    my $r = shows(preview(url => $url =~ s/landing/$path/r), qr{<h2>},
        'a nonce');
    like($r->{content}, qr/<script [^>]* nonce="$nonce"/, '  the script has it');
}

# any other token: a usual view
sub usual {
    my ($path, $why, $what, %o) = @_;
    my $before = $t->status;
    my $r = $t->visit($path, %o);
    my $after = $t->status;
    is($r->{headers}{'x-onsite-preview'}, $why, $what);
    like($r->{content}, qr{<h2>usual</h2>}, '  the page as without it');
    unlike($r->{content}, qr/data-onsite-preview/, '  no mark');
    is($r->{headers}{'x-robots-tag'}, undef, '  no X-Robots-Tag');
    like($r->{headers}{'set-cookie'}, qr/onsite_id=/, '  a cookie');
    is($after->{events}{total} - $before->{events}{total}, 2, '  the view');
    is($after->{noise}{forged} - $before->{noise}{forged}, 1, '  noise.forged');
}

$link = preview();
(my $forged = $link) =~ s/(.)$/$1 eq 'A' ? 'B' : 'A'/e;
usual($forged, 'forged', 'a changed token');
usual('/landing/?onsite_preview=x', 'forged', 'no token at all');
usual('/landing/?onsite_preview=' . 'A' x 3000, 'forged', 'a long one');
usual($link =~ s{/landing/}{/}r, 'other page', 'another page');
usual($link, 'other page', 'another host', host => 'localhost');
usual(preview(more => ['--site', 'default', '--expires', '1ms']), 'expired',
    'an old one');
$t->write_file('other', 'o' x 40);
my (undef, $foreign) = $t->run_loader('preview', $t->snapshot, '--key',
    $t->dir . '/other', '--campaign', 'secret', '--url', $url);
chomp $foreign;
usual($foreign =~ s{^http://[^/]+}{}r, 'forged', 'of another secret');

# no part of what is told
usual('/landing/?a=1&onsite_preview=x', 'forged', 'once more');
my ($code, $out) = $t->run_loader('outbox', $t->state_dir);
unlike($out, qr/onsite_preview/, 'not in the outbox');
$t->post('/onsite/v1/page', { anonymousId => 'p', properties => {
    url => "$url?onsite_preview=x&b=2", search => '?onsite_preview=x&b=2' },
    writeKey => 'w' });
($code, $out) = $t->run_loader('outbox', $t->state_dir);
unlike($out, qr/onsite_preview/, 'nor what a client sends of it');

# gone from the snapshot
my $usual = Onsite::Test::popup('usual');
$t->campaigns($usual);
ok(eventually(10, sub {
    ($t->visit($link)->{headers}{'x-onsite-preview'} // '')
        eq 'no such campaign is live' }), 'a campaign that is gone');

# the loader's errors
sub refused {
    my ($status, $re, $what, @args) = @_;
    my ($got, $printed, $err) = $t->run_loader('preview', @args);
    is($got, $status, $what);
    like($err, $re, '  says why');
    is($printed, '', '  prints nothing');
}

my @key = ('--key-file', $key);
my @url = ('--url', $url);
my $snapshot = $t->snapshot;
refused(2, qr/--campaign ID is missing/, 'no campaign', $snapshot, @key, @url);
refused(2, qr/--url URL is missing/, 'no URL', $snapshot, @key, '-c', 'usual');
refused(2, qr/a snapshot's FILE, or\b/, 'no file', @key, @url, '-c', 'usual');
refused(2, qr/--key-file FILE/, 'no key', $snapshot, @url, '-c', 'usual');
refused(2, qr/not a duration/, 'no time', $snapshot, @key, @url, '-c', 'usual',
    '--expires', 'soon');
refused(2, qr/"\Q$_\E" is not a duration.*more than 0s and at most \d+d/,
    "no time: $_", $snapshot, @key, @url, '-c', 'usual', "--expires=$_")
    for qw(0s -1s 9999999d);
for (['/landing/', qr/the page's address/],
    ['ftp://shop.example/', qr/the page's address/],
    ['https://shop.example/a b', qr/has a space/],
    ['https://', qr/the host is missing/],
    ['https://me@shop.example/', qr/user/],
    ["https://b\xc3\xbccher.example/", qr/xn--/],
    ['https://shop.example/a/../b', qr/browsers resolve/],
    ['https://shop.example/' . 'x' x 3000, qr/too long/])
{
    refused(2, $_->[1], substr($_->[0], 0, 40), $snapshot, @key, '--url',
        $_->[0], '-c', 'usual');
}
refused(1, qr/no campaign "off".*"enabled": false/, 'not there', $snapshot,
    @key, @url, '-c', 'off');
refused(1, qr/no site "x"/, 'no site', $snapshot, @key, @url, '-c', 'usual',
    '-s', 'x');
refused(1, qr/has no variant "q"; it has none/, 'no variant', $snapshot, @key,
    @url, '-c', 'usual', '-v', 'q');
refused(1, qr/40 bytes|32 bytes/, 'a short secret', $snapshot, '--key-file',
    $t->write_file('short', 'x'), @url, '-c', 'usual');
refused(1, qr/No such file/, 'no secret', $snapshot, '--key-file', '/none',
    @url, '-c', 'usual');
refused(1, qr/./, 'no snapshot', '/none.mdb', @key, @url, '-c', 'usual');

my (undef, $json) = $t->run_loader('preview', '--state', $t->state_dir, @key,
    @url, '-c', 'usual', '--json', '-e', '2h');
$json = json_decode($json);
is_deeply([@$json{qw(site campaign variant)}], ['default', 'usual', ''],
    'as JSON, of the live snapshot');
like($json->{url}, qr{^\Q$url\E\?onsite_preview=}, '  its link');
like($json->{expires}, qr/^20\d\d-.*Z$/, '  its end');

$t->done;
