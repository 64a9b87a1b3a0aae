# Events that count as nothing: those that came before, and reports on
# promotions that nobody was shown.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use Test::More;

my $t = Onsite::Test->new;
$t->write_file('html/index.html', html_page('x'));
$t->campaigns(
    Onsite::Test::popup('promo', frequency => { stop_on => ['clicked'] }),
    Onsite::Test::popup('other', trigger => { event => 'Asked' }),
);
$t->start(state => 'size=32m shards=4', server => <<'END');
        location / { root %%DIR%%/html; onsite on;
            onsite_identity $http_x_user; }
        location /onsite/ { onsite_collect; onsite_server_key trusted; }
        location = /status { onsite_status; }
END

sub record {
    my ($id) = @_;
    my ($r) = $t->state_records('--visitor', '-', \"$id\n");
    return $r;
}

sub cookie { (split /\./, $_[0]{onsite_id})[0] }

sub noise { $t->status->{noise}{ $_[0] } }

my %jar;
sub send_event {
    my ($path, $event, %o) = @_;
    my $r = $t->post("/onsite/$path", { type => 'track', %$event }, %o);
    like($r->{status}, qr/^20[04]$/, "$path $event->{event}");
    return $r;
}

# messageIds: among the last 16 of a visitor
$t->visit('/', jar => \%jar);
send_event('v1/track', { event => 'A', messageId => 'm-1' }, jar => \%jar)
    for 1 .. 3;
send_event($_, { event => 'A', messageId => 'm-1' }, jar => \%jar)
    for qw(beacon decide v1/batch);
is(record(cookie(\%jar))->{counts}{A}, 1, 'a messageId counts once');
is(noise('duplicates'), 5, 'the others are counted apart');
send_event('v1/track', { event => 'A', messageId => 'm-1', anonymousId =>
    'else' });
is(record('else')->{counts}{A}, 1, 'of each visitor');
my $r = $t->post('/onsite/v1/batch', { batch => [ map { { type => 'track',
    event => 'B', messageId => "b-$_" } } 1 .. 15, 15, 'm' ] }, jar => \%jar);
is($r->{status}, 200, 'a batch');
is(record(cookie(\%jar))->{counts}{B}, 16, 'within a batch, too');
send_event('v1/track', { event => 'B', messageId => 'b-1' }, jar => \%jar);
is(record(cookie(\%jar))->{counts}{B}, 16, 'sixteen are remembered');
send_event('v1/track', { event => 'A', messageId => 'm-1' }, jar => \%jar);
is(record(cookie(\%jar))->{counts}{A}, 2, 'no more');
$r = send_event('decide', { event => 'Asked', messageId => 'd-1' },
    jar => \%jar);
is(json_decode($r->{content})->{campaigns}[0]{id}, 'other', 'decided once');
$r = send_event('decide', { event => 'Asked', messageId => 'd-1' },
    jar => \%jar);
is_deeply(json_decode($r->{content})->{campaigns}, [], 'not twice');
is($t->status->{events}{total}, 1 + 1 + 1 + 16 + 1 + 1,
    'what is applied is counted');

# exposure tokens
sub token_of {
    my ($jar, %o) = @_;
    my $page = $t->visit('/', jar => $jar, %o)->{content};
    my ($token) = $page =~ /data-onsite-exposure="([^"]+)"/;
    ok($token, 'a page shows it, with a token');
    return $token;
}

sub clicked {
    my ($jar, $token, %more) = @_;
    my $name = delete $more{name} // 'exposure';
    send_event('beacon', { event => 'Promotion Clicked', properties => {
        promotion_id => 'promo', $name => $token, %more } }, jar => $jar);
    return $t->visit('/', jar => $jar)->{content} !~ /"promo"/;
}

my (%good, %thief);
my $token = token_of(\%good);
my $forged = noise('forged');
token_of(\%thief);
ok(!clicked(\%thief, $token), 'another\'s token does nothing');
ok(!clicked(\%thief, $_), 'nor what is none') for 'x', 'A' x 90,
    substr($token, 0, -1), $token . 'A', 'A' x 5000;
is(noise('forged') - $forged, 6, 'counted');
is(record(cookie(\%thief))->{counts}{'Promotion Clicked'}, undef,
    'such a report counts as nothing');
ok(!clicked(\%good, $token, promotion_id => 'other'),
    'a token of another promotion');
is(noise('forged') - $forged, 7, 'is forged, too');
ok(clicked(\%good, $token), 'one\'s own stops it');
is(noise('forged') - $forged, 7, 'and is true');
my %shop;
token_of(\%shop);
ok(clicked(\%shop, undef), 'a report without one is the shop\'s own');
my %empty;
token_of(\%empty);
ok(clicked(\%empty, ''), 'and so is an empty one');
my %named;
$token = token_of(\%named);
ok(clicked(\%named, $token, name => 'exposure_token'), 'by its other name');
send_event('v1/track', { event => 'Photo Taken', properties => {
    exposure => '1/200' } }, jar => \%shop);
is(noise('forged') - $forged, 7, 'other events have exposures of their own');

# shown before the login, clicked after it
for my $n (1 .. 4) {
    my %login;
    $token = token_of(\%login);
    $t->visit('/', jar => \%login, headers => { 'x-user' => "user-$n" });
    ok(clicked(\%login, $token), 'a token outlives the login');
}
my %both;
$token = json_decode(send_event('decide', { event => 'Asked',
    anonymousId => 'phone' })->{content})->{campaigns}[0]{exposure};
$t->visit('/', jar => \%both);
send_event('v1/track', { event => 'X', anonymousId => 'phone' },
    jar => \%both);
send_event('v1/track', { event => 'Promotion Viewed', anonymousId => 'phone',
    properties => { promotion_id => 'other', exposure => $token } },
    jar => \%both);
is(noise('forged') - $forged, 7, 'and the linking of an id');
is(record(cookie(\%both))->{counts}{'Promotion Viewed'}, 1, 'it counts');

$t->done;
