# drain beside what goes wrong: a sink that is away while the state fills, a
# state that is not there yet, or wiped.

use strict;
use warnings;

use File::Path qw(remove_tree);
use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Drain;
use Onsite::Outbox;
use Onsite::Receiver;
use Onsite::Test;
use Test::More;
use Time::HiRes qw(sleep);

delete @ENV{ grep { /_proxy$/i || /^ONSITE_/ } keys %ENV };
my $t = Onsite::Test->new;
my $d = Onsite::Drain->new($t, prefix => 'f');
$t->write_file('html/index.html', html_page('x'));
$t->campaigns({ id => 'order', channel => 'webhook',
    endpoint => 'https://h.example/', trigger => { event => 'Order Completed' },
    content => { data => {} } });
my $r = Onsite::Receiver->new($t, sub { return $_[0]{mode} eq 'away' ? 'cut' : 204 });

# the state is not there yet
my $pid = $d->start('--to', $r->url);
ok(eventually(5, sub { $d->told =~ /\Q@{[$t->state_dir]}\E/ }), 'no state: told');
$t->start(state => 'size=2m', http => 'onsite_outbox_events on;');
$d->send(10);
ok(eventually(10, sub { $r->ids == 10 }), 'it is drained when it is there') or diag($d->told);

# the sink is away, the state fills: pages flow, the oldest events give way and
# are counted, deliveries stay
$r->anew->mode('away');
my $orders = 0;
for my $i (1 .. 120) {
    $d->send(50, text => 'x' x 100);
    next if $i % 4;
    $t->post('/onsite/v1/track', { event => 'Order Completed', anonymousId =>
        "o-$i", messageId => 'o-' . ++$orders })->{status} == 200 or die 'an order';
    is($t->visit('/')->{status}, 200, 'pages flow') if $i % 40 == 0;
}
my $outbox = $t->status->{outbox};
cmp_ok($outbox->{dropped}, '>', 100, 'the oldest events were dropped, and are counted');
is(scalar(outbox($t)), $orders, 'no delivery was');
is($outbox->{refused}, 0, 'and none refused');
ok(eventually(10, sub { $d->told =~ /\Q@{[$r->url]}\E/ }), 'the drain tells');
is($d->end($pid), 0, 'and ends when told to');
$r->anew->mode('');
my ($code, $out, $err) = $d->once('--to', $r->url, '--json');
is($code, 0, 'the sink is back') or diag($err);
my %ids = map { $_ => 1 } grep { /^f-/ } $r->ids;
my @sent = $d->last(6000);
my $came = grep { $ids{$_} } @sent;
is(scalar keys %ids, $came, 'only what was sent comes');
my @last = grep { $ids{$_} } @sent[-100 .. -1];
is(scalar @last, 100, 'the latest do');
my $other = grep { !/^f-/ } $r->ids;
is($came + $other + $t->status->{outbox}{dropped}, 6000 + $orders + $t->status->{pageviews}{total},
    'what came and what was dropped is what happened');
is(scalar(outbox($t)), $orders, 'deliveries are still there');

# wiped, and made anew
$pid = $d->start('--to', $r->url);
$d->send(10);
ok(eventually(10, sub { $t->status->{outbox}{events} == 0 }), 'it drains');
$t->stop;
remove_tree($t->state_dir);
$r->anew;
$t->start(state => 'size=8m shards=2', http => 'onsite_outbox_events on;');
$d->send(40);
ok(eventually(10, sub { $r->ids == 40 }), 'a state that was wiped: it goes on with the new one')
    or diag($d->told);
like($d->told, qr/was made anew/, 'and says so');
is_deeply([sort $r->ids], [sort $d->last(40)], 'each once');
is($d->end($pid), 0, 'ended');

$t->done;
