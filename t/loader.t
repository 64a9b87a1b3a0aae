# lmdb-loader on the command line: findings with file, path and reason; exit
# status 0, 1, 2; snapshots that other tools can read; sync that never puts a
# bad or an older file live.

use strict;
use warnings;

use Cwd qw(getcwd);
use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use Test::More;

my $t = Onsite::Test->new;
my $dir = $t->dir;

sub campaign {
    my ($id, %more) = @_;
    return json_encode({ id => $id, channel => 'popup',
        content => { html => "<p>$id</p>" }, %more });
}

# lint
$t->write_file('one/good.json', campaign('good'));
my ($code, $out, $err) = $t->run_loader('lint', "$dir/one");
is($code, 0, 'lint: good files') or diag($err);
like($out, qr/1 file, 1 campaign live, 0 errors, 0 warnings/, 'and a summary');

my @bad = (
    ['{', qr/bad\.json: bad JSON at 1:2: it ends/, 'no JSON'],
    ["{\n  \"id\": \"bad\",\n}", qr/bad\.json: bad JSON at 2:14: a trailing comma/,
        'a trailing comma'],
    ["{\n  \"id\": \"a\nb\"}", qr/bad\.json: bad JSON at 2:11: .* write \\n/,
        'a line break in a string'],
    ['[]', qr/bad\.json: .*object/, 'no object'],
    ["\xef\xbb\xbf" . campaign('bad'), qr/bad\.json: begins with a byte order/,
        'a byte order mark'],
    [campaign('bad', audience => { 'visitor.visits' => { '$near' => 1 } }),
        qr/bad\.json: audience\.visitor\.visits\.\$near: unknown operator/,
        'an operator that does not exist'],
    [campaign('bad', audience => { 'request.path' => { '$regex' => '(' } }),
        qr/bad\.json: audience\.request\.path\.\$regex: /, 'a broken regex'],
    [campaign('bad', chanel => 'popup'), qr/bad\.json: chanel: .*channel/,
        'a key that does not exist'],
    [campaign('bad', channel => 'billboard'), qr/bad\.json: channel: .*popup/,
        'a channel that does not exist'],
    [campaign('bad', content => { html => '<p onclick="{{event.name}}">' }),
        qr/bad\.json: content\.html: 1:\d+: /, 'a placeholder in code'],
    [campaign('bad', channel => 'embed', slot => 'hero',
        content => { html => "<p>a</p>\n  </div>" }),
        qr{bad\.json: content\.html: 2:3: </div> closes nothing},
        'HTML that closes what is of the page'],
    [campaign('bad', channel => 'embed', slot => 'a "b"'),
        qr/bad\.json: slot: must be 1 to 64 bytes .*without blanks/,
        'a slot that no page can name'],
    [campaign('bad', schedule => { timezone => 'Mars/Olympus' }),
        qr/bad\.json: schedule\.timezone: .*Mars/, 'no such time zone'],
    [campaign('bad', trigger => { inactive => 'soon' }),
        qr/bad\.json: trigger\.inactive: .*duration/, 'no duration'],
    [campaign('good'), qr/(?:bad|good)\.json: id: .*(?:good|bad)\.json/, 'an id twice'],
);
for (@bad) {
    my ($text, $message, $what) = @$_;
    $t->write_file('one/bad.json', $text);
    ($code, $out, $err) = $t->run_loader('lint', "$dir/one");
    is($code, 1, "lint: $what");
    like($err, $message, 'with file, path and reason');
    like($out, qr/^2 files, [1-9]\d* errors?, \d+ warnings?: nothing is built/m,
        'nothing is said to be live');
    ($code) = $t->run_loader('build', "$dir/one", '-o', "$dir/no.mdb");
    is($code, 1, 'build refuses it');
    ok(!-e "$dir/no.mdb", 'and writes nothing');
}
($code, $out) = $t->run_loader('lint', '--json', "$dir/one");
my ($finding) = map { json_decode($_) } split /\n/, $out;
is_deeply([sort keys %$finding], [qw(file level path reason)],
    'lint --json: one object a finding');
