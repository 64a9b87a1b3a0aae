# Real shop events through nginx, single and in batches of 50, eight
# connections at once, four workers: afterwards every visitor's counters equal
# what sqlite counts in the file.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::INET;
use Onsite::Rees46;
use Onsite::Test;
use POSIX ();
use Test::More;

plan(skip_all => 'the shared data is absent') unless rees46_path();

my $CONNECTIONS = 8;

my $t = Onsite::Test->new;
$t->campaigns(
    Onsite::Test::popup('third-view', trigger => { event => 'Product Viewed',
        count => 3, within => 'session' }),
    Onsite::Test::popup('big-cart', trigger => { event => 'Product Added' },
        audience => { 'cart.value' => { '$gt' => 100 } }),
);
$t->start(workers => 4, state => 'size=64m shards=4', http => 'access_log off; keepalive_requests 100000;');

my @rows = rees46_rows();
is(scalar @rows, 17434, 'all rows of the file');

# half of the rows one by one, without a time of their own; half in batches,
# with the file's (old) times
my $half = int(@rows / 2);
my @bodies = map { ['/onsite/v1/track', json_encode(rees46_call($_))] }
    @rows[0 .. $half - 1];
my @rest = @rows[$half .. $#rows];
while (my @some = splice @rest, 0, 50) {
    push @bodies, ['/onsite/v1/batch', json_encode({ batch => [
        map { rees46_call($_, type => 1, timestamp => 1) } @some ] })];
}

# Sends its share over one keep-alive connection; exits 1 at the first answer
# that is not 200.
sub send_share {
    my ($share) = @_;
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1:' . $t->port)
        or return 1;
    for my $body (@$share) {
        print $s "POST $body->[0] HTTP/1.1\r\nHost: localhost\r\n"
            . "Content-Length: " . length($body->[1]) . "\r\n\r\n$body->[1]";
        my ($head, $length) = ('', 0);
        while (my $line = <$s>) {
            $head .= $line;
            $length = $1 if $line =~ /^Content-Length: (\d+)/i;
            last if $line eq "\r\n";
        }
        read($s, my $content, $length);
        return 1 unless $head =~ m{^HTTP/1.1 200} && $content =~ /true/;
    }
    return 0;
}

my @pids;
for my $i (0 .. $CONNECTIONS - 1) {
    my @share = @bodies[grep { $_ % $CONNECTIONS == $i } 0 .. $#bodies];
    my $pid = fork // die "fork: $!";
    POSIX::_exit(send_share(\@share)) if $pid == 0;
    push @pids, $pid;
}
my $failed = 0;
for my $pid (@pids) {
    waitpid $pid, 0;
    $failed++ if $? != 0;
}
is($failed, 0, 'every call was answered 200 and success');

my $expected = rees46_counts();
my $ids = join '', map { "$_\n" } sort keys %$expected;
my %found = map { $_->{visitor} => $_->{counts} }
    $t->state_records('--visitor', '-', \$ids);

is(scalar keys %found, scalar keys %$expected, 'every visitor has a record');

my @different;
for my $user (sort keys %$expected) {
    my $want = json_encode($expected->{$user});
    my $have = json_encode($found{$user} // {});
    push @different, "$user: $want in the file, $have in the state"
        if $want ne $have;
}
is(scalar @different, 0, 'every counter equals the recount')
    or diag(join "\n", @different[0 .. ($#different < 5 ? $#different : 5)]);

my $status = $t->status;
is($status->{events}{total}, 17434, 'events.total counts each event once');
is($status->{state}{visitors}, scalar keys %$expected, 'state.visitors');
my $bytes = $status->{state}{bytes_used} / $status->{state}{visitors};
cmp_ok($bytes, '<', 400, sprintf('%.0f bytes of state a visitor', $bytes));

$t->done;
