# Verified customers: devices that are linked to one record, what joins and what
# does not, and who proves what; in one shard and over four.

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_hex);
use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use Test::More;

my $SERVER = <<'END';
        location / { root %%DIR%%/html; onsite on;
            onsite_identity $http_x_user; }
        location /onsite/ { onsite_collect; onsite_server_key trusted; }
        location /in/ { onsite_collect; onsite_identity $http_x_user; }
        location = /control { alias %%DIR%%/html/index.html; onsite on;
            default_type text/html; onsite_identity "a	b"; }
        location = /who { onsite on; onsite_identity $http_x_user;
            return 200 "$onsite_visitor $onsite_visitor_id"; }
        location = /status { onsite_status; }
END

my $SECRET = 'a secret that both sides of the site know';

for my $shards (1, 4) {
    my $t = Onsite::Test->new;
    $t->write_file('html/index.html', html_page('x'));
    $t->write_file('key', "$SECRET\n");
    $t->campaigns(
        Onsite::Test::popup('once', frequency => { cap => 2,
            per => 'visitor' }),
        { id => 'account', channel => 'popup',
            content => { html => '<p>{{visitor.user_id}}</p>' },
            audience => { 'visitor.verified' => \1 },
            trigger => { event => 'Asked' } },
    );
    $t->start(state => "size=32m shards=$shards", server => $SERVER,
        http => 'onsite_key_file %%DIR%%/key;');

    my $n = 0;
    my $name = sub { $_[0] . '-' . ++$n };
    my $call = sub {
        my ($path, $body, %o) = @_;
        my $r = $t->post("/onsite/$path", $body, %o);
        is($r->{status}, 200, "$path $body->{event}") if $body->{event};
        return $r;
    };
    my $server = sub {
        my ($path, $body) = @_;
        return $call->($path, $body, headers => {
            authorization => 'Bearer trusted' });
    };
    my $visit = sub {
        my ($jar, $user) = @_;
        return $t->visit('/', jar => $jar,
            headers => { defined $user ? ('x-user' => $user) : () });
    };
    my $record = sub {
        return $t->state_of($_[0], '--key-file', $t->dir . '/key');
    };
    my $html = sub { json_decode($_[0]{content})->{campaigns}[0]{html} };
    my $cookie = sub { (split /\./, $_[0]{onsite_id})[0] };

    # a login on two devices: one record, all counts
    for (1 .. 5) {
        my $user = $name->('alice');
        my (%phone, %laptop);
        $visit->($_) for \%phone, \%phone, \%laptop;
        $call->('v1/track', { event => 'Liked' }, jar => $_)
            for \%phone, \%laptop, \%laptop;
        $visit->($_, $user) for \%phone, \%laptop;
        my $r = $record->($user);
        is($r->{counts}{'Page Viewed'}, 5, 'views of both devices');
        is($r->{counts}{Liked}, 3, 'and events');
        is($r->{status}, 'known', 'known');
        is_deeply($record->($cookie->($_))->{counts}, $r->{counts},
            'both cookies lead there') for \%phone, \%laptop;
        unlike($visit->(\%phone, $user)->{content}, qr/"once"/,
            'caps are what both have seen');
        $visit->(\%laptop);
        is($record->($user)->{counts}{'Page Viewed'}, 7,
            'a device that is linked counts without a proof, too');
    }

    # ids, too: anonymousId, cookie, customer
    for (1 .. 3) {
        my ($user, $id) = ($name->('bob'), $name->('id'));
        my %jar;
        $call->('v1/track', { event => 'Before', anonymousId => $id });
        $visit->(\%jar);
        $call->('v1/track', { event => 'Both', anonymousId => $id },
            jar => \%jar);
        $visit->(\%jar, $user);
        $call->('v1/track', { event => 'After', anonymousId => $id });
        my $late = $name->('late');
        $call->('v1/track', { event => 'Late', anonymousId => $late });
        $call->('v1/track', { event => 'Both', anonymousId => $late },
            jar => \%jar);
        is_deeply($record->($user)->{counts}, { Before => 1, Both => 2,
            After => 1, Late => 1, 'Page Viewed' => 2 },
            'all ids of a device lead to the customer, and join once');
    }

    # the first page of all is logged in
    my $carol = $name->('carol');
    my %fresh;
    $visit->(\%fresh, $carol);
    is($record->($cookie->(\%fresh))->{counts}{'Page Viewed'}, 1,
        'a first page that is logged in');
    is($record->($carol)->{visits}, 1, 'is one visit');

    # who is only said to be somebody
    my %claims;
    $visit->(\%claims);
    my $r = $call->('decide', { type => 'identify', userId => $carol },
        jar => \%claims);
    $call->('v1/identify', { userId => $carol, traits => { a => 1 },
        context => { userHash => $_ } }, jar => \%claims)
        for 'x', '0' x 64, hmac_sha256_hex($carol, 'another secret'), '';
    is($record->($carol)->{counts}{'Page Viewed'}, 1,
        'an unverified identify opens nobody\'s record');
    is($record->($cookie->(\%claims))->{status}, 'known',
        'but makes its own visitor known');
    $r = $call->('decide', { type => 'track', event => 'Asked' },
        jar => \%claims);
    is($html->($r), undef, 'not verified');
    is($t->status->{noise}{forged}, 4, 'wrong hashes are counted');

    # with the site's hash
    for my $key ($SECRET, "$SECRET\n", 'trusted') {
        my $user = $name->('dora');
        my %jar;
        $visit->(\%jar);
        $call->('v1/identify', { userId => $user, context => {
            userHash => hmac_sha256_hex($user, $key) } }, jar => \%jar);
        is($record->($user)->{counts}{'Page Viewed'}, 1,
            'a hash of the site\'s proves a customer');
        $r = $call->('decide', { type => 'track', event => 'Asked' },
            jar => \%jar);
        is($html->($r), "<p>$user</p>", 'who is verified from then on');
        $call->('v1/identify', { userId => 'mallory' }, jar => \%jar);
        $r = $call->('decide', { type => 'track', event => 'Asked' },
            jar => \%jar);
        is($html->($r), "<p>$user</p>", 'whoever else is claimed');
    }
    my $control = "e\nve";
    my %control;
    $call->('v1/identify', { userId => $control, context => {
        userHash => hmac_sha256_hex($control, $SECRET) } }, jar => \%control);
    is($t->status->{noise}{forged}, 5, 'no user id with control bytes is');

    # a shared computer
    my ($erin, $frank) = ($name->('erin'), $name->('frank'));
    my %shared;
    $visit->(\%shared);
    $visit->(\%shared, $_) for $erin, $erin, $frank, $erin, $frank, $frank;
    is($record->($erin)->{counts}{'Page Viewed'}, 4,
        'the first has what was before, and their own');
    is($record->($frank)->{counts}{'Page Viewed'}, 3, 'the other theirs');
    is_deeply($record->($cookie->(\%shared))->{counts},
        $record->($frank)->{counts}, 'the cookie leads to the last');

    # trusted servers
    my $grace = $name->('grace');
    $r = $server->('v1/track', { event => 'Order Completed',
        userId => $grace });
    is($r->{headers}{'set-cookie'}, undef, 'a server gets no cookie');
    my $id = $name->('device');
    $call->('v1/track', { event => 'Anonymous', anonymousId => $id });
    $server->('v1/track', { event => 'Linked', userId => $grace,
        anonymousId => $id });
    $call->('v1/track', { event => 'Followed', anonymousId => $id });
    is_deeply($record->($grace)->{counts}, { 'Order Completed' => 1,
        Anonymous => 1, Linked => 1, Followed => 1 },
        'a server links ids to customers');
    is($record->($grace)->{status}, 'customer', 'a customer');
    my %thief;
    $visit->(\%thief);
    $call->('v1/track', { event => 'Stolen', anonymousId => $id },
        jar => \%thief);
    is($record->($grace)->{counts}{Stolen}, undef,
        'another\'s cookie does not open it');

    # a cookie that an id leads to is not taken by who only knows the id
    my %victim;
    $visit->(\%victim);
    my $known = $name->('known');
    $call->('v1/track', { event => 'Mine', anonymousId => $known },
        jar => \%victim);
    my $heidi = $name->('heidi');
    $call->('v1/track', { event => 'Taken', anonymousId => $known,
        userId => $heidi, context => {
            userHash => hmac_sha256_hex($heidi, $SECRET) } });
    is($record->($heidi)->{counts}{Taken}, 1, 'the event is the customer\'s');
    is($record->($heidi)->{counts}{Mine}, undef, 'the cookie\'s past is not');
    is($record->($cookie->(\%victim))->{counts}{Mine}, 1, 'it stays its own');

    # a batch of many customers
    my @users = map { $name->('user') } 1 .. 30;
    my @devices = map { "dev-$_" } @users;
    $r = $server->('v1/batch', { batch => [
        (map { { type => 'track', event => 'First',
            anonymousId => $devices[$_] } } 0 .. 29),
        (map { { type => 'identify', userId => $users[$_],
            anonymousId => $devices[$_] } } 0 .. 29),
        (map { { type => 'track', event => 'Product Added',
            userId => $users[$_], properties => { sku => $_ } } } 0 .. 29),
        (map { { type => 'track', event => 'Second',
            anonymousId => $devices[$_] } } 0 .. 29) ] });
    is($r->{status}, 200, 'a batch of many customers');
    my @wrong = grep { my $r = $record->($users[$_]);
        join(',', map { $r->{counts}{$_} // 0 } 'First', 'Identify', 'Second',
            'Product Added') ne '1,1,1,1' || @{ $r->{cart}{lines} } != 1 }
        0 .. 29;
    is("@wrong", '', 'each event is its own customer\'s');

    # several customers in the batch of one cookie
    my ($ivan, $judy) = ($name->('ivan'), $name->('judy'));
    my %both;
    $visit->(\%both);
    my $event = sub {
        my ($name, $user) = @_;
        return { type => 'track', event => $name, defined $user
            ? (userId => $user, context => {
                userHash => hmac_sha256_hex($user, $SECRET) }) : () };
    };
    $call->('v1/batch', { batch => [$event->('A'), $event->('B', $ivan),
        $event->('C'), $event->('D', $judy), $event->('E'),
        $event->('F', $ivan), $event->('G', $ivan), $event->('H', $judy)] },
        jar => \%both);
    is_deeply($record->($ivan)->{counts}, { 'Page Viewed' => 1, A => 1,
        B => 1, C => 1, F => 1, G => 1 }, 'who logs in and out, in order');
    is_deeply($record->($judy)->{counts}, { D => 1, E => 1, H => 1 },
        'and who comes after');

    # aliases
    my ($old, $new) = ($name->('old'), $name->('new'));
    my %device;
    $visit->(\%device, $old);
    $server->('v1/track', { event => 'Old', userId => $old });
    $server->('v1/track', { event => 'New', userId => $new });
    $server->('v1/alias', { previousId => $old, userId => $new });
    $visit->(\%device);
    is_deeply($record->($new)->{counts}, { 'Page Viewed' => 2, Old => 1,
        New => 1, Alias => 1 }, 'a server renames a customer');
    $server->('v1/track', { event => 'Old', userId => $old });
    is($record->($new)->{counts}{Old}, 2, 'the old name is followed');
    $visit->(\%device, $old);
    $visit->(\%device, $new);
    is($record->($new)->{counts}{'Page Viewed'}, 4, 'whichever is asserted');
    my $previous = $name->('previous');
    my %caller;
    $visit->(\%caller);
    $call->('v1/track', { event => 'Past', anonymousId => $previous });
    $call->('v1/alias', { previousId => $previous }, jar => \%caller);
    is($record->($cookie->(\%caller))->{counts}{Past}, 1,
        'a caller takes along an id that is nobody\'s');
    $call->('v1/alias', { previousId => $_ }, jar => \%caller)
        for $new, $known, $id;
    is_deeply([sort keys %{ $record->($cookie->(\%caller))->{counts} }],
        ['Alias', 'Page Viewed', 'Past'], 'but nobody else\'s');
    $call->('v1/alias', { previousId => 'never seen', userId => $new });
    my $anonymous = $name->('anonymous');
    $call->('v1/track', { event => 'Anon', anonymousId => $anonymous });
    $server->('v1/alias', { previousId => $anonymous, userId => $new });
    is($record->($new)->{counts}{Anon}, 1, 'a server links an old id');

    # variables tell what will be counted
    my %told;
    my $kim = $name->('kim');
    is((split / /, $t->get('/who', jar => \%told)->{content})[0], 'new',
        'new');
    like($t->visit('/who', jar => \%told, headers => { 'x-user' => $kim })
        ->{content}, qr/^known \w+$/, 'known as soon as asserted');
    $visit->(\%told, $kim);
    like($t->get('/who', jar => \%told)->{content}, qr/^known \w+$/,
        'and from then on');

    # what names nobody
    my %nobody;
    $visit->(\%nobody, 'u' x 129);
    $t->visit('/control', jar => \%nobody);
    is($t->status->{identity}{refused}, 2, 'what names nobody is counted');
    is($record->($cookie->(\%nobody))->{status}, 'new', 'and is nobody');

    if ($shards == 4) {
        $t->done;
    } else {
        $t->stop;
        $t->check_logs;
        $t->{clean} = Test::More->builder->is_passing;
    }
}
