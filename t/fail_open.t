# The state says no at any step: pages stay as they are, nothing that was not
# committed is acknowledged, it is counted, and told once.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use Test::More;

my $library = Onsite::Test::build_dir() . '/t/mdb_fails.so';
plan(skip_all => "$library is not built") unless -e $library;

my %codes = (EIO => 5, ENOSPC => 28, ENOMEM => 12, MDB_MAP_FULL => -30792,
    MDB_CORRUPTED => -30796, MDB_PANIC => -30795, MDB_READERS_FULL => -30790);

{
    no warnings 'redefine';
    my $preload = \&Onsite::Test::preload;
    *Onsite::Test::preload = sub { $preload->() . " $library" };
}

my $page = html_page('x');

for my $shards (1, 4) {
    my $t = Onsite::Test->new;
    $t->write_file('html/index.html', $page);
    $t->campaigns(Onsite::Test::popup('always'),
        Onsite::Test::popup('contextual', fallback => 'a', variants => [
            { id => 'a', weight => 1, content => { html => 'c' } } ]));
    my $works = sub { $t->write_file('fault', '') };
    $ENV{ONSITE_MDB_FAILS} = $t->dir . '/fault';
    $works->();
    $t->start(state => "size=16m shards=$shards");

    my %jar;
    like($t->visit('/', jar => \%jar)->{content}, qr/"always"/, 'it works');
    my ($id) = $jar{onsite_id} =~ /^([^.]+)/;
    my ($faults, $acknowledged) = (0, 0);

    # what fails first is what is told
    for my $step ($shards == 1 ? qw(b p c) : qw(p c b)) {
        for my $code (sort keys %codes) {
            # a damaged shard is set aside at the next start: last of all
            next if $code =~ /CORRUPTED|PANIC/;
            $t->write_file('fault', "$step $codes{$code}\n");
            my %copy = %jar;
            my $r = $t->visit('/', jar => \%copy);
            is("$r->{status} $r->{content}", "200 $page",
                "$code at $step: the page is the origin's");
            ok(!exists $r->{headers}{'set-cookie'}, 'and sets no cookie');
            is($r->{headers}{'content-length'}, length $page, 'its length');
            for my $path (qw(v1/track decide beacon v1/batch)) {
                my $call = { type => 'track', event => 'Lost' };
                $r = $t->post("/onsite/$path", $path =~ /batch/
                    ? { batch => [$call, { %$call, anonymousId => 'z' }] }
                    : $call, jar => \%copy);
                is($r->{status}, 429, "$path is told to come again");
                is($r->{headers}{'retry-after'}, 5, 'and when');
            }
            $r = $t->get('/onsite/pixel.gif?event=Lost', jar => \%copy);
            is($r->{status}, 200, 'a pixel is a pixel');
            $works->();
            $r = $t->post('/onsite/v1/track', { event => 'Kept' },
                jar => \%jar);
            is($r->{status}, 200, 'and then it works again');
            $faults++;
            $acknowledged++;
        }
    }

    my ($record) = $t->state_records('--visitor', $id);
    is($record->{counts}{Kept}, $acknowledged,
        'what was acknowledged is in the state');
    is($record->{counts}{Lost}, undef, 'what was refused is not');
    is($record->{counts}{'Page Viewed'}, 1, 'nor views');

    my $status = $t->status;
    is($status->{skips}{state}, $faults, 'pages skipped are counted');
    is($status->{events}{shed}, 4 * $faults, 'and calls');
    cmp_ok($status->{store}{errors}, '>=', 6 * $faults, 'and errors');
    my @lines = grep { /\[error\].*onsite/ } split /\n/, $t->error_log;
    is(scalar @lines, 1, 'told once') or diag(join "\n", @lines);
    like($lines[0], qr/cannot \w+ .*shard \d+ in \S+\/state: \w/,
        'what, where and why');

    # damage: what is there is set aside at the next start, service goes on
    $t->write_file('fault', "b $codes{MDB_CORRUPTED}\n");
    my $r = $t->visit('/', jar => \%jar);
    is("$r->{status} $r->{content}", "200 $page", 'a damaged shard: the page');
    $works->();
    $t->reload;
    $r = $t->visit('/', jar => \%jar);
    like($r->{content}, qr/"always"/, 'after a reload it works again');
    $t->stop;
    $t->check_logs;
    $t->{clean} = 1;
}

done_testing();
