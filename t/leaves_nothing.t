# However a test ends, no nginx of its own goes on, and none notices that the
# module is built anew under it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use File::Path qw(remove_tree);
use Onsite::Test;
use Test::More;

my $t = Onsite::Test->new;

# argument 1: where to tell what it started; 2: how it ends
my $script = $t->write_file('tmp/script.pl', <<'END');
use strict;
use warnings;
use Onsite::Test;

my ($told, $how) = @ARGV;
my $t = Onsite::Test->new;
$t->campaigns(Onsite::Test::popup('hello'));
my $conf = $t->conf_text;
if ($how eq 'daemon') {
    $conf =~ s/^daemon off/daemon on/m;
    $t->write_conf(conf => $conf);
    waitpid $t->spawn_nginx('-c', $t->dir . '/nginx.conf'), 0;
    eventually(10, sub { $t->get('/empty')->{status} == 200 });
    $t->{pid} = 0 + Onsite::Test::read_file($t->dir . '/nginx.pid');
} else {
    $t->start(conf => $conf);
}
$t->upstream(sub { });
my $text = json_encode({ dir => $t->dir, shm => $t->{shm},
    pids => [$t->{pid}, $t->workers, @{ $t->{children} }] });
delete $t->{pid} if $how eq 'daemon';
$t->write_file("$told.new", $text);
rename "$told.new", $told;
die "as asked\n" if $how eq 'die' || $how eq 'daemon';
exit 3 if $how eq 'exit';
sleep 1 for 1 .. 30;
END

sub alive { my ($pid) = @_; return kill(0, $pid) ? 1 : 0 }

for my $how (qw(die exit daemon INT TERM HUP KILL)) {
    my $told = $t->dir . "/tmp/told.$how";
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        $ENV{ONSITE_TEST_QUIET} = 1;
        open STDERR, '>', $t->dir . "/tmp/stderr.$how";
        { exec $^X, "-I$FindBin::Bin/lib", $script, $told, $how }
        POSIX::_exit(127);
    }
    eventually(20, sub { -e $told });
    my $is = json_decode(Onsite::Test::read_file($told));
    my @pids = @{ $is->{pids} };
    cmp_ok(scalar @pids, '>=', 3, "$how: a master, a worker, an upstream")
        or diag(Onsite::Test::read_file($t->dir . "/tmp/stderr.$how"));
    kill $how, $pid if $how eq uc $how;
    waitpid $pid, 0;
    ok(eventually(10, sub { !grep { alive($_) } @pids }),
        "$how: all of them are gone");
    kill 'KILL', $_ for grep { alive($_) } @pids;
    ok($how eq 'KILL' || !-e $is->{shm}, "$how: and their memory");
    remove_tree($is->{dir}, $is->{shm});
}

# what nginx runs is nobody else's file
$t->campaigns(Onsite::Test::popup('hello'));
$t->start;
my $maps = Onsite::Test::read_file("/proc/$t->{pid}/maps");
my ($mapped) = $maps =~ m{(/\S*/ngx_http_onsite_module\.so)};
is($mapped, $t->dir . '/ngx_http_onsite_module.so', 'a module of its own');
my $other = $t->write_file('tmp/other.so', 'x' x 4096);
link $t->module, $t->dir . '/tmp/kept.so';
rename $other, $t->module;
is($t->get('/empty')->{status}, 200, 'serves while another takes its place');
rename $t->dir . '/tmp/kept.so', $t->module;
ok($t->reload, 'and reloads');

$t->done;
