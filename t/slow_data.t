# Slow data over HTTP: what was known of a customer before opens for whom a
# trusted source says who is there, and for nobody else; products are for all.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use Test::More;

my $t = Onsite::Test->new;
my $dir = $t->dir;
$t->write_file('html/index.html', html_page('x'));
$t->write_file('html/shop.html', html_page('y'));

$t->write_file('campaigns/profiles.csv', join "\n",
    'id,tier,ltv,recommended[],updated',
    'ann@shop,gold,1200,s1|gone|s2|s3,2026-01-31T08:00:00Z',
    'bob,none,3,,', '');
$t->write_file('campaigns/products.ndjson', <<'END');
{"sku":"s1","title":"Red <b>shoe</b>","url":"/p/1?a=1&b=2","price":9.5}
{"sku":"s2","title":"Sold out","url":"/p/2","price":1,"stock":0}
{"sku":"s3","title":"Hat","url":"javascript:alert(1)","price":20}
END
$t->write_file('campaigns/segments/newsletter.txt', "ann\@shop\nbob\n");
$t->write_file('campaigns/segments/regulars.json', json_encode({
    id => 'regulars', condition => { 'visitor.counts.Regular' => {
        '$gte' => 1 } } }));

sub campaign {
    my ($id, $audience, $html, %more) = @_;
    $t->write_file("campaigns/$id.json", json_encode(Onsite::Test::popup($id,
        audience => $audience, content => { html => $html }, %more)));
}

campaign('vip', { 'profile.tier' => 'gold' },
    '<p>{{#recommended}}<a href="{{url}}">{{title}}: {{price}}</a>'
    . '{{/recommended}}</p>');
campaign('aged', { 'profile.age_seconds' => { '$gt' => 86400 } }, '<p>aged</p>');
campaign('fresh', { 'profile.age_seconds' => { '$exists' => \1,
    '$lt' => 86400 } },
    '<p>fresh</p>');
campaign('on-list', { segments => { '$elemMatch' => { '$eq' => 'newsletter' } } },
    '<p>{{#segments}}[{{.}}]{{/segments}}</p>');
campaign('by-rule', { segments => { '$in' => ['regulars'] } }, '<p>rule</p>');
campaign('product', { 'product.price' => { '$gt' => 5 } },
    '<h2 title="{{product.title}}">{{product.title}}</h2>',
    trigger => { event => 'Product Viewed' });
campaign('cart', { 'cart.products.length' => { '$gte' => 1 } },
    '<p>{{#cart.products}}{{quantity}} x {{title}}{{sku}};{{/cart.products}}</p>',
    trigger => { event => 'Cart Viewed' });

sub build {
    my ($code, $out, $err) = $t->run_loader('build', "$dir/campaigns", '-o',
        $t->snapshot, @_);
    is($code, 0, 'build') or diag($err);
    is($err, '', 'without warnings');
    chmod 0644, $t->snapshot;
}
build();

$t->start(
    log_format => q('$uri|$onsite_segments'),
    http => 'onsite_server_key secret-of-a-server;',
    server => <<'END');
        root %%DIR%%/html;
        onsite_identity $http_x_customer;
        location / { onsite on; }
        location /onsite/ { onsite_collect; }
        location = /status { onsite_status; }
        location = /told { onsite on; onsite_consent $http_x_consent;
            default_type text/plain; return 200 "[$onsite_segments]"; }
END

sub shown {
    my ($r) = @_;
    my @ids = $r->{content} =~ /data-onsite-campaign="([^"]+)"/g;
    return join ' ', sort @ids;
}

sub html_of {
    my ($r, $id) = @_;
    return $r->{content} =~ m{<template[^>]*data-onsite-campaign="$id"[^>]*>
        (.*?)</template>}sx ? $1 : undef;
}

sub decide {
    my ($event, %o) = @_;
    my $r = $t->post('/onsite/decide', $event, %o);
    return { map { $_->{id} => $_->{html} }
        @{ json_decode($r->{content})->{campaigns} } };
}

# whom nginx knows
my %ann;
my $r = $t->visit('/', jar => \%ann, headers => { 'x-customer' => 'ann@shop' });
is(shown($r), 'aged on-list vip', 'a verified VIP sees what is for them');
is(html_of($r, 'vip'), '<p><a href="/p/1?a=1&amp;b=2">Red &lt;b&gt;shoe'
    . '&lt;/b&gt;: 9.5</a><a href="#">Hat: 20</a></p>',
    'recommended products that may be had, escaped for where they stand')
    or diag($r->{content});
is(html_of($r, 'on-list'), '<p>[newsletter]</p>', 'and the lists they are on');

