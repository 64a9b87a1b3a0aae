# What visitors may ask for: a choice, all that is held of them, that it goes;
# and that Global Privacy Control is said to be honoured.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Consent;
use Onsite::Test;
use Test::More;

my $t = Onsite::Test->new;
$t->write_file('html/index.html', html_page('x'));
$t->write_file('html/.well-known/gpc.json', '{"gpc":false}');
$t->campaigns(Onsite::Test::popup('hello',
    frequency => { cap => 5, per => 'session' }));
$t->start(server => <<'END');
        root %%DIR%%/html;
        location / { onsite on; }
        location /onsite/ { onsite_collect; }
        location = /status { onsite_status; }
        location /tcf/ { alias %%DIR%%/html/; onsite on; onsite_consent tcf; }
        location /lax/ {
            onsite_collect;
            onsite_allow_origin https://partner.example;
        }
        location /any/ { onsite_collect; onsite_allow_origin *; }
        location /given/ { onsite_collect; onsite_consent session; }
END

sub ask { my ($path, $body, %o) = @_; return $t->post($path, $body, %o) }
sub cookies { my ($r) = @_; my $c = $r->{headers}{'set-cookie'} // [];
    return ref $c ? @$c : $c }
sub set { my ($r, $name) = @_; return (grep { /^\Q$name\E=/ } cookies($r))[0] }
sub visitor { my %jar; $t->visit('/', jar => \%jar); return \%jar }
sub count { return scalar $t->state_records }

# choosing

for my $form ([{ consent => 'session' }], ['consent=session',
    headers => { 'content-type' => 'application/x-www-form-urlencoded' }])
{
    my $r = ask('/onsite/consent', @$form);
    is($r->{status}, 200, 'consent');
    is($r->{headers}{'content-type'}, 'application/json', 'JSON');
    is($r->{headers}{'cache-control'}, 'no-store', 'not for caches');
    is_deeply(json_decode($r->{content}), { consent => 'session' },
        'says what holds');
    like(set($r, 'onsite_id_consent'), qr/^onsite_id_consent=session; Path=\/; Max-Age=31536000; HttpOnly; Same/,
        'and is remembered');
    ok(!set($r, 'onsite_id'), 'a choice makes no visitor');
}
is(json_decode(ask('/onsite/consent?consent=full', '')->{content})->{consent},
    'full', 'in the query');
is(json_decode(ask('/onsite/consent', { consent => 'full' },
    headers => { 'sec-gpc' => 1 })->{content})->{consent}, 'none',
    'GPC is stronger');
is(json_decode(ask('/given/consent', { consent => 'full' })->{content})
    ->{consent}, 'session', 'and what the site says');
for my $bad ({ consent => 'some' }, { consent => 1 }, {}, '', '{', 'consent',
    [], 'null')
{
    my $r = ask('/onsite/consent', $bad);
    is($r->{status}, 400, 'not a choice') or diag(json_encode($bad));
    like(json_decode($r->{content})->{error}, qr/none, session or full/,
        'and what would be one');
    is(cookies($r), 0, 'no cookie');
}
is($t->get('/onsite/consent')->{status}, 405, 'GET does not choose');

# a choice lives in the cookie

my $jar = visitor();
is(count(), 1, 'a visitor');
my $r = ask('/onsite/consent', { consent => 'session' }, jar => $jar);
like(set($r, 'onsite_id'), qr/^onsite_id=.{45};/, 'the cookie comes anew');
unlike(set($r, 'onsite_id'), qr/max-age/i, 'for the session');
$t->visit('/', jar => $jar);
is(count(), 1, 'the same visitor');
is(($t->state_records)[0]{session_only}, JSON::PP::true, 'for the session');
$r = ask('/onsite/consent', { consent => 'full' }, jar => $jar);
like(set($r, 'onsite_id'), qr/max-age/i, 'full: for long');

# withdrawal

my $old = $jar->{onsite_id};
$r = ask('/onsite/consent', { consent => 'none' }, jar => $jar);
is_deeply(json_decode($r->{content}), { consent => 'none' }, 'withdrawn');
like(set($r, 'onsite_id'), qr/^onsite_id=; Path=\/; Max-Age=0;/,
    'the cookie goes');
