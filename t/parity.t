# One core behind both: the decisions of a recorded HTTP run and of its replay
# are identical.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use Test::More;
use Time::HiRes qw(time);

my $t = Onsite::Test->new;
my @events = ('Product Viewed', 'Product Added', 'Product Removed',
    'Cart Viewed', 'Order Completed', 'Promotion Clicked');
my @categories = ('shoes', 'jackets', '<b>bags</b>', '');

$t->campaigns(
    Onsite::Test::popup('viewed', trigger => { event => 'Product Viewed' },
        frequency => { cap => 2, per => 'session' }, group => 'g',
        priority => 5, holdout => 0.2,
        content => { html => '<p>{{event.properties.category}} '
            . '{{cart.value}}</p>' }),
    Onsite::Test::popup('shoes', trigger => { event => 'Product Viewed',
        where => { category => 'shoes' } }, group => 'g', priority => 9,
        audience => { 'session.counts.Product Viewed' => { '$gte' => 3 } },
        frequency => { cap => 1, per => 'visitor', stop_on => ['clicked'] }),
    Onsite::Test::popup('tested', trigger => { event => 'Cart Viewed' },
        variants => [ { id => 'a', weight => 0.3,
            content => { html => '<p>a {{cart.items}}</p>' } },
            { id => 'b', weight => 0.7 } ]),
    Onsite::Test::popup('third', trigger => { event => 'Product Added',
        count => 3, within => 'session' }, channel => 'bar'),
    Onsite::Test::popup('thanks', trigger => { event => 'Order Completed' },
        channel => 'notification', audience => { '$or' => [
            { 'cart.items' => 0 }, { 'visitor.status' => 'customer' } ] },
        content => { html => '<b>Thanks</b>',
            data => { order => '{{event.properties.order}}' } }),
);
$t->start(workers => 2);

srand 7;
my (@log, @http);
for my $i (1 .. 600) {
    my $call = {
        type => 'track', event => $events[rand @events],
        anonymousId => 'p' . int(rand 25), receivedAt => time * 1000,
        properties => { category => $categories[rand @categories],
            sku => 's' . int(rand 5), price => int(rand 9000) / 100,
            quantity => 1 + int(rand 2), order => $i,
            promotion_id => 'shoes' },
    };
    $call->{receivedAt} = int $call->{receivedAt};
    push @log, json_encode($call);
    my $r = $t->post('/onsite/decide', $call);
    $r->{status} == 200 or BAIL_OUT("decide: $r->{status} $r->{content}");
    for my $c (@{ json_decode($r->{content})->{campaigns} }) {
        push @http, join '|', $call->{anonymousId}, $call->{event}, $c->{id},
            $c->{variant} // '', $c->{html} // '', json_encode($c->{data});
    }
}

my $text = join '', map { "$_\n" } @log;
my ($code, $out, $err) = $t->run_loader('replay', $t->snapshot, '--events',
    '-', \$text);
is($code, 0, 'the replay runs') or diag($err);

my @replayed = map {
    my $c = json_decode($_);
    join '|', $c->{visitor}, $c->{event}, $c->{campaign}, $c->{variant},
        $c->{html}, json_encode($c->{data});
} split /\n/, $out;

cmp_ok(scalar @http, '>', 100, 'decisions were made: ' . @http);
is_deeply(\@replayed, \@http, 'the replay\'s are the same, in order');

$t->done;
