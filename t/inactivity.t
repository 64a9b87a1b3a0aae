# What has not happened: a cart that nothing follows is told of once, after its
# time and not before; whoever comes back in time, or buys, is not.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Outbox;
use Onsite::Test;
use POSIX qw(strftime);
use Test::More;
use Time::HiRes qw(sleep time);

my $t = Onsite::Test->new;
$t->write_file('html/index.html', html_page('x'));
$t->campaigns(
    abandoned('2s', content => { data => {
        items => '{{cart.items}}', name => '{{event.name}}' } }),
    { id => 'come-back', channel => 'popup',
        content => { html => '<p>Still there?</p>' },
        trigger => { inactive => '2s',
            after => { event => 'Wishlist Viewed' } } },
    { id => 'gone', channel => 'webhook', endpoint => 'https://hooks.example/g',
        content => { data => {} },
        trigger => { journey => 'game', state => 'left' } },
    { id => 'game', start => 'out', states => {
        out => { on => { 'Game Started' => 'main' } },
        main => { on => { 'Chat Joined' => 'chat', 'Game Ended' => 'out' },
            after => { '2s' => 'left' } },
        chat => { on => { 'Chat Left' => 'main' }, after => { '1s' => 'main' } },
        left => { on => { 'Game Started' => 'main' },
            entry => { event => 'Game Left' } } } },
);
$t->start(workers => 2, state => 'size=32m shards=3');

sub iso { strftime('%Y-%m-%dT%H:%M:%SZ', gmtime $_[0]) }

sub event {
    my ($id, $name, $held) = @_;
    my @own = $held ? (timestamp => iso(time - $held), sentAt => iso(time))
        : ();
    my $r = $t->post('/onsite/v1/track', { event => $name,
        anonymousId => $id, properties => { sku => 's-1', price => 3 },
        @own });
    die "$id: $name: $r->{status}" unless $r->{status} == 200;
}

sub key_of {
    my ($id) = @_;
    my ($r) = $t->state_records('--visitor', $id);
    return $r;
}

# for each visitor: what happens, seconds after the start
my %happens = (
    leaves    => [[0, 'Product Added']],
    stays     => [[0, 'Product Added'],
        (map { [$_, 'Page Read'] } 1 .. 5), [6, 'Order Completed']],
    buys      => [[0, 'Product Added'], [1, 'Order Completed']],
    delays    => [[0, 'Product Added'], [1, 'Page Read']],
    returns   => [[0, 'Product Added'], [4, 'Product Added']],
    reads     => [[0, 'Page Read']],
    plays     => [[0, 'Game Started']],
    chats     => [[0, 'Game Started'], [1.2, 'Chat Joined']],
    finishes  => [[0, 'Game Started'], [1, 'Game Ended']],
    # what an app had held back for half an hour, in two requests
    buffers   => [[0, 'Product Added', 1800], [0.6, 'Order Completed', 1790]],
);

my @plan = sort { $a->[0] <=> $b->[0] }
    map { my $id = $_; map { [$_->[0], $id, @$_[1, 2]] } @{ $happens{$id} } }
    sort keys %happens;

my $start = time;
my %at;
while (my $next = shift @plan) {
    my ($when, $id, $name, $held) = @$next;
    my $wait = $start + $when - time;
    sleep $wait if $wait > 0;
    event($id, $name, $held);
    push @{ $at{$id} }, time;

    if ($when == 1 && $name eq 'Page Read' && $id eq 'stays') {
        my $s = $t->status;
        is($s->{outbox}{deliveries}, 0, 'nothing before its time');
        cmp_ok($s->{timers}{pending}, '>=', 6, 'timers wait');
        my $owner = $s->{timers}{owner};
        ok(scalar(grep { $_ == $owner } $t->workers), 'one worker has them');
    }
}

sleep 0.5;
my @all = outbox($t);
my %by_key = map { $_->{visitor} => 1 } @all;
is(scalar @all, 6, 'six deliveries');
is(scalar keys %by_key, 5, 'of five visitors');

my %count;
$count{"$_->{campaign}"}++ for @all;
is_deeply(\%count, { abandoned => 4, gone => 2 }, 'carts and games');

my ($first) = sort { $a->{time} cmp $b->{time} }
    grep { $_->{campaign} eq 'abandoned' } @all;
is_deeply($first->{data}, { items => 1, name => 'Visitor Inactive' },
    'rendered at its time');
is($first->{event}, 'Visitor Inactive', 'what caused it');
is($first->{endpoint}, 'https://hooks.example/cart', 'where to');
is($first->{kind}, 'delivery', 'a delivery');
is($first->{site}, 'default', 'the site');
like($first->{id}, qr/^[0-9a-f]{32}$/, 'an id');
my %id = map { $_->{id} => 1 } @all;
is(scalar keys %id, 6, 'of its own');

# whoever moved, and when: by the records, whose counters tell
is(key_of('chats')->{counts}{'Game Left'}, 1,
    'a time-out leads on, and what it entails is counted');
is(key_of('plays')->{counts}{'Game Left'}, 1, 'left after its time');
is(key_of('finishes')->{counts}{'Game Left'}, undef, 'left in time');
is(key_of('leaves')->{visits}, 1, 'a timer opens no visit');

my $s = $t->status;
is($s->{outbox}{deliveries}, 6, 'they are told of');
cmp_ok($s->{timers}{fired}, '>=', 7, 'timers fired');
cmp_ok($s->{timers}{late_seconds}, '<', 1, 'and none is late');
is($s->{outbox}{refused}, 0, 'none was refused');

# what a timer decides for a page waits for the next one, in another session
my %jar;
$t->visit('/', jar => \%jar);
is($t->post('/onsite/v1/track', { event => 'Wishlist Viewed' },
    jar => \%jar)->{status}, 200, 'a list is looked at');
sleep 2.6;
like($t->visit('/', jar => \%jar)->{content}, qr/Still there\?/,
    'shown on the page that comes after');
unlike($t->visit('/', jar => \%jar)->{content}, qr/Still there\?/, 'once');

# no consent, nothing to fire
is($t->post('/onsite/v1/track', { event => 'Product Added',
    anonymousId => 'hidden' }, headers => { 'sec-gpc' => 1 })->{status}, 200,
    'an event without consent');
sleep 2.4;
is(scalar(outbox($t)), 6, 'brings nothing');

# what is due while nginx is down fires once when it is back
event('down', 'Product Added');
$t->stop;
sleep 2.2;
$t->start(workers => 2, state => 'size=32m shards=3');
ok(eventually(3, sub { outbox($t) == 7 }), 'what was due meanwhile fires');
$t->reload;
sleep 0.5;
is(scalar(outbox($t)), 7, 'once');

$t->done;
