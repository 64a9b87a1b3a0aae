# sync stopped at each of its steps, and with a disk that is full at each: what
# is live is always a version that was verified, and the next sync goes on.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Published;
use Onsite::Test;
use Test::More;

plan(skip_all => 'a preloaded disk and a sanitizer do not go together')
    if ($ENV{FLAVOUR} // '') eq 'asan';

my $t = Onsite::Test->new;
my $p = Onsite::Published->new($t);
my $io = Onsite::Test::build_dir() . '/t/io_fails.so';
my ($code, $out, $err);

# with a fault at a step; or how many steps there are
sub with_fault {
    my ($fault) = @_;
    local @ENV{qw(LD_PRELOAD ONSITE_IO_FAILS ONSITE_IO_COUNT)}
        = ($io, $fault // '', $fault ? '' : $t->dir . '/steps');
    my @r = $p->sync;
    delete @ENV{qw(LD_PRELOAD ONSITE_IO_FAILS ONSITE_IO_COUNT)};
    return $fault ? @r : 0 + Onsite::Test::read_file($t->dir . '/steps');
}

# one version after the other, so that each begins where the last one ended
my %told;
sub at_every_step {
    my ($what, $version, %o) = @_;
    $p->publish($version, "number $version");
    $o{before}->() if $o{before};
    system("rm -rf $p->{file}.was; cp -r $p->{file}.sync $p->{file}.was");
    my $begin = sub {
        system("rm -rf $p->{file}.sync; cp -r $p->{file}.was $p->{file}.sync; "
            . "rm -f $p->{file}.sync/lock; ln $p->{file}.sync/"
            . ($version - 1) . ".mdb $p->{file}.x; mv $p->{file}.x $p->{file}");
    };
    $begin->();
    my $steps = with_fault();
    cmp_ok($steps, '>', 15, "$what: there are steps");
    is($p->live, $version, 'and without a fault it goes live');
    my ($stopped, $bad, $late) = (0, 0, 0);
    for my $step (1 .. $steps) {
        for my $how (qw(b a e)) {
            $begin->();
            ($code, undef, $err) = with_fault("$step $how");
            $stopped++ if $code != 0;
            $told{$1}++ if $how eq 'e' && $err =~ /(No space left)/;
            my $live = $p->live;
            if ($live != $version && $live != $version - 1) {
                $bad++;
                diag("$what: step $step $how: version $live is live");
            }
            ($code, $out, $err) = $p->sync;
            if ($code != 0 || $p->live != $version
                || $p->state->{live}{version} != $version
                || glob "$p->{file}.sync/*.new* $p->{file}.sync/*.part*")
            {
                $late++;
                diag("$what: after step $step $how: $code $err");
            }
        }
    }
    is($bad, 0, 'what is live is always good');
    is($late, 0, 'and the next sync ends what was begun');
    cmp_ok($stopped, '>', 30, 'it was stopped');
}

$p->publish(1, 'number 1');
is($p->sync, 0, 'the first version');
at_every_step('by a patch', 2);
at_every_step('whole', 3, before => sub {
    unlink glob "$p->{store}/default/*.patch.zst" });
cmp_ok($told{'No space left'}, '>', 5, 'a full disk is told by its name');

# the first one of all
{
    my ($bad, $late) = (0, 0);
    for my $step (1 .. 45) {
        system("rm -rf $p->{file} $p->{file}.sync");
        ($code) = with_fault("$step b");
        my $live = $p->live;
        $bad++ unless $live == 0 || $live == 3;
        $bad++ if $live == 0 && -e $p->{file};
        $p->sync;
        $late++ if $p->live != 3;
    }
    is($bad, 0, 'stopped in the first sync of all, there is nothing or a good one');
    is($late, 0, 'and the next one ends it');
}

# a limit that the system sets, in the middle of a file
{
    $p->publish(4, 'number 4', '--no-patch');
    my $size = -s $t->dir . '/v4.mdb';
    my $kb = int($size / 1024) - 4;
    my $loader = Onsite::Test::loader();
    my $said = `ulimit -f $kb; $loader sync --from $p->{store} --to $p->{file} --trust $p->{key}.pub --once 2>&1`;
    isnt($?, 0, 'a file that may not grow');
    like($said, qr/File too large.*; what is live stays/, 'is told');
    is($p->live, 3, 'what is live stays');
    is($p->sync, 0, 'and without the limit');
    is($p->live, 4, 'the new one goes live');
}

# a version that came in pieces
{
    $p->publish(5, 'number 5', '--no-patch');
    my $body = $p->body;
    my $whole = Onsite::Test::read_file($body);
    my $sha = $p->manifest->{body}{sha256};
    for my $part ('', substr($whole, 0, 1000), 'x' x 1000, $whole,
        'x' x length $whole, "${whole}y")
    {
        system("rm -rf $p->{file}.sync/5.*");
        $t->write_file("$p->{file}.sync/$sha.part", $part);
        $p->sync;
        $p->sync if $p->live != 5;
        is($p->live, 5, 'with ' . length($part) . ' bytes of it there');
        $t->run_loader('rollback', '--to', $p->{file}, '--version', 4);
        my $state = $p->state;
        $state->{highest} = $state->{live};
        $state->{rolled_back_from} = undef;
        $t->write_file("$p->{file}.sync/state.json", json_encode($state));
    }
}

$t->done;
