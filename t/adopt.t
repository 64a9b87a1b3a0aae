# Ids in other tools' cookies: who was here before this module was is no new
# visitor.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use Test::More;

my $SERVER = <<'END';
        location / { root %%DIR%%/html; onsite on;
            onsite_adopt ajs_anonymous_id _ga visitor; }
        location /plain/ { alias %%DIR%%/html/; onsite on; onsite_adopt off; }
        location = /told { onsite on; onsite_adopt ajs_anonymous_id _ga;
            return 200 $onsite_visitor; }
        location /onsite/ { onsite_collect; }
        location = /status { onsite_status; }
END

for my $shards (1, 4) {
    my $t = Onsite::Test->new;
    $t->write_file('html/index.html', html_page('x'));
    $t->campaigns(Onsite::Test::popup('new', audience => {
        'visitor.status' => 'new' }));
    $t->start(state => "size=32m shards=$shards", server => $SERVER);

    my $record = sub {
        my ($r) = $t->state_records('--visitor', '-', \"$_[0]\n");
        return $r;
    };
    my $id_of = sub { (split /\./, $_[0]{onsite_id} // '')[0] };
    my $first = sub {
        my ($cookies, $path) = @_;
        my %jar = %$cookies;
        my $r = $t->visit($path // '/', jar => \%jar);
        my $record = $jar{onsite_id} ? $record->($id_of->(\%jar)) : undef;
        return ($record, $r, \%jar);
    };
    my $now = time;
    my $ago = sub { sprintf 'GA1.1.%d.%d', 1000 + rand 1e9, $now - $_[0] };

    # what a cookie says
    for (
        [{}, 'new', 'no cookie'],
        [{ ajs_anonymous_id => '%22b1b0f7a2-0001%22' }, 'returning', 'quoted'],
        [{ ajs_anonymous_id => 'b1b0f7a2-0002' }, 'returning', 'plain'],
        [{ ajs_anonymous_id => '"b1b0f7a2-0003"' }, 'returning', 'raw quotes'],
        [{ visitor => '42' }, 'returning', 'another name'],
        [{ other => '42' }, 'new', 'not of these names'],
        [{ ajs_anonymous_id => '' }, 'new', 'empty'],
        [{ ajs_anonymous_id => '%22%22' }, 'new', 'empty quotes'],
        [{ ajs_anonymous_id => 'x' x 257 }, 'new', 'too long'],
        [{ ajs_anonymous_id => 'x' x 9000 }, undef, 'far too long'],
        [{ ajs_anonymous_id => 'a%00b' }, 'new', 'control bytes'],
        [{ ajs_anonymous_id => 'a%0ab' }, 'new', 'a line end'],
        [{ _ga => $ago->(86400) }, 'returning', 'Google\'s of yesterday'],
        [{ _ga => $ago->(60) }, 'new', 'Google\'s of this visit'],
        [{ _ga => $ago->(-3600) }, 'new', 'of the future'],
        [{ _ga => 'GA1.1.7.9223372036854775807' }, 'new', 'beyond all times'],
        [{ _ga => $ago->(3 * 365 * 86400) }, 'returning', 'of years ago'],
        [{ _ga => 'GA1.1.7.1104537600' }, 'returning', 'of 2005'],
        [{ _ga => 'GA1.1.7.1104537599' }, 'new', 'of before there were any'],
        [{ _ga => 'GA1.1.7.0' }, 'new', 'of no time'],
        [{ ajs_anonymous_id => '', _ga => $ago->(86400) }, 'returning',
            'the next name, where the first says nothing'])
    {
        my ($cookies, $status, $what) = @$_;
        my ($got, $r) = $first->($cookies);
        is($got->{status}, $status, $what);
        next unless defined $status;
        is($r->{content} =~ /"new"/ ? 1 : 0, $status eq 'new' ? 1 : 0,
            'and is decided so');
    }

    my ($got) = $first->({ ajs_anonymous_id => 'off-1' }, '/plain/');
    is($got->{status}, 'new', 'onsite_adopt off');

    # since when
    my $week = $ago->(7 * 86400);
    ($got) = $first->({ _ga => $week });
    like($got->{first_seen}, qr/\S/, 'first seen');
    my $since = $got->{first_seen};
    if ($since !~ /^\d+$/) {
        my @t = gmtime($now - 7 * 86400);
        my $text = sprintf '%04d-%02d-%02dT%02d:%02d:%02d', $t[5] + 1900,
            $t[4] + 1, @t[3, 2, 1, 0];
        like($since, qr/^$text/, 'when Google\'s cookie says');
    } else {
        is(int($since / 1000), $now - 7 * 86400,
            'when Google\'s cookie says');
    }
    is($got->{visits}, 2, 'the second visit');

    # what the id did here before joins
    my $track = sub {
        my ($id, $event, %o) = @_;
        my $r = $t->post('/onsite/v1/track', { event => $event,
            anonymousId => $id }, %o);
        is($r->{status}, 200, "$id: $event");
    };
    for my $n (1 .. 6) {
        my $id = "segment-$n";
        $track->($id, 'Before') for 1, 2;
        my ($joined, undef, $jar) = $first->({
            ajs_anonymous_id => "%22$id%22" });
        is($joined->{counts}{Before}, 2, 'what the id did joins');
        is($joined->{visits}, 1, 'of the same visit');
        $track->($id, 'After');
        $track->($id, 'Both', jar => $jar);
        $t->visit('/', jar => $jar);
        is_deeply($record->($id_of->($jar))->{counts}, { Before => 2,
            After => 1, Both => 1, 'Page Viewed' => 2 },
            'and it leads to the cookie from then on');

        # the cookie is lost, the id is not
        my ($again) = $first->({ ajs_anonymous_id => $id });
        is($again->{status}, 'returning', 'an id that is somebody\'s');
        is($again->{counts}{Before}, undef, 'stays theirs');
    }

    # a variable that is read before tells the same
    is($t->visit('/told', headers => { cookie => 'ajs_anonymous_id=told-1' })
        ->{content}, 'returning', 'a variable knows');
    is($t->visit('/told')->{content}, 'new', 'and who is new');

    if ($shards == 4) {
        for ('a=b', 'a;b', 'a b', '') {
            my ($ok, $out) = $t->test_conf(server =>
                "location / { onsite_adopt good \"$_\"; }");
            ok(!$ok, "\"$_\" is no cookie's name");
            like($out, qr/onsite_adopt/, 'and told');
        }
        my ($ok) = $t->test_conf(server =>
            'location / { onsite_adopt a; onsite_adopt off; }');
        ok(!$ok, 'names and off');
        $t->done;
    } else {
        $t->stop;
        $t->check_logs;
        $t->{clean} = Test::More->builder->is_passing;
    }
}