like(set($r, 'onsite_id_consent'), qr/=none;/, 'the choice stays');
is(count(), 0, 'and the record is gone');
delete $jar->{onsite_id};
$r = $t->visit('/', jar => $jar);
is(cookies($r), 0, 'nothing is remembered from then on');
is(count(), 0, 'nothing at all');
$r = $t->visit('/', headers => { cookie => "onsite_id=$old" });
is(count(), 0, 'the old cookie does not bring it back');
like(set($r, 'onsite_id'), qr/Max-Age=0/, 'it is told to go, again');

$r = ask('/onsite/consent', { consent => 'full' },
    headers => { cookie => "onsite_id=$old; onsite_id_consent=none" });
my ($new) = set($r, 'onsite_id') =~ /^onsite_id=(.{45});/;
ok($new && $new ne $old, 'who consents again is somebody else');
$t->visit('/', headers => { cookie => "onsite_id=$new" });
is(count(), 1, 'and remembered');

# withdrawal by a consent string

my $tcf = 'euconsent-v2=' . tcf(1, 3, 4, 7);
%$jar = ();
$r = $t->visit('/tcf/', headers => { cookie => $tcf });
my ($id) = set($r, 'onsite_id') =~ /^(onsite_id=.{45});/;
is(count(), 2, 'remembered');
$r = $t->visit('/tcf/', headers => { cookie => "$id; euconsent-v2=broken" });
is(cookies($r), 0, 'a broken string is not a no');
$r = $t->visit('/tcf/', headers => { cookie => $id });
is(cookies($r), 0, 'nor is none');
$r = $t->visit('/tcf/', headers => { cookie => "$id; $tcf", dnt => 1 });
is(cookies($r), 0, 'nor is DNT');
is(count(), 2, 'it rests');
$r = $t->visit('/tcf/', headers => { cookie => "$id; euconsent-v2=" . tcf(2) });
like(set($r, 'onsite_id'), qr/^onsite_id=; .*Max-Age=0;/, 'a no: it goes');
like($r->{headers}{'cache-control'}, qr/no-store/, 'not for caches');
is(count(), 1, 'and the record');
like($r->{content}, qr/<body>x/, 'the page comes');

# who may ask

for my $origin (['http://127.0.0.1:' . $t->port, 200],
    ['https://127.0.0.1:' . $t->port, 200], ['http://127.0.0.1', 403],
    ['https://evil.example', 403], ['null', 403],
    ['http://127.0.0.1:' . $t->port . '.evil.example', 403])
{
    for my $path ('consent', 'privacy/erase') {
        $r = ask("/onsite/$path", { consent => 'full' },
            headers => { origin => $origin->[0] });
        is($r->{status}, $origin->[1] == 200 && $path ne 'consent' ? 404
            : $origin->[1], "$path from $origin->[0]");
    }
}
$jar = visitor();
$r = ask('/onsite/privacy/erase', '', jar => $jar,
    headers => { origin => 'https://evil.example' });
is($r->{status}, 403, 'not for another site');
is(cookies($r), 0, 'nothing happened');
is(count(), 2, 'really');
is(ask('/any/privacy/erase', '', headers => {
    origin => 'https://evil.example' })->{status}, 403, 'not for anyone');
$r = ask('/lax/consent', { consent => 'full' }, headers => {
    origin => 'https://partner.example' });
is($r->{status}, 200, 'for an allowed one');
is($r->{headers}{'access-control-allow-credentials'}, 'true', 'with CORS');
is(ask('/onsite/privacy/erase', '', headers => {
    'sec-fetch-site' => $_->[0] })->{status}, $_->[1], "a page $_->[0]")
    for ['cross-site', 403], ['same-site', 403], ['same-origin', 404],
        ['none', 404];

# export

is($t->get('/onsite/privacy/export')->{status}, 404, 'no cookie');
is($t->get('/onsite/privacy/export', headers => {
    cookie => 'onsite_id=' . 'A' x 22 . '.' . 'A' x 22 })->{status}, 404,
    'not ours');
