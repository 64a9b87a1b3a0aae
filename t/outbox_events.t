# Events in the outbox: all that happens and what the server shows, with the
# request that brought it; what consent and directives let out; a full outbox.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Outbox;
use Onsite::Test;
use Test::More;

my $t = Onsite::Test->new;
$t->write_file('html/index.html', html_page('x'));
$t->campaigns(Onsite::Test::popup('hello', trigger => { event => 'Page Viewed' },
    variants => [{ id => 'a', weight => 1, content => { html => 'hi' } }]),
    { id => 'order', channel => 'webhook', endpoint => 'https://h.example/',
        trigger => { event => 'Order Completed' },
        content => { data => {} } });
$t->start(workers => 2, state => 'size=32m shards=2',
    server => <<'END');
        onsite_server_key trusted;
        location / { root %%DIR%%/html; onsite on; }
        location /onsite/ { onsite_collect; }
        location /tcf/ { onsite_collect; onsite_consent $arg_tier; }
        location /off/ { onsite_collect; onsite_outbox_events off; }
        location /some/ { onsite_collect; onsite_outbox_except Secret "Page Viewed";
            onsite_outbox_fields sku context.locale plan; }
        location = /status { onsite_status; }
END

# What was added since, without what is checked once.
my %seen;
sub added { return grep { !$seen{ $_->{seq} }++ } events_out($t) }
sub track {
    my ($at, %event) = @_;
    return $t->post("/$at/v1/track", { anonymousId => 'ann', %event })->{status};
}

# an event, there with its answer
is(track('onsite', event => 'Product Added', messageId => 'm-1', userId => 'u-1',
    timestamp => '2020-01-01T00:00:00Z', sentAt => '2020-01-01T00:00:00Z',
    properties => { sku => "s\"1\n", price => 1.5, list => [1, { a => undef }] }),
    200, 'an event');
my ($e) = added();
is($e->{id}, 'm-1', 'its id is the messageId');
is_deeply($e->{data}, { sku => "s\"1\n", price => 1.5,
    list => [1, { a => undef }] }, 'its properties');
is("$e->{kind} $e->{type} $e->{event} $e->{site} $e->{user_id}",
    'event track Product Added default u-1', 'and all else');
like($e->{visitor}, qr/^[0-9a-f]{32}$/, 'whose it is');
like($e->{time}, qr/^20\d\d-\d\d-\d\dT[\d:.]+Z$/, 'when');
is_deeply([sort keys %$e], [qw(data event id kind seq site time type user_id
    visitor)], 'nothing more');
is(track('onsite', event => 'Product Added', messageId => 'm-1'), 200, 'once more');
is(scalar(added()), 0, 'is noise, and does not leave');
is($t->post('/onsite/v1/track', '{"event":')->{status}, 400, 'what is refused');
is(scalar(added()), 0, 'does not leave');

# all types, a batch in order
$t->post('/onsite/v1/batch', { batch => [
    { type => 'identify', anonymousId => 'bob', userId => 'u-2', traits => { plan => 'x' } },
    { type => 'page', anonymousId => 'bob', name => 'Home' },
    { type => 'screen', anonymousId => 'bob', name => 'S' },
    { type => 'group', anonymousId => 'bob', groupId => 'g' },
    map { { type => 'track', anonymousId => 'bob', event => "E $_" } } 1 .. 60] });
is(join(',', map { $_->{event} } added()), join(',', 'Identify', 'Page Viewed',
    'Screen Viewed', 'Group', map { "E $_" } 1 .. 60), 'a batch, in its order');

# a page: its view, and what was shown; a delivery is no event
my %jar;
$t->visit('/?a=1', jar => \%jar);
my @page = added();
is(join(',', map { $_->{event} } @page), 'Page Viewed,Promotion Served', 'a page');
is($page[0]{data}{search}, '?a=1', 'its view');
is($page[0]{data}{url}, "http://127.0.0.1:$t->{port}/?a=1",
    'as the address bar has it, port and all');
my $served = $page[1]{data};
is("@$served{qw(promotion_id variant channel propensity trigger)}",
    'hello a popup 1 Page Viewed', 'what is shown, and how likely that was');
cmp_ok($served->{snapshot}, '>', 0, 'by which snapshot');
is($page[0]{visitor}, $page[1]{visitor}, 'of the same visitor');
is(track('onsite', event => 'Order Completed'), 200, 'a webhook');
is(join(',', map { $_->{event} } added()), 'Order Completed', 'its event alone');
is(scalar(outbox($t)), 1, 'and a delivery');

# what variables look at ahead leaves once
$t->get('/onsite/pixel.gif?event=Pixel&n=1', jar => \%jar);
is_deeply([map { $_->{data} } added()], [{ n => 1 }], 'a pixel');

