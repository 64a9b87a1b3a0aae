# The state's files are removed, or others take their place, under a running
# nginx: it goes on with what is there, and nobody notices.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Checkpoint;
use Onsite::Test;
use Test::More;
use Time::HiRes qw(sleep time);

my $t = Onsite::Test->new;
my ($state, $folder) = ($t->state_dir, $t->dir . '/kept');
my (%jar, %failed);
$t->campaigns({ id => 'c', channel => 'popup', trigger => { event => 'Page Viewed' },
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
$t->done;
