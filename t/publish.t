# keygen, sign, verify and publish: what is written, that openssl and zstd
# read it, and what is refused.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use MIME::Base64 qw(decode_base64);
use Onsite::Published;
use Onsite::Test;
use POSIX ();
use Test::More;

my $t = Onsite::Test->new;
my $p = Onsite::Published->new($t);
my $dir = $t->dir;
$ENV{TMPDIR} = "$dir/tmp";
my ($code, $out, $err);

# keygen
is((stat "$dir/key")[2] & 0777, 0600, 'the secret key is its owner\'s');
like(`openssl pkey -in $dir/key -noout -text 2>&1`, qr/ED25519 Private-Key/,
    'openssl reads the secret key');
like(`openssl pkey -pubin -in $dir/key.pub -noout -text 2>&1`,
    qr/ED25519 Public-Key/, 'and the public one');
my $secret = Onsite::Test::read_file("$dir/key");
($code, undef, $err) = $t->run_loader('keygen', '-o', "$dir/key");
is($code, 1, 'keygen replaces no key');
like($err, qr/key is there already \(--force replaces it\)/, 'and says so');
is(Onsite::Test::read_file("$dir/key"), $secret, 'it is as it was');
$t->write_file('half.pub', 'x');
is($t->run_loader('keygen', '-o', "$dir/half"), 1, 'nor half a pair');
ok(!-e "$dir/half", 'and writes nothing');
($code, $out) = $t->run_loader('keygen', '-o', "$dir/half", '--force',
    '--json');
is($code, 0, 'but with --force');
like(json_decode($out)->{key}, qr/^[0-9a-f]{16}$/, 'the id as JSON');
($code, undef, $err) = $t->run_loader('keygen', '-o', "$dir/none/key");
is($code, 1, 'a folder that is not there');
like($err, qr{none/key\S*: cannot be written: No such file}, 'is told');

# sign, verify
my $file = $p->build(7, 'seven');
($code, $out, $err) = $t->run_loader('sign', $file, '--key', "$dir/key");
is($code, 0, 'sign') or diag($err);
my @trust = ('--trust', "$dir/key.pub");
($code, $out) = $t->run_loader('verify', $file, @trust);
is($code, 0, 'verify');
like($out, qr/v7\.mdb: good: site default, version 7, good until 20/, 'tells');
is($t->run_loader('verify', "$file.manifest.json", @trust), 0,
    'by the manifest, too');
is($t->run_loader('verify', $file, @trust, '--site', 'default'), 0,
    'of this site');
$t->run_loader('sign', $file, '--key', "$dir/key", '-o', "$dir/m.json",
    '--site', 'shop', '--expires', '1s', '--key', "$dir/half");
is(scalar @{ json_decode(Onsite::Test::read_file("$dir/m.json"))
    ->{signatures} }, 2, 'each key signs');
sleep 1;
my $live = "$dir/live.mdb";
system("cp $file $live; mkdir $live.sync");
my @wrong = (
    ['expired', ["$dir/m.json", @trust], qr/m\.json: it expired at 20\S+Z/],
    ['another site', [$file, @trust, '--site', 'shop'],
        qr/it is of site "default", not of "shop"/],
    ['another key', [$file, '--trust', "$dir/half.pub"],
        qr/signed by none of the keys that are trusted/],
    ['a secret key to trust', [$file, '--trust', "$dir/key"],
        qr/is a secret key.*\.pub/],
    ['no manifest', ["$dir/key.pub", @trust],
        qr/key\.pub\.manifest\.json: cannot be opened/],
    ['no manifest, beside what sync keeps', [$live, @trust],
        qr{live\.mdb\.manifest\.json: cannot be opened: .*; sync keeps manifests as \S+/live\.mdb\.sync/VERSION\.json: copy}],
    ['no file', ["$dir/nothing", @trust], qr/nothing: cannot be opened/],
);
for (@wrong) {
    my ($what, $args, $says) = @$_;
    ($code, undef, $err) = $t->run_loader('verify', @$args);
    is($code, 1, "verify: $what");
    like($err, $says, 'says so');
}
is($t->run_loader('verify', $file), 2, 'without --trust: usage');
is($t->run_loader('sign', $file), 2, 'without --key: usage');
is($t->run_loader('sign', $file, '--key', "$dir/key", '--site', '../x'), 2,
    'a site that is a path: usage');
($code, undef, $err) = $t->run_loader('sign', "$dir/key", '--key',
    "$dir/key");
is($code, 1, 'what is no snapshot is not signed');
chmod 0644, "$dir/key";
(undef, undef, $err) = $t->run_loader('sign', $file, '--key', "$dir/key");
like($err, qr/warning: key .*others than its owner can read it: chmod 600/,
    'a secret key that all can read is warned of');
