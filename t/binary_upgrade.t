# A new binary takes over while requests come in: both masters' workers share
# the state, and every acknowledged event is counted once.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep);

my $t = Onsite::Test->new;
$t->write_file('html/index.html', html_page('x'));
$t->campaigns(Onsite::Test::popup('hello'));

my $conf = $t->conf_text(workers => 2, http => 'access_log off;', main =>
    'env LD_PRELOAD; env ASAN_OPTIONS; env UBSAN_OPTIONS;');
$conf =~ s/^daemon off;/daemon on;/m;
$t->write_conf(conf => $conf);
waitpid $t->spawn_nginx('-c', $t->dir . '/nginx.conf'), 0;
is($?, 0, 'starts');

my $pid_file = $t->dir . '/nginx.pid';
sub pid_of {
    my ($path) = @_;
    my ($pid) = Onsite::Test::read_file($path) =~ /(\d+)/;
    return $pid && kill(0, $pid) ? $pid : undef;
}
my $old = eventually(10, sub { pid_of($pid_file) });
ok(eventually(10, sub { $t->get('/empty')->{status} == 200 }), 'serves');

my $stop = $t->dir . '/tmp/stop';
my @clients;
for my $i (1 .. 2) {
    pipe(my $r, my $w) or die "pipe: $!";
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        my ($n, $failed) = (0, 0);
        until (-e $stop) {
            my $r = $t->post('/onsite/v1/track', { event => 'Tick',
                anonymousId => "upgrade-$i" }, headers => {
                connection => 'close' });
            $r->{status} == 200 ? $n++ : $failed++;
            sleep 0.002;
        }
        print $w "$n $failed\n";
        close $w;
        POSIX::_exit(0);
    }
    close $w;
    push @clients, [$i, $pid, $r];
}

sleep 0.3;
kill 'USR2', $old;
my $new = eventually(10, sub {
    my $pid = pid_of($pid_file);
    return -e "$pid_file.oldbin" && $pid && $pid != $old ? $pid : undef;
});
ok($new, 'a new master beside the old one');
sleep 0.5;
my %jar;
like($t->visit('/', jar => \%jar)->{content}, qr/data-onsite/, 'a page')
    for 1 .. 4;
kill 'WINCH', $old;
sleep 0.5;
my $r = $t->visit('/', jar => \%jar);
is($r->{headers}{'set-cookie'}, undef, 'the new one knows the cookie');
kill 'QUIT', $old;
ok(eventually(10, sub { !pid_of("$pid_file.oldbin") }), 'the old one leaves');
sleep 0.3;
$t->write_file('tmp/stop', '');

for (@clients) {
    my ($i, $pid, $from) = @$_;
    my ($n, $failed) = split ' ', scalar <$from>;
    waitpid $pid, 0;
    is($failed, 0, "client $i: none of " . ($n + $failed) . ' requests failed');
    my ($record) = $t->state_records('--visitor', "upgrade-$i");
    is($record->{counts}{Tick}, $n, 'and each is in the state');
}

is($t->visit('/', jar => \%jar)->{status}, 200, 'a page');
kill 'QUIT', $new // ();
ok(eventually(10, sub { !pid_of($pid_file) }), 'stops');
is(scalar(my @left = grep {
    Onsite::Test::read_file("$_/environ") =~ /\Q@{[ $t->dir ]}\E/
        || Onsite::Test::read_file("$_/maps") =~ /\Q@{[ $t->state_dir ]}\E/
} glob '/proc/[0-9]*'), 0, 'no process keeps the state');
$t->done;
