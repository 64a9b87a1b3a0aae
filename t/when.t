# A campaign that waits for something to happen in the page: armed there without
# content, asked for with decide, judged again, shown once; the next page drops
# it; two tabs; nobody releases what is not armed.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use Test::More;

my $t = Onsite::Test->new;
$t->write_file("html/$_.html", html_page($_)) for qw(cart index plain);
$t->campaigns(
    { id => 'do-not-go', channel => 'popup',
        trigger => { event => 'Page Viewed', where => { path => '/cart.html' } },
        audience => { 'cart.value' => { '$gt' => 50 } },
        when => { event => '"><b>&', exit => JSON::PP::true, dwell => '20s' },
        frequency => { cap => 1, per => 'session', stop_on => ['clicked'] },
        content => { html =>
            '<h2>5 off {{cart.items}} of {{event.properties.path}}</h2>' } },
    { id => 'reviews', channel => 'embed', slot => 'hero',
        trigger => { event => 'Product Added' }, when => { seen => '#reviews' },
        content => { html => '<p>{{event.properties.sku}}</p>' } },
    { id => 'plain', channel => 'bar', fallback => 'f', variants => [{ id => 'f' }],
        trigger => { event => 'Page Viewed', where => { path => '/plain.html' } },
        when => { idle => '1m' }, content => { html => '<p>plain</p>' } },
);
$t->start(http => 'onsite_debug_key sesame;
    map $http_x_consent $consent { default full; none none; }
    onsite_consent $consent;');

my %jar;
my $when =
    '{"exit":true,"dwell":20000,"event":"\">\u003cb>&"}';

sub templates {
    my ($path, %o) = @_;
    return [$t->visit($path, jar => \%jar, %o)->{content}
        =~ m{(<template.*?</template>)}gs];
}

# of an attribute in either kind of quotes
sub waits_for {
    my ($html) = @_;
    my (undef, $value) = $html =~ /data-onsite-when=(["'])(.*?)\1/s or return;
    my %char = (quot => '"', '#34' => '"', '#39' => "'", lt => '<', gt => '>',
        amp => '&');
    $value =~ s/&(#?\w+);/$char{$1}/g;
    return $value;
}

sub decide {
    my ($event, %o) = @_;
    my $r = $t->post('/onsite/decide', $event, jar => \%jar, %o);
    is($r->{status}, 200, 'decide answers');
    return json_decode($r->{content})->{campaigns};
}

sub triggered {
    my ($id, %more) = @_;
    return decide({ type => 'track', event => 'Promotion Triggered',
        properties => { promotion_id => $id }, %more });
}

sub ids { join ' ', map { $_->{id} } @{ $_[0] } }

sub added {
    my ($sku, $price, %o) = @_;
    return decide({ type => 'track', event => 'Product Added',
        properties => { sku => $sku, price => $price } }, %o);
}

sub visitor {
    return json_decode($t->get('/onsite/privacy/export',
        jar => \%jar)->{content});
}

# the cart is too small
templates('/index.html');
$t->post('/onsite/beacon', { type => 'track', event => 'Cart Viewed' },
    jar => \%jar);
is_deeply(templates('/cart.html'), [], 'nothing is armed for a small cart');
is_deeply(triggered('do-not-go'), [], 'and nothing is released');
is($t->status->{reasons}{unarmed}, 1, 'which is counted');

# an embed is armed by what is added, in decide's answer
my $campaigns = added('s1', 60);
is_deeply($campaigns, [{ id => 'reviews', variant => '', channel => 'embed',
    slot => 'hero', when => { seen => '#reviews' } }],
    'decide says what to wait for, and no more');

# a page
my $shown = $t->status->{decisions};
my $r = $t->visit('/cart.html', jar => \%jar,
    headers => { 'x-onsite-debug' => 'sesame' });
my ($template) = $r->{content} =~ m{(<template.*?</template>)}s;
is(waits_for($template), $when, 'the page is told what to wait for');
is($template =~ s/ data-onsite-when=(["']).*?\g1//r, '<template'
    . ' data-onsite-campaign="do-not-go" data-onsite-variant=""'
    . ' data-onsite-channel="popup"></template>', 'and no more');
like($r->{content}, qr{<script[^>]* data-onsite[^>]*></script>}, 'by the script');
my ($explained) = grep { $_->{campaign} eq 'do-not-go' }
    @{ json_decode($r->{headers}{'x-onsite-explain'}) };
is_deeply($explained->{detail}, { armed => JSON::PP::true,
    when => json_decode($when) }, 'and the owner of the key, too');

is_deeply(triggered('reviews'), [], 'a new page has dropped what was armed');

# released
$campaigns = triggered('do-not-go', messageId => 'm1');
is(ids($campaigns), 'do-not-go', 'the page asks for it');
is($campaigns->[0]{html}, '<h2>5 off 1 of /cart.html</h2>',
    'and has its content, for the event that armed it');
ok(length $campaigns->[0]{exposure}, 'with its token');
ok(!exists $campaigns->[0]{when}, 'it waits for nothing more');
is_deeply(triggered('do-not-go', messageId => 'm1'), [],
    'a message that comes twice releases once');
is_deeply(triggered('do-not-go'), [], 'nor is it there again');
is_deeply(templates('/cart.html'), [], 'its cap holds');

# another visitor: who empties the cart is let go
%jar = ();
added('s1', 60);
is(scalar @{ templates('/cart.html') }, 1, 'armed for another visitor');
decide({ type => 'track', event => 'Product Removed',
    properties => { sku => 's1' } });
is_deeply(triggered('do-not-go'), [], 'it is judged again when it is asked for');
is($t->status->{reasons}{audience} > 0, 1, 'by its audience');

# two tabs: the later page has armed it, too, once for both
%jar = ();
added('s1', 60);
templates('/cart.html') for 1, 2;
is(ids(triggered('do-not-go')), 'do-not-go', 'one tab gets it');
is_deeply(triggered('do-not-go'), [], 'the other does not');

# two tabs: the later page has not
%jar = ();
added('s1', 60);
templates('/cart.html');
is(scalar @{ visitor()->{armed} }, 1, 'the export tells of it');
templates('/index.html');
is_deeply(triggered('do-not-go'), [], 'the last page decides');

# a page that the script tells of is one, too
templates('/cart.html');
decide({ type => 'page', properties => { path => '/elsewhere' } });
is_deeply(triggered('do-not-go'), [], 'also one that the script tells of');

# a beacon's event waits, and is armed by the page
$t->post('/onsite/beacon', { type => 'track', event => 'Product Added',
    properties => { sku => 's9', price => 1 } }, jar => \%jar);
like(templates('/index.html')->[0], qr/"reviews".*data-onsite-slot="hero".*when/,
    'what a beacon fired is armed by the next page');
$t->post('/onsite/beacon', { type => 'track', event => 'Promotion Triggered',
    properties => { promotion_id => 'reviews' } }, jar => \%jar);
is(triggered('reviews')->[0]{html}, '<p>s9</p>',
    'a beacon releases nothing; decide does');

# without consent all is in the page
%jar = ();
my %none = (headers => { 'x-consent' => 'none' });
($template) = @{ templates('/plain.html', %none) };
is(waits_for($template), '{"idle":60000}', 'without consent it waits in the page');
like($template, qr/><p>plain</, 'with its content');
$r = $t->post('/onsite/decide', { type => 'page',
    properties => { path => '/plain.html' } }, jar => \%jar, %none);
$campaigns = json_decode($r->{content})->{campaigns};
is_deeply([@{ $campaigns->[0] }{qw(html when)}], ['<p>plain</p>', { idle => 60000 }],
    'and in the answer');

# offline
my ($code, $out, $err) = $t->run_loader('inspect', $t->snapshot);
like($out, qr/do-not-go .*on Page Viewed, when \{"exit":true,"dwell":20000/,
    'inspect tells of it');
my $cart = '{"event":"Page Viewed","properties":{"path":"/cart.html"}}';
($code, $out, $err) = $t->run_loader('explain', $t->snapshot, '--event', $cart,
    '--visitor', '{"cart":{"items":1,"value":60}}');
like($out, qr/: 0 of 3 campaigns shown, 1 armed\./, 'explain counts it') or diag($err);
like($out, qr/^do-not-go is armed: it is shown when the page tells of \{"exit"/m,
    'and says what it waits for');
($code, $out) = $t->run_loader('explain', $t->snapshot, '--event',
    '{"event":"Promotion Triggered","properties":{"promotion_id":"do-not-go"}}');
like($out, qr/^do-not-go is not shown: .*no event of this page has armed it/m,
    'or why it does not come');

$t->write_file('log', join '', map { json_encode({ anonymousId => 'v',
    timestamp => "2026-10-20T12:00:0$_->[0]Z", type => 'track', event => $_->[1],
    properties => $_->[2] }) . "\n" } [1, 'Product Added',
        { sku => 's', price => 60 }], [2, 'Page Viewed', { path => '/cart.html' }],
    [3, 'Promotion Triggered', { promotion_id => 'do-not-go' }]);
($code, $out, $err) = $t->run_loader('replay', $t->snapshot, '--events',
    $t->dir . '/log');
my @lines = map { json_decode($_) } split /\n/, $out;
my ($armed, $released) = grep { ($_->{campaign} // '') eq 'do-not-go' } @lines;
ok($armed->{armed}, 'replay arms') or diag($err);
is_deeply($armed->{when}, json_decode($when), 'says for what');
is($released->{html}, '<h2>5 off 1 of /cart.html</h2>', 'and releases');
like($err, qr/"do-not-go":\{"shown":1,"pending":0,"armed":1,"visitors":1}/,
    'and counts both');

is($t->status->{store}{errors}, 0, 'no errors');

$t->done;
