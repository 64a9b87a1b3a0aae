# A whole POP, and what may befall it: pages keep flowing, each event that was
# taken is in the stream once, each delivery has left under one id.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Pop;
use Onsite::Test;
use Test::More;
use Time::HiRes qw(sleep);

my $t = Onsite::Test->new;
my $pop = Onsite::Pop->new($t);
my ($nats, $sidecar) = @$pop{qw(nats sidecar)};
ok($pop->up, 'a POP is ready') or do { diag($sidecar->log); $t->done; exit };
ok($pop->goes_on(30), 'pages and events');

$pop->phase('nats');
$nats->kill;
ok($pop->goes_on(30), 'without NATS');
$nats->start;
ok($pop->goes_on(20), 'and with it');

$pop->phase('store');
my $store = $pop->{published}{store};
rename $store, "$store.away" or die "$store: $!";
ok($pop->goes_on(25), 'without a store');
rename "$store.away", $store or die "$store: $!";
ok($pop->shows($pop->publish), 'what is published later goes live');

$pop->phase('receiver');
$pop->{hooks}->answers('order', '503');
ok($pop->goes_on(25), 'nobody takes deliveries');
$pop->{hooks}->answers('order', '');

$pop->phase('sidecar');
for my $i (1 .. 4) {
    sleep rand 0.3;
    $pop->sidecar_kill;
    $pop->goes_on(5);
    $pop->sidecar_start;
    my @sections;
    eventually(5, sub { @sections = $pop->sections; @sections >= 3 });
    sleep rand 0.3;
    kill 'KILL', $sections[rand @sections];
    ok($pop->goes_on(5), "the sidecar and a part of it are killed, $i");
}

$pop->phase('nginx');
$pop->without_nginx(sub { $pop->nginx_kill; $pop->nginx_start });
ok($pop->goes_on(20), 'nginx is killed');

$pop->phase('both');
$pop->without_nginx(sub {
    $pop->nginx_kill;
    $pop->sidecar_kill;
    $pop->sidecar_start;
    $pop->nginx_start;
});
ok($pop->goes_on(20), 'both are killed');

# a restart of the machine: what is not on a disk is gone
my $checkpoint = $t->dir . '/checkpoint';
$pop->phase('wiped');
$pop->hold;
ok($pop->quiet, 'all has left') or diag($sidecar->log);
$pop->without_nginx(sub {
    $pop->nginx_kill;
    $pop->sidecar_kill;
    unlink glob $t->state_dir . '/*';
    $pop->nginx_start;
    $pop->sidecar_start;
});
$pop->resume;
ok($pop->goes_on(25), 'the state was wiped');

$pop->hold;
ok($pop->quiet, 'all has left') or diag($sidecar->log);
$pop->account;
is($sidecar->stop, 0, 'the sidecar ends in peace');
$t->done;
