# The state's files are removed, or others take their place, under a running
# nginx: it goes on with what is there, and nobody notices; deliveries leave.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Checkpoint;
use Onsite::Hooks;
use Onsite::Test;
use Test::More;
use Time::HiRes qw(sleep time);

my $t = Onsite::Test->new;
my ($state, $folder) = ($t->state_dir, $t->dir . '/kept');
my (%jar, %failed);
my $hooks = Onsite::Hooks->new($t);
$t->campaigns(webhook('call', $hooks->url('call')), { id => 'c', channel => 'popup', trigger => { event => 'Page Viewed' },
    content => { html => '<p>c</p>' } });
$t->write_file('html/p.html', Onsite::Test::html_page('p'));
$t->start(workers => 2, state => 'size=8m shards=2', http => 'access_log off;');

sub holds_removed {
    return grep { Onsite::Test::read_file("/proc/$_/maps")
        =~ /shard-\d+\.mdb \(deleted\)/ } $t->workers;
}
sub beacon {
    my ($who) = @_;
    my $res = $t->post('/onsite/v1/track', { event => 'Seen', anonymousId => $who });
    $failed{"beacon $res->{status}"}++ if $res->{status} != 200;
}

# Beacons go on; how long until what they record is seen, within a limit.
sub seen_within {
    my ($limit, $name) = @_;
    my ($start, $n) = (time, 0);
    while (time - $start < $limit) {
        beacon("$name-" . $n++);
        my $page = $t->visit('/p.html', jar => \%jar)->{status};
        $failed{"page $page"}++ if $page != 200;
        return time - $start if grep { defined $t->state_of("$name-$_") } $n - 1;
        sleep 0.05;
    }
    return;
}

$t->visit('/p.html', jar => \%jar);
my $cookie = join ' ', map { "$_=$jar{$_}" } sort keys %jar;
ok(seen_within(2, 'before'), 'nginx records');

for my $round (1 .. 3) {
    unlink glob "$state/*";
    my $took = seen_within(2, "files$round");
    ok(defined $took, "the files are removed: recorded in others, $round")
        and note(sprintf '%.2f s', $took);
    ok(eventually(2, sub { !holds_removed() }), 'no worker holds the old ones');
}

system 'rm', '-r', $state;
ok(defined seen_within(2, 'folder'), 'the folder is removed');
ok(eventually(2, sub { !holds_removed() }), 'no worker holds the old one');

unlink "$state/shard-001.mdb";
ok(eventually(2, sub { -e "$state/shard-001.mdb" && !holds_removed() }),
    'one shard is removed');
is_deeply(\%failed, {}, 'no request failed');
like($cookie, qr/=/, 'a visitor has a cookie');
is(join(' ', map { "$_=$jar{$_}" } sort keys %jar), $cookie, 'a visitor stays who it is');
ok(eventually(2, sub {
    10 == (() = $t->error_log =~ /in use: those that are there now are used/g) }),
    'each worker told each time') or diag($t->error_log);

# what cannot be made: pages flow, and it is told once
system 'rm', '-r', $state;
symlink '/dev/null', $state or die "$state: $!";
ok(eventually(4, sub { $t->error_log =~ /tried twice a second/ }), 'told');
sleep 1;
is(scalar(() = $t->error_log =~ /tried twice a second/g), 2, 'once, by each worker');
is($t->get('/p.html')->{status}, 200, 'pages flow');
is($t->post('/onsite/v1/track', { event => 'Seen', anonymousId => 'x' })->{status},
    503, 'beacons are refused');
unlink $state;
ok(eventually(2, sub { $t->post('/onsite/v1/track', { event => 'Seen',
    anonymousId => 'back' })->{status} == 200 }), 'and recorded when it is mended');
ok(eventually(2, sub { !holds_removed() && $t->state_of('back') }), 'by all');

# others take their place, and a reload
is((checkpoint($t, $folder))[0], 0, 'a checkpoint');
my $owner = (stat $state)[4];
my @workers = $t->workers;
kill 'STOP', @workers;
system 'rm', '-r', $state;
is((restore($t, $folder, '--user', $owner))[0], 0, 'restored at once');
kill 'CONT', @workers;
ok(eventually(2, sub { !holds_removed() }), 'nginx takes what was restored');
ok($t->state_of('back'), 'who was there is there');
beacon('after');
ok(eventually(2, sub { $t->state_of('after') }), 'and more come');
my ($code, $out, $err) = restore($t, $folder, '--force');
is($code, 1, 'not restored while nginx uses it');
like($err, qr/process \d+ uses/, 'told');

