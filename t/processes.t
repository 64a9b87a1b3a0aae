# Which process holds the state, and what one does that cannot have it: pages
# flow, and the log says what is wrong, where, and what to do.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use POSIX ();
use Test::More;

my $OURS = qr{<template data-onsite};

# Child processes of nginx by name, e.g. "worker process".
sub processes {
    my ($t, $name) = @_;
    return grep {
        Onsite::Test::read_file("/proc/$_/cmdline") =~ /^nginx: \Q$name\E/
            && Onsite::Test::read_file("/proc/$_/stat")
                =~ /^\d+ \(nginx\) \S $t->{pid} /
    } map { m{(\d+)} } glob '/proc/[0-9]*';
}

sub holds {
    my ($t, $pid) = @_;
    my $dir = $t->state_dir;
    return Onsite::Test::read_file("/proc/$pid/maps") =~ /\Q$dir\E/
        || grep { (readlink($_) // '') =~ /\Q$dir\E/ } glob "/proc/$pid/fd/*";
}

sub new_test {
    my $t = Onsite::Test->new(@_);
    $t->write_file('html/index.html', html_page('x'));
    return $t;
}

sub finish {
    my ($t) = @_;
    $t->stop;
    $t->check_logs;
    $t->{clean} = Test::More->builder->is_passing;
}

# the cache's processes and the master
{
    my $t = new_test();
    $t->campaigns(Onsite::Test::popup('hello'));
    $t->start(workers => 2, http =>
        'proxy_cache_path %%DIR%%/tmp/cache keys_zone=cache:1m;');
    ok(eventually(5, sub { 2 == grep { holds($t, $_) } $t->workers }),
        'both workers have the state');
    for my $name ('cache manager', 'cache loader') {
        my $pid = eventually(5, sub { (processes($t, $name))[0] });
        ok($pid, "there is a $name") or next;
        ok(!holds($t, $pid), 'which does not have it');
    }
    ok(!holds($t, $t->{pid}), 'nor does the master');
    my ($manager) = processes($t, 'cache manager');
    like($t->visit('/')->{content}, $OURS, 'a page');
    kill 'TERM', $manager;
    ok(eventually(5, sub { my ($now) = processes($t, 'cache manager');
        $now && $now != $manager }), 'a manager that ends is replaced');
    my %jar;
    $t->visit('/', jar => \%jar) for 1 .. 3;
    is($t->status->{state}{visitors}, 2, 'the state is as it was');
    finish($t);
}

# one process that is master and worker
{
    my $t = new_test();
    $t->campaigns(Onsite::Test::popup('hello'));
    $t->start(main => 'master_process off;');
    like($t->visit('/')->{content}, $OURS, 'single process: a page');
    is($t->post('/onsite/v1/track', { event => 'Tick', anonymousId => 'a' })
        ->{status}, 200, 'an event');
    my $before = $t->status->{snapshot}{version};
    $t->campaigns(Onsite::Test::popup('other'));
    ok(eventually(3, sub { $t->status->{snapshot}{version} != $before }),
        'another snapshot');
    like($t->visit('/')->{content}, qr/other/, 'in the next page');
    $t->post('/onsite/v1/track', { event => 'Tick', anonymousId => 'a' });
    finish($t);
    my ($record) = $t->state_records('--visitor', 'a');
    is($record->{counts}{Tick}, 2, 'the state outlives it');
}

# a snapshot that comes after the start
{
    my $t = new_test();
    $t->start(snapshot => 1);
    unlike($t->visit('/')->{content}, $OURS, 'no snapshot yet: the page');
    is($t->status->{snapshot}{campaigns} // 0, 0, 'and the status says so');
    like($t->error_log, qr/\[(?:warn|error|notice)\].*onsite:.*\Q@{[
        $t->snapshot ]}\E/, 'the log names the file that is not there');
    $t->campaigns(Onsite::Test::popup('hello'));
    ok(eventually(1.5, sub { $t->visit('/')->{content} =~ $OURS }),
        'a second later it is live');
    finish($t);
}

# workers without rights on the directory
SKIP: {
    skip 'not root', 4 if $> != 0;
    skip 'no user nobody', 4 if !getpwnam 'nobody';
    my $t = new_test();
    $t->campaigns(Onsite::Test::popup('hello'));
    chmod 0700, $t->{shm};
    $t->start(main => 'user nobody nogroup;');
    my $r = $t->visit('/');
    is($r->{status}, 200, 'no rights on the state: the page');
    is($r->{content}, html_page('x'), 'as it is');
    my $dir = $t->state_dir;
    my @lines = grep { /onsite: state:/ } split /\n/, $t->error_log;
    ok(scalar @lines, 'the log says so');
    like($lines[0] // '', qr/\Q$dir\E.*[Pp]ermission denied/,
        'what and where') or diag(@lines);
    like($lines[0] // '', qr/chown/, 'and what to do');
    is($t->post('/onsite/v1/track', { event => 'Tick', anonymousId => 'a' })
        ->{status}, 503, 'an event is not acknowledged');
    finish($t);
}

# a file system without room
SKIP: {
    skip 'not root', 5 if $> != 0;
    my $t = new_test();
    $t->campaigns(Onsite::Test::popup('hello'));
    my $mount = "$t->{shm}/small";
    mkdir $mount;
    skip 'mount is not permitted', 5 if system(
        "mount -t tmpfs -o size=2m tmpfs $mount 2>/dev/null") != 0;
    my $conf = $t->conf_text(state => 'size=32m');
    $conf =~ s{%%STATE%%}{$mount/state};
    $t->start(conf => $conf);
    my $r = $t->visit('/');
    is($r->{status}, 200, 'no room for the state: the page');
    is($r->{content}, html_page('x'), 'as it is');
    my @lines = grep { /onsite: state:/ } split /\n/, $t->error_log;
    like($lines[0] // '', qr/\Q$mount\E\S* needs \d+ bytes.* \d+ free.*size=/,
        'the log says what is needed, what is free and what to do');
    cmp_ok(scalar @lines, '<=', 3, 'without repeating it');
    is($t->status->{state}{visitors} // 0, 0, 'the status answers');
    $t->stop;
    system("umount $mount") == 0 or diag("$mount stays mounted");
    finish($t);
}

done_testing();
