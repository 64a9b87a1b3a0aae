# publish --announce and sync --watch: what is published is live at once, and
# NATS that is away, comes back, dies or lies stops neither pages nor looking.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Nats;
use Onsite::Published;
use Onsite::Test;
use Test::More;
use Time::HiRes qw(time);

my $t = Onsite::Test->new;
my $p = Onsite::Published->new($t);
my $dir = $t->dir;
my $nats = Onsite::Nats->new($t);
my $url = $nats->url;
my ($code, $out, $err);

sub state_version { eval { $p->state->{live}{version} } // 0 }
sub comes { my ($v, $s) = @_; eventually($s // 10, sub { state_version() == $v }) }
sub told { () = $p->said =~ /$_[0]/g }

# what is not right is told before anything is published
my @announce = ('--announce', $url);
my $file = $p->build(10, 'number ten');
for (['http://x', qr/--announce: "http:\/\/x" is not nats:\/\//],
    ['nats://user:secret@h:x', qr/--announce: "h:x" is not nats:\/\//],
    ['nats://a,tls://b', qr/all are tls:\/\/ or all nats:\/\//])
{
    my ($wrong, $says) = @$_;
    ($code, undef, $err) = $p->again(10, '--announce', $wrong);
    is($code, 2, "publish --announce $wrong: usage");
    like($err, $says, 'says why');
    unlike($err, qr/secret/, 'without the password');
}
is($p->again(10, @announce, '--nats-ca', "$dir/ca"), 2,
    '--nats-ca without tls: usage');
is($p->again(10, @announce, '--nats-cert', "$dir/c"), 2,
    '--nats-cert without --nats-key: usage');
is($p->again(10, @announce, '--nats-creds', "$dir/none"), 1,
    'credentials that are not there');
ok(!-e $p->path, 'nothing was published');
is($p->sync('--watch', $url), 2, 'sync --watch --once: usage');
is($t->run_loader('sync', '--from', $p->{store}, '--to', $p->{file},
    '--watch', $url), 2, '--watch without --trust: usage');

# NATS is not there at the start
($code, $out, $err) = $p->again(10, @announce, '--json');
is($code, 3, 'published, and nobody could be told');
like($err, qr{warning: it is published, but nobody could be told: \Q$url\E: no server answers there; POPs find it},
    'is told');
is(json_decode($out)->{announced}, JSON::PP::false(), 'as JSON, too');
my $pid = $p->start('--watch', $url, '--every', '1h');
ok(comes(10), 'sync --watch begins without NATS');
ok(eventually(5, sub { told('--watch: \S+: no server answers there; looking by the clock goes on') }),
    'and tells that it is away');
$t->write_file('html/index.html', html_page('x'));
$t->start;
sub shows { my ($text) = @_;
    eventually(10, sub { $t->get('/')->{content} =~ /$text/ }) }
ok(shows('number ten'), 'a page shows what is live');
is(($p->publish(11, 'number eleven', @announce))[0], 3, 'another one');
is(state_version(), 10, 'of which nobody knows');
$nats->start;
ok(comes(11, 15), 'NATS comes: what was missed goes live');
ok(eventually(5, sub { told('is there again') }), 'that it came is told');

# there it is
for my $version (12 .. 14) {
    my $at = time;
    ($code, $out, $err) = $p->publish($version, "number $version", @announce);
    is("$code $err", '0 ', "version $version is announced");
    like($out, qr/, announced$/m, 'and says so');
    my $told = time;
    ok(comes($version), 'and goes live');
    cmp_ok(time - $told, '<', 2, 'within two seconds');
}
ok(shows('number 14'), 'a page shows it');
my $info = $nats->info('ONSITE_SNAPSHOT');
is_deeply([@{ $info->{config} }{qw(max_msgs_per_subject storage num_replicas)}],
    [1, 'file', 1], 'the stream keeps one of each');
my @kept = $nats->messages('ONSITE_SNAPSHOT');
is(scalar @kept, 1, 'the newest');
is($kept[0]{subject}, 'onsite.snapshot.default', 'by its site');
is_deeply(json_decode($kept[0]{data}), { type => 'onsite-snapshot',
    site => 'default', version => 14, sha256 => $p->manifest->{sha256} },
    'says what it is');
is(($p->again(14, @announce))[0], 0, 'the same again');
is(($p->again(14, @announce, '--dry-run'))[0], 0, 'or not');

# another one's word is a hint and no more
{
    my $before = $p->state;
    $nats->publish('onsite.snapshot.default', $_) for 'x', '', "\0" x 3000,
        '[' x 1000, '{"type":"onsite-snapshot","site":"default","version":1e300}',
        '{"type":"onsite-snapshot","site":"default","version":9007199254740991}',
        '{"type":"onsite-snapshot","site":"other","version":77}';
    ok(eventually(5, sub { ($p->state->{checked} // '') ne $before->{checked} }),
        'a forged announcement makes it look');
    is(state_version(), 14, 'and changes nothing');
    my $good = Onsite::Test::read_file($p->path);
    $p->build(15, 'forged');
    $p->edit($p->path, sub { s/"version": 14/"version": 15/ });
    $nats->publish('onsite.snapshot.default',
        '{"type":"onsite-snapshot","site":"default","version":15}');
    ok(eventually(5, sub { told('was changed after') }),
        'a manifest that somebody changed is refused as ever');
    is(state_version(), 14, 'what is live stays');
    unlink $p->path;
    $t->write_file($p->path, $good);
}

# a store that shows late what it was given
{
    my $late = Onsite::Test::read_file($p->path);
    $p->publish(16, 'number sixteen');
    my $now = Onsite::Test::read_file($p->path);
    unlink $p->path;
    $t->write_file($p->path, $late);
    $nats->publish('onsite.snapshot.default',
        '{"type":"onsite-snapshot","site":"default","version":16}');
    ok(eventually(5, sub { told('recovered from') }), 'it looked');
    unlink $p->path;
    $t->write_file($p->path, $now);
    ok(comes(16, 5), 'and looks again for what it does not show yet');
}

# killed, and back with what it kept
my $away = told('the connection broke off');
$nats->kill;
ok(eventually(5, sub { told('the connection broke off') > $away }),
    'a nats-server that was killed is told of');
is(($p->publish(17, 'number seventeen', @announce))[0], 3, 'publish goes on');
like($t->get('/')->{content}, qr/number (?:14|sixteen)/, 'pages do, too');
my $back = told('is there again');
$nats->start;
ok(comes(17, 15), 'it is back: what was missed goes live');
ok(eventually(5, sub { told('is there again') > $back }), 'and it is told');
is(scalar($nats->messages('ONSITE_SNAPSHOT')), 1, 'what was kept is there');
is(told('no server answers'), 1, 'each time it was told once');

# all that is kept is removed under it
rename "$p->{file}.sync", "$dir/removed" or die $!;
is(($p->publish(18, 'number eighteen', @announce))[0], 0, 'without FILE.sync');
ok(comes(18), 'it begins anew');
is($p->live, 18, 'with what is there');
rename "$p->{file}.sync", "$dir/removed too" or die $!;
unlink $p->{file};
is(($p->again(18, @announce))[0], 0, 'nor FILE');
ok(eventually(10, sub { -e $p->{file} && state_version() == 18 }),
    'it begins anew, too');

# looking by the clock brings what nobody told of; a stop is at once
kill 'TERM', $pid;
my $at = time;
waitpid $pid, 0;
is($?, 0, 'sync ends');
cmp_ok(time - $at, '<', 2, 'at once');
$nats->stop;
$pid = $p->start('--watch', $url);
$p->publish(19, 'number nineteen');
ok(comes(19), 'without NATS the clock brings it');
kill 'TERM', $pid;
waitpid $pid, 0;
is($?, 0, 'and it ends');
is(told('no server answers'), 1, 'what was away was told once');

# servers that keep nothing
{
    my $core = Onsite::Nats->new($t, jetstream => 0)->start;
    $pid = $p->start('--watch', $core->url, '--every', '1h');
    my $heard = $core->subscribe('onsite.snapshot.>');
    ok(comes(19), 'a server without JetStream');
    ($code, $out, $err) = $p->publish(20, 'number twenty', '--announce',
        $core->url);
    is($code, 0, 'publish tells who listens');
    like($err, qr/note: who listens was told, but it is not kept .*there is no JetStream for us/,
        'and that it is not kept');
    is(scalar(() = $err =~ /\n/g), 1, 'once');
    ok(comes(20), 'it goes live');
    is(($heard->(2) // [])->[0], 'onsite.snapshot.default', 'as was said');
    is($heard->(0.2), undef, 'once');
    kill 'TERM', $pid;
    waitpid $pid, 0;
}

$t->done;
