# Noise: crawlers, pages fetched ahead of a view, clocks that are wrong. None of
# it is a visit; each is counted apart.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use POSIX qw(strftime);
use Test::More;

my $t = Onsite::Test->new;
$t->write_file('html/index.html', html_page('x'));
$t->write_file('html/unclosed.html', '<html><body><!-- x');
$t->campaigns(Onsite::Test::popup('hello'));

my $upstream = $t->upstream(sub {
    my ($s) = @_;
    print $s "HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n"
        . "Content-Security-Policy: script-src 'none'\r\n\r\n"
        . html_page('policy');
});
$t->{expand} = { UP => $upstream };

$t->start(
    http => 'onsite_server_key server-key-of-16-bytes;',
    server => <<'END');
        root %%DIR%%/html;
        location / { onsite on; onsite_event "Opened"; }
        location /dry/ { onsite dry_run; alias %%DIR%%/html/; }
        location /policy { onsite on; proxy_pass http://127.0.0.1:%%UP%%; }
        location /quiet/ { onsite off; onsite_event "Opened";
            alias %%DIR%%/html/; }
        location /onsite/ { onsite_collect; }
        location = /status { onsite_status; }
END

my $page = html_page('x');
my $bot = 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)';
my $later = qr{<script src="/onsite/onsite\.js\?v=\w+" integrity="sha384-[\w+/]{64}" async data-onsite data-onsite-later></script></body>};

# What a request adds to the counters.
my $before = $t->status;
sub adds_nothing_but {
    my ($what, %expected) = @_;
    my $now = $t->status;
    for my $name (qw(bots prefetch skewed)) {
        is($now->{noise}{$name} - $before->{noise}{$name},
            $expected{$name} // 0, "$what: noise.$name");
    }
    for my $path ([qw(events total)], [qw(state visitors)],
        [qw(decisions total)]) {
        my ($group, $name) = @$path;
        is($now->{$group}{$name} - $before->{$group}{$name},
            $expected{"$group.$name"} // 0, "$what: $group.$name");
    }
    $before = $now;
}

# crawlers

my $r = $t->visit('/', headers => { 'user-agent' => $bot });
is($r->{content}, $page, 'a crawler gets the page as it is');
is($r->{headers}{'set-cookie'}, undef, 'and no cookie');
adds_nothing_but('a crawler', bots => 1);

$t->visit('/quiet/', headers => { 'user-agent' => $bot });
adds_nothing_but('where only the server sends events', bots => 1);

my %as_bot = (headers => { 'user-agent' => $bot });
my $event = { type => 'track', event => 'Product Viewed',
    anonymousId => 'crawler-1', properties => {} };

$r = $t->post('/onsite/beacon', $event, %as_bot);
is($r->{status}, 204, 'its beacon succeeds');
adds_nothing_but('a beacon', bots => 1);

$r = $t->post('/onsite/v1/track', $event, %as_bot);
is_deeply(Onsite::Test::json_decode($r->{content}),
    { success => JSON::PP::true }, 'its track call, too');
$r = $t->get('/onsite/pixel.gif?event=X', %as_bot);
is($r->{status}, 200, 'and its pixel');
adds_nothing_but('calls', bots => 2);

# (an answer before it showed something: nothing of that is left)
my %jar;
$r = $t->post('/onsite/decide', { type => 'page' }, jar => \%jar);
like($r->{content}, qr/"id":"hello"/, 'somebody is shown a campaign');
$before = $t->status;
$r = $t->post('/onsite/decide', { type => 'page' }, %as_bot);
is_deeply(Onsite::Test::json_decode($r->{content})->{campaigns}, [],
    'a crawler is not');
adds_nothing_but('decide', bots => 1);

$r = $t->post('/onsite/v1/track', { %$event, anonymousId => 'person' },
    headers => { 'user-agent' => 'ShopBot/1.0',
        authorization => 'Bearer server-key-of-16-bytes' });
is($r->{status}, 200, 'a server may call itself a bot');
adds_nothing_but('its call', 'events.total' => 1, 'state.visitors' => 1,
    'decisions.total' => 1);

$r = $t->visit('/', headers => { 'user-agent' => 'curl/8.5.0' });
like($r->{content}, qr/data-onsite-campaign="hello"/, 'a tool alone is none');
$before = $t->status;

# pages fetched ahead

for my $purpose ('prefetch', 'prefetch;prerender',
    'prefetch;anonymous-client-ip') {
    $r = $t->visit('/', headers => { 'sec-purpose' => $purpose });
    like($r->{content}, $later, "$purpose: the script alone, marked");
    unlike($r->{content}, qr/<template/, 'no content');
    is($r->{headers}{'set-cookie'}, undef, 'no cookie');
    is($r->{headers}{'x-onsite'}, undef, 'nothing was counted');
    like($r->{headers}{'cache-control'}, qr/^private$/, 'for one client only');
    is($r->{headers}{etag}, undef, 'the validators were another page\'s');
    (my $cut = $r->{content}) =~ s/<script src[^>]*><\/script>//;
    is($cut, $page, 'the rest is the page');
    adds_nothing_but($purpose, prefetch => 1);
}

$r = $t->visit('/', headers => { purpose => 'prefetch' });
like($r->{content}, $later, 'the older name of the header');
adds_nothing_but('it', prefetch => 1);

$r = $t->visit('/dry/', headers => { 'sec-purpose' => 'prefetch' });
is($r->{content}, $page, 'a dry run inserts nothing');
adds_nothing_but('it', prefetch => 1);

$r = $t->visit('/policy', headers => { 'sec-purpose' => 'prefetch' });
is($r->{content}, html_page('policy'), 'nor is a policy broken');
adds_nothing_but('it', prefetch => 1);

$r = $t->visit('/unclosed.html', headers => { 'sec-purpose' => 'prefetch' });
is($r->{status}, 200, 'a page without a place');
adds_nothing_but('it', prefetch => 1);

$r = $t->visit('/quiet/', headers => { 'sec-purpose' => 'prefetch' });
is($r->{content}, $page, 'where we are off');
adds_nothing_but('a server event', prefetch => 1);

# with the cookie of somebody known, too

$t->visit('/', jar => \%jar);
$before = $t->status;
$r = $t->visit('/', jar => \%jar, headers => { 'sec-purpose' => 'prefetch' });
like($r->{content}, $later, 'a known visitor\'s prefetch');
adds_nothing_but('it', prefetch => 1);

# and then it is seen: what the script sends

$r = $t->post('/onsite/decide', { type => 'page', context => { page =>
    { path => '/', url => 'http://localhost/' } } }, jar => \%jar);
like($r->{content}, qr/"id":"hello"/, 'shown when it is seen');
adds_nothing_but('it', 'events.total' => 1, 'decisions.total' => 1);

# clocks

sub iso { strftime('%Y-%m-%dT%H:%M:%SZ', gmtime(time + $_[0])) }
sub stamped {
    my ($timestamp, $sent) = @_;
    $t->post('/onsite/beacon', { %$event, anonymousId => 'person',
        timestamp => iso($timestamp),
        defined $sent ? (sentAt => iso($sent)) : () });
}

stamped(-7200, -7200);
adds_nothing_but('a clock two hours slow is corrected', skewed => 1,
    'events.total' => 1, 'decisions.total' => 1);
stamped(600, 0);
adds_nothing_but('an event of the future', skewed => 1, 'events.total' => 1);
stamped(-7200, 0);
adds_nothing_but('one that is late is none', 'events.total' => 1);
stamped(-5, 0);
adds_nothing_but('nor one that is new', 'events.total' => 1,
    'decisions.total' => 1);

$t->done;
