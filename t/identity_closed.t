# Where nobody is logged in, what is a customer's is not told of, and not
# exported or erased: a device that has logged out, an anonymousId that leads to
# a customer.

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_hex);
use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Outbox;
use Onsite::Test;
use Test::More;

my $SERVER = <<'END';
        location / { root %%DIR%%/html; onsite on;
            onsite_identity $http_x_user; }
        location /onsite/ { onsite_collect; onsite_server_key trusted;
            onsite_debug_key debug; }
        location /in/ { onsite_collect; onsite_identity $http_x_user;
            onsite_debug_key debug; }
        location = /told { onsite on; onsite_identity $http_x_user;
            return 200 "$onsite_visitor|$onsite_visitor_id|$onsite_session|$onsite_segments|$onsite_affinity_category"; }
        location = /long { onsite on; default_type text/html;
            onsite_identity "$http_x_user$onsite_visitor";
            return 200 "<html><head></head><body>$onsite_visitor</body></html>"; }
        location = /status { onsite_status; }
END

my %SERVER_KEY = (headers => { authorization => 'Bearer trusted' });

for my $shards (1, 4) {
    my $t = Onsite::Test->new;
    $t->write_file('html/index.html', html_page('x'));
    $t->campaigns(
        { id => 'known', channel => 'popup', priority => 2,
            trigger => { event => 'Asked' },
            audience => { 'visitor.traits.email' => { '$exists' => \1 } },
            content => { html => '{{visitor.traits.email}}' } },
        { id => 'named', channel => 'popup', priority => 1,
            trigger => { event => 'Asked' },
            content => { html => 'id={{visitor.user_id}}'
                . ' event={{event.userId}} mail={{visitor.traits.email}}' } },
        { id => 'proven', channel => 'popup',
            trigger => { event => 'Asked' },
            audience => { 'visitor.verified' => \1 },
            content => { html => 'proven' } },
        { id => 'order', channel => 'webhook',
            endpoint => 'https://h.example/o',
            trigger => { event => 'Order Completed' },
            content => { data => { sku => '1' } } },
    );
    $t->start(state => "size=32m shards=$shards", server => $SERVER,
        http => 'onsite_outbox_events on;');

    my $user = sub { defined $_[0] ? (headers => { 'x-user' => $_[0] }) : () };
    my $asked = sub {
        my ($path, %o) = @_;
        my $event = { type => 'track', event => 'Asked',
            %{ delete $o{event} // {} } };
        my $r = $t->post("/$path/decide", $event, %o);
        return join ' ', sort map { $_->{html} }
            @{ json_decode($r->{content})->{campaigns} };
    };
    my $export = sub {
        my ($path, %o) = @_;
        my $r = $t->get("/$path/privacy/export", %o);
        is($r->{status}, 200, 'export');
        return json_decode($r->{content});
    };
    my $erase = sub {
        my ($path, %o) = @_;
        return $t->post("/$path/privacy/erase", '', %o)->{status};
    };
    my $record = sub {
        my ($r) = eval { $t->state_records('--customer', $_[0]) };
        return $r;
    };
    my $login = sub {
        my ($name) = @_;
        my (%phone, %laptop);
        for my $jar (\%phone, \%laptop) {
            $t->visit('/', jar => $jar);
            my $id = $jar == \%phone ? "$name-phone" : "$name-laptop";
            $t->post('/in/v1/track', { event => 'Seen', anonymousId => $id },
                jar => $jar);
            $t->post('/in/v1/identify', { userId => $name, traits => {
                email => "$name\@mail.example" } }, jar => $jar,
                $user->($name));
        }
        return (\%phone, \%laptop);
    };

    # who is logged in, and who is not

    my ($phone, $laptop) = $login->('ann');
    my $all = 'ann@mail.example id=ann event= mail=ann@mail.example proven';
    my $nothing = 'id= event= mail=';
    is($asked->('in', jar => $phone, $user->('ann')), $all, 'logged in');
    is($asked->('in', jar => $phone), $nothing, 'logged out');
    is($asked->('in', jar => $phone, event => { userId => 'x' }),
        'id= event=x mail=', 'and whoever is claimed');
    is($asked->('onsite', jar => $phone), $all,
        'where no identity is asked for the cookie is enough');
    is($asked->('onsite', event => { anonymousId => 'ann-phone' }), $nothing,
        'an id alone');
    is($asked->('onsite', event => { anonymousId => 'ann-phone',
        userId => 'x' }), 'id= event=x mail=', 'an id and a claim');
    is($asked->('onsite', event => { anonymousId => 'ann-phone' },
        %SERVER_KEY), $all, 'a trusted server');
    my %lie = (traits => { email => 'eve@mail.example' });
    $t->post('/in/v1/identify', { %lie }, jar => $phone);
    $t->post('/onsite/v1/identify', { %lie, anonymousId => 'ann-phone' });
    is($asked->('in', jar => $phone, $user->('ann')), $all,
        'and what is said while nobody is logged in is not kept of her');
    my $r = $t->post('/in/decide', { type => 'track', event => 'Asked' },
        jar => $phone, headers => { 'x-onsite-debug' => 'debug' });
    unlike($r->{content}, qr/mail\.example/, 'explain tells nothing of it');
    is_deeply([map { $_->{detail} } grep { $_->{campaign} eq 'proven' }
        @{ json_decode($r->{content})->{explain} }], [{ op => '$eq',
        path => 'visitor.verified', operand => JSON::PP::true,
        value => JSON::PP::false }], 'but that it is shut');

    # what an anonymous visitor says of itself is its own

    my %claims = (event => { anonymousId => 'claims' });
    $t->post('/onsite/v1/identify', { anonymousId => 'claims',
        userId => 'ann', traits => { email => 'me@mail.example' } });
    is($asked->('onsite', %claims), 'id=ann event= mail=me@mail.example '
        . 'me@mail.example', 'claims are told to who made them');

    # deliveries say what is proven

    my %verified;
    my $order = sub {
        my ($what, $path, $event, %o) = @_;
        my %before = map { $_->{id} => 1 } outbox($t);
        $t->post("/$path/v1/track", { event => 'Order Completed', %$event },
            %o);
        my ($new) = grep { !$before{ $_->{id} } } outbox($t);
        return $verified{$what} = "$new->{user_id} " . ($new->{verified}
            ? 'proven' : 'claimed');
    };
    is($order->(@$_), $_->[-1] eq 'yes' ? 'ann proven' : 'ann claimed', $_->[0])
        for ['logged in', 'in', {}, jar => $phone, $user->('ann'), what => 'yes'],
            ['logged out', 'in', {}, jar => $phone, what => 'no'],
            ['the cookie', 'onsite', {}, jar => $phone, what => 'yes'],
            ['an id', 'onsite', { anonymousId => 'ann-phone' }, what => 'no'],
            ['a server', 'onsite', { userId => 'ann' }, %SERVER_KEY,
                what => 'yes'],
            ['a claim', 'onsite', { anonymousId => 'claims' }, what => 'no'];

    # export

    my $held = $export->('in', jar => $phone, $user->('ann'));
    is($held->{traits}{email}, 'ann@mail.example', 'all is told to ann');
    is(scalar @{ $held->{links} }, 4, 'with both devices');
    is(scalar(grep { $_->{kind} eq 'delivery' } @{ $held->{outbox} }), 5,
        'and what waits');
    my $cut = $export->('in', jar => $phone, $user->($_)) for undef, 'bob';
    for my $who (undef, '', 'bob') {
        my $own = $export->('in', jar => $phone, $user->($who));
        is_deeply([sort keys %$own], [qw(exported linked links outbox site
            visitor)], 'else of the device alone');
        is($own->{linked}, JSON::PP::true, 'that it is linked');
        is($own->{site}, 'default', 'where');
        isnt($own->{visitor}, $held->{visitor}, 'not to whom');
        is((grep { $_ eq $own->{visitor} } @{ $held->{links} }), 1,
            'it is itself');
        is(scalar @{ $own->{links} }, 1, 'and the id that leads to it');
        is((grep { $_->{kind} eq 'delivery' } @{ $own->{outbox} }), 0,
            'deliveries are the customer\'s');
        is((grep { defined $_->{user_id} } @{ $own->{outbox} }), 0,
            'and events, once there is one');
    }
    is($export->('onsite', jar => $phone)->{user_id}, 'ann',
        'where no identity is asked for all is told');
    my %own;
    $t->visit('/', jar => \%own);
    is($export->('in', jar => \%own)->{counts}{'Page Viewed'}, 1,
        'a device of nobody\'s has a record of its own');

    # erase

    is($erase->('in', headers => { cookie =>
        "onsite_id=$phone->{onsite_id}" }), 200, 'erased, logged out');
    is($record->('ann')->{traits}{email}, 'ann@mail.example',
        'the customer is still there');
    is($asked->('in', jar => $laptop, $user->('ann')), $all, 'on the laptop');
    is(scalar(grep { ($_->{user_id} // '') eq 'ann' && $_->{verified} }
        outbox($t)), 3, 'deliveries, too');
    $held = $export->('in', jar => $laptop, $user->('ann'));
    is(scalar @{ $held->{links} }, 2, 'one device is left');
    is($t->get('/in/privacy/export', jar => $phone, $user->('ann'))
        ->{status}, 404, 'the other leads nowhere');
    my $seen = $record->('ann')->{counts}{Seen};
    $t->post('/onsite/v1/track', { event => 'Seen',
        anonymousId => 'ann-phone' });
    is($record->('ann')->{counts}{Seen}, $seen, 'nor does its id');
    is($t->status->{events}{erased}, 1, 'which is buried');
    is($erase->('in', jar => $laptop, $user->('ann')), 200, 'ann herself');
    is($record->('ann'), undef, 'is gone as a whole');

    # consent withdrawn where nobody is logged in, and by who is

    ($phone, $laptop) = $login->('cy');
    is($t->post('/in/consent', { consent => 'none' }, headers => {
        cookie => "onsite_id=$phone->{onsite_id}" })->{status}, 200,
        'withdrawn');
    is($record->('cy')->{user_id}, 'cy', 'for the device');
    $t->post('/in/consent', { consent => 'none' }, headers => {
        cookie => "onsite_id=$laptop->{onsite_id}", 'x-user' => 'cy' });
    is($record->('cy'), undef, 'or for all');

    # of nobody

    $r = $t->status->{events}{rejected};
    for my $cookie ('', 'onsite_id=' . 'A' x 22 . '.' . 'A' x 22) {
        my $none = $t->post('/in/privacy/erase', '', headers => {
            cookie => $cookie });
        is($none->{status}, 404, 'nobody was erased');
        like(json_decode($none->{content})->{error}, qr/no cookie of ours/,
            'and told why');
        is($t->get('/in/privacy/export', headers => { cookie => $cookie })
            ->{status}, 404, 'nor is there anything to tell');
    }
    is($t->status->{events}{rejected}, $r, 'which are no refused events');

    # a cookie that was erased

    my %gone;
    $t->visit('/', jar => \%gone);
    my %cookie = (cookie => "onsite_id=$gone{onsite_id}");
    like($t->visit('/told', headers => { %cookie })->{content},
        qr/^new\|[0-9a-f]{32}\|[0-9a-f]{16}-1\|\|$/, 'a visitor');
    is($erase->('in', headers => { %cookie }), 200, 'is erased');
    is($erase->('in', headers => { %cookie }), 200, 'as often as is asked');
    is($t->visit('/told', headers => { %cookie })->{content}, '||||',
        'and is nobody then');
    is($t->visit('/told', headers => { %cookie, 'x-user' => 'dee' })
        ->{content}, '||||', 'whoever is logged in');
    like($t->visit('/told')->{content}, qr/^new\|/, 'another one is new');

    # a name that is none is counted once, however often it is looked at

    $r = $t->status->{identity}{refused};
    $t->visit('/long', headers => { 'x-user' => 'x' x 200 });
    is($t->status->{identity}{refused}, $r + 1, 'a name that is too long');

    if ($shards == 4) {
        $t->done;
    } else {
        $t->stop;
        $t->check_logs;
        $t->{clean} = Test::More->builder->is_passing;
    }
}
