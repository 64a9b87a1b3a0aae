# Deliveries: in the outbox with the event that caused them, or not at all;
# what lmdb-loader tells of them; an outbox that is full.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Outbox;
use Onsite::Test;
use Test::More;
use Time::HiRes qw(sleep);

my $t = Onsite::Test->new;
$t->write_file('html/index.html', html_page('x'));

sub webhook {
    my ($id, $event, %more) = @_;
    return { id => $id, channel => 'webhook',
        endpoint => "https://hooks.example/$id",
        trigger => { event => $event },
        content => { data => { sku => '{{event.properties.sku}}',
            n => [1, { deep => "a \"quote\"\n" }] } }, %more };
}

$t->campaigns(webhook('order', 'Order Completed'),
    webhook('once', 'Product Added', frequency => { cap => 1,
        per => 'visitor' }),
    webhook('viewed', 'Page Viewed'),
    webhook('tested', 'Tested', variants => [
        { id => 'a', weight => 0.5 }, { id => 'b', weight => 0.5 }]),
    webhook('other', 'Order Completed', site => 'other'));
my %conf = (workers => 2, state => 'size=32m shards=2', server => <<'END');
        set $site default;
        if ($arg_site) { set $site $arg_site; }
        onsite_site $site;
        location / { root %%DIR%%/html; onsite on;
            add_header X-Will $onsite_campaign; }
        location /onsite/ { onsite_collect; }
        location = /status { onsite_status; }
END
$t->start(%conf);