unlink glob "$state/*";
ok($t->reload, 'a reload right after they were removed');
ok(defined seen_within(2, 'reload'), 'recorded in others');
ok(eventually(2, sub { !holds_removed() }), 'no worker holds the old ones');
is_deeply(\%failed, {}, 'no request failed');

# what deliveries are judged by, the copy of the snapshot, is put there again
sub holds_removed_copy {
    return grep { Onsite::Test::read_file("/proc/$_/maps")
        =~ /snapshot-\S+\.mdb \(deleted\)/ } $t->workers;
}
sub copies { return my @copies = glob "$state/snapshot-*.mdb" }
sub loader_log { return Onsite::Test::read_file($t->dir . '/loader.log') }
my $called = 0;
sub is_called {
    my ($what) = @_;
    $t->post('/onsite/v1/track', { event => 'call', anonymousId => 'who' })->{status}
        == 200 or die $what;
    $called++;
    ok(eventually(15, sub { $hooks->received('call') == $called }), "$what: it leaves")
        or diag(loader_log());
}
sub is_copied {
    my ($what) = @_;
    ok(eventually(4, sub { copies() == 1 && !holds_removed_copy() }),
        "$what: the copy is there, and used by all") or diag($t->error_log);
}

$t->write_file('secret', secret());
chmod 0600, $t->dir . '/secret';
my $deliver = start_loader($t, 'deliver', $state, '-e', $t->write_file('endpoints.json',
    json_encode({ $hooks->url('') => { secrets => 'secret', private => \1 } })));
is_copied('after a reload');
is_called('before');
my $before = $t->status;
my $log = length $t->error_log;
for my $round (1 .. 2) {
    unlink glob "$state/*";
    sleep 3;
    is_copied("wiped, $round");
    is_called("wiped, $round");
    is(scalar(() = loader_log() =~ /goes on/g), $round, 'deliver goes on');
}
ok(loader_log() !~ /deliveries wait/, 'and had nothing to wait for');
is_deeply($t->status->{reloads}, $before->{reloads}, 'no other snapshot');
is($t->status->{store}{replaced}, $before->{store}{replaced} + 2, 'counted');

my ($copy) = copies();
unlink copies();
is_copied('only the copy removed');
is((copies())[0], $copy, 'under its name');
$t->allow_log(qr/site\.mdb/);
rename $t->snapshot, $t->snapshot . '.good' or die $!;
$t->write_file('site.mdb', 'bad');
ok(eventually(4, sub { $t->status->{reloads}{errors} >= 2 }), 'a bad snapshot is refused');
unlink glob "$state/*";
sleep 3;
is_copied('wiped, and a bad one published');
is_called('wiped, and a bad one published');
unlink $t->snapshot;
unlink copies();
is_copied('nothing published');
is(scalar(() = substr($t->error_log, $log) =~ /was missing, and is there now/g), 10,
    'each worker told each time') or diag($t->error_log);
is(scalar(() = $t->error_log =~ /none can be put there/g), 0, 'none failed');
is($t->get('/p.html')->{status}, 200, 'pages flow');
rename $t->snapshot . '.good', $t->snapshot or die $!;
$t->run_loader('build', $t->dir . '/campaigns', '-o', $t->snapshot);
chmod 0644, $t->snapshot;
ok(eventually(4, sub { copies() == 1 && (copies())[0] ne $copy }), 'a later one takes its place');

# a copy that cannot be made is told of once
my $other = "$state/snapshot.lock";
unlink $other, copies();
mkdir $other or die "$other: $!";
ok(eventually(4, sub { 2 == (() = $t->error_log =~ /none can be put there/g) }),
    'told by each') or diag($t->error_log);
sleep 1.5;
is(scalar(() = $t->error_log =~ /none can be put there/g), 2, 'once');
end_loader($deliver, 'TERM');
$t->done;
