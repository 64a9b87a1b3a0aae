# Timers fire exactly once: while workers are killed at any moment, the one
# that fires before all; through reloads, restarts, and when all are killed.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Outbox;
use Onsite::Test;
use Test::More;
use Time::HiRes qw(sleep time);

my $VISITORS = 2000;
my $PORTION = 50;

my $t = Onsite::Test->new;
$t->allow_log(qr/worker process \d+ exited on signal 9/);
my $who = { data => { who => '{{cart.skus}}' } };
$t->campaigns(abandoned('1s', content => $who),
    abandoned('1500ms', id => 'second', content => $who));
my %conf = (workers => 2, state => 'size=64m shards=2',
    http => 'access_log off;');
$t->start(%conf);

my ($sent, $next) = (0, 0);
my %sure;
my $seed = $ENV{SEED} // time * 1000 % 1000000;
srand $seed;
diag("SEED=$seed");

# What is not answered 200 may be there or not: at most once, then.
sub portion {
    my @ids = map { 'v-' . $next++ } 1 .. $PORTION;
    my $r = $t->post('/onsite/v1/batch', { batch => [map { {
        type => 'track', event => 'Product Added', anonymousId => $_,
        properties => { sku => $_, price => 1 } } } @ids] });
    return unless $r->{status} == 200;
    $sent += $PORTION;
    @sure{@ids} = (1) x @ids;
}

# Of whatever age, also one that is just being made.
sub children {
    my ($pid) = @_;
    return grep { (Onsite::Test::read_file("/proc/$_/stat") =~ /\) \S (\d+)/
        ? $1 : 0) == $pid } map { m{(\d+)} } glob '/proc/[0-9]*';
}

sub owner {
    my $r = $t->get('/status', timeout => 1);
    return $r->{status} == 200
        ? json_decode($r->{content})->{timers}{owner} : 0;
}

my ($kills, $of_owner, $reloads, $restarts) = (0, 0, 0, 0);
my $last = time;
while ($sent < $VISITORS || time < $last + 1.7) {
    if ($sent < $VISITORS) {
        portion();
        $last = time;
    }
    my $dice = rand;
    if ($dice < 0.5) {
        sleep rand 0.1;
        my $owner = owner();
        if ($owner && kill 'KILL', $owner) {
            $kills++;
            $of_owner++;
        }
    } elsif ($dice < 0.6) {
        my @workers = $t->workers;
        $kills += kill 'KILL', @workers;
    } elsif ($dice < 0.68) {
        $t->signal('HUP');
        $reloads++;
    } elsif ($dice < 0.72) {
        $t->stop(rand() < 0.5 ? 'QUIT' : 'TERM');
        $t->start(%conf);
        $restarts++;
    } elsif ($dice < 0.76) {
        # a master that goes on would start another worker meanwhile
        kill 'STOP', $t->{pid};
        Onsite::Test::eventually(5, sub { Onsite::Test::read_file(
            "/proc/$t->{pid}/stat") =~ /\) T/ });
        kill 'KILL', children($t->{pid}), $t->{pid};
        waitpid delete $t->{pid}, 0;
        $t->start(%conf);
        $restarts++;
    }
}

# much that is due at once, and workers that live for some of it each
portion() for 1 .. 30;
$t->stop;
sleep 1.6;
$t->start(%conf);
for (1 .. 25) {
    sleep rand 0.03;
    my @workers = $t->workers;
    $kills += kill 'KILL', @workers;
}

diag("$kills kills, $of_owner of who fires; $reloads reloads, "
    . "$restarts restarts");
cmp_ok($of_owner, '>=', 5, 'workers were killed as they fired');

my (@all, %times, %id, %seq);
ok(eventually(8, sub { $t->status->{timers}{pending} == 0 }),
    'all that was due fired');
@all = outbox($t);

for (@all) {
    $times{$_->{campaign}}{$_->{data}{who}[0]}++;
    $id{$_->{id}}++;
    $seq{$_->{seq}}++;
}

for my $campaign (qw(abandoned second)) {
    my $n = $times{$campaign};
    is(scalar(grep { !$n->{$_} } keys %sure), 0, "$campaign: each is told of");
    is(scalar(grep { $_ != 1 } values %$n), 0, 'once');
}
is(scalar keys %id, scalar @all, 'each by its own id');
is(scalar keys %seq, scalar @all, 'and number');

my $s = $t->status;
is($s->{outbox}{deliveries}, scalar @all, 'the outbox knows how many it has');
is($s->{store}{corrupt}, 0, 'no record was damaged');

$t->done;
