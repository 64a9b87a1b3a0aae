# A POP whose disk is full, and one whose memory is gone: what it writes waits,
# and a checkpoint is restored; pages flow, sent and received agree.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Pop;
use Onsite::Test;
use Test::More;

my $t = Onsite::Test->new;
my $disk = $t->dir . '/disk';
mkdir $disk;
system("mount -t tmpfs -o size=16m tmpfs $disk 2>/dev/null") == 0
    or plan(skip_all => 'nothing can be mounted here');
END { system("umount -l $disk 2>/dev/null") if defined $disk }

my $pop = Onsite::Pop->new($t, disk => $disk);
my $sidecar = $pop->{sidecar};
ok($pop->up, 'a POP is ready') or do { diag($sidecar->log); $t->done; exit };
ok($pop->goes_on(30), 'pages and events');

sub checkpoint {
    my ($code, $out, $err) = $t->run_loader('checkpoint', $t->state_dir, '--to',
        "$disk/checkpoints", '--once', @_);
    return ($code, "$out$err");
}

# full
$pop->phase('full');
system("head -c 100000000 /dev/zero > $disk/ballast 2>/dev/null");
my $version = $pop->publish;
my ($code, $said) = checkpoint();
isnt($code, 0, 'no checkpoint');
like($said, qr/bytes/, 'is told, and what is missing') or diag($said);
ok($pop->goes_on(30), 'a full disk');
ok(!$pop->shows($version, 0), 'what is live stays');
unlink "$disk/ballast";
ok($pop->shows($version), 'room again: the next one is live');

# what was not on the disk is gone
$pop->phase('checkpoint');
($code, $said) = checkpoint();
is($code, 0, 'a checkpoint under load') or diag($said);
ok($pop->goes_on(25), 'goes on');
$pop->hold;
ok($pop->quiet, 'all has left') or diag($sidecar->log);
$pop->without_nginx(sub {
    $pop->nginx_kill;
    $pop->sidecar_kill;
    unlink glob $t->state_dir . '/*';
    ($code, undef, $said) = $t->run_loader('restore', "$disk/checkpoints", '--to',
        $t->state_dir);
    $pop->nginx_start;
    $pop->sidecar_start;
});
is($code, 0, 'is restored') or diag($said);
$pop->phase('restored');
$pop->resume;
ok($pop->goes_on(25), 'and goes on');

$pop->hold;
ok($pop->quiet, 'all has left') or diag($sidecar->log);
$pop->account(again => 1);
is($sidecar->stop, 0, 'the sidecar ends in peace');
$t->done;
