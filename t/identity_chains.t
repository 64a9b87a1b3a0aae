# Ids that are renamed again and again: no call fails, no event is lost or
# counted twice, whatever the order and over however many shards.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use Test::More;

my @trusted = (headers => { authorization => 'Bearer trusted' });

for my $shards (1, 4) {
    my $t = Onsite::Test->new;
    $t->campaigns(Onsite::Test::popup('any'));
    $t->start(state => "size=32m shards=$shards", server => <<'END');
        location /onsite/ { onsite_collect; onsite_server_key trusted; }
        location = /status { onsite_status; }
END

    my $post = sub {
        my ($call, $body, @o) = @_;
        return $t->post("/onsite/v1/$call", $body, @o)->{status};
    };
    my $counted = sub {
        my ($prefix) = @_;
        my $n = 0;
        $n += $_->{counts}{$prefix} // 0 for $t->state_records;
        return $n;
    };
    my %orders = (
        'in order' => sub { @_ },
        'backwards' => sub { reverse @_ },
        'from the middle' => sub { @_[grep({ $_ % 2 } 0 .. $#_),
            grep { $_ % 2 == 0 } 0 .. $#_] },
    );

    # customers, renamed in one batch
    for my $how (sort keys %orders) {
        my $failed = 0;
        for my $n (1 .. 12) {
            my ($last, $event) = (2 + $n % 4, "$how $n");
            my @ids = map { "$event.$_" } 0 .. $last;
            my $all = { batch => [ map { { type => 'track', event => $event,
                userId => $_ } } @ids ] };
            $failed++ if $post->('batch', $all, @trusted) != 200;
            $failed++ if $post->('batch', { batch => [ map { {
                type => 'alias', previousId => $ids[$_ - 1],
                userId => $ids[$_] } } $orders{$how}->(1 .. $last) ] },
                @trusted) != 200;
            $failed++ if $post->('batch', $all, @trusted) != 200;

            my @held = grep { $_->{counts}{$event} } $t->state_records;
            $failed++ if @held != 1
                || $held[0]{counts}{$event} != 2 * @ids
                || $held[0]{user_id} ne $ids[-1];
        }
        is($failed, 0, "$how: one customer, with all events once");
    }

    # to themselves, and back
    my $failed = 0;
    for my $n (1 .. 8) {
        my @ids = map { "back $n.$_" } 1 .. 3;
        for (@ids) {
            $failed++ if $post->('track', { event => "back $n",
                userId => $_ }, @trusted) != 200;
        }
        for ([0, 1], [0, 0], [2, 0], [0, 2], [1, 0], [2, 2], [1, 2], [0, 1]) {
            my ($from, $to) = @$_;
            $failed++ if $post->('alias', { previousId => $ids[$from],
                userId => $ids[$to] }, @trusted) != 200;
        }
        for (@ids) {
            $failed++ if $post->('track', { event => "back $n",
                userId => $_ }, @trusted) != 200;
        }
        my @held = grep { $_->{counts}{"back $n"} } $t->state_records;
        $failed++ if @held != 1 || $held[0]{counts}{"back $n"} != 6;
    }
    is($failed, 0, 'renames that lead back are none');

    # ids that anybody may name, one after the other
    my @ids = map { "a$_" } 0 .. 19;
    $failed = 0;
    for my $i (0 .. $#ids) {
        $failed++ if $post->('track', { event => 'Seen',
            anonymousId => $ids[$i] }) != 200;
        $failed++ if $i && $post->('alias', { previousId => $ids[$i - 1],
            anonymousId => $ids[$i], userId => 'x' }) != 200;
    }
    my %jar;
    for my $id (@ids, reverse @ids) {
        $failed++ if $post->('track', { event => 'Seen',
            anonymousId => $id }) != 200;
        $failed++ if $post->('track', { event => 'Seen',
            anonymousId => $id }, jar => \%jar) != 200;
        $post->('track', { event => 'First' }, jar => \%jar) unless %jar;
    }
    is($failed, 0, 'a long chain of ids fails no call');
    is($counted->('Seen'), 5 * @ids, 'each event is counted once');
    is($t->status->{store}{errors}, 0, 'no operation failed');

    if ($shards == 4) {
        $t->done;
    } else {
        $t->stop;
        $t->check_logs;
        $t->{clean} = Test::More->builder->is_passing;
    }
}
