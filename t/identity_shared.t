# Two customers of one device: what one of them asks to be told or erased is
# theirs alone.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use Test::More;

for my $shards (1, 4) {
    my $t = Onsite::Test->new;
    $t->campaigns(Onsite::Test::popup('any'));
    $t->start(state => "size=32m shards=$shards", server => <<'END');
        location /onsite/ { onsite_collect; onsite_identity $http_x_user; }
        location = /status { onsite_status; }
END

    my $does = sub {
        my ($jar, $user, $event) = @_;
        my $r = $t->post('/onsite/v1/track', { event => $event }, jar => $jar,
            headers => { $user ? ('x-user' => $user) : () });
        is($r->{status}, 200, "$event: 200");
    };
    my $held = sub {
        my ($jar, $user) = @_;
        return json_decode($t->get('/onsite/privacy/export',
            jar => { %$jar }, headers => { 'x-user' => $user })->{content});
    };

    my (%shared, %hers, %his);
    $does->(\%shared, '', 'Both');
    $does->(\%hers, 'ann', 'Hers');
    $does->(\%his, 'bob', 'His');
    $does->(\%shared, 'ann', 'Hers');
    $does->(\%shared, 'bob', 'His');

    my $his = $held->(\%his, 'bob')->{visitor};
    my $export = $held->(\%hers, 'ann');
    is_deeply($export->{counts}, { Both => 1, Hers => 2 }, 'what is hers');
    is(scalar(grep { $_ eq $his } @{ $export->{links} }), 0,
        'his record is none of her links');

    is($t->post('/onsite/privacy/erase', '', jar => { %hers },
        headers => { 'x-user' => 'ann' })->{status}, 200, 'she is erased');
    ok(!$held->(\%hers, 'ann')->{visitor}, 'nothing is held of her');
    is_deeply($held->(\%his, 'bob')->{counts}, { His => 2 }, 'he is who he was');
    is_deeply($held->(\%shared, 'bob')->{counts}, { His => 2 },
        'on the device of both, too');

    if ($shards == 4) {
        $t->done;
    } else {
        $t->stop;
        $t->check_logs;
        $t->{clean} = Test::More->builder->is_passing;
    }
}