$t->post('/onsite/v1/batch', { batch => [
    { type => 'track', event => 'Product Added', properties => {
        sku => 'shoe', price => 35.5, quantity => 2 } },
    { type => 'identify', userId => 'ann', traits => { city => 'Oslo' } },
] }, jar => $jar);
$t->post('/onsite/v1/track', { event => 'Elsewhere', anonymousId => 'device' },
    jar => $jar);
$r = $t->get('/onsite/privacy/export', jar => $jar);
is($r->{status}, 200, 'export');
like($r->{headers}{'content-disposition'}, qr/^attachment/, 'to keep');
is($r->{headers}{'cache-control'}, 'no-store', 'not for caches');
is($r->{headers}{'x-content-type-options'}, 'nosniff', 'JSON and no more');
my $held = json_decode($r->{content});
is($held->{site}, 'default', 'whose');
is($held->{counts}{Elsewhere}, 1, 'what happened');
is_deeply($held->{cart}{lines}, [{ sku => 'shoe', quantity => 2,
    price => 35.5 }], 'the cart');
is($held->{user_id}, 'ann', 'who');
is($held->{status}, 'known', 'known');
is($held->{exposures}[0]{campaign}, 'hello', 'what was shown, by name');
is(scalar @{ $held->{links} }, 1, 'which ids lead here');
is_deeply([grep { $_->{kind} eq 'delivery' } @{ $held->{outbox} }], [],
    'no delivery waits to leave');
is(scalar(grep { $_->{event} eq 'Elsewhere' } @{ $held->{outbox} }), 1,
    'what happened does');
ok($held->{exported}, 'when');
unlike($r->{content}, qr/device/, 'ids are hashed');
$r = $t->get('/onsite/privacy/export', jar => $jar,
    headers => { 'sec-gpc' => 1 });
is($r->{status}, 200, 'also for who has withdrawn consent elsewhere');
is($t->post('/onsite/privacy/export', '')->{status}, 405, 'GET only');

# erase

$r = ask('/onsite/privacy/erase', '', jar => $jar);
is($r->{status}, 200, 'erase');
is_deeply(json_decode($r->{content}), { erased => JSON::PP::true }, 'done');
like(set($r, 'onsite_id'), qr/^onsite_id=; .*Max-Age=0;/, 'the cookie goes');
ok(!set($r, 'onsite_id_consent'), 'no choice was made');
is($t->get('/onsite/privacy/export', jar => $jar)->{status}, 404,
    'nothing is held');
is(ask('/onsite/privacy/erase', '')->{status}, 404, 'again, of nobody');
is($t->status->{privacy}{erasures}, 3, 'counted');

# GPC

$r = $t->get('/.well-known/gpc.json');
is($r->{status}, 200, 'gpc.json');
is($r->{headers}{'content-type'}, 'application/json', 'its type');
my $gpc = json_decode($r->{content});
is($gpc->{gpc}, JSON::PP::true, 'honoured');
like($gpc->{lastUpdate}, qr/^\d{4}-\d\d-\d\d$/, 'since');
is($t->request('/.well-known/gpc.json', method => 'HEAD')->{status}, 200,
    'HEAD');
isnt($t->post('/.well-known/gpc.json', '')->{status}, 200, 'not POST');
$t->stop;

for my $case (
    ['onsite_gpc off; location /onsite/ { onsite_collect; }', 0],
    ['onsite_consent full; location /onsite/ { onsite_collect; }', 0],
    ['onsite_consent full; onsite_gpc on; location /onsite/ { onsite_collect; }',
        1],
    ['onsite_consent gpp; location /onsite/ { onsite_collect; }', 1],
    ['location = /.well-known/gpc.json { } location /onsite/ { onsite_collect; }',
        0],
    ['onsite on;', 0])
{
    $t->start(server => 'root %%DIR%%/html; location / { } ' . $case->[0]);
    is(json_decode($t->get('/.well-known/gpc.json')->{content})->{gpc} ? 1 : 0,
        $case->[1], $case->[0]);
    $t->stop;
}

$t->done;