my %bob;
$r = $t->visit('/', jar => \%bob, headers => { 'x-customer' => 'bob' });
is(shown($r), 'fresh on-list', 'another customer what is for that one: a '
    . 'profile without a time is as old as the snapshot');

$r = $t->visit('/', jar => {}, headers => { 'x-customer' => 'nobody' });
is(shown($r), '', 'a customer without slow data sees nothing');

# whom nobody vouches for
my %eve;
$t->visit('/', jar => \%eve);
my $d = decide({ type => 'identify', userId => 'ann@shop' }, jar => \%eve);
is_deeply($d, {}, 'an identify that anybody can send opens nothing');
$r = $t->visit('/shop.html', jar => \%eve);
is(shown($r), '', 'nor for the pages that follow');

# logged out: the device stays ann's, what is known of her shuts
$r = $t->visit('/shop.html', jar => \%ann);
is(shown($r), '', 'who is logged out is nobody\'s customer');
$r = $t->visit('/shop.html', jar => \%ann, headers => {
    'x-customer' => 'ann@shop' });
is(shown($r), 'aged on-list vip', 'until they are back');

# the variable
is($t->visit('/told', jar => \%ann, headers => { 'x-customer' => 'ann@shop',
    'x-consent' => 'full' })->{content}, '[newsletter]', '$onsite_segments');
$t->post('/onsite/v1/track', { event => 'Regular' }, jar => \%ann);
is($t->visit('/told', jar => \%ann, headers => { 'x-customer' => 'ann@shop',
    'x-consent' => 'full' })->{content}, '[regulars,newsletter]',
    'rules, then lists');
is($t->visit('/told', jar => \%ann, headers => { 'x-consent' => 'full' })
    ->{content}, '[regulars]', 'lists shut when nobody is logged in');
is($t->visit('/told', jar => \%ann, headers => { 'x-customer' => 'ann@shop',
    'x-consent' => 'none' })->{content}, '[]', 'nothing without consent');
$t->visit('/shop.html', jar => \%ann, headers => {
    'x-customer' => 'ann@shop' });
ok(eventually(3, sub { $t->access_log =~
    m{^/shop\.html\|regulars,newsletter$}m }), 'in the log, too');
$r = $t->visit('/', jar => \%ann, headers => { 'x-customer' => 'ann@shop' });
is(shown($r), 'aged by-rule on-list vip', 'a campaign by rule');

# products are nobody's secret
$d = decide({ type => 'track', event => 'Product Viewed',
    properties => { sku => 's1' } }, jar => \%eve);
is($d->{product}, '<h2 title="Red &lt;b&gt;shoe&lt;/b&gt;">Red &lt;b&gt;shoe'
    . '&lt;/b&gt;</h2>', 'the event\'s product');
$d = decide({ type => 'track', event => 'Product Viewed',
    properties => { product_id => 's3' } }, jar => \%eve);
is($d->{product}, '<h2 title="Hat">Hat</h2>', 'by product_id');
$d = decide({ type => 'track', event => 'Product Viewed',
    properties => { sku => 's2' } }, jar => \%eve);
is($d->{product}, undef, 'a cheap one is not for the campaign');
$d = decide({ type => 'track', event => 'Product Viewed',
    properties => { sku => 'unknown' } }, jar => \%eve);
is($d->{product}, undef, 'nor one that is not known');

$t->post('/onsite/v1/track', { event => 'Product Added',
    properties => { sku => $_->[0], quantity => $_->[1] } }, jar => \%eve)
    for ['s3', 2], ['zz', 1];
$d = decide({ type => 'track', event => 'Cart Viewed' }, jar => \%eve);
is($d->{cart}, '<p>2 x Hats3;1 x zz;</p>', 'the cart knows its products');

# a new snapshot takes the place of the old, with its slow data
$t->write_file('campaigns/profiles.csv', "id,tier\nbob,gold\n");
build();
ok(eventually(5, sub {
    shown($t->visit('/', jar => \%bob, headers => { 'x-customer' => 'bob' }))
        =~ /vip/ }), 'another VIP');
$r = $t->visit('/', jar => \%ann, headers => { 'x-customer' => 'ann@shop' });
is(shown($r), 'by-rule on-list', 'and one less');

# damage in a table is found before the file is mapped
my $bytes = Onsite::Test::read_file($t->snapshot);
substr($bytes, length($bytes) - 100, 1) ^= "\x01";
$t->write_file('broken.mdb', $bytes);
my ($code, $out, $err) = $t->run_loader('inspect', "$dir/broken.mdb");
is($code, 1, 'a changed byte');
like($err, qr/checksum is wrong/, 'is told');

$t->done;
