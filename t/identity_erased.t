# Who was erased is not brought back by events that come late.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use POSIX qw(strftime);
use Test::More;

for my $shards (1, 4) {
    my $t = Onsite::Test->new;
    $t->write_file('html/index.html', html_page('x'));
    $t->campaigns(
        Onsite::Test::popup('remembering', audience => {
            'visitor.status' => { '$in' => ['new', 'returning', 'known'] } }),
        Onsite::Test::popup('contextual', fallback => 'a', variants => [
            { id => 'a', weight => 1, content => { html => 'c' } } ]));
    $t->start(state => "size=32m shards=$shards", server => <<'END');
        location / { root %%DIR%%/html; onsite on;
            onsite_identity $http_x_user; }
        location /onsite/ { onsite_collect; onsite_server_key trusted; }
        location = /status { onsite_status; }
END

    my $record = sub {
        return $t->state_of($_[0]);
    };
    my $cookie = sub { (split /\./, $_[0]{onsite_id})[0] };
    my $track = sub {
        my ($event, %o) = @_;
        my $r = $t->post('/onsite/v1/track', $event, %o);
        is($r->{status}, 200, $event->{event});
        return $r;
    };
    my $visit = sub {
        my ($jar, $user) = @_;
        return $t->visit('/', jar => $jar,
            headers => { defined $user ? ('x-user' => $user) : () });
    };
    my $records = sub { scalar(my @r = $t->state_records) };
    my $erased = sub { $t->status->{events}{erased} };
    my $erase = sub {
        my ($jar) = @_;
        my $r = $t->post('/onsite/privacy/erase', '', jar => { %$jar },
            headers => { origin => 'http://127.0.0.1:' . $t->port });
        is($r->{status}, 200, 'erased');
    };

    for my $n (1 .. 4) {
        my $id = "id-$n";
        my %jar;
        $visit->(\%jar);
        $track->({ event => 'A', anonymousId => $id }, jar => \%jar);
        my $old = $cookie->(\%jar);
        my $before = $erased->();
        $erase->(\%jar);
        is($record->($_), undef, 'nothing is there') for $old, $id;

        # late events
        $track->({ event => 'Late', anonymousId => $id });
        $track->({ event => 'Late' }, jar => { %jar });
        $track->({ event => 'Late', anonymousId => $id }, jar => { %jar });
        $t->post('/onsite/v1/batch', { batch => [
            { type => 'track', event => 'Late', anonymousId => $id },
            { type => 'track', event => 'Fine', anonymousId => "else-$n" },
            ] });
        my $r = $visit->({ %jar });
        is($erased->() - $before, 5, 'late events are counted apart');
        like($r->{headers}{'set-cookie'}, qr/^onsite_id=;.*; Max-Age=0;/,
            'an erased cookie is told to go, again');
        like($r->{content}, qr/"contextual"/, 'and is no consent');
        unlike($r->{content}, qr/"remembering"/, 'to remember');
        is($record->($_), undef, 'nobody is back') for $old, $id;
        is($record->("else-$n")->{counts}{Fine}, 1, 'others are as they were');

        # a new cookie
        my %new;
        $visit->(\%new);
        $track->({ event => 'B', anonymousId => $id }, jar => \%new);
        $track->({ event => 'C', anonymousId => $id });
        is_deeply($record->($cookie->(\%new))->{counts},
            { 'Page Viewed' => 1, B => 1, C => 1 },
            'a cookie of since then brings the id back');
        is_deeply($record->($id)->{counts}, $record->($cookie->(\%new))
            ->{counts}, 'as its own');
    }

    # one who was there before the erasure does not
    my (%other, %gone);
    $visit->($_) for \%other, \%gone;
    $track->({ event => 'A', anonymousId => 'their' }, jar => \%gone);
    $erase->(\%gone);
    $track->({ event => 'B', anonymousId => 'their' }, jar => \%other);
    is($record->('their'), undef, 'another cookie does not');
    is($record->($cookie->(\%other))->{counts}{B}, 1, 'and counts its own');

    # customers, with all their devices
    for my $n (1 .. 4) {
        my $user = "user-$n";
        my (%phone, %laptop);
        $visit->($_) for \%phone, \%laptop;
        $track->({ event => 'A', anonymousId => "phone-$n" }, jar => \%phone);
        $visit->($_, $user) for \%phone, \%laptop;
        my $before = $erased->();
        $erase->(\%phone);
        is($record->($_), undef, 'gone') for $user, "phone-$n",
            map { $cookie->($_) } \%phone, \%laptop;
        $visit->({ %$_ }, $user) for \%phone, \%laptop;
        $track->({ event => 'Late', userId => $user }, headers => {
            authorization => 'Bearer trusted' });
        is($erased->() - $before, 3, 'late events of each');
        is($record->($user), undef, 'nobody is back');
        my %new;
        $visit->(\%new, $user);
        ok($new{onsite_id}, 'who comes anew gets a cookie');
        $visit->(\%new, $user);
        my $r = $record->($user);
        is($r->{status}, 'known', 'and is there again');
        is_deeply($record->($cookie->(\%new))->{counts}, $r->{counts},
            'on the new device');
        $erase->(\%new);
        is($record->($_), undef, 'gone once more')
            for $user, $cookie->(\%new);
    }

    if ($shards == 4) {
        $t->done;
    } else {
        $t->stop;
        $t->check_logs;
        $t->{clean} = Test::More->builder->is_passing;
    }
}
