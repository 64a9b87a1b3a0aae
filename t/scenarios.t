# The four scenarios and the game, from the demo's own files, over HTTP: only
# the hours are made seconds.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use Test::More;
use Time::HiRes qw(sleep);

my $IDLE = 3;               # seconds that stand for the files' hours

my $t = Onsite::Test->new;
my $files = Onsite::Test::root() . '/demo/campaigns';

for my $path (glob "$files/*") {
    my ($name) = $path =~ m{([^/]+)$};
    my $text = Onsite::Test::read_file($path);
    $text =~ s/"(?:4h|1h)"/"${IDLE}s"/g if $name =~ /cart-abandoned|game\.json/;
    $t->write_file("campaigns/$name", $text);
}

my ($code, $out, $err) = $t->run_loader('build', "$t->{dir}/campaigns", '-o',
    $t->snapshot);
is($code, 0, 'the demo\'s files build') or BAIL_OUT($err);
unlike($err, qr/warning/, 'without a warning');
chmod 0644, $t->snapshot;

$t->write_file("html/$_/index.html", html_page("<h1>$_</h1>"))
    for qw(landing shoes checkout plain any);

$t->start(http => <<'HTTP', server => <<'SERVER');
    map $cookie_shop_session $shop_user {
        demo-anna  anna;
        demo-vera  vera;
        default    "";
    }
    onsite_identity $shop_user;
HTTP
        root %%DIR%%/html;
        location / { onsite on; }
        location ~ ^/(?<section>shoes)/$ {
            onsite on;
            onsite_event "Section Viewed" section=$section;
            try_files ${uri}index.html =404;
        }
        location ~ ^/any/(?<any>.+)/$ {
            onsite on;
            onsite_event "Section Viewed" section=$any;
            try_files /any/index.html =404;
        }
        location = /checkout/ {
            onsite on;
            onsite_event "Checkout Started";
            try_files ${uri}index.html =404;
        }
        location /onsite/ { onsite_collect; }
        location = /status { onsite_status; }
SERVER

# The ids of the campaigns in a page.
sub shown {
    my ($r) = @_;
    return join ',', $r->{content} =~ /data-onsite-campaign="([^"]+)"/g;
}

sub visit { my ($path, $jar) = @_; return $t->visit($path, jar => $jar) }

sub track {
    my ($jar, $event, %properties) = @_;
    my $r = $t->post('/onsite/v1/track',
        { event => $event, properties => \%properties }, jar => $jar);
    is($r->{status}, 200, "$event is taken");
    return $r;
}

sub add_to_cart {
    my ($jar, @skus) = @_;
    track($jar, 'Product Added', sku => $_, price => 80, quantity => 1)
        for @skus;
}

sub deliveries {
    my ($code, $text, $error) = $t->run_loader('outbox', $t->state_dir);
    die "outbox: $error" if $code;
    return grep { $_->{kind} eq 'delivery' } map { json_decode($_) }
        split /\n/, $text;
}

sub deliveries_of {
    my ($campaign) = @_;
    return grep { $_->{campaign} eq $campaign } deliveries();
}

subtest 'a first visitor on the landing page gets 5 off' => sub {
    my %jar;
    is(shown(visit('/landing/', \%jar)), 'first-visit', 'the popup');
    is(shown(visit('/landing/', \%jar)), '', 'once');

    my %back;
    visit('/plain/', \%back);
    my @before = $t->state_records;

    # a second visit: the session before has timed out
    my $aged = $t->post('/onsite/v1/track', { event => 'Signed Up',
        anonymousId => 'old-friend',
        timestamp => '2026-01-01T10:00:00Z' });
    is($aged->{status}, 200);
    cmp_ok(scalar @before, '>=', 2, 'the visitors are kept');
};

subtest 'a returning visitor does not' => sub {
    my $two = Onsite::Test->new;
    $two->run_loader('build', "$t->{dir}/campaigns", '-o', $two->snapshot);
    chmod 0644, $two->snapshot;
    $two->write_file("html/$_/index.html", html_page($_))
        for qw(landing plain);
    $two->start(server => <<'SERVER');
        onsite_session_timeout 1s;
        location / { root %%DIR%%/html; onsite on; }
        location /onsite/ { onsite_collect; }
SERVER
    my %jar;
    $two->visit('/plain/', jar => \%jar);
    sleep 2.2;
    my $r = $two->visit('/landing/', jar => \%jar);
    unlike(shown($r), qr/first-visit/, 'no 5 off on the second visit');
    like(shown($r), qr/welcome-back/, 'but good to see you again');
    $two->stop;
    $two->check_logs;
    $two->{clean} = 1;
};

subtest 'logged in on the first visit: the section is named' => sub {
    my %jar;
    is(shown(visit('/shoes/', \%jar)), '', 'a stranger gets nothing there');
    $jar{shop_session} = 'demo-anna';
    my $r = visit('/shoes/', \%jar);
    is(shown($r), 'section-offer', 'one who logs in does');
    like($r->{content}, qr/One plus one on shoes/, 'and it names the section');

    my %other = (shop_session => 'demo-anna');
    is(shown(visit('/shoes/', \%other)), '',
        'on another device she had it already: caps are the customer\'s');

    my %hostile = (shop_session => 'demo-vera');
    $r = visit('/any/%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E/',
        \%hostile);
    is(shown($r), 'section-offer', 'whatever the section is called');
    like($r->{content}, qr/on &lt;img src=x onerror=alert\(1\)&gt;/
        , 'it is text in the page') or diag($r->{content});
    unlike($r->{content}, qr/<img/, 'and never markup');
};