chmod 0600, "$dir/key";
$p->edit($file, sub { substr($_, 5000, 1) ^= "\x01" });
($code, undef, $err) = $t->run_loader('verify', $file, @trust);
is($code, 1, 'a changed snapshot');
like($err, qr/is not what was signed: it has \d+ bytes, SHA-256/, 'is told');
($code, $out) = $t->run_loader('verify', $file, @trust, '--json');
ok(!json_decode($out)->{good}, 'as JSON, too');

# publish
($code, $out, $err) = $p->publish(10, 'ten', '--dry-run');
is($code, 0, 'publish --dry-run') or diag($err);
like($out, qr/would be published, site default, version 10, good until 20\S+Z$/m,
    'tells');
ok(!-e "$p->{store}/default", 'and writes nothing');
($code, $out, $err) = $p->publish(10, 'ten', '--expires', '5d');
is($code, 0, 'publish') or diag($err);
my $m = $p->manifest;
my $until = $m->{expires} =~ s/\.\d+//r;
like($out, qr/v10\.mdb: published, site default, version 10, \d+ bytes, good until $until$/m,
    'tells');
is($err, '', 'and warns of nothing');
is("$m->{type} $m->{format} $m->{site} $m->{version} $m->{lmdb}",
    'onsite-manifest 1 default 10 0.9', 'the manifest');
is($m->{previous}, undef, 'the first has no previous one');
is($m->{size}, -s "$dir/v10.mdb", 'size');
like(`sha256sum $dir/v10.mdb`, qr/^$m->{sha256} /, 'sha256');
is($m->{body}{path}, "$m->{sha256}.mdb.zst", 'a body by its content');
is($m->{body}{size}, -s $p->body, 'and its size');
is(system("zstd -q -d -f -o $dir/body.mdb " . $p->body), 0, 'zstd reads it');
is(system("cmp -s $dir/body.mdb $dir/v10.mdb"), 0, 'it is the snapshot');
is($t->run_loader('verify', $p->path, @trust), 0, 'verify takes it');

# the signature, by what the documentation says and openssl
{
    my %unsigned = %$m;
    my ($signature) = @{ delete $unsigned{signatures} };
    $t->write_file('signed', "onsite-manifest-v1\n" . json_encode(\%unsigned));
    $t->write_file('signature', decode_base64($signature->{signature}));
    is(system("openssl pkeyutl -verify -pubin -inkey $dir/key.pub -rawin "
        . "-in $dir/signed -sigfile $dir/signature > /dev/null"), 0,
        'openssl finds the signature good');
}

# once more; a newer one, with a patch
($code, $out, $err) = $p->again(10);
like($out, qr/renewed, site default, version 10/, 'the same again: renewed');
ok($p->manifest->{expires} gt $m->{expires}, 'it expires later');
is($err, '', 'which is nothing to warn of');
(undef, $out, $err) = $p->again(10, '--expires', '30', '--json');
like($err, qr/warning: it is good until 20\S+Z only, less than a day: --expires 30d is 30 days/,
    'seconds instead of days are warned of');
$until = $p->manifest->{expires} =~ s/\.\d+//r;
like($err, qr/warning: it was good until 20\S+Z, and is until $until$/m,
    'and that it was good for longer');
is(json_decode($out)->{expires}, $until, 'the expiry as JSON');
$p->again(10);
is(scalar(my @bodies = glob "$p->{store}/default/*.zst"), 1, 'one body');
($code, $out, $err) = $p->publish(11, 'eleven', '--json');
is($code, 0, 'a newer one');
my $told = json_decode($out);
is("$told->{result} $told->{version} $told->{patches}", 'published 11 1',
    'as JSON');
my $new = $p->manifest;
is_deeply($new->{previous}, { version => 10, sha256 => $m->{sha256} },
    'names its previous one');
my ($patch) = @{ $new->{patches} };
is($patch->{path}, "$m->{sha256}-$new->{sha256}.patch.zst",
    'with a patch from there to here');
ok($patch->{size} < $new->{body}{size} / 4, 'that is small');
is(system("zstd -q -d -f --patch-from=$dir/v10.mdb -o $dir/patched.mdb "
    . $p->path($patch->{path})), 0, 'zstd reads the patch');
is(system("cmp -s $dir/patched.mdb $dir/v11.mdb"), 0, 'into the snapshot');
$p->publish(12, 'twelve', '--no-patch');
is_deeply($p->manifest->{patches}, [], '--no-patch');
$p->publish(13, 'thirteen', '--previous', "$dir/v10.mdb", '--previous',
    "$dir/v12.mdb");
