# The checker that every test runs under (no write transaction open in the
# event loop) can fail.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use File::Temp qw(tempdir);
use Onsite::Test;
use Test::More;

my $check = Onsite::Test::txn_check();
my $program = Onsite::Test::build_dir() . '/t/txn_check_fails';
plan(skip_all => "$check is not built") unless -e $check && -x $program;

my $dir = tempdir(CLEANUP => 1);

sub run {
    my (@args) = @_;
    my $out = `ASAN_OPTIONS=detect_leaks=0 LD_PRELOAD='@{[ Onsite::Test::preload() ]}' $program $dir @args 2>&1`;
    return ($?, $out);
}

my ($code, $out) = run('clean');
is($code, 0, 'a transaction that ended is fine') or diag($out);
($code, $out) = run();
isnt($code, 0, 'one left open is stopped');
like($out, qr/write transaction.*open in the event loop/, 'and told');

done_testing();