subtest 'a VIP at checkout with fewer than four things' => sub {
    my %jar = (shop_session => 'demo-vera');
    visit('/plain/', \%jar);
    add_to_cart(\%jar, qw(tote day-pack city-derby));
    my $r = visit('/checkout/', \%jar);
    like(shown($r), qr{\bvip-checkout\b}, 'the popup, with three');
    like($r->{content}, qr{<a href="/product/weekender">Weekender</a>, 160 },
        'what the slow data recommends');
    unlike($r->{content}, qr/Beach sandal/, 'but not what is out of stock');

    my %anna = (shop_session => 'demo-anna');
    visit('/plain/', \%anna);
    add_to_cart(\%anna, 'tote');
    unlike(shown(visit('/checkout/', \%anna)), qr/vip/, 'no VIP: nothing');

    my %stranger;
    visit('/plain/', \%stranger);
    $t->post('/onsite/v1/identify', { userId => 'vera' }, jar => \%stranger);
    add_to_cart(\%stranger, 'tote');
    unlike(shown(visit('/checkout/', \%stranger)), qr/vip/,
        'one who only says to be Vera: nothing');
};

subtest 'with four things in the cart: nothing' => sub {
    my $two = Onsite::Test->new;
    $two->run_loader('build', "$t->{dir}/campaigns", '-o', $two->snapshot);
    chmod 0644, $two->snapshot;
    $two->write_file("html/checkout/index.html", html_page('checkout'));
    $two->start(server => <<'SERVER');
        onsite_identity $http_x_user;
        root %%DIR%%/html;
        location = /checkout/ {
            onsite on;
            onsite_event "Checkout Started";
            try_files ${uri}index.html =404;
        }
        location /onsite/ { onsite_collect; }
SERVER
    my (%jar, $r);
    my %vera = (jar => \%jar, headers => { 'x-user' => 'vera' });
    $r = $two->post('/onsite/v1/track', { event => 'Product Added',
        properties => { sku => $_, quantity => 1, price => 1 } }, %vera)
        for qw(a b c d);
    is($r->{status}, 200);
    $r = $two->visit('/checkout/', %vera);
    is(shown($r), '', 'four: nothing');
    $two->post('/onsite/v1/track', { event => 'Product Removed',
        properties => { sku => 'a', quantity => 1 } }, %vera);
    is(shown($two->visit('/checkout/', %vera)), 'vip-checkout', 'three: shown');
    $two->stop;
    $two->check_logs;
    $two->{clean} = 1;
};

subtest 'a cart that is left brings one delivery' => sub {
    my @before = deliveries_of('cart-abandoned');
    my (%left, %bought, %busy);
    visit('/plain/', $_) for \%left, \%bought, \%busy;
    add_to_cart($_, 'tote') for \%left, \%bought, \%busy;
    track(\%bought, 'Order Completed', order_id => 1);

    my %known = map { $_->{id} => 1 } @before;
    my @new;
    my $end = Time::HiRes::time() + $IDLE + 4;

    # one who keeps looking around is not inactive
    while (Time::HiRes::time() < $end) {
        visit('/plain/', \%busy);
        sleep 0.5;
        @new = grep { !$known{$_->{id}} } deliveries_of('cart-abandoned');
    }

    # whoever added something in the tests before is among them, once
    my %by;
    $by{$_->{visitor}}++ for @new, @before;
    is((sort { $b <=> $a } values %by)[0], 1, 'nobody is messaged twice');

    my ($record) = grep { ($_->{data}{items} // '') eq '1' } @new;
    ok($record, 'the one who left is') or return;
    is($record->{endpoint}, 'https://mailer.example/hooks/cart-abandoned',
        'the endpoint');
    is($record->{data}{value}, 80, 'the data is rendered');

    my $at = () = @new;
    sleep $IDLE + 1.5;
    my @late = grep { !$known{$_->{id}} } deliveries_of('cart-abandoned');
    cmp_ok(scalar(@late) - $at, '<=', 1,
        'and only the busy one, who has left by now, was added');
};

subtest 'the game: left after an hour' => sub {
    my %jar;
    visit('/plain/', \%jar);
    track(\%jar, $_) for 'Game Entered', 'Chat Joined', 'Chat Left',
        'Round Started';
    my ($player) = grep { $_->{journeys} } $t->state_records;
    is($player->{journeys}[0]{journey}, 'game', 'the journey is in the record');
    is($player->{journeys}[0]{state}, 'play', 'and where it stands');

    my ($delivery) = @{ eventually($IDLE + 5, sub {
        my @d = deliveries_of('game-left');
        return @d ? \@d : 0;
    }) || [] };
    ok($delivery, 'it was left') or return;
    is($delivery->{data}{rounds}, 1, 'after one round');
    is(scalar(my @d = deliveries_of('game-left')), 1, 'once');

    my $r = visit('/plain/', \%jar);
    like(shown($r), qr/chat-hint/,
        'chat, main, play: the sequence was completed');
};

$t->done;
