# Reloads under load: no request lost, memory flat, counters and state kept.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::INET;
use Onsite::Test;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

my $RELOADS = $ENV{RELOADS} || 25;

my $t = Onsite::Test->new;
$t->write_file('html/index.html', html_page('x'));
$t->campaigns(map { Onsite::Test::popup("c$_", trigger => {
    event => "Event $_" }) } 1 .. 200);
$t->start(workers => 2, http => 'access_log off;');

# A client of new connections: exits with the number of failures.
my $stop = $t->dir . '/tmp/stop';
my @clients;
for my $i (1 .. 2) {
    pipe(my $r, my $w) or die "pipe: $!";
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        my ($n, $failed) = (0, 0);
        until (-e $stop) {
            my $r = $t->post('/onsite/v1/track', { event => 'Tick',
                anonymousId => "reload-$i" });
            $r->{status} == 200 ? $n++ : $failed++;
        }
        print $w "$n $failed\n";
        close $w;
        POSIX::_exit(0);
    }
    close $w;
    push @clients, [$i, $pid, $r];
}

# Resident memory of the master, which keeps what configurations leave behind.
sub memory {
    my ($pid) = @_;
    my ($kb) = Onsite::Test::read_file("/proc/$pid/status")
        =~ /^RssAnon:\s+(\d+)/m;
    return $kb;
}

my @memory;
for my $i (1 .. $RELOADS) {
    ok($t->reload, "reload $i") if $i % 5 == 0 || !$t->reload;
    push @memory, memory($t->{pid});
}

$t->write_file('tmp/stop', '');
for (@clients) {
    my ($i, $pid, $r) = @$_;
    my ($n, $failed) = split ' ', scalar <$r>;
    waitpid $pid, 0;
    is($failed, 0, "client $i: none of " . ($n + $failed) . ' requests failed');
    my ($record) = $t->state_records('--visitor', "reload-$i");
    is($record->{counts}{Tick}, $n, 'and each is in the state');
}

# a sanitizer keeps what is freed for a while
my $early = $memory[int(@memory / 3)];
cmp_ok($memory[-1], '<', $early * 1.15 + 512,
    "the master's memory is flat: $early kB, then $memory[-1] kB")
    unless ($ENV{FLAVOUR} // '') eq 'asan';

my $status = $t->status;
cmp_ok($status->{events}{total}, '>', 50, 'counters outlive reloads');

# Processes of ours, those that are shutting down too.
sub processes {
    return grep { Onsite::Test::read_file($_) =~ /^nginx: worker/
        && Onsite::Test::read_file(s/cmdline/stat/r) =~ /^\d+ \(nginx\) . $t->{pid} / }
        glob '/proc/[0-9]*/cmdline';
}

ok(eventually(10, sub { 2 == (my @all = processes()) }),
    'old workers are gone');

$t->done;