$t->write_file('one/bad.json', campaign('bad', content => { html =>
    '<p title={{cart.value}}>{{nobody.x}}</p>{{cart.value | shout}}{{#cart.x',
    data => { a => '{{nobody.y}}', b => '{{nobody.z}}' } }));
(undef, undef, $err) = $t->run_loader('lint', "$dir/one");
like($err, qr/content\.html: 1:10: .*content\.html: 1:25: .*content\.html: 1:56: /s,
    'every placeholder of a template that is wrong is told of');
like($err, qr/content\.html: 1:63: "\{\{" without/, 'and what ends it');
like($err, qr/content\.data\.a: 1:1: .*content\.data\.b: 1:1: /s,
    'and every text of data');
unlink "$dir/one/bad.json";

# warnings
my @warned = (
    [campaign('w', schedule => { until => '2020-01-01T00:00:00Z' }),
        qr/never fire|is over|in the past/, 'a schedule that is over'],
    [campaign('w', audience => { segments => { '$in' => ['vips'] } }),
        qr/audience\.segments\.\$in: there is no segment and no list "vips"/,
        'a segment that nobody made'],
    [campaign('w', content => { html => '<p>a<div>' }),
        qr/content\.html: 1:5: <div> is not closed/, 'HTML that is not whole'],
    (map { [campaign('w', channel => 'embed', slot => 'hero',
        content => { html => $_ }),
        qr/content\.html: has "[^"]*onsite.slot", but is what fills/,
        "a slot in a slot: $_"] }
        '<div data-onsite-slot="a"></div>', '<!--onsite:slot x-->a',
        '<b>a</b><!--/onsite:slot-->'),
    [campaign('w', frequency => { cap => 0, per => 'session' }), qr/cap/,
        'a cap of 0'],
    [campaign('w', audience => { 'visitor.stats' => 'new' }),
        qr/visitor\.stat.*status/s, 'an attribute that is never there'],
);
for (@warned) {
    my ($text, $message, $what) = @$_;
    $t->write_file('one/w.json', $text);
    ($code, $out, $err) = $t->run_loader('lint', "$dir/one");
    like($err, qr/w\.json: (?:warning: )?.*$message/s, "warned of $what");
}
# columns that no profile has
$t->write_file('columns/c.json', campaign('c', audience => {
    'profile.vpi' => 1, 'profile.ltv' => { '$gt' => 5 },
    '$or' => [{ 'profile.address.city' => 'x' }, { 'profile.nowhere' => 1 }],
    'profile.age_seconds' => { '$lt' => 9 }, 'profile.updated' => 1 },
    trigger => { event => 'Page Viewed', where => {
        'profile.tear' => 'gold', 'profile' => 1 } },
    hash => { attribute => 'profile.hash' },
    content => { html => '<p>{{profile.first_nmae | default "profile.quoted"}}'
        . ' profile.text {{#profile.tags}}{{.}}{{/profile.tags}}'
        . '{{cart.value}}{{profile.vip}}</p>',
        data => { 'profile.own' => '{{profile.dta}}' } }));
my @none = ($t->run_loader('lint', "$dir/columns"))[2] =~ /(no profiles.*)/g;
is(scalar @none, 1, 'without profiles it is said once') or diag(@none);
like($none[0], qr/"profile\.\w+": add profiles\.csv, or .*--profiles/,
    '  with what to do');
$t->write_file('columns/profiles.csv', "user_id,vip,ltv,first_name,empty\n"
    . "u1,,5,A,\nu2,true,,,\n");
$t->write_file('columns/more/profiles.ndjson', qq({"id":"u3","tier":"gold",)
    . qq("address":{"city":"Oslo"},"hash":"x","data":1,"tags":["a"]}\n));
($code, $out, $err) = $t->run_loader('lint', "$dir/columns");
is($code, 0, 'columns that nobody has are warned of') or diag($err);
my %missing = map { m{c\.json: warning: (\S+): no profile has a "(.*?)", so nobody has it(?:; did you mean "(.*)"\?)?$}
    ? ($2 => $1 . ($3 ? " $3" : '')) : () } split /\n/, $err;
