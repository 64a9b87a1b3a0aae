# Why a campaign is shown or not: on a page and in decide for the owner of the
# debug key, and offline with lmdb-loader explain, which says the same of the
# visitor that the state holds.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use Test::More;

my $t = Onsite::Test->new;
$t->write_file('html/index.html', html_page('x'));

my @content = (channel => 'popup', content => { html => 'x' });
$t->campaigns(
    { id => 'vip', priority => 9, trigger => { event => 'Checkout Started' },
        audience => { 'cart.items' => { '$lt' => 4 } }, @content },
    { id => 'shoes', trigger => { event => 'Checkout Started',
        where => { section => 'shoes' } }, @content },
    { id => 'often', trigger => { event => 'Checkout Started', count => 3 },
        @content },
    { id => 'once', priority => 5, frequency => { cap => 1, per => 'session' },
        trigger => { event => 'Checkout Started' }, @content },
    { id => 'landing', trigger => { event => 'Page Viewed',
        where => { path => '/landing' } }, @content },
    { id => 'story', trigger => { sequence =>
        [{ event => 'A' }, { event => 'B' }], within => '30m' }, @content },
    { id => 'quiet', trigger => { inactive => '4h' }, @content },
    { id => 'game', start => 'in', states => {
        in => { on => { Bye => 'left' } }, left => { final => JSON::PP::true } } },
    { id => 'remind', trigger => { inactive => '90s',
        after => { event => 'Product Added' } },
        audience => { 'cart.items' => { '$lt' => 4 } }, @content },
    { id => 'never', trigger => { inactive => '2d', after => { event => 'Z' } },
        when => { exit => JSON::PP::true }, @content },
    { id => 'farewell', trigger => { journey => 'game', state => 'left' },
        @content },
);
$t->start(http => 'onsite_debug_key sesame;');

my %debug = (headers => { 'x-onsite-debug' => 'sesame' });
my %jar;

sub added {
    $t->post('/onsite/v1/track', { event => 'Product Added', anonymousId => 'v1',
        properties => { sku => "s$_", price => 10 } }, jar => \%jar) for 1 .. $_[0];
}

# What is due is told apart: it depends on the clock.
my %due;
sub explained {
    my ($list) = @_;
    %due = map { $_->{campaign} => delete $_->{detail}{due} }
        grep { ref $_->{detail} && exists $_->{detail}{due} } @$list;
    return { map { $_->{campaign} => [$_->{reason}, $_->{detail}] } @$list };
}

# in decide
added(5);
my @then = (then => { reason => 'shown' });
my %checkout = (type => 'track', event => 'Checkout Started', anonymousId => 'v1',
    properties => { section => 'hats' });
my $r = $t->post('/onsite/decide', \%checkout, %debug, jar => \%jar);
my $why = explained(json_decode($r->{content})->{explain});
is_deeply($why, {
    vip => ['audience', { path => 'cart.items', op => '$lt', operand => 4, value => 5 }],
    shoes => ['where', { path => 'event.properties.section', op => '$eq',
        operand => 'shoes', value => 'hats' }],
    often => ['count', { count => 1, of => 3 }],
    once => ['shown', undef],
    story => ['trigger', { sequence => 0, of => 2, @then }],
    quiet => ['trigger', { inactive => 14400, @then }],
    remind => ['trigger', { inactive => 90, then => { reason => 'audience',
        detail => { path => 'cart.items', op => '$lt', operand => 4,
        value => 5 } } }],
    never => ['trigger', { inactive => 172800, then => { reason => 'armed' } }],
    farewell => ['trigger', { journey => 'game', state => 'left', @then }],
}, 'decide explains each campaign of the event, with what it asked and found');
is_deeply([sort keys %due], ['quiet', 'remind'], 'inactivity that has begun');
my ($h, $m) = $due{quiet} =~ /^20..-..-..T(..):(..):..Z$/;
my $in = ($h * 60 + $m) - (gmtime)[2] * 60 - (gmtime)[1];
ok($in % 1440 == 240 || $in % 1440 == 239 || $in % 1440 == 241,
    'and when it will be over') or diag($due{quiet});

