# Which worker fires the timers: one, and another soon when that one is gone,
# stands still, or leaves.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::INET;
use Onsite::Outbox;
use Onsite::Test;
use Test::More;
use Time::HiRes qw(sleep time);

my $t = Onsite::Test->new;
$t->allow_log(qr/worker process \d+ exited on signal 9/);
$t->write_file('html/index.html', html_page('x'));
$t->campaigns(abandoned('300ms', content => { data => {
    who => '{{cart.skus}}' } }));
$t->start(workers => 3);

sub owner { $t->status->{timers}{owner} }

my $n = 0;
sub add {
    $n++;
    my $r = $t->post('/onsite/v1/track', { event => 'Product Added',
        anonymousId => "v-$n", properties => { sku => "v-$n", price => 1 } });
    die "event: $r->{status}" unless $r->{status} == 200;
}

# within the seconds given, and who was told of is told of once
sub fires {
    my ($within, $what) = @_;
    my $start = time;
    ok(eventually($within, sub { outbox($t) == $n }), $what)
        or diag(scalar(outbox($t)), " of $n after ", time - $start);
}

# the owner is one of the workers, but none of those given
sub becomes {
    my ($within, $what, @not) = @_;
    my $owner;
    ok(eventually($within, sub {
        $owner = owner();
        return $owner && !(grep { $_ == $owner } @not)
            && grep { $_ == $owner } $t->workers;
    }), $what);
    return $owner;
}

my $owner = becomes(5, 'one of the workers has the lease');
add();
fires(5, 'it fires');
sleep 0.5;
is(owner(), $owner, 'and keeps the lease');

kill 'KILL', $owner;
my $next = becomes(0.8, 'it dies: another takes over at once', $owner);
add();
fires(5, 'and fires');

# what stands still may go on at any time: nothing fires twice
kill 'STOP', $next;
ok(eventually(10, sub {
    Onsite::Test::read_file("/proc/$next/stat") =~ /^\d+ \(nginx\) T/ }),
    'a worker is stopped');
add();
my $third = becomes(8, 'it stands still: another takes over', $next);
fires(5, 'and fires');
kill 'CONT', $next;
sleep 0.5;
is(owner(), $third, 'who comes back finds the lease taken');
add();
fires(5, 'by one who fires');

# a worker that leaves lets go, although a client keeps it
my $slow = IO::Socket::INET->new(PeerAddr => '127.0.0.1:' . $t->port);
print $slow "POST /onsite/v1/track HTTP/1.1\r\nHost: localhost\r\n"
    . "Content-Length: 100\r\n\r\n{";
my @old = $t->workers;
$t->reload;
becomes(5, 'after a reload one of the new', @old);
add();
fires(5, 'and fires');
close $slow;

sleep 0.5;
my %times;
$times{$_->{data}{who}[0]}++ for outbox($t);
is(scalar(grep { $_ != 1 } values %times), 0, 'each once');
is(scalar keys %times, $n, 'all');

# a single process
$t->stop;
$t->start(main => 'master_process off;');
ok(eventually(5, sub { owner() == $t->{pid} }), 'a single process has it');
add();
fires(5, 'and fires');

# without a snapshot what is due waits for one
$t->stop;
unlink $t->snapshot;
$t->start(snapshot => 1);
add();
is($t->status->{timers}{pending}, 0, 'nobody knows of a timer');
$n--;
$t->stop;
$t->campaigns(abandoned('300ms', content => { data => {
    who => '{{cart.skus}}' } }));
$t->start;
add();
$t->stop;
rename $t->snapshot, $t->dir . '/away.mdb';
$t->start(snapshot => 1);
sleep 0.8;
is($t->status->{timers}{pending}, 1, 'it waits');
cmp_ok($t->status->{timers}{late_seconds}, '>', 0.2, 'and is late');
rename $t->dir . '/away.mdb', $t->snapshot;
fires(8, 'and fires when it is there');

# a site that is gone from the snapshot may come back
add();
$t->campaigns(abandoned('300ms', site => 'other'));
ok(eventually(8, sub { my $s = $t->status;
    $s->{timers}{late_seconds} == 0 && $s->{timers}{pending} == 1 }),
    'its timers are put off');
is(scalar(outbox($t)), $n - 1, 'not fired');

$t->done;
