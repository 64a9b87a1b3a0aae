# Where a visitor comes from and what they are drawn to: in the audience of the
# very first page, in content, in variables, over visits.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use Test::More;

my $t = Onsite::Test->new;
$t->write_file('html/index.html', html_page('x'));
$t->campaigns(
    Onsite::Test::popup('ads',
        audience => { 'origin.first.medium' => 'cpc',
            'request.path' => '/' },
        content => { html => '<p>from {{origin.first.campaign}}</p>' }),
    Onsite::Test::popup('shoes',
        audience => { 'affinity.category' => 'shoes',
            'affinity.category.shoes' => { '$gt' => 0.6 } },
        content => { html => '<p>{{#affinity.category.$top}}{{value}} '
            . '{{/affinity.category.$top}}</p>' }),
    { id => 'game', start => 'started', states => {
        started => { on => { Login => 'main' } }, main => {} } },
);
$t->write_file('campaigns/site.json', Onsite::Test::json_encode({
    touches => 2,
    affinities => { category => { half_life => '14d',
        events => { 'Product Viewed' => 1, 'Order Completed' => 5 } },
        'Brand-Name' => { half_life => '1d',
            events => { 'Product Viewed' => 1 }, property => 'brand' } },
}));
my ($code, $out, $err) = $t->run_loader('build', $t->dir . '/campaigns',
    '-o', $t->snapshot);
is($code, 0, 'build') or diag("$out$err");
chmod 0644, $t->snapshot;

$t->start(
    log_format => q('$uri|$onsite_origin|$onsite_first_origin|'
        '$onsite_affinity_category|$onsite_affinity_brand_name|'
        '$onsite_affinity_nothing|$onsite_journey_game|$onsite_journey_none'),
    server => <<'END');
        location / { root %%DIR%%/html; onsite on; }
        location /onsite/ { onsite_collect; }
        location = /status { onsite_status; }
END

my $lines = 0;
sub told {
    my @lines;
    eventually(3, sub { @lines = split /\n/, $t->access_log;
        @lines > $lines });
    $lines = @lines;
    return $lines[-1];
}

my %jar;
my $r = $t->visit('/?gclid=abc&utm_campaign=spring%20%3Csale%3E', jar => \%jar);
like($r->{content}, qr/from spring &lt;sale&gt;/,
    'the first page knows the ad that brought it');
is(told(), '/index.html|google/cpc/spring <sale>|google/cpc/spring <sale>'
    . '||||started|', 'and so do the variables');

$t->post('/onsite/beacon', [
    { type => 'track', event => 'Product Viewed', properties =>
        { category => 'hats', brand => "a\nb" } },
    { type => 'track', event => 'Login', properties => {} },
    { type => 'track', event => 'Order Completed', properties =>
        { products => [ { category => 'shoes' } ] } } ], jar => \%jar);
is(told(), "/onsite/beacon|google/cpc/spring <sale>"
    . "|google/cpc/spring <sale>|shoes|a b||main|",
    'a beacon adds; what a client sent ends no line');

$r = $t->visit('/', jar => \%jar, headers => { Referer => "https://t.co/" });
like($r->{content}, qr/shoes hats /, 'affinities in audience and content');
is(told(), '/index.html|google/cpc/spring <sale>|google/cpc/spring <sale>'
    . '|shoes|a b||main|', 'a referrer within the visit is no touch');

$r = $t->visit('/?utm_source=news&utm_medium=email', jar => \%jar);
is(told(), '/index.html|news/email|google/cpc/spring <sale>|shoes|a b||main|',
    'a campaign within the visit is one');

# a beacon of a page elsewhere is about that page, not about the endpoint

my %other;
$r = $t->post('/onsite/decide', { type => 'page', name => 'x',
    context => { page => { url => 'https://shop.example/x?fbclid=1',
        path => '/x', referrer => 'https://l.facebook.com/' } } },
    jar => \%other);
is(told(), '/onsite/decide|facebook/social|facebook/social||||started|',
    'decide tells the page that asks');

# nobody keeps what nobody asks for

$t->campaigns(Onsite::Test::popup('plain'));
sleep 2;
my %third;
$t->visit('/?gclid=1', jar => \%third);
is(told(), '/index.html|||||||', 'without campaigns that read it: nothing');

$t->done;