$r = $t->post('/onsite/decide', \%checkout, %debug, jar => \%jar);
$why = explained(json_decode($r->{content})->{explain});
is_deeply($why->{once}, ['cap', { cap => 1, per => 'session', shown => 1 }],
    'a cap says how often it was shown');

$r = $t->post('/onsite/decide', \%checkout, jar => \%jar);
ok(!exists json_decode($r->{content})->{explain}, 'nobody else is told');

# on a page
$r = $t->visit('/', %debug, jar => \%jar);
is_deeply(explained(json_decode($r->{headers}{'x-onsite-explain'})),
    { landing => ['where', { path => 'event.properties.path', op => '$eq',
        operand => '/landing', value => '/' }],
      remind => ['trigger', { inactive => 90, @then }],
      map { $_ => ['trigger', $why->{$_}[1]] } qw(story quiet never farewell) },
    'a page, too, also of campaigns that the index passed over');

# a visitor's text can end no header
$r = $t->post('/onsite/decide', { %checkout, properties =>
    { section => "a\r\nset-cookie: x=\x{1b}[31m" } }, %debug, jar => \%jar);
is(explained(json_decode($r->{content})->{explain})->{shoes}[1]{value},
    "a\r\nset-cookie: x=\x{1b}[31m", 'what a visitor sent is told as it came');
unlike($r->{content}, qr/[\x00-\x08\x0b-\x1f]/, 'and escaped');

# offline, of the same visitor
sub offline {
    my ($event, @more) = @_;
    my ($code, $out, $err) = $t->run_loader('explain', $t->snapshot, '--event',
        ref $event ? json_encode($event) : $event, @more);
    return ($code, $out, $err);
}

my ($code, $out, $err) = offline(\%checkout, '--state', $t->state_dir,
    '--visitor', 'v1', '--json');
is($code, 0, 'lmdb-loader explain') or diag($err);
my @told = map { json_decode($_) } split /\n/, $out;
is_deeply(explained(\@told), {
    vip => ['audience', { path => 'cart.items', op => '$lt', operand => 4, value => 5 }],
    shoes => ['where', { path => 'event.properties.section', op => '$eq',
        operand => 'shoes', value => 'hats' }],
    often => ['shown', undef],
    once => ['cap', { cap => 1, per => 'session', shown => 1 }],
    landing => ['trigger', { waits_for => 'Page Viewed' }],
    story => ['trigger', { sequence => 0, of => 2, @then }],
    quiet => ['trigger', { inactive => 14400, @then }],
    remind => ['trigger', { inactive => 90, then => { reason => 'audience',
        detail => { path => 'cart.items', op => '$lt', operand => 4,
        value => 5 } } }],
    never => ['trigger', { inactive => 172800, then => { reason => 'armed' } }],
    farewell => ['trigger', { journey => 'game', state => 'left', @then }],
}, 'says the same of the visitor in the state, and what the others wait for');
is($told[0]{campaign}, 'vip', 'by rank');

# nothing is written: explaining again is the same
is((offline(\%checkout, '--state', $t->state_dir, '--visitor', 'v1', '--json'))[1],
    $out, 'and changes nothing');
my @live = ('explain', '--event', json_encode(\%checkout), '--state',
    $t->state_dir, '--visitor', 'v1', '--json');
is(($t->run_loader(@live))[1], $out, 'without a file by what is live');
unlink glob $t->state_dir . '/snapshot-*.mdb';
($code, undef, $err) = $t->run_loader(@live);
is($code, 1, 'if anything is');
like($err, qr/no snapshot is live there; name a FILE$/m, 'and says so');
is(($t->run_loader('explain', '--event', '{}'))[0], 2, 'one of both is needed');

# in sentences
($code, $out) = offline(\%checkout, '--state', $t->state_dir, '--visitor', 'v1');
like($out, qr/^Checkout Started, by a visitor who is new: 1 of 10 campaigns shown/,
    'in sentences');
like($out, qr/^vip is not shown: cart\.items is 5, and has to be less than 4\.$/m,
    'that say what was found and what was asked');