is_deeply(\%missing, {
    vpi => 'audience.profile.vpi vip',
    nowhere => 'audience.$or[1].profile.nowhere',
    updated => 'audience.profile.updated',
    tear => 'trigger.where.profile.tear tier',
    first_nmae => 'content.html first_name',
    dta => 'content.data.profile.own data',
}, 'each, where it stands, with what was meant') or diag($err);
$t->write_file('columns/even/profiles.csv', "id,updated_at\nu9,2026-01-31T08:00:00Z\n");
($code, $out, $err) = $t->run_loader('lint', "$dir/columns");
unlike($err, qr/no profile has a "updated"/, 'updated_at is updated');
($code, $out, $err) = $t->run_loader('lint', "$dir/columns", '--profiles', '-',
    \join '', map { qq({"id":"m$_","c$_":1}\n) } 1 .. 1100);
unlike($err, qr/no profile has a/, 'of too many columns nothing is told');

($code) = $t->run_loader('lint', '--strict', "$dir/one");
is($code, 1, 'lint --strict fails on warnings');
unlink "$dir/one/w.json";
$t->write_file('shadow/a.json', campaign('a', priority => 9, group => 'g'));
$t->write_file('shadow/b.json', campaign('b', priority => 1, group => 'g'));
($code, $out, $err) = $t->run_loader('lint', "$dir/shadow");
like($err, qr/b\.json: warning: group: .*"?a"?/, 'a group that shadows');

# build, inspect
($code, $out) = $t->run_loader('build', "$dir/one", '-o', "$dir/a.mdb",
    '--version', 7);
is($code, 0, 'build');
($code, $out) = $t->run_loader('inspect', '--json', "$dir/a.mdb");
my $info = json_decode($out);
is($info->{version}, 7, 'inspect: version');
is($info->{sites}[0]{site}, 'default', 'inspect: site');
is($info->{campaigns}, 1, 'inspect: campaigns');
($code, $out) = $t->run_loader('inspect', '--campaigns', "$dir/a.mdb");
is_deeply(json_decode($out), json_decode(campaign('good')),
    'inspect: the definition as it was written');
like(`mdb_stat -n -a $dir/a.mdb 2>&1`, qr/Status of campaigns.*Entries: 1/s,
    'mdb_stat reads it');
($code, $out) = $t->run_loader('build', '-', '-o', "$dir/stdin.mdb",
    \campaign('piped'));
is($code, 0, 'build from standard input');
($code, $out, $err) = $t->run_loader('build', "$dir/one", '--dry-run');
is($code, 0, 'build --dry-run');
like($out, qr/1 site.*1 campaign.*nothing was written\nsite default: 1 .*\n  good/,
    'tells what would be written');
($code, $out) = $t->run_loader('build', "$dir/one", '--dry-run', '--json',
    '-o', "$dir/dry.mdb");
is_deeply(json_decode($out), { file => "$dir/dry.mdb", dry_run => JSON::PP::true(),
    sites => 1, campaigns => 1, journeys => 0, segments => 0 }, 'as JSON too');
ok(!-e "$dir/dry.mdb", 'and writes nothing');

# the other kinds of files; what is not enabled is left out
$t->write_file('kinds/left.json', campaign('left',
    trigger => { journey => 'game', state => 'left' }));
$t->write_file('kinds/idle.json', campaign('idle',
    trigger => { inactive => '1h30m', after => { event => 'Product Added' } }));
$t->write_file('kinds/steps.json', campaign('steps',
    trigger => { sequence => [{ event => 'Product Viewed', count => 2 },
        { not => { event => 'Product Added' } }], within => '10m' }));
$t->write_file('kinds/game.json', json_encode({ id => 'game', start => 'main',
    states => { main => { after => { '1h' => 'left' } }, left => {} } }));
$t->write_file('kinds/off.json', json_encode({ id => 'off', enabled => \0,
    start => 'main', states => { main => {} } }));
$t->write_file('kinds/big.json', json_encode({ id => 'big',
    condition => { 'cart.value' => { '$gt' => 100 } } }));
$t->write_file('kinds/small.json', json_encode({ id => 'small', enabled => \0,
    condition => { 'cart.value' => { '$lt' => 10 } } }));