is(scalar @{ $p->manifest->{patches} }, 2, '--previous, twice');
unlink $p->body;
($code, $out, $err) = $p->publish(14, 'fourteen');
is($code, 0, 'where the previous body is gone');
like($err, qr/note: there is no patch from version 13: /, 'there is no patch');
is_deeply($p->manifest->{patches}, [], 'in the manifest, either');
unlink $p->body;
($code, $out) = $p->again(14);
like($out, qr/published/, 'a body that is gone is published anew');
is($t->run_loader('verify', $p->path, @trust), 0, 'and good');

# what is refused
my $before = Onsite::Test::read_file($p->path);
my @refused = (
    ['an older version', 9, [], 1,
        qr/has version 9, and version 14 is published already: build it anew, by the clock or/],
    ['the same version with other content', 14.0, [], 1,
        qr/has version 14, and version 14 is published/, 'other'],
    ['another key than the store\'s', 20, ['--key', "$dir/half"], 1,
        qr/cannot be believed: it is signed by none.*\(--force replaces it\)/],
    ['no store', 20, ['--to', "$dir/nowhere"], 1,
        qr/nowhere.*No such file.*: make it, or is it not mounted\?/],
    ['a bucket\'s name that is none', 20, ['--to', 's3://b/x'], 2,
        qr{s3://b: names of buckets have 3 to 63 characters}],
    ['a bucket\'s name that is long', 20, ['--to', 's3://' . 'b' x 64], 2,
        qr{s3://b{63}\.\.\.: names of buckets have 3 to 63}],
    ['a store without a host', 20, ['--announce', 'nats://u:secret@'], 2,
        qr/--announce: "\.\.\.@" has no host: nats/],
    ['a site that is a path', 20, ['--site', 'a/b'], 2, qr/--site: "a\/b"/],
    ['no duration', 20, ['--expires', 'soon'], 2, qr/--expires: "soon"/],
);
for (@refused) {
    my ($what, $version, $args, $rc, $says, $text) = @$_;
    my $snapshot = $p->build($version, $text // 'x');
    my @args = ('--to', $p->{store}, '--key', "$dir/key");
    @args = ('--to', $p->{store}) if ($args->[0] // '') eq '--key';
    @args = ('--key', "$dir/key") if ($args->[0] // '') eq '--to';
    ($code, undef, $err) = $t->run_loader('publish', $snapshot, @args, @$args);
    is($code, $rc, "publish: $what");
    like($err, $says, 'says so');
    is(Onsite::Test::read_file($p->path), $before, 'and changes nothing');
}
is($t->run_loader('publish', "$dir/v20.mdb", '--to', $p->{store}), 2,
    'without --key: usage');
($code, undef, $err) = $t->run_loader('publish', 'a', 'b', '--to',
    $p->{store});
is($code, 2, 'two files: usage');
like($err, qr/: too many arguments$/m, 'says so');
($code, undef, $err) = $t->run_loader('publish', "$dir/from-20", '--to',
    $p->{store}, '--key', "$dir/key");
is($code, 1, 'a folder');
like($err, qr/from-20 is a folder: a snapshot is a file/, 'is none');
$p->edit($p->path, sub { s/"version": 14/"version": 15/ });
($code, undef, $err) = $p->publish(20, 'x');
is($code, 1, 'a manifest that somebody changed');
like($err, qr/the signature by \S+ is wrong: it was changed after/,
    'is not built upon');
($code, $out) = $p->publish(20, 'x', '--force');
is($code, 0, 'but replaced with --force');
is($p->manifest->{version}, 20, 'by the new one');

# a clock that was wrong
{
    my $ahead = 1000 * (time + 3 * 86400 + 60);
    my $snapshot = $p->build($ahead, 'x');
    ($code, undef, $err) = $p->again($ahead);
    is($code, 1, 'a version that lies ahead of the clock');
    like($err, qr/version $ahead lies 3 days ahead of the clock here: every later one has to be above it; check the clock where it was built.*--force/,
        'is refused');
    is($p->manifest->{version}, 20, 'and changes nothing');
    ($code, undef, $err) = $p->again($ahead, '--force');
    is($code, 0, 'but with --force');
    like($err, qr/warning: version $ahead lies 3 days ahead/, 'with a warning');
    my $next = $ahead + 1;
    ($code, undef, $err) = $p->publish(21, 'x');
    is($code, 1, 'then one by the clock');
    like($err, qr/version $ahead is published already: it lies ahead of the clock here, by 3 days: build with --version $next, and later ones with a higher one each, until the clock has passed it/,
        'is told what to do');
    is($p->publish($next, 'x'), 0, 'which helps');
    unlink $p->path;
    $p->publish(20, 'x');
}

# what publishers left behind that were killed
{
    my $pid = fork // die "fork: $!";
    POSIX::_exit(0) if $pid == 0;
    waitpid $pid, 0;
    my @left = map { $p->path("a.mdb.zst.new-$_") } $pid, $pid, $$;
    $left[0] .= '.zst';
    $t->write_file($_, 'x') for @left;
    $p->again(20);
    ok(-e $left[1], 'what was written just now stays');
    utime 1, 1, @left;
    $p->again(20);
    is_deeply([map { -e $_ ? 1 : 0 } @left], [1, 0, 1],
        'half objects of processes that are gone are removed, and no others');
    unlink @left;
}

# a server that takes everything, and keeps nothing; or what it likes
{
    my $kept = '';
    my ($file, $newer) = ("$dir/lies", "$dir/newer");
    delete local @ENV{ grep { /_proxy$/i } keys %ENV };
    my $url = 'http://127.0.0.1:' . $t->upstream(sub {
        my ($client, $head) = @_;
        my ($n) = $head =~ /^content-length: (\d+)/mi;
        my ($method) = $head =~ /^(\w+)/;
        print $client "HTTP/1.1 100 Continue\r\n\r\n" if $head =~ /^expect:/mi;
        read $client, my $body, $n if $n;
        my $answer = $method eq 'GET' && $head =~ /^cache-control: no-cache/mi
            && -e $newer ? Onsite::Test::read_file($newer) : '';
        my $status = $method eq 'GET' && $answer eq '' ? '404 Not Found'
            : '200 OK';
        my @more = -e $file ? 'Content-Encoding: br' : ();
        ($status, $answer) = ('200 OK', "\x8b\x01") if @more;
        print $client join "\r\n", "HTTP/1.1 $status", 'Connection: close',
            'Content-Length: ' . length $answer, @more, '', $answer;
    });
    my @args = ('publish', "$dir/v20.mdb", '--to', "$url/x", '--key',
        "$dir/key");
    ($code, $out, $err) = $t->run_loader(@args);
    is($code, 1, 'a server that keeps nothing');
    is($out, '', 'has nothing published');
    like($err, qr{default/manifest\.json: was taken, and is not what is there afterwards: this store does not keep what is PUT},
        'says so');
    for ([21, 0, qr/note: meanwhile somebody else has published version 21 there/],
        [19, 1, qr/meanwhile somebody else has published version 19 there: publish again/])
    {
        my ($version, $rc, $says) = @$_;
        $p->build($version, 'z');
        $t->run_loader('sign', "$dir/v$version.mdb", '--key', "$dir/key",
            '-o', $newer);
        ($code, undef, $err) = $t->run_loader(@args);
        is($code, $rc, "another one's version $version");
        like($err, $says, 'is told');
    }
    $t->write_file('lies', '');
    ($code, undef, $err) = $t->run_loader(@args);
    is($code, 1, 'a manifest that is encoded');
    like($err, qr/comes with Content-Encoding: br, which was not asked for/,
        'is told');
}

# rotation: both keys sign
($code) = $p->publish(21, 'x', '--key', "$dir/half");
is(scalar @{ $p->manifest->{signatures} }, 2, 'two signatures');
is($t->run_loader('verify', $p->path, '--trust', "$dir/half.pub"), 0,
    'the new key is enough');
is($t->run_loader('verify', $p->path, @trust), 0, 'and so is the old one');

# a full disk
my $io = Onsite::Test::build_dir() . '/t/io_fails.so';
SKIP: {
    skip 'a preloaded disk and a sanitizer do not go together', 3
        if ($ENV{FLAVOUR} // '') eq 'asan';
    my ($good, $bad) = (0, 0);
    $before = Onsite::Test::read_file($p->path);
    my $next = $p->build(22, 'y');
    for my $step (1 .. 60) {
        local @ENV{qw(LD_PRELOAD ONSITE_IO_FAILS)} = ($io, "$step e");
        ($code) = $t->run_loader('publish', $next, '--to', $p->{store},
            '--key', "$dir/key");
        delete @ENV{qw(LD_PRELOAD)};
        $code == 0 ? $good++ : $bad++;
        $t->run_loader('verify', $p->path, @trust) == 0
            or fail("full at step $step: what is published is not good");
    }
    ok($bad > 5, 'a full disk fails publish at many steps');
    ok($good > 5, 'and at others not');
    is($p->manifest->{version}, 22, 'in the end it is published');
}
is(scalar(my @left = glob "$dir/tmp/onsite-publish-*"), 0,
    'no temporary folder is left');

$t->done;