# consent
$t->visit('/', headers => { 'sec-gpc' => 1 });
$t->post('/tcf/v1/track?tier=none', { event => 'No', anonymousId => 'c' });
is(scalar(added()), 0, 'without consent nothing leaves');
$t->post('/tcf/v1/track?tier=session', { event => 'Brief', anonymousId => 'cy',
    userId => 'u-3', context => { traits => { a => 1 } } });
$t->post("/tcf/v1/$_?tier=session", { anonymousId => 'cy', userId => 'u-3',
    traits => { email => 'x' }, groupId => 'g', previousId => 'p' })
    for qw(identify group alias);
my @brief = added();
is(join(',', map { $_->{event} } @brief), 'Brief', 'for a session: events alone');
is($brief[0]{user_id}, undef, 'and no customer');

# directives
track('off', event => 'Off');
$t->post('/off/decide', { type => 'page', anonymousId => 'off' });
is(scalar(added()), 0, 'off');
track('some', event => 'Secret');
track('some', event => 'Told', properties => { sku => 1, email => 'x' },
    context => { locale => 'fr', page => { path => '/' } });
$t->post('/some/v1/identify', { anonymousId => 'ann', userId => 'u-1',
    traits => { plan => 'gold', email => 'x' } });
my @some = added();
is_deeply([map { [$_->{event}, $_->{data}] } @some], [['Told', { sku => 1 }],
    ['Identify', { plan => 'gold' }]], 'names and fields');

# a large event, and odd bytes
track('onsite', event => 'Large', properties => { text => 'x' x 30000 });
$t->get("/onsite/pixel.gif?event=Odd&a=%FF%00%C3%28", jar => \%jar);
my @odd = added();
is(length $odd[0]{data}{text}, 30000, 'a large one') if $odd[0]{event} eq 'Large';
is(scalar @odd, 2, 'both are there, and are JSON');

my $s = $t->status;
is($s->{outbox}{events}, scalar(events_out($t)), 'status counts them');
is($s->{outbox}{dropped}, 0, 'none was dropped');
my ($code, $out) = $t->run_loader('outbox', $t->state_dir);
my @all = map { json_decode($_) } split /\n/, $out;
is(scalar @all, $s->{outbox}{events} + $s->{outbox}{deliveries}, 'outbox tells both');

# bad values
for my $bad ('onsite_outbox_events maybe;', 'onsite_outbox_except;',
    'onsite_outbox_fields "";', 'onsite_outbox_events on; onsite_outbox_events on;')
{
    my $other = Onsite::Test->new;
    my ($code, $text) = $other->test_conf(server => "        $bad\n");
    isnt($code, 0, "refused: $bad") or diag($text);
    like($text, qr/onsite_outbox/, 'by its name');
    $other->{clean} = 1;
}

# full: deliveries stay, the oldest events go
my $full = Onsite::Test->new;
$full->campaigns({ id => 'order', channel => 'webhook',
    endpoint => 'https://h.example/', trigger => { event => 'Order Completed' },
    content => { data => {} } });
$full->start(state => 'size=2m', http => 'onsite_outbox_events on;');
for my $i (1 .. 100) {
    is($full->post('/onsite/v1/batch', { batch => [map { { type => 'track',
        event => $_ % 10 ? "E $i" : 'Order Completed', anonymousId => "v-$_",
        properties => { text => 'x' x 200 } } } 1 .. 50] })->{status}, 200,
        'a batch') if $i % 25 == 1;
    $full->post('/onsite/v1/batch', { batch => [map { { type => 'track',
        event => $_ % 10 ? "E $i" : 'Order Completed', anonymousId => "v-$_",
        properties => { text => 'x' x 200 } } } 1 .. 50] }) if $i % 25 != 1;
}
$s = $full->status;
is($s->{events}{total}, 5000, 'all events count');
is($s->{outbox}{deliveries}, 500, 'deliveries are all there');
is($s->{outbox}{refused}, 0, 'none was refused');
is($s->{outbox}{events} + $s->{outbox}{dropped}, 5000, 'events or their loss, too');
cmp_ok($s->{outbox}{dropped}, '>', 0, 'some were dropped');
cmp_ok($s->{outbox}{bytes}, '<=', 512 * 1024, 'a quarter of the state');
cmp_ok($s->{state}{bytes_used} + $s->{outbox}{bytes}, '<', $s->{state}{bytes_size}, 'the rest is visitors\'');
is((events_out($full))[-1]{event}, 'Order Completed', 'the last is there');
isnt((events_out($full))[0]{event}, 'E 1', 'the first is not');
$full->stop;
$full->check_logs;
$full->{clean} = 1;

$t->done;