$t->write_file('kinds/site.json', json_encode({ affinities => { brand => {} } }));
($code, $out, $err) = $t->run_loader('lint', '--strict', "$dir/kinds");
is($code, 0, 'journeys, segments and a site file are good') or diag($err);
like($out, qr/^8 files, 3 campaigns live, 1 journey, 1 segment, 0 errors, 0 warnings$/m,
    'and counted');
($code, $out) = $t->run_loader('build', "$dir/kinds", '-o', "$dir/kinds.mdb", '--json');
is($code, 0, 'and built');
is_deeply([@{ json_decode($out) }{qw(campaigns journeys segments)}], [3, 1, 1],
    'and counted there');
($code, $out) = $t->run_loader('inspect', "$dir/kinds.mdb");
like($out, qr/left .* on journey game: left$/m, 'inspect: a journey triggers');
like($out, qr/idle .* on inactivity for 1h30m$/m, 'inactivity triggers');
like($out, qr/steps .* on a sequence of 3$/m, 'a sequence triggers');
like($out, qr/^  journey game: main, left\n  segment big\n  affinity brand$/m,
    'inspect: what else is there');
unlike($out, qr/off|small/, 'but not what is not enabled');
($code, $out) = $t->run_loader('inspect', '--json', "$dir/kinds.mdb");
is_deeply([@{ json_decode($out)->{sites}[0] }{qw(journeys segments affinities)}],
    [1, 1, 1], 'inspect --json: counted');
$t->write_file('kinds/typo.json', campaign('typo',
    trigger => { journey => 'gmae', state => 'left' }));
($code, $out, $err) = $t->run_loader('lint', "$dir/kinds");
is($code, 1, 'a journey that is not there');
like($err, qr/typo\.json: trigger\.journey: there is no journey "gmae"; did you mean "game"\?/,
    'is told, with what was meant');
mkdir "$dir/empty";
for ('lint', 'build') {
    ($code, $out, $err) = $t->run_loader($_, "$dir/empty", $_ eq 'build'
        ? ('-o', "$dir/no.mdb") : ());
    is($code, 1, "$_: a folder without campaigns");
    like($err, qr/empty: no \*\.json file there/, 'is told');
}

# usage
for (['build'], ['build', "$dir/one"], ['nonsense'], [], ['lint', '--bogus'],
    ['replay', "$dir/a.mdb"], ['sync', '--from', 'x'],
    ['build', "$dir/one", '-o', "$dir/x.mdb", '--version', 'new'],
    ['sync', '--from', 'https://x', '--to', 'y'])
{
    ($code, $out, $err) = $t->run_loader(@$_);
    is($code, 2, "usage: @$_");
    isnt($err, '', 'told on standard error');
}
for (['inspect', '-'], ['replay', '-', '--events', 'x'], ['state', '-'],
    ['build', "$dir/one", '-o', '-'], ['sync', '--from', '-', '--to', 'x'],
    ['sync', '--from', 'x', '--to', '-'])
{
    ($code, $out, $err) = $t->run_loader(@$_);
    is($code, 2, "usage: @$_");
    like($err, qr/"-": .*give a path/, 'a map needs a file');
}
for (['--help'], ['build', '--help'], ['state', '-h']) {
    ($code, $out) = $t->run_loader(@$_);
    is($code, 0, "@$_");
    like($out, qr/^usage:/, 'tells the usage');
}

# docs/loader.md has every command, its options and no others
my %told = Onsite::Test::read_file("$FindBin::Bin/../docs/loader.md")
    =~ /^## (\w+)\n(.*?)(?=^## |\z)/msg;
($code, $out) = $t->run_loader('--help');
is_deeply([sort keys %told], [sort $out =~ /^  ([a-z]+) /mg],
    'every command is documented');
for my $command (sort keys %told) {
    ($code, $out) = $t->run_loader($command, '--help');
    my %has = map { $_ => 1 } $out =~ /^  .{4}--([a-z0-9-]+)/mg;
    my %doc = map { $_ => 1 } map { /--([a-z0-9-]+)/g }
        $told{$command} =~ /^\| (`.*?) \|/mg;
    delete @{$_}{qw(help json)} for \%has, \%doc;
    is_deeply(\%doc, \%has, "$command: its options");
    like($told{$command}, qr/^```sh\n.*lmdb-loader $command /ms, 'an example');
    like($out, qr/^Exit status: 0 done, 1 .*, 2 usage\.$/m, 'and its exit status');
}

