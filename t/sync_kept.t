# What sync keeps: whose keys have signed it, whose folder it is, and what
# happens where the disk is full.

use strict;
use warnings;

use Fcntl qw(:flock);
use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Published;
use Onsite::Test;
use Test::More;

my $t = Onsite::Test->new;
my $p = Onsite::Published->new($t);
my $dir = $t->dir;
my @to = ('--to', $p->{file});
my ($code, $out, $err);

sub as_it_is { Onsite::Test::read_file($_[0]) }
sub kept { [sort { $a <=> $b } map { m{(\d+)\.mdb$} } glob "$p->{file}.sync/*.mdb"] }
sub sync_with {
    my (@keys) = @_;
    return $t->run_loader('sync', '--from', $p->{store}, @to, '--once',
        map { ('--trust', "$_.pub") } @keys);
}

# a key that was stolen, and what it has signed
my $new = $p->keygen('new');
$p->publish(1, 'good');
$p->sync;
$p->publish(2, 'the thief');
$p->sync;
is($p->live, 2, 'the thief\'s is live');
($code, undef, $err) = sync_with($new);
is($code, 1, 'with the new key alone nothing there is believed');
is($p->live, 2, 'and what is live stays');
like($err, qr/site\.mdb: version 1 is kept no more, and no rollback brings it back: it is signed by none of the keys that are trusted: signed by \w{16}, trusted \w{16}$/m,
    'what the old key has signed is kept no more');
is_deeply(kept(), [2], 'but what is live');
is($t->run_loader('rollback', @to), 1, 'rollback finds nothing');
$p->build(3, 'anew');
$t->run_loader('publish', "$dir/v3.mdb", '--to', $p->{store}, '--key', $new,
    '--force');
($code, $out, $err) = sync_with($new);
is($code, 0, 'a newer one by the new key') or diag($err);
is($p->live, 3, 'goes live');
like($err, qr/version 2 is kept no more/, 'and the thief\'s is gone');
is_deeply(kept(), [3], 'from what is kept');
($code, undef, $err) = $t->run_loader('rollback', @to);
is($code, 1, 'rollback does not bring it back');
like($err, qr/no version below the live one is kept; kept are 3 \(live\)/,
    'and says what there is');
is($t->run_loader('rollback', @to, '--version', 2), 1, 'nor by its number');
is($p->live, 3, 'it is not live');

# rotation, with what both have signed, and what was signed anew
my $old = $p->{key};
$p->{key} = $new;
$p->publish(4, 'by both', '--key', $old);
sync_with($new, $old);
$p->{key} = $old;
$p->publish(5, 'by the old one');
sync_with($new, $old);
$p->again(5, '--key', $new);
($code, undef, $err) = sync_with($new);
is($code, 0, 'what was signed anew') or diag($err);
is(as_it_is("$p->{file}.sync/5.json"), as_it_is($p->path),
    'is kept with its new manifest');
$p->{key} = $new;
$p->publish(6, 'by the new one');
($code, undef, $err) = sync_with($new);
is($err, '', 'nothing is dropped that the new key has signed');
is_deeply(kept(), [4, 5, 6], 'all are kept');
is($t->run_loader('rollback', @to), 0, 'rollback');
is($p->live, 5, 'to what was signed anew');
is($t->run_loader('rollback', @to, '--version', 4), 0, 'rollback');
is($p->live, 4, 'to what both have signed');
sync_with($old);
is_deeply(kept(), [4, 5], 'the other way round, the new one\'s goes');
is($p->live, 4, 'and what is live stays');
$p->publish(7, 'seven');
$p->sync;

# what another process writes is not removed by one that begins
{
    open my $lock, '>>', "$p->{file}.sync/state.lock" or die $!;
    flock $lock, LOCK_EX;
    $t->write_file("$p->{file}.sync/state.json.new-1", 'x');
    my $pid = $p->start;
    sleep 1;
    ok(-e "$p->{file}.sync/state.json.new-1",
        'sync that begins leaves alone what a rollback writes');
    close $lock;
    ok(eventually(10, sub { !-e "$p->{file}.sync/state.json.new-1" }),
        'and removes what nobody writes');
    kill 'TERM', $pid;
    waitpid $pid, 0;
}

# a folder is no file
($code, undef, $err) = $t->run_loader('sync', '--from', $p->{store}, '--to',
    $p->{store}, '--trust', "$p->{key}.pub", '--once');
is($code, 2, '--to a folder: usage');
like($err, qr/--to: \S+store is a folder: name the FILE in it/, 'is told');
ok(!-e "$p->{store}.sync", 'and nothing is made');

