# What waits to happen for a visitor goes with it to the customer that it turns
# out to be: told of once, in time, of the customer.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Outbox;
use Onsite::Test;
use Test::More;
use Time::HiRes qw(sleep);

for my $shards (1, 4) {
    my $t = Onsite::Test->new;
    $t->campaigns(abandoned('2s', content => { data => {
            who => '{{cart.skus}}' } }),
        { id => 'game', start => 'out', states => {
            out => { on => { 'Game Started' => 'in' } },
            in => { after => { '1h' => 'out' } } } },
        { id => 'over', channel => 'webhook', endpoint => 'https://h.example/',
            content => { data => {} },
            trigger => { journey => 'game', state => 'out' } });
    $t->start(workers => 2, state => "size=32m shards=$shards",
        server => <<'END');
            onsite_identity $http_x_user;
            location /onsite/ { onsite_collect; }
            location = /status { onsite_status; }
END

    my $event = sub {
        my ($name, $jar, %o) = @_;
        is($t->post('/onsite/v1/track', { event => $name,
            properties => { sku => $o{sku} // 's', price => 1 },
            $o{id} ? (messageId => $o{id}) : () },
            jar => $jar, headers => $o{user} ? { 'x-user' => $o{user} } : {}
            )->{status}, 200, "$name, $shards shard(s)");
    };

    for my $n (1 .. 6) {
        my (%first, %second);

        # the customer's own timer is due in an hour
        $event->('Game Started', \%first, user => "u-$n",
            id => "message-$n");

        # another device: a cart, then a log-in, or what was sent before
        $event->('Product Added', \%second, sku => "sku-$n");
        $event->($n % 2 ? 'Logged In' : 'Game Started', \%second,
            user => "u-$n", $n % 2 ? () : (id => "message-$n"));
    }

    is($t->status->{timers}{pending}, 6, 'a timer each');
    is($t->status->{noise}{duplicates}, 3, 'of a repeated message, too');
    sleep 2.6;
    my @all = outbox($t);
    is_deeply([sort map { "$_->{user_id} $_->{data}{who}[0]" } @all],
        [map { "u-$_ sku-$_" } 1 .. 6], 'each is told of once, by name')
        or diag(explain(\@all));
    is($t->status->{timers}{pending}, 6, 'and has the other timer still');

    $t->stop;
    $t->check_logs;
    $t->{clean} = 1;
}

done_testing();
