# No consent, no trace: no cookie, no read, no write; the page gets what needs
# no memory.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::SHA;
use Onsite::Outbox;
use Onsite::Test;
use Test::More;

my $t = Onsite::Test->new;
$t->write_file('html/index.html', html_page('x'));
$t->campaigns(
    Onsite::Test::popup('contextual', audience => {
        'request.path' => '/' }, fallback => 'plain', variants => [
        { id => 'smart', weight => 1 },
        { id => 'plain', weight => 0, content => { html => '<p>plain</p>' } },
    ]),
    Onsite::Test::popup('stateful', audience => { 'visitor.status' => 'new' },
        fallback => 'x', variants => [ { id => 'x', weight => 1 } ]),
);
$t->start(server => <<'END');
        root %%DIR%%/html;
        onsite on;
        onsite_consent $http_x_consent;
        location / { }
        location /onsite/ { onsite_collect; }
        location = /status { onsite_status; }
END

sub digest {
    return join ' ', map { Digest::SHA->new(256)->addfile($_)->hexdigest }
        grep { !/lock/ } sort glob $t->state_dir . '/*.mdb';
}

$t->visit('/', headers => { 'x-consent' => 'full' });
my $before = digest();

for my $value ('none', 'nonsense', '') {
    my $r = $t->visit('/', headers => { 'x-consent' => $value,
        cookie => 'onsite_id=AAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAA' });
    ok(!exists $r->{headers}{'set-cookie'}, "consent '$value': no cookie");
    like($r->{content}, qr{<p>plain</p>}, 'the fallback variant');
    unlike($r->{content}, qr/"stateful"/, 'nothing that needs memory');
    $r = $t->post('/onsite/v1/track', { event => 'A', anonymousId => 'z' },
        headers => { 'x-consent' => $value });
    is($r->{status}, 200, 'a beacon is accepted');
    ok(!exists $r->{headers}{'set-cookie'}, 'and sets no cookie');
}
is(digest(), $before, 'the state directory is the same, byte for byte');

my $r = $t->visit('/', headers => { 'x-consent' => 'session' });
my $cookie = $r->{headers}{'set-cookie'} // '';
like($cookie, qr/^onsite_id=/, 'session: a cookie');
unlike($cookie, qr/max-age|expires/i, 'for the session only');
$r = $t->visit('/', headers => { 'x-consent' => 'full' });
like($r->{headers}{'set-cookie'}, qr/max-age=31536000/i, 'full: for a year');

$t->stop;

# unset: full, but none for GPC and DNT
$t->start;
for my $header (['sec-gpc', '1', 0], ['dnt', '1', 0], ['dnt', '0', 1],
    ['x-other', '1', 1])
{
    my ($name, $value, $traced) = @$header;
    $r = $t->visit('/', headers => { $name => $value });
    is(exists $r->{headers}{'set-cookie'} ? 1 : 0, $traced,
        "$name: $value");
}

# what a delivery tells: of who is there for the session only, nobody
my %says = map { $_ => "{{$_}}" } qw(visitor.user_id visitor.traits.plan
    visitor.verified event.userId event.traits.plan event.context.ip
    event.context.locale event.properties.sku);
my %hook = (channel => 'webhook', trigger => { event => 'Cart' });
my $d = Onsite::Test->new;
$d->campaigns({ %hook, id => 'cart', endpoint => 'https://h.example/a',
    priority => 2, content => { data => \%says } },
    { %hook, id => 'audience', endpoint => 'https://h.example/b',
    audience => { 'visitor.user_id' => { '$regex' => '^u-' },
        'visitor.traits.plan' => 'gold' }, content => { data => {} } });
$d->write_file('endpoints.json', json_encode({ map {
    ("https://h.example/$_" => { unsigned => \1 }) } qw(a b) }));
$d->start(server => <<'END');
        root %%DIR%%/html;
        onsite_consent $http_x_consent;
        onsite_server_key trusted;
        location /onsite/ { onsite_collect; }
        location = /status { onsite_status; }
END

