# The endpoints under onsite_collect answer as the Segment HTTP Tracking API
# does, and count what they are told.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use MIME::Base64 qw(encode_base64);
use Onsite::Test;
use Test::More;

my $t = Onsite::Test->new;
$t->campaigns(
    Onsite::Test::popup('added', trigger => { event => 'Product Added' },
        content => { html => '<p>{{event.properties.name}}</p>',
            data => { sku => '{{event.properties.sku}}' } }),
);
$t->start(server => <<'END');
        location /onsite/ { onsite_collect; }
        location /keyed/ { onsite_collect; onsite_write_key wk1 wk2; }
        location /cors/ { onsite_collect;
            onsite_allow_origin https://shop.example; }
        location = /status { onsite_status; }
END

my $SUCCESS = '{"success":true}';

sub counts {
    my ($id) = @_;
    my ($record) = $t->state_records('--visitor', $id);
    return $record->{counts};
}

# each endpoint, long and short
my %body = (
    track => { event => 'Thing Done' },
    page => { name => 'Home', properties => { path => '/' } },
    screen => { name => 'Main' },
    identify => { userId => 'u1', traits => { plan => 'gold' } },
    group => { groupId => 'g1', userId => 'u1' },
    alias => { previousId => 'old', userId => 'u1' },
    batch => { batch => [ { type => 'track', event => 'In Batch' } ] },
);
for my $call (sort keys %body) {
    for my $path ($call, substr($call, 0, 1)) {
        my $body = { anonymousId => 'each', %{ $body{$call} } };
        $_->{anonymousId} = 'each' for @{ $body->{batch} || [] };
        my $r = $t->post("/onsite/v1/$path", $body);
        is($r->{status}, 200, "v1/$path");
        is($r->{content}, $SUCCESS, "v1/$path: success");
        like($r->{headers}{'content-type'}, qr{^application/json},
            "v1/$path: JSON");
    }
}
my $counts = counts('each');
is($counts->{'Thing Done'}, 2, 'track counts');
is($counts->{'Page Viewed'}, 2, 'page counts as Page Viewed');
is($counts->{'In Batch'}, 2, 'batch counts');

# any content type, gzip by its first bytes
my $r = $t->post('/onsite/v1/track',
    { event => 'Plain', anonymousId => 'types' },
    headers => { 'content-type' => 'text/plain;charset=UTF-8' });
is($r->{content}, $SUCCESS, 'text/plain, as browsers send');
require IO::Compress::Gzip;
my $json = json_encode({ event => 'Zipped', anonymousId => 'types' });
IO::Compress::Gzip::gzip(\$json, \my $zipped);
$r = $t->post('/onsite/v1/track', $zipped);
is($r->{content}, $SUCCESS, 'gzip without a header');
$r = $t->post('/onsite/v1/track', $zipped,
    headers => { 'content-encoding' => 'gzip' });
is($r->{content}, $SUCCESS, 'gzip with a header');
is_deeply(counts('types'), { Plain => 1, Zipped => 2 }, 'all counted');

# pixels are always a GIF
my $data = encode_base64(json_encode({ event => 'Seen', anonymousId => 'px' }),
    '');
for my $path ("/onsite/v1/pixel/track?data=$data",
    '/onsite/pixel.gif?event=Seen&anonymousId=px&price=3.5',
    '/onsite/v1/pixel/track?data=%%%', '/onsite/pixel.gif')
{
    $r = $t->get($path);
    is($r->{status}, 200, "$path: 200");
    is(length $r->{content}, 43, 'a GIF of 43 bytes');
    like($r->{content}, qr/^GIF89a/, 'indeed');
    is($r->{headers}{'content-type'}, 'image/gif', 'its type');
    like($r->{headers}{'cache-control'}, qr/no-store/, 'not to be stored');
}
is_deeply(counts('px'), { Seen => 2 }, 'the good ones were counted');

# beacons
$r = $t->post('/onsite/beacon', { type => 'track', event => 'Left',
    anonymousId => 'bc' });
is($r->{status}, 204, 'beacon: 204');
is($r->{content} // '', '', 'and nothing else');
$r = $t->post('/onsite/beacon', { batch => [ map { { type => 'track',
    event => 'Left', anonymousId => 'bc' } } 1 .. 3 ] });
is($r->{status}, 204, 'a batch by beacon');
is_deeply(counts('bc'), { Left => 4 }, 'counted');

# decide
$r = $t->post('/onsite/decide', { type => 'track', event => 'Product Added',
    anonymousId => 'dc', properties => { name => '<b>Boot</b>',
        sku => 'x"1', price => 3 } });
is($r->{status}, 200, 'decide: 200');
my $answer = json_decode($r->{content});
is($answer->{visitor}, 'new', 'who it is');
my $c = $answer->{campaigns}[0];
is($c->{id}, 'added', 'what to show');
is($c->{channel}, 'popup', 'where');
is($c->{html}, '<p>&lt;b&gt;Boot&lt;/b&gt;</p>', 'rendered and escaped');
is_deeply($c->{data}, { sku => 'x"1' }, 'its data');
like($c->{exposure}, qr/^[\w.~-]{20,}$/, 'an exposure token');
ok(exists $c->{$_}, "has $_") for qw(variant slot);
my %jar;
$r = $t->post('/onsite/decide', '', jar => \%jar);
is($r->{status}, 200, 'decide without a body');
is_deeply(json_decode($r->{content})->{campaigns}, [], 'nothing to show');
like($jar{onsite_id}, qr/^[\w-]{22}\.[\w-]{22}$/, 'but a cookie');

# what fires on a beacon is shown by the next decide of the session
$t->post('/onsite/v1/track', { event => 'Product Added', anonymousId => 'pd',
    properties => { name => 'Sandal', price => 3, sku => 's' } });
$answer = json_decode($t->post('/onsite/decide', { type => 'track',
    event => 'Other', anonymousId => 'pd' })->{content});
is($answer->{campaigns}[0]{html}, '<p>Sandal</p>',
    'a beacon\'s campaign waits for the next answer');

# errors say what is wrong
my @bad = (
    ['track', '{"event":', 400, qr/JSON/i],
    ['track', '[]', 400, qr/object/],
    ['track', '{}', 400, qr/event/],
    ['track', '{"event":""}', 400, qr/event/],
    ['track', '{"event":7}', 400, qr/event/],
    ['track', '{"event":"a","properties":[]}', 400, qr/properties/],
    ['batch', '{"batch":{}}', 400, qr/batch/],
    ['batch', '{"batch":[{"type":"dance"}]}', 400, qr/batch\[0\]/],
    ['batch', json_encode({ batch => [ map { { type => 'track',
        event => 'x' } } 1 .. 2501 ] }), 400, qr/2,?500/],
    ['track', '{"event":"a","properties":{"x":"' . 'y' x 33000 . '"}}', 400,
        qr/32/],

    ['track', '', 400, qr/empty|JSON/],
);
for (@bad) {
    my ($path, $body, $status, $message) = @$_;
    $r = $t->post("/onsite/v1/$path", $body);
    my $what = substr $body, 0, 40;
    is($r->{status}, $status, "$path $what: $status");
    my $answer = eval { json_decode($r->{content}) } // {};
    ok(exists $answer->{success} && !$answer->{success}, 'success is false');
    like($answer->{error}, $message, 'with a word on why');
}
is($t->post('/onsite/v1/nonsense', '{}')->{status}, 404, 'no such endpoint');
is($t->get('/onsite/v1/track')->{status}, 405, 'GET on a POST endpoint');
is($t->get('/onsite/nothing')->{status}, 404, 'nothing there');

# keys
for (['wk1', 200], ['wk2', 200], ['wrong', 401], ['', 401]) {
    my ($key, $status) = @$_;
    my $event = { event => 'Keyed', anonymousId => 'k' };
    my $basic = encode_base64("$key:", '');
    is($t->post('/keyed/v1/track', $event, headers => {
        authorization => "Basic $basic" })->{status}, $status,
        "Basic '$key': $status");
    is($t->post('/keyed/v1/track', { %$event, writeKey => $key })->{status},
        $status, "writeKey '$key' in the body: $status");
    is($t->post("/keyed/v1/track?writeKey=$key", $event)->{status}, $status,
        "?writeKey=$key: $status");
}
is($t->post('/keyed/v1/track', { event => 'Keyed' }, headers => {
    authorization => 'Bearer wk1' })->{status}, 200, 'Bearer');

# CORS
my $origin = 'https://shop.example';
$r = $t->request('/cors/v1/track', method => 'OPTIONS', headers => {
    origin => $origin, 'access-control-request-method' => 'POST',
    'access-control-request-headers' =>
        'authorization, content-type, x-retry-count' });
is($r->{status}, 204, 'preflight');
is($r->{headers}{'access-control-allow-origin'}, $origin, 'the origin');
like($r->{headers}{'access-control-allow-methods'}, qr/POST/, 'methods');
like($r->{headers}{'access-control-allow-headers'}, qr/\b$_\b/i, "header $_")
    for qw(Authorization Content-Type X-Retry-Count);
like($r->{headers}{vary}, qr/origin/i, 'varies');
$r = $t->post('/cors/v1/track', { event => 'X', anonymousId => 'o' },
    headers => { origin => $origin });
is($r->{headers}{'access-control-allow-origin'}, $origin, 'on the answer');
is($r->{headers}{'access-control-allow-credentials'}, 'true', 'credentials');
$r = $t->request('/cors/v1/track', method => 'OPTIONS', headers => {
    origin => 'https://evil.example', 'access-control-request-method' =>
        'POST' });
ok(!exists $r->{headers}{'access-control-allow-origin'}, 'not for others');

# the runtime
$r = $t->get('/onsite/onsite.js');
is($r->{status}, 200, 'onsite.js');
like($r->{headers}{'content-type'}, qr/javascript/, 'its type');
my $etag = $r->{headers}{etag};
ok($etag, 'an ETag');
is($t->get('/onsite/onsite.js', headers => { 'if-none-match' => $etag })
    ->{status}, 304, '304 for it');
(my $v = $etag) =~ s/"//g;
like($t->get("/onsite/onsite.js?v=$v")->{headers}{'cache-control'},
    qr/max-age=\d{7,}/, 'kept long by its version');
is($t->get('/onsite/onsite.js?v=0123456789abcdef')->{headers}{'cache-control'},
    'no-store', 'by nobody under the version of another');

# a customer id once linked to one cookie is not opened by another
my (%first, %second);
$t->post('/onsite/decide', { event => 'A', type => 'track' }, jar => \%first);
$t->post('/onsite/decide', { event => 'A', type => 'track' }, jar => \%second);
$t->post('/onsite/v1/track', { event => 'Linked', anonymousId => 'lk' });
$t->post('/onsite/v1/track', { event => 'Linked', anonymousId => 'lk' },
    jar => \%first);
my ($one) = $t->state_records('--visitor', $first{onsite_id});
is($one->{counts}{Linked}, 2, 'what the id did before joins the cookie');
$t->post('/onsite/v1/track', { event => 'Stolen', anonymousId => 'lk' },
    jar => \%second);
($one) = $t->state_records('--visitor', $first{onsite_id});
ok(!exists $one->{counts}{Stolen}, 'another cookie does not open it');
my ($two) = $t->state_records('--visitor', $second{onsite_id});
is($two->{counts}{Stolen}, 1, 'but counts for itself');

# a forged cookie is not believed
$r = $t->post('/onsite/decide', '', headers => {
    cookie => 'onsite_id=AAAAAAAAAAAAAAAAAAAAAA.BBBBBBBBBBBBBBBBBBBBBB' });
like($r->{headers}{'set-cookie'}, qr/^onsite_id=(?!AAAAAAAAAAAAAAAAAAAAAA)/,
    'a forged cookie is replaced');

my $status = $t->status;
cmp_ok($status->{events}{rejected}, '>=', scalar @bad, 'events.rejected');
cmp_ok($status->{decisions}{total}, '>=', 4, 'decisions.total');
ok(exists $status->{decide_seconds}, 'decide_seconds');

$t->done;