like($out, qr/^often is shown\.$/m, 'what is shown');
like($out, qr/^once is not shown: it was shown 1 time\(s\), and may be 1 per session\.$/m,
    'a cap');
my $at = qr/20..-..-..T..:..:..Z/;
like($out, qr/^quiet is not shown: it waits until nothing has happened for 4 h, which is at $at; if it fired now, it would be shown\.$/m,
    'what waits');
like($out, qr/^remind is not shown: it waits .* 90 s, which is at $at; if it fired now, it would not be shown: cart\.items is 5, and has to be less than 4\.$/m,
    'for what it would not be shown');
like($out, qr/^never is not shown: it waits .* 2 d, and nothing has begun that; if it fired now, it would be armed\.$/m,
    'what has not begun');

# of a record as `state` prints it
my (undef, $state) = $t->run_loader('state', $t->state_dir, '--visitor', 'v1');
$t->write_file('visitor.json', $state);
($code, $out, $err) = offline(\%checkout, '--visitor', '@' . $t->dir . '/visitor.json');
is($code, 0, 'a record that was printed is read again') or diag($err);
like($out, qr/^vip is not shown: cart\.items is 5/m, 'with its cart');
like($out, qr/^once is not shown: it was shown 1 time/m, 'with its caps');

# of one that is typed
($code, $out) = offline(\%checkout, '--visitor',
    '{"status":"customer","cart":{"items":2,"value":20}}');
like($out, qr/who is customer: 2 of 10/, 'of one that is typed');
like($out, qr/^vip is shown\.$/m, 'what they would see');
($code, $out) = offline({ event => 'Bye' }, '--visitor', '{"journeys":{"game":"in"}}');
like($out, qr/^farewell is shown\.$/m, 'journeys move');

# to a terminal
($code, $out) = offline({ %checkout, properties =>
    { section => "a\x{1b}[2Jb\x{202e}c\x{9b}31m\n" } });
unlike($out, qr/[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80\xae/,
    'a visitor\'s text does nothing to a terminal');
like($out, qr/"a\\u001b\[2Jb\\u202ec\\u009b31m\\u000a"/, 'and is seen');

# what is wrong
for (['{"event":""}', 'event: must be'], ['{', 'bad JSON at 1:2'], ['[]', 'one event'],
    ['@/nowhere', 'No such file'],
    ['{"event":"A","timestamp":"2020-01-01T00:00:00Z"}', 'brings no campaign',
        '--now', '2026-01-01T00:00:00Z'],
    ['{"event":"A"}', 'has no "crat"', '--visitor', '{"crat":1}'],
    ['{"event":"A"}', 'no journey "gmae"; there are game', '--visitor',
        '{"journeys":{"gmae":"in"}}'],
    ['{"event":"A"}', 'no state "inn"; there are in, left', '--visitor',
        '{"journeys":{"game":"inn"}}'],
    ['{"event":"A"}', 'status: must be new', '--visitor', '{"status":"vip"}'],
    ['{"event":"A"}', 'sku: must be a text', '--visitor',
        '{"cart":{"lines":[{"sku":5}]}}'],
    ['{"event":"A"}', 'no site "other"', '--site', 'other'],
    ['{"event":"A"}', 'customer "v1" of site "default": no record', '--state',
        $t->state_dir, '--customer', 'v1'],
    ['{"event":"A"}', 'no record', '--state', $t->state_dir, '--visitor', 'nobody'])
{
    my ($event, $message, @more) = @$_;
    ($code, $out, $err) = offline($event, @more);
    is($code, 1, "refused: $message");
    like($err, qr/\Q$message\E/, 'and why') or diag($out);
}
is((offline('{"event":"A"}', '--now', 'soon'))[0], 2, 'no time is a usage error');
is((offline('{"event":"A"}', '--state', $t->state_dir))[0], 2,
    'a state without an id, too');
is((offline('{"event":"A"}', '--customer', 'v1'))[0], 2,
    'and a customer without a state');
is(($t->run_loader('explain', $t->snapshot))[0], 2, 'and no event');

$t->done;