my $n = 0;
sub call {
    my ($tier, $type, $who, %o) = @_;
    my $r = $d->post("/onsite/v1/$type", { messageId => 'm' . ++$n,
        context => { ip => '192.0.2.1', locale => 'fr' },
        $type eq 'track' ? (event => 'Cart', properties => { sku => 's-1' })
                         : (traits => { plan => 'gold' }), %$who },
        headers => { 'x-consent' => $tier, %{ $o{headers} // {} } },
        jar => $o{jar});
    is($r->{status}, 200, "$tier: $type");
}

my %seen;
sub deliveries { return grep { !$seen{ $_->{seq} }++ } outbox($d) }

sub told {
    my ($delivery) = @_;
    my %data = %{ $delivery->{data} };
    return join ' ', map { "$_=" . ($data{$_} // 'null') } grep {
        defined $data{$_} && $data{$_} ne '' } sort keys %data;
}

my $bare = 'event.context.locale=fr event.properties.sku=s-1';
for my $case (['of an id', { anonymousId => 'brief', userId => 'u-1' }],
    ['of a server', { anonymousId => 'brief-2', userId => 'u-2' },
        headers => { authorization => 'Bearer trusted' } ])
{
    my ($what, $who, @o) = @$case;
    call('session', $_, $who, @o) for qw(identify track);
    my @both = deliveries();
    is(join(',', sort map { $_->{campaign} } @both), 'audience,cart',
        "$what: what campaigns ask is as ever");
    is($_->{user_id}, undef, "$what: a delivery names nobody") for @both;
    ok(!$_->{verified}, "$what: and proves nothing") for @both;
    my ($cart) = grep { $_->{campaign} eq 'cart' } @both;
    is(told($cart), "$bare visitor.verified=0", "$what: nor does its data");
    unlike(json_encode(\@both), qr/u-\d|gold|192\.0/, "$what: anywhere");
}

call('full', $_, { anonymousId => 'whole', userId => 'u-3' })
    for qw(identify track);
my ($whole) = grep { $_->{campaign} eq 'cart' } deliveries();
is($whole->{user_id}, 'u-3', 'full: all of it');
is(told($whole), 'event.context.ip=192.0.2.1 event.context.locale=fr '
    . 'event.properties.sku=s-1 event.userId=u-3 visitor.traits.plan=gold '
    . 'visitor.user_id=u-3 visitor.verified=0', 'as its data has it');

# a delivery that waits is asked about as consent is by now
sub would {
    my ($seq) = @_;
    my ($code, $out, $err) = $d->run_loader('deliver', $d->state_dir, '-e',
        $d->dir . '/endpoints.json', '-n', '--json');
    my ($one) = grep { $_->{seq} == $seq } map { json_decode($_) }
        split /\n/, $out;
    return join ' ', grep { defined && length } @$one{qw(would why)};
}

like(would($whole->{seq}), qr/^send/, 'full: it leaves');
call('session', 'track', { anonymousId => 'whole' });
my ($later) = grep { $_->{campaign} eq 'cart' } deliveries();
is(would($whole->{seq}), 'drop consent', 'session since: it is dropped');
like(would($later->{seq}), qr/^send/, 'one that names nobody leaves');

call('full', $_, { anonymousId => 'nameless' }) for qw(identify track);
my ($nameless) = grep { $_->{campaign} eq 'cart' } deliveries();
is($nameless->{user_id}, undef, 'full, of somebody without a name');
is($nameless->{data}{'visitor.traits.plan'}, 'gold', 'has traits');
like(would($nameless->{seq}), qr/^send/, 'and leaves');
call('session', 'track', { anonymousId => 'nameless' });
is(would($nameless->{seq}), 'drop consent', 'session since: dropped, too');
deliveries();

my %jar;
call('full', $_, { userId => 'u-4' }, jar => \%jar) for qw(identify track);
($whole) = grep { $_->{campaign} eq 'cart' } deliveries();
is($whole->{user_id}, 'u-4', 'a cookie in full');
like(would($whole->{seq}), qr/^send/, 'its delivery leaves');
$r = $d->post('/onsite/consent', { consent => 'session' }, jar => \%jar,
    headers => { 'x-consent' => 'full' });
is(json_decode($r->{content})->{consent}, 'session', 'a choice of less');
is(would($whole->{seq}), 'drop consent', 'holds at once');
is((events_out($d))[-1]{user_id}, 'u-4', 'what happened before stays told');
my ($record) = grep { ($_->{user_id} // '') eq 'u-4' } $d->state_records;
ok($record->{session_only}, 'its record is for the session');
$r = $d->post('/onsite/consent', { consent => 'session' }, jar => \%jar,
    headers => { 'x-consent' => 'full' });
is($r->{status}, 200, 'a choice made twice');

$d->stop;
$d->check_logs;
$d->{clean} = 1;

$t->done;
