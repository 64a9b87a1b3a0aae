# One core behind both: the decisions of a recorded HTTP run and of its replay
# are identical, and so is what journeys, sequences and inactivity deliver.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use POSIX qw(strftime);
use Test::More;
use Time::HiRes qw(time);

sub hook {
    my ($id, $trigger) = @_;
    return { id => $id, channel => 'webhook', trigger => $trigger,
        endpoint => 'https://hooks.example/', content => { data => {
            event => '{{event.name}}', journey => '{{journey.journey}}',
            added => '{{visitor.counts.Product Added}}',
            value => '{{cart.value}}' } } };
}

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
    Onsite::Test::popup('began', trigger => { event => 'Began Shopping' },
        channel => 'bar', priority => 2,
        content => { html => '<i>{{event.properties.from}}</i>' }),
    Onsite::Test::popup('sequence', channel => 'notification',
        trigger => { sequence => [ { event => 'Product Viewed', count => 2 },
            { not => { event => 'Order Completed' } },
            { event => 'Cart Viewed' } ], within => '10m' }),
    { id => 'journey', start => 'new', states => {
        new => { on => { 'Product Added' => 'shopping' } },
        shopping => { on => { 'Order Completed' => 'new' },
            entry => { event => 'Began Shopping' },
            inactive => { '4s' => 'left' } },
        left => { on => { 'Cart Viewed' => 'new' } } } },
    hook('left', { journey => 'journey', state => 'left' }),
    hook('gone', { inactive => '5s', after => { event => 'Product Viewed' },
        unless => { event => 'Product Removed' } }),
    hook('added', { event => 'Product Added' }),
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

# the last timer is due 5 s after the last event
my $until = int(time * 1000) + 10_000;
my @left;
eventually(20, sub {
    @left = map { json_decode($_) }
        split /\n/, ($t->run_loader('outbox', $t->state_dir,
            '--kind', 'delivery'))[1];
    time * 1000 > $until - 4000;
});

my $text = join '', map { "$_\n" } @log;
my ($code, $out, $err) = $t->run_loader('replay', $t->snapshot, '--events',
    '-', '--until', strftime('%Y-%m-%dT%H:%M:%SZ', gmtime $until / 1000),
    \$text);
is($code, 0, 'the replay runs') or diag($err);

my (@replayed, @sent, $moves);
for (map { json_decode($_) } split /\n/, $out) {
    if ($_->{journey}) {
        $moves++;
    } elsif ($_->{campaign} =~ /^(left|gone|added)$/) {
        push @sent, "$_->{campaign} " . json_encode($_->{data});
    } elsif (!$_->{pending}) {
        push @replayed, join '|', $_->{visitor}, $_->{event}, $_->{campaign},
            $_->{variant}, $_->{html}, json_encode($_->{data});
    }
}

cmp_ok(scalar @http, '>', 100, 'decisions were made: ' . @http);
is_deeply(\@replayed, \@http, 'the replay\'s are the same, in order');
cmp_ok($moves, '>', 50, "journeys moved: $moves");

my %sent = map { /(\w+)/ ? ($1 => 1) : () } @sent;
is_deeply([ sort keys %sent ], [ 'added', 'gone', 'left' ],
    'webhooks of events and of timers left');
is_deeply([ sort map { "$_->{campaign} " . json_encode($_->{data}) } @left ],
    [ sort @sent ], 'the same ones, with the same data: ' . @sent);

$t->done;
