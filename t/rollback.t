# rollback: by hand to a version that is kept, and sync then takes none but a
# newer one.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Published;
use Onsite::Test;
use Test::More;

my $t = Onsite::Test->new;
my $p = Onsite::Published->new($t);
my ($code, $out, $err);
my @to = ('--to', $p->{file});

($code, undef, $err) = $t->run_loader('rollback', @to);
is($code, 1, 'without a sync there is nothing to go back to');
like($err, qr/keeps no versions: it is sync --trust that keeps them/, 'told');
is($t->run_loader('rollback'), 2, 'without --to: usage');
is($t->run_loader('rollback', @to, '--version', 'x'), 2, 'no version: usage');

for (1 .. 5) {
    $p->publish($_, "number $_");
    $p->sync;
}
is($p->live, 5, 'the fifth is live');
is_deeply([sort map { m{(\d+)\.mdb$} } glob "$p->{file}.sync/*.mdb"],
    [3, 4, 5], 'three are kept');

($code, $out) = $t->run_loader('rollback', @to, '--dry-run');
is($code, 0, 'rollback --dry-run');
like($out, qr/would be rolled back, from version 5 to 4; sync takes what is newer than 5/,
    'tells');
is($p->live, 5, 'and changes nothing');
($code, $out) = $t->run_loader('rollback', @to);
is($code, 0, 'rollback');
like($out, qr/site\.mdb: rolled back, from version 5 to 4; sync takes what is newer than 5/,
    'says from where to where');
is($p->live, 4, 'the one before is live');
is($p->state->{rolled_back_from}, 5, 'the state knows');
($code, $out) = $p->sync;
is($code, 0, 'sync goes on');
like($out, qr/rolled back, and stays, version 4/, 'and leaves it alone');
is($p->live, 4, 'still');
($code, $out) = $t->run_loader('rollback', @to, '--version', 3, '--json');
is_deeply(json_decode($out), { file => $p->{file}, result => 'rolled back',
    from => 4, version => 3 }, 'further, as JSON');
($code, undef, $err) = $t->run_loader('rollback', @to);
is($code, 1, 'and no further');
like($err, qr/no version below the live one is kept; kept are 5, 4, 3 \(live\)/,
    'with what is kept');
(undef, undef, $err) = $t->run_loader('rollback', @to, '--version', 1);
like($err, qr/version 1 is not kept; kept are 5, 4, 3 \(live\)/,
    'a version that is not kept');
($code, $out) = $t->run_loader('rollback', @to, '--version', 5);
is($p->live, 5, 'forth again');
is($p->state->{rolled_back_from}, undef, 'which ends it');

# a newer one ends it, too
$t->run_loader('rollback', @to);
$p->publish(6, 'six');
$p->sync;
is($p->live, 6, 'a newer one goes live');
is($p->state->{rolled_back_from}, undef, 'and all is as usual');

# the live one is kept, however old
$t->run_loader('rollback', @to);
$t->run_loader('rollback', @to);
is($p->live, 4, 'two back');
unlink "$p->{file}.sync/4.mdb";
is($p->live, 4, 'what is live needs no other name');

# a kept one that was damaged
$t->run_loader('rollback', @to, '--version', 6);
$p->edit("$p->{file}.sync/5.mdb", sub { substr($_, 9000, 1) ^= "\x01" });
($code, undef, $err) = $t->run_loader('rollback', @to);
is($code, 1, 'a kept one that was changed');
like($err, qr/5\.mdb is not what was signed/, 'is told');
is($p->live, 6, 'and does not go live');

# with a sync that goes on
my $pid = $p->start;
$p->publish(7, 'seven');
ok(eventually(10, sub { $p->live == 7 }), 'and follows');
($code) = $t->run_loader('rollback', @to, '--version', 6);
is($code, 0, 'rollback beside it');
sleep 1;
is($p->live, 6, 'it stays so');
$p->publish(8, 'eight');
ok(eventually(10, sub { $p->live == 8 }), 'until there is a newer one');
kill 'TERM', $pid;
waitpid $pid, 0;
is($?, 0, 'sync stops when told');

# stopped at every step: what is live is good, and what was begun is ended
my $io = Onsite::Test::build_dir() . '/t/io_fails.so';
SKIP: {
    skip 'a preloaded disk and a sanitizer do not go together', 4
        if ($ENV{FLAVOUR} // '') eq 'asan';
    my ($died, $done, $bad) = (0, 0, 0);
    for my $step (1 .. 20) {
        for my $how (qw(b a e)) {
            $t->run_loader('rollback', @to, '--version', 8);
            {
                local @ENV{qw(LD_PRELOAD ONSITE_IO_FAILS)}
                    = ($io, "$step $how");
                ($code) = $t->run_loader('rollback', @to, '--version', 7);
                delete $ENV{LD_PRELOAD};
            }
            $code == 0 ? $done++ : $died++;
            my $live = $p->live;
            $bad++ unless $live == 7 || $live == 8;
            $p->sync;
            $bad++ unless $p->live == $p->state->{live}{version};
        }
    }
    is($bad, 0, 'stopped at any step, what is live is good');
    ok($died > 9, 'it was stopped');
    ok($done > 9, 'and was not');
    is(scalar(my @left = glob "$p->{file}.sync/*new* $p->{file}.new*"), 0,
        'nothing is left behind');
}

$t->done;