# whose it is
SKIP: {
    skip 'only root gives files away', 12
        if $> != 0 || system('setpriv --version >/dev/null 2>&1') != 0;
    my $uid = 65534;
    my $home = "$dir/home";
    my $file = "$home/site.mdb";
    mkdir $home;
    chmod 0755, $dir;
    my $as = sub {
        my @r = `setpriv --reuid $uid --regid $uid --clear-groups @{[Onsite::Test::loader()]} @_ 2>&1`;
        return ($? >> 8, join '', @r);
    };
    my $sync = "sync --from $p->{store} --to $file --trust $p->{key}.pub --once";
    system("chmod 755 $dir/..; chmod -R a+rX $p->{store}; chmod a+r $p->{key}.pub");
    ($code, $out) = $as->($sync);
    is($code, 1, 'a folder that is another user\'s');
    like($out, qr{$home: .* cannot be made: Permission denied: it belongs to user root, and this runs as nobody: chown -R nobody $home},
        'tells whose it is, and the remedy');
    chown $uid, $uid, $home;
    mkdir "$file.sync";
    ($code, $out) = $as->($sync);
    is($code, 1, 'FILE.sync that is root\'s');
    like($out, qr{site\.mdb\.sync: cannot be written into: Permission denied: it belongs to user root, and this runs as nobody: chown -R nobody $file\.sync},
        'likewise');
    $t->write_file("$file.sync/state.lock", '');
    my $umask = umask 077;
    ($code, $out, $err) = $t->run_loader(split / /, $sync);
    umask $umask;
    is($code, 0, 'root itself') or diag($err);
    is_deeply([grep { (stat)[4] != $uid } $file, "$file.sync",
        glob "$file.sync/*"], [], 'gives all to whose folder it is');
    ($code, $out) = $as->($sync);
    is($code, 0, 'who then goes on') or diag($out);
    $p->publish(8, 'eight');
    system("chmod -R a+rX $p->{store}");
    is(($as->($sync))[0], 0, 'with the next one');
    like(($as->("rollback --to $file"))[1], qr/rolled back, from version 8 to 7/,
        'and back');

    # a link in its place leads to what is root's
    my $roots = "$dir/roots";
    mkdir $roots;
    $t->write_file("$roots/passwd", 'x');
    system('rm', '-r', "$file.sync");
    symlink $roots, "$file.sync" or die $!;
    $t->run_loader(split / /, $sync);
    is((stat)[4], 0, 'nothing of root\'s is given away') for $roots, glob "$roots/*";
}

# a disk that is full
SKIP: {
    my $disk = "$dir/disk";
    mkdir $disk;
    skip 'no disk of its own can be mounted', 14
        if $> != 0
        || system("mount -t tmpfs -o size=512k none $disk 2>/dev/null") != 0;
    my $file = "$disk/site.mdb";
    local $p->{file} = $file;
    $p->publish($_, "number $_"), $p->sync for 10 .. 11;
    is($p->live, 11, 'two versions on a small disk');
    ok(-s "$file.sync/room", 'and room set aside');
    $p->publish(12, 'number 12');
    my $fill = sub {
        my ($leave) = @_;
        open my $f, '>>', "$disk/fill";
        while (1) {
            my ($free) = `df --output=avail -k $disk` =~ /(\d+)/;
            last if $free <= $leave;
            my $n = syswrite $f, 'x' x (4096);
            last unless defined $n && $n > 0;
        }
        close $f;
    };
    $fill->(24);
    ($code, undef, $err) = $p->sync;
    is($code, 1, 'no room for the next one');
    like($err, qr{site\.mdb\.sync: version 12 needs 0\.\d MB, and the disk has 0\.0 MB free: 0\.\d MB are missing; make room there; what is live stays},
        'tells how much is missing');
    is($p->live, 11, 'what is live stays');
    is_deeply([glob "$file.sync/*.part"], [], 'nothing was fetched');
    ($code, undef, $err) = $t->run_loader('sync', '--from', "$dir/v12.mdb",
        '--to', "$disk/other.mdb", '--once');
    is($code, 1, 'likewise from a folder');
    like($err, qr{/disk: \S+v12\.mdb needs 0\.\d MB, and the disk has 0\.0 MB free: make room there},
        'tells');
    $fill->(0);
    ($code, undef, $err) = $t->run_loader('rollback', '--to', $file);
    is($code, 0, 'rollback on a full disk') or diag($err);
    is($p->live, 10, 'goes back all the same');
    is($p->state->{live}{version}, 10, 'and is written down');
    unlink "$disk/fill";
    ($code, undef, $err) = $p->sync;
    is($code, 0, 'with room again') or diag($err);
    is($p->live, 12, 'the next one comes');
    ok(-s "$file.sync/room", 'and room is set aside again');
    system("umount $disk");
}

$t->done;