sub event {
    my ($id, $name, %o) = @_;
    return $t->post("/onsite/v1/track$o{args}", { event => $name,
        anonymousId => $id, userId => $o{user}, properties => {
            sku => $o{sku} // 's-1', price => 1 } },
        headers => $o{headers} // {})->{status};
}

is(scalar(outbox($t)), 0, 'nothing yet');
is(event('ann', 'Order Completed', sku => "<&\"'", args => ''), 200,
    'an event');

# it is there with the answer
my ($entry) = outbox($t);
is($entry->{campaign}, 'order', 'a delivery');
is($entry->{kind}, 'delivery', 'is called one');
is($entry->{variant}, '', 'of its only variant');
is($entry->{event}, 'Order Completed', 'the event');
is_deeply($entry->{data}, { sku => "<&\"'", n => [1, { deep =>
    "a \"quote\"\n" }] }, 'data is JSON, escaped as JSON');
is($entry->{propensity}, 1, 'surely');
like($entry->{time}, qr/^20\d\d-\d\d-\d\dT[\d:.]+Z$/, 'its time');
like($entry->{visitor}, qr/^[0-9a-f]{32}$/, 'its visitor');
is_deeply([sort keys %$entry], [qw(campaign data endpoint event id kind
    propensity seq site time user_id variant verified visitor)], 'and nothing more');

# caps and variants hold for deliveries
event('ann', 'Product Added', args => '') for 1 .. 3;
is(scalar(grep { $_->{campaign} eq 'once' } outbox($t)), 1, 'a cap');
event("tester-$_", 'Tested', args => '') for 1 .. 40;
my %variants;
$variants{"$_->{variant} $_->{propensity}"}++
    for grep { $_->{campaign} eq 'tested' } outbox($t);
is_deeply([sort keys %variants], ['a 0.5', 'b 0.5'], 'variants');

# a batch: one for each of its events, in order
my $before = () = outbox($t);
is($t->post('/onsite/v1/batch', { batch => [map { { type => 'track',
    event => 'Order Completed', anonymousId => 'batch',
    timestamp => undef, properties => { sku => "b-$_" } } } 1 .. 30] })
    ->{status}, 200, 'a batch');
is_deeply([map { $_->{data}{sku} } grep { $_->{data}{sku} =~ /^b-/ }
    outbox($t)], [map { "b-$_" } 1 .. 30], 'has all, in order');

# a page: the view delivers once, although a variable had it decided before
$before = () = outbox($t);
like($t->visit('/')->{headers}{'x-will'}, qr/viewed/, 'decided early');
is(outbox($t) - $before, 1, 'delivered once');

# none without consent, none for what is refused
$before = () = outbox($t);
event('gpc', 'Order Completed', headers => { 'sec-gpc' => 1 }, args => '');
$t->visit('/', headers => { 'sec-gpc' => 1 });
is($t->post('/onsite/v1/track', '{"event":')->{status}, 400, 'bad JSON');
is(outbox($t) - $before, 0, 'no consent, no event: no delivery');

# who is known
is(event('bob', 'Order Completed', user => 'u-7', args => ''), 200, 'a customer');
my ($bob) = grep { defined $_->{user_id} } outbox($t);
is($bob->{user_id}, 'u-7', 'is told');

# sites
is(event('zoe', 'Order Completed', args => '?site=other'), 200, 'another site');
is(scalar(outbox($t, '--site', 'other')), 1, '--site tells its own');
is((outbox($t, '--site=other'))[0]{campaign}, 'other', 'campaign');
is(scalar(outbox($t, '--site', 'nowhere')), 0, 'none of another');
is(scalar(grep { $_->{kind} ne 'event' } events_out($t)), 0, '--kind event');
is(scalar(outbox($t, '--kind', 'delivery', '--json')), scalar(outbox($t)),
    '--kind delivery');

my %seq = map { $_->{seq} => 1 } outbox($t);
my %id = map { $_->{id} => 1 } outbox($t);
is(scalar keys %seq, scalar(outbox($t)), 'numbers are of one entry');
is(scalar keys %id, scalar(outbox($t)), 'and ids, also in a batch');

my $s = $t->status;
is($s->{outbox}{deliveries}, scalar(outbox($t)), 'status counts them');
is($s->{outbox}{events}, scalar(events_out($t)), 'and events');
cmp_ok($s->{outbox}{bytes}, '>', 4096, 'and their bytes');

# the command line
my ($code, $out, $err) = $t->run_loader('outbox', $t->state_dir,
    '--kind', 'letter');
is($code, 2, 'no such kind') or diag($err);
like($err, qr/letter.*event.*delivery/, 'and what there is');
($code, $out, $err) = $t->run_loader('outbox', $t->dir . '/nothing');
is($code, 1, 'no such state');
like($err, qr{/nothing}, 'is named');
is($t->run_loader('outbox'), 2, 'no state');
is($t->run_loader('outbox', '-'), 2, 'no pipe');
($code, $out) = $t->run_loader('outbox', '--help');
is($code, 0, '--help');
like($out, qr/--kind=KIND.*--json/s, 'tells the options');

# at rest, and over a restart
my @live = outbox($t);
$t->stop;
is_deeply([outbox($t)], \@live, 'a resting state tells the same');
$t->start(%conf);
is_deeply([outbox($t)], \@live, 'and a new nginx keeps it');
event('ann', 'Order Completed', args => '');
my @now = outbox($t);
is(scalar @now, @live + 1, 'and goes on');

# full: a quarter of the state
my $full = Onsite::Test->new;
my $large = 'x' x 3000;
$full->campaigns(webhook('order', 'Order Completed', content => {
    data => { large => $large } }));
$full->start(state => 'size=2m');
my $answered = 0;
for my $i (1 .. 60) {
    $answered += $full->post('/onsite/v1/batch', { batch => [map { {
        type => 'track', event => 'Order Completed', anonymousId => "f-$i-$_"
        } } 1 .. 10] })->{status} == 200;
}
is($answered, 60, 'a full outbox fails no request');
$s = $full->status;
is($s->{events}{total}, 600, 'all events count');
cmp_ok($s->{outbox}{deliveries}, '>', 50, 'what there is room for is kept');
cmp_ok($s->{outbox}{bytes}, '<=', 512 * 1024, 'up to a quarter');
is($s->{outbox}{deliveries} + $s->{outbox}{refused}, 600,
    'the rest is counted as refused');
is($s->{state}{full}, 0, 'the state is not');
my @told = $full->error_log =~ /(the outbox has its share)/g;
is(scalar @told, 1, 'and logged once a minute');
is($full->state_records('--visitor', 'f-60-10'), 1, 'the records are there');
$full->stop;
$full->check_logs;
$full->{clean} = 1;

$t->done;
