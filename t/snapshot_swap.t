# A replaced snapshot is live within a second in every worker, without a
# reload and without a lost request; a bad one never goes live.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use Test::More;
use Time::HiRes qw(sleep time);

my $t = Onsite::Test->new;
$t->write_file('html/index.html', html_page('x'));
$t->campaigns(Onsite::Test::popup('one'));
$t->start(workers => 2);

sub shown { ($t->visit('/')->{content} =~ /data-onsite-campaign="(\w+)"/)[0] // '' }

# by whichever worker answers: 20 in a row
sub all_show {
    my ($campaign) = @_;
    return eventually(10, sub { !grep { shown() ne $campaign } 1 .. 20 });
}

is(shown(), 'one', 'the first snapshot is live');

my ($failed, $n, $live_after) = (0, 0, undef);
$t->campaigns(Onsite::Test::popup('two'));
my $start = time;
my ($in_a_row, $first) = (0, undef);
while (time < $start + 3) {
    my $r = $t->visit('/');
    $first = time if $in_a_row == 0;
    $n++;
    $failed++ if $r->{status} != 200;
    $in_a_row = $r->{content} =~ /data-onsite-campaign="two"/
        ? $in_a_row + 1 : 0;
    $live_after //= $first - $start if $in_a_row == 20;
}
is($failed, 0, "no failed request while it changed ($n)");
ok(defined $live_after && $live_after < 1.2, 'live in all workers within a second')
    or diag($live_after // 'never');

my $version = $t->status->{snapshot}{version};

# each is refused, and the last good one stays
my $good = Onsite::Test::read_file($t->snapshot);
my %bad = (
    'truncated' => substr($good, 0, length($good) / 2),
    'cut within the first page' => substr($good, 0, 100),
    'empty' => '',
    'random' => join('', map { chr(($_ * 7919) % 251) } 1 .. 20000),
    'a flipped byte' => do {
        my $copy = $good;
        my $at = index $copy, 'ISNO';
        substr($copy, $at + 200, 1) ^= "\x55" if $at >= 0;
        $copy;
    },
);
for my $what (sort keys %bad) {
    my $tmp = $t->write_file('tmp/bad.mdb', $bad{$what});
    my $errors = $t->status->{reloads}{errors};
    rename $tmp, $t->snapshot or die $!;
    ok(eventually(3, sub { $t->status->{reloads}{errors} > $errors }),
        "$what: refused, and counted");
    is(shown(), 'two', "$what: the last good one stays");
}
like($t->error_log, qr/\[error\].*site\.mdb/, 'the log names the file');
is($t->status->{snapshot}{version}, $version, 'the version is the good one');

$t->write_file('tmp/good.mdb', $good);
rename $t->dir . '/tmp/good.mdb', $t->snapshot;
$t->campaigns(Onsite::Test::popup('three'));
ok(all_show('three'), 'a good one goes live again');

# overwritten and cut in place, as `cp` does
my @workers = $t->workers;
$t->write_file($t->snapshot, $good);
ok(all_show('two'), 'a file overwritten in place');
truncate $t->snapshot, 5000;
is(shown(), 'two', 'a file cut in place') for 1 .. 50;
sleep 0.6;
is(shown(), 'two', 'stays what it was');
is_deeply([$t->workers], \@workers, 'and no worker dies of it');
is(scalar(my @copies = glob $t->state_dir . '/snapshot-*'), 1,
    'one copy is kept');
$t->campaigns(Onsite::Test::popup('three'));
ok(all_show('three'), 'and the next is live');

unlink $t->snapshot;
sleep 0.6;
is(shown(), 'three', 'a removed file changes nothing');

$t->done;
