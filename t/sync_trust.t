# sync --trust: what is signed goes live, and nothing else does: tampered,
# foreign, older, expired, unsigned; what is live stays, and pages flow.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Published;
use Onsite::Test;
use Test::More;

my $t = Onsite::Test->new;
my $p = Onsite::Published->new($t);
my $dir = $t->dir;
my ($code, $out, $err);
my $manifest = $p->path;

sub as_it_is { Onsite::Test::read_file($_[0] // $manifest) }
sub put_back { unlink $_[1] // $manifest; $t->write_file($_[1] // $manifest, $_[0]) }

# nothing is there
($code, undef, $err) = $p->sync;
is($code, 1, 'an empty store');
like($err, qr{store/default/manifest\.json: No such file.*; nothing is live yet},
    'is told');
is($t->run_loader('sync', '--from', 'https://x', '--to', 'y'), 2,
    'a URL without --trust: usage');
is($t->run_loader('sync', '--from', $p->{store}, '--to', 'y', '--keep', 3), 2,
    '--keep without --trust: usage');
is($p->sync('--keep', 0), 2, '--keep 0: usage');
is($p->sync('--site', '..'), 2, 'a site that is a path: usage');

# the first one, after a name that was wrong; nginx serves it
$p->publish(10, 'number ten');
($code, undef, $err) = $p->sync('--site', 'defualt');
is($code, 1, 'a site of which there is nothing');
like($err, qr{store/defualt/manifest\.json: .*: nothing is published there for site "defualt"; nothing is live yet$}m,
    'is told');
is($p->state->{site}, 'defualt', 'and stands in the state');
{
    local $p->{store} = "$dir/unmounted";
    ($code, undef, $err) = $p->sync;
    like($err, qr{unmounted: No such file.*: make it, or is it not mounted\?},
        'a store that is not there');
    is($p->state->{site}, 'default', 'which is of no site until something is');
}
$p->sync('--site', 'defualt');
($code, $out) = $p->sync('--dry-run');
is($code, 0, 'sync --dry-run');
like($out, qr/would be replaced, version 10/, 'tells');
ok(!-e $p->{file}, 'and writes nothing');
($code, $out, $err) = $p->sync;
is($code, 0, 'sync --trust') or diag($err);
like($out, qr/site\.mdb: live, version 10/, 'tells');
is($p->live, 10, 'it is live');
($code, $out) = $p->sync;
is("$code $out", "0 $p->{file}: current, version 10\n", 'then it is current');
is_deeply([@{ $p->state }{qw(rolled_back_from failing)}], [undef, undef],
    'the state is well');

$t->write_file('html/index.html', html_page('x'));
$t->start;
sub shown { $t->get('/')->{content} }
ok(eventually(10, sub { shown() =~ /number ten/ }), 'a page shows it');

# what is wrong with the next one, each for itself
$p->publish(11, 'number eleven');
my $good = as_it_is();
my $body = $p->body;
my $packed = as_it_is($body);
my $patch = $p->path($p->manifest->{patches}[0]{path});
my $patched = as_it_is($patch);
$p->keygen('other');

# no patch, so that the whole counts; sign again as another store would have it
sub sign_again {
    my (%o) = @_;
    $t->run_loader('sign', "$dir/v$o{version}.mdb", '--key',
        $o{key} // $p->{key}, '--site', $o{site} // 'default', '--expires',
        $o{expires} // '30d', '-o', "$dir/signed.json");
    put_back(as_it_is("$dir/signed.json"));
    system("cp $dir/v$o{version}.mdb $p->{store}/default/");
}
my @tampered = map {
    my $at = $_;
    ["a manifest with byte $at changed", sub { $p->edit($manifest,
        sub { substr($_, $at, 1) ^= "\x01" }) }, qr/manifest\.json: /]
} map { int($_ * (length($good) - 1) / 11) } 0 .. 11;
my @bad = (
    @tampered,
    ['a manifest that was cut', sub { $p->edit($manifest,
        sub { $_ = substr($_, 0, 300) }) }, qr/bad JSON at/],
    ['a page', sub { put_back("\n<!DOCTYPE html><title>Log in</title>") },
        qr/is no manifest: it begins with "<", as pages do/],
    ['an empty manifest', sub { put_back('') }, qr/bad JSON at/],
    ['a manifest of another shape', sub { put_back('[]') },
        qr/has to be an object/],
    ['a large manifest', sub { put_back(' ' x 70_000) }, qr/more than 65536/],
    ['an unsigned manifest', sub { $p->edit($manifest,
        sub { s/"signatures".*?\]/"signatures": []/s }) },
        qr/signed by none of the keys that are trusted: signed by nobody/],
    ['a manifest without signatures', sub { $p->edit($manifest,
        sub { s/,\s*"signatures".*?\]//s }) },
        qr/an unsigned manifest is none/],
    ['a snapshot without a manifest', sub { unlink $manifest;
        system("cp $dir/v11.mdb $p->{store}/") }, qr/No such file/],
    ['another key', sub { sign_again(version => 11, key => "$dir/other") },
        qr/signed by none of the keys that are trusted: signed by \w{16}, trusted \w{16}/],
    ['another site', sub { sign_again(version => 11, site => 'shop') },
        qr/it is of site "shop", not of "default"/],
    ['an expired one', sub { sign_again(version => 11, expires => '1ms') },
        qr/it expired at 20\S+Z: publish it again/],
    ['a body that was changed', sub { unlink $patch; $p->edit($body,
        sub { substr($_, 4000, 1) ^= "\x01" }) },
        qr/mdb\.zst is not what was signed: its SHA-256 is another/],
    ['a body that is something else', sub { unlink $patch; $p->edit($body,
        sub { $_ = 'x' x length }) }, qr/is not what was signed/],
    ['a body that was cut', sub { unlink $patch;
        $p->edit($body, sub { $_ = substr($_, 0, 2000) }) }, qr/2000/],
    ['a body that is gone', sub { unlink $patch, $body }, qr/No such file/],
    ['an older version', sub { $p->build(9, 'x');
        sign_again(version => 9) },
        qr/version 9 is older than version 10, which was seen here: a store that went back/],
    ['the same version with other content', sub { $p->build(10, 'y');
        sign_again(version => 10) },
        qr/version 10 is another one than the version 10 that was seen/],
);
for (@bad) {
    my ($what, $do, $says) = @$_;
    $do->();
    ($code, $out, $err) = $p->sync;
    is($code, 1, $what);
    like($err, $says, 'says so');
    like($err, qr/; what is live stays$/m, 'and that what is live stays');
    is($p->live, 10, 'it does');
    like($p->state->{failing}{why}, $says, 'the state tells why');
    unlink glob "$p->{store}/*.mdb $p->{store}/default/*.mdb";
    put_back($good);
    put_back($packed, $body);
    put_back($patched, $patch);
}
like(shown(), qr/number ten/, 'pages flow with what was there');
is(scalar(my @left = glob "$p->{file}.sync/*{new,part}*"), 0,
    'nothing is left of them');

# then it is right; by the patch alone
unlink $body;
($code, $out, $err) = $p->sync;
is($code, 0, 'the right one') or diag($err);
is($p->live, 11, 'goes live, by its patch alone');
is($p->state->{failing}, undef, 'and the state is well');
ok(eventually(10, sub { shown() =~ /number eleven/ }), 'a page shows it');
put_back($packed, $body);

# a patch that is bad: the whole is taken
for my $do (sub { substr($_, 20, 1) ^= "\x01" }, sub { $_ = 'x' },
    sub { $_ = '' }) {
    my $next = $p->live + 1;
    $p->publish($next, "number $next");
    $p->edit($p->path($p->manifest->{patches}[0]{path}), $do);
    is($p->sync, 0, 'a bad patch');
    is($p->live, $next, 'the whole is taken instead');
}

# signed by hand, not packed
$p->build(20, 'number twenty');
sign_again(version => 20);
is($p->sync, 0, 'what was signed and copied by hand');
is($p->live, 20, 'goes live');

# rotation
$p->publish(21, 'x', '--key', "$dir/other");
is($t->run_loader('sync', '--from', $p->{store}, '--to', $p->{file},
    '--trust', "$dir/other.pub", '--once'), 0, 'the new key alone');
is($p->live, 21, 'is enough');
$p->publish(22, 'x', '--key', "$dir/other");
system("cat $dir/other.pub $dir/key.pub > $dir/both.pub");
is($t->run_loader('sync', '--from', $p->{store}, '--to', $p->{file},
    '--trust', "$dir/both.pub", '--once'), 0, 'both in one file');
is($p->live, 22, 'are as good');

# FILE in other hands
$p->publish(23, 'y');
$p->sync;
for (['removed', sub { unlink $p->{file} }],
    ['replaced by another', sub { system("cp $dir/v9.mdb $p->{file}.x; "
        . "mv $p->{file}.x $p->{file}") }],
    ['overwritten, and so the kept one', sub { system("cp $dir/v9.mdb $p->{file}") }],
    ['cut', sub { truncate $p->{file}, 5000 }])
{
    my ($what, $do) = @$_;
    $do->();
    ($code, $out, $err) = $p->sync;
    is($code, 0, "FILE was $what") or diag($err);
    like($out, qr/: was not what is to be live: put there, version 23$/m,
        'is told') if $what eq 'removed';
    is($p->live, 23, 'and is put back');
    is($p->sync, 0, 'and then current');
}

# FILE.sync in other hands
system("rm -rf $p->{file}.sync");
is($p->sync('--site', 'defualt'), 1, 'without FILE.sync, and a wrong site');
is($p->state->{live}{version}, 23, 'what is live counts, of whatever site');
($code, $out) = $p->sync;
is($code, 0, 'without FILE.sync');
is($p->state->{site}, 'default', 'then the site is right');
is($p->state->{highest}{version}, 23, 'what is live counts as seen');
ok(-e "$p->{file}.sync/23.mdb", 'and is kept');
put_back($good);
is($p->sync, 1, 'so that an older one is still refused');
$t->write_file("$p->{file}.sync/state.json", '{');
($code, undef, $err) = $p->sync;
is($code, 1, 'a damaged state');
like($err, qr/state\.json is damaged.*: remove it/, 'says what to do');
like($err, qr/; the file that is there stays$/m, 'and what is served');
is(as_it_is("$p->{file}.sync/state.json"), '{', 'and is left for a look');
unlink "$p->{file}.sync/state.json";
is($p->sync, 1, 'without it the older one is refused');
$p->publish(24, 'z', '--force');
is($p->sync, 0, 'and a newer one taken');
is($p->live, 24, 'as ever');
($code, undef, $err) = $p->sync('--site', 'shop');
is($code, 1, 'another site into the same FILE');
like($err, qr/keeps versions of site "default": another --to FILE is for "shop"; if it is to be this one, remove that folder first, and then what is newer than version 24 is taken; what is live stays$/m,
    'is refused, with the way out');

# a version that is out of reach, of a key that was stolen
$p->publish(9007199254740991, 'theirs', '--force');
is($p->sync, 0, 'the highest version that there is');
is($p->live, 9007199254740991, 'goes live');
($code, undef, $err) = $p->publish(25, 'x');
is($code, 1, 'and none can be published above it');
like($err, qr{no version is above it: remove default/manifest\.json from the store, and on each POP FILE and FILE\.sync/},
    'which says what to do');
unlink $manifest;
($code) = $p->again(25);
is($p->sync, 1, 'nor be taken by who has seen it');
system("rm -rf $p->{file}.sync $p->{file}");
is($p->sync, 0, 'but by who has forgotten all');
is($p->live, 25, 'it is');
$p->build('9007199254740992', 'x');
($code, undef, $err) = $p->again('9007199254740992');
is($code, 1, 'a version that is too high');
like($err, qr/its version 9007199254740992 is over 2\^53 - 1/, 'is refused');

# expired after it went live
$p->publish(26, 'z', '--expires', '1s');
$p->sync;
sleep 1;
($code, undef, $err) = $p->sync;
is($code, 0, 'an expired one that is live');
like($err, qr/warning: version 26, which is live, expired at \S+: publish it again; it stays live/,
    'is warned of');
is($p->live, 26, 'and stays live');
$p->again(26);
($code, undef, $err) = $p->sync;
is($err, '', 'renewed, all is well');

# clocks
my ($faketime) = glob '/usr/lib/*/faketime/libfaketime.so.1';
SKIP: {
    skip 'libfaketime is not installed, or there is a sanitizer', 8
        if !$faketime || ($ENV{FLAVOUR} // '') eq 'asan';
    my $at = sub {
        my ($when) = @_;
        local @ENV{qw(LD_PRELOAD FAKETIME)} = ($faketime, $when);
        my @r = $p->sync;
        delete @ENV{qw(LD_PRELOAD FAKETIME)};
        return @r;
    };
    $p->publish(27, 'number twenty-seven');
    ($code, undef, $err) = $at->('+60d');
    is($code, 1, 'a clock 60 days ahead');
    like($err, qr/it expired at .*or set the clock here, if that is wrong/,
        'says so');
    ($code, undef, $err) = $at->('-5d');
    is($code, 1, 'a clock 5 days behind');
    like($err, qr/more than a day ahead of the clock here: one of the two/,
        'says so');
    is($p->live, 26, 'what is live stays');
    ($code) = $at->('-20h');
    is($code, 0, 'a clock that is some hours behind');
    is($p->live, 27, 'takes it');
    ok(eventually(10, sub { shown() =~ /number twenty-seven/ }),
        'and pages show it');
}

# as a process
my $pid = $p->start;
($code, undef, $err) = $p->sync;
is($code, 1, 'there is one for a FILE');
like($err, qr/process $pid syncs \S+ already/, 'the second one says which');
my $version = $p->live + 1;
$p->publish($version, 'alive');
ok(eventually(10, sub { $p->live == $version }), 'it follows');
rename $manifest, "$manifest.away";
ok(eventually(10, sub { $p->said =~ /No such file/ }), 'a store that is gone');
sleep 2;
is(scalar(() = $p->said =~ /No such file/g), 1, 'is told once');
rename "$manifest.away", $manifest;
ok(eventually(2, sub { $p->said =~ /recovered from: .*No such file/ }),
    'and that it is back: it had not been looked for more seldom');
kill 'KILL', $pid;
waitpid $pid, 0;
is($p->sync, 0, 'after a kill another one starts at once');
$pid = $p->start;
kill 'INT', $pid;
waitpid $pid, 0;
is($?, 0, 'it stops when told');

$t->done;