$ENV{ONSITE_OUTPUT} = "$dir/env.mdb";
($code) = $t->run_loader('build', "$dir/one");
delete $ENV{ONSITE_OUTPUT};
ok($code == 0 && -e "$dir/env.mdb", 'options from the environment');
for (['0', 0], ['false', 0], ['No', 0], ['off', 0], ['', 0], ['1', 1],
    ['yes', 1])
{
    my ($value, $given) = @$_;
    local $ENV{ONSITE_JSON} = $value;
    ($code, $out) = $t->run_loader('inspect', "$dir/a.mdb");
    is($out =~ /^\{/ ? 1 : 0, $given, "ONSITE_JSON=$value: "
        . ($given ? 'given' : 'not given'));
}
{
    local $ENV{ONSITE_VERSION} = '0';
    ($code, $out, $err) = $t->run_loader('build', "$dir/one", '-o',
        "$dir/env.mdb");
    is($code, 2, 'a 0 that is a value stays one');
}

# replay
$t->write_file('often/often.json', campaign('often',
    trigger => { event => 'Product Viewed' }));
$t->run_loader('build', "$dir/often", '-o', "$dir/often.mdb");
my $calls = join '', map { json_encode({ type => 'track',
    event => 'Product Viewed', anonymousId => $_,
    timestamp => '2026-01-31T08:00:00Z' }) . "\n" } qw(a b a a c b);
my @replay = ('replay', "$dir/often.mdb", '--events');
($code, $out, $err) = $t->run_loader(@replay, '-', '--summary', \$calls);
is($code, 0, 'replay') or diag($err);
is_deeply(json_decode($out)->{campaigns}{often},
    { shown => 6, pending => 0, visitors => 3 },
    'visitors are counted once each, also without a cap');
($code, $out, $err) = $t->run_loader(@replay, '-', '--json', \$calls);
my @lines = map { json_decode($_) } split /\n/, $out;
is_deeply([scalar @lines, map { $_->{campaign} } @lines[0 .. 5]],
    [7, ('often') x 6], 'replay --json: the decisions');
is_deeply([keys %{ $lines[6] }, $lines[6]{summary}{events}], ['summary', 6],
    'and the summary as the last line');
is($err, '', 'which is not on standard error then');
($code, $out) = $t->run_loader(@replay, '-', '--json', '--summary', \$calls);
is(json_decode($out)->{summary}{visitors}, 3, 'or as the only one');
for ("$dir/absent.ndjson", $dir) {
    ($code, $out, $err) = $t->run_loader(@replay, $_, '--summary');
    is($code, 1, "a log that cannot be read: $_");
    is($out, '', 'has no summary');
    like($err, qr/^lmdb-loader replay: \Q$_\E: \w[^\n]*\n\z/, 'and is told');
}

# state
my @server = (server => <<'END');
        location /onsite/ { onsite_collect; onsite_site $arg_s; }
END
$t->start(@server);
$t->post("/onsite/v1/track?s=$_", { anonymousId => "of-$_", event => 'Seen' })
    for qw(default blog other);
($code, $out, $err) = $t->run_loader('state', '--json', $t->state_dir);
is($code, 0, 'state --json') or diag($err);
my $records = $out;
is(scalar(my @records = split /\n/, $records), 3, 'is NDJSON as without');
sub sites { join ' ', sort map { json_decode($_)->{site} // 'null' }
    split /\n/, $_[0] }
is(sites($records), 'default null null', 'only default is known by name');
$t->write_file("sites/$_.json", campaign($_, site => $_)) for qw(blog empty);
$t->run_loader('build', "$dir/sites", '-o', "$dir/sites.mdb");
($code, $out, $err) = $t->run_loader('state', '--snapshot', "$dir/sites.mdb",
    $t->state_dir);
is(sites($out), 'blog default null', "and a snapshot's sites") or diag($err);
($code, $out) = $t->run_loader('state', '--snapshot', "$dir/sites.mdb",
    '--site', 'blog', $t->state_dir);
is(sites($out), 'blog', 'of which one is asked for');
($code, $out, $err) = $t->run_loader('state', '--snapshot', "$dir/absent.mdb",
    $t->state_dir);
is($code, 1, 'a snapshot that is not there');
like($err, qr/absent\.mdb/, 'is told');
my ($parent, $name) = $t->state_dir =~ m{(.*)/(.*)};
my $here = getcwd();
chdir $parent or die "$parent: $!";
($code, $out, $err) = $t->run_loader('state', $name);
is($code, 0, 'state takes a relative path') or diag($err);
is($out, $records, 'and reads the same');
($code, $out, $err) = $t->run_loader('state', 'absent');
is($code, 1, 'one that is not there');
like($err, qr/absent: No such file/, 'is told');
chdir $here;

# names are those of what is live, if no other snapshot is named
$t->campaigns({ id => 'thrice', site => 'blog', channel => 'popup',
    content => { html => '<p>x</p>' },
    trigger => { event => 'Seen', count => 3, within => '1h' } });
$t->stop;
$t->start(@server);
($code, $out) = $t->run_loader('state', $t->state_dir);
is(sites($out), 'blog default null', 'a site by its name');
$t->post('/onsite/v1/track?s=blog', { anonymousId => 'of-blog',
    event => 'Seen' });
sub progress {
    my (@args) = @_;
    my ($record) = $t->state_records('--site', 'blog', @args);
    return $record->{progress}[0];
}
is(progress()->{campaign}, 'thrice', 'a campaign, too');
is(progress('--snapshot', "$dir/a.mdb")->{campaign}, undef,
    'another snapshot does not have it');
like(progress('--snapshot', "$dir/a.mdb")->{trigger}, qr/^[0-9a-f]{8}$/,
    'then its hash is told');

# sync
sub version { json_decode(($t->run_loader('inspect', '--json', $_[0]))[1])
    ->{version} }

($code) = $t->run_loader('sync', '--from', "$dir/a.mdb", '--to',
    "$dir/live.mdb", '--once');
is($code, 0, 'sync from a file');
is(version("$dir/live.mdb"), 7, 'live');
$t->run_loader('build', "$dir/one", '-o', "$dir/store/b.mdb", '--version', 9)
    if mkdir "$dir/store";
$t->write_file('store/broken.mdb', 'x' x 9000);
($code, $out, $err) = $t->run_loader('sync', '--from', "file://$dir/store",
    '--to', "$dir/live.mdb", '--once');
is(version("$dir/live.mdb"), 9, 'sync from a folder: the newest that verifies');
like($err, qr/refused: .*broken\.mdb/, 'the broken one is told');
($code, $out, $err) = $t->run_loader('sync', '--from', "$dir/a.mdb", '--to',
    "$dir/live.mdb", '--once');
is(version("$dir/live.mdb"), 9, 'an older one does not go live');
like($err, qr/older/, 'and is told');
($code) = $t->run_loader('sync', '--from', "$dir/store/broken.mdb", '--to',
    "$dir/live.mdb", '--once');
is($code, 1, 'a broken one fails');
is(version("$dir/live.mdb"), 9, 'and changes nothing');

# sync as a process: picks up what comes
my $pid = fork // die "fork: $!";
if ($pid == 0) {
    open STDOUT, '>', '/dev/null';
    open STDERR, '>', '/dev/null';
    exec Onsite::Test::loader(), 'sync', '--from', "$dir/store", '--to',
        "$dir/live.mdb", '--every', '1s';
}
$t->run_loader('build', "$dir/one", '-o', "$dir/store/c.mdb", '--version', 11);
ok(eventually(5, sub { version("$dir/live.mdb") == 11 }),
    'sync keeps the file current');
kill 'TERM', $pid;
waitpid $pid, 0;
is($?, 0, 'and stops when told');
is(scalar(my @left = glob "$dir/*.new-*"), 0, 'nothing is left behind');

$t->done;
