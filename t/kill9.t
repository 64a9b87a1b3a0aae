# A worker killed under load: what was answered 200 is in the state, and the
# others go on.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::INET;
use Onsite::Test;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

my $t = Onsite::Test->new;
$t->allow_log(qr/worker process \d+ exited on signal 9/);
$t->start(workers => 2, http => 'access_log off; keepalive_requests 1000000;');

my $CLIENTS = 4;
my $SECONDS = 4;

# Each client is its own visitor, counts what was answered and tells it.
sub client {
    my ($i, $end, $pipe) = @_;
    my ($sent, $acked) = (0, 0);
    my $body = json_encode({ event => 'Tick', anonymousId => "killed-$i" });
    my $request = "POST /onsite/v1/track HTTP/1.1\r\nHost: localhost\r\n"
        . 'Content-Length: ' . length($body) . "\r\n\r\n$body";
    local $SIG{PIPE} = 'IGNORE';
    while (time < $end) {
        my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1:' . $t->port)
            or next;
        while (time < $end) {
            $sent++;
            print $s $request or last;
            my ($ok, $length) = (0, 0);
            while (my $line = <$s>) {
                $ok = 1 if $line =~ m{^HTTP/1.1 200};
                $length = $1 if $line =~ /^Content-Length: (\d+)/i;
                last if $line eq "\r\n";
            }
            last unless $ok;
            my $read = read($s, my $content, $length);
            last unless defined $read && $read == $length;
            $acked++;
        }
    }
    print $pipe "$sent $acked\n";
    close $pipe;
}

my @clients;
my $end = time + $SECONDS;
for my $i (1 .. $CLIENTS) {
    pipe(my $r, my $w) or die "pipe: $!";
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        close $r;
        client($i, $end, $w);
        POSIX::_exit(0);
    }
    close $w;
    push @clients, [$i, $pid, $r];
}

my $kills = 0;
while (time < $end - 0.7) {
    sleep 0.25;
    my @workers = $t->workers;
    next unless @workers;
    kill 'KILL', $workers[$kills % @workers];
    $kills++;
}
cmp_ok($kills, '>', 5, 'workers were killed');

for (@clients) {
    my ($i, $pid, $r) = @$_;
    my ($sent, $acked) = split ' ', scalar <$r>;
    waitpid $pid, 0;
    my ($record) = $t->state_records('--visitor', "killed-$i");
    my $count = $record->{counts}{Tick} // 0;
    cmp_ok($acked, '>', 50, "client $i was served ($acked)");
    cmp_ok($count, '>=', $acked, 'all that was acknowledged is there');
    cmp_ok($count, '<=', $sent, 'and nothing that was not sent');
}

my $r = $t->post('/onsite/v1/track', { event => 'Tick',
    anonymousId => 'after' });
is($r->{status}, 200, 'the survivors serve on');

$t->done;
