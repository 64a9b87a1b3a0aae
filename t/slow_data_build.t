# Slow data on its way into a snapshot: what cells become, what is refused and
# where, and that size does not matter.

use strict;
use warnings;

use File::Path qw(remove_tree);
use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use Test::More;

my $t = Onsite::Test->new;
my $dir = $t->dir;
my $mdb = "$dir/s.mdb";

$t->write_file('c/one.json', json_encode(Onsite::Test::popup('one')));

# Builds DIR/c with the one file; returns exit code, output, error text.
sub build_with {
    my ($name, $content, @more) = @_;
    remove_tree("$dir/c/deep", "$dir/c/segments");
    unlink glob("$dir/c/*.?sv $dir/c/*.ndjson"), $mdb;
    $t->write_file("c/$name", $content);
    return $t->run_loader('build', "$dir/c", '-o', $mdb, @more);
}

sub row {
    my ($code, $out, $err) = $t->run_loader('inspect', $mdb, @_);
    return $code == 0 ? json_decode($out) : undef;
}

# cells by what they look like
my ($code, $out, $err) = build_with('deep/profiles.csv', join "\r\n",
    "\xef\xbb\xbfuser_id,tier,ltv,vip,tags[],prefs,list,zip,long,updated_at,note",
    'u1,gold,12.50,true,a| b ||c,"{""a"":[1,{""b"":null}]}","[1,2]",0042,'
        . '12345678901234567,2026-01-31T08:00:00Z," x ""y"" "',
    "\"u,2\",\"sil\nver\",-3e2,false,,,,,,1790000000,[sale] now",
    '007,,,,,,,,,1790000000123,');
is($code, 0, 'a CSV file') or diag($err);
like($out, qr/rows: 3 of profiles, 0 of lists, 0 of products/, 'counted');
is_deeply(row('--customer', 'u1')->{profile}, { tier => 'gold', ltv => 12.5,
    vip => JSON::PP::true, tags => [qw(a b c)],
    prefs => { a => [1, { b => undef }] }, list => [1, 2], zip => '0042',
    long => '12345678901234567', updated => 1769846400000, note => ' x "y" ' },
    'numbers, truths, lists, JSON; texts with their zeros and digits');
is_deeply(row('--customer', 'u,2')->{profile}, { tier => "sil\nver",
    ltv => -300, vip => JSON::PP::false, updated => 1790000000000,
    note => '[sale] now' }, 'quoted cells, seconds');
is_deeply(row('--customer', '007')->{profile}, { updated => 1790000000123 },
    'an id is a text, an empty cell nothing');
is(row('--customer', '7'), undef, 'nobody else is there');

($code, $out, $err) = build_with('profiles.csv', "customer_id;x\nu1;1,5\n");
is($code, 0, 'semicolons') or diag($err);
is(row('--customer', 'u1')->{profile}{x}, '1,5', 'separate cells');
($code, $out, $err) = build_with('profiles.tsv', "id\tx y\nu1\ta b\n");
is(row('--customer', 'u1')->{profile}{'x y'}, 'a b', 'and so do tabs')
    or diag($err);

# NDJSON
($code, $out, $err) = build_with('products.ndjson', <<'END');
{"sku":"s1","id":"other","title":"Shoe","price":9.5,"images":["a"],"no":null}

{"product_id":7,"title":"Seven"}
{"id":"s3","sku":null}
END
is($code, 1, 'a sku that is null') or diag($out);
like($err, qr{c/products\.ndjson:4: sku: is empty}, 'is told');
($code, $out, $err) = build_with('products.ndjson', <<'END');
{"sku":"s1","id":"other","title":"Shoe","price":9.5,"images":["a"],"no":null}

{"product_id":7,"title":"Seven"}
END
is($code, 0, 'NDJSON') or diag($err);
is_deeply(row('--sku', 's1')->{product}, { sku => 's1', id => 'other',
    title => 'Shoe', price => 9.5, images => ['a'] }, 'all but nothings');
is_deeply(row('--sku', '7')->{product}, { sku => '7', title => 'Seven' },
    'a number as sku');

# lists
build_with('segments/beta.txt', "u1\r\n\nu2\n");
$t->write_file('c/segments/vip.csv', "id,why\nu1,x\nu1,y\n");
$t->write_file('c/segments/news.ndjson', qq{"u1"\n{"user_id":"u3"}\n});
$t->write_file('extra.txt', "u2\n");
($code, $out, $err) = $t->run_loader('build', "$dir/c", '-o', $mdb,
    '--segment', "extra=$dir/extra.txt", '--segment', "more=$dir/extra.txt");
is($code, 0, 'lists') or diag($err);
is($err, '', 'on a list twice is no matter');
is_deeply(row('--customer', 'u1')->{lists}, [qw(beta news vip)], 'three');
is_deeply(row('--customer', 'u2')->{lists}, [qw(beta extra more)],
    'files of the command line, too');
is_deeply(row('--customer', 'u3')->{lists}, ['news'], 'one');

# sites
($code, $out, $err) = build_with('profiles.csv',
    "id,site,x\nu1,one,1\nu1,two,2\nu1,,3\n", '--site', 'default');
like($err, qr{profiles\.csv:2: warning: is of site "one", which has no camp},
    'a site without campaigns is told, once');
is($err =~ s/no campaigns//g, 1, 'not twice');
is(row('--customer', 'u1', '--site', 'two')->{profile}{x}, 2, 'by site');
is(row('--customer', 'u1')->{profile}{x}, 3, 'and the default');

# duplicates
($code, $out, $err) = build_with('profiles.csv',
    "id,x\na,1\nb,1\na,2\na,3\n");
is($code, 0, 'an id again and again');
is(row('--customer', 'a')->{profile}{x}, 3, 'the last one counts');
like($err, qr{profiles\.csv:2: warning: is left out: .*/profiles\.csv:4 has},
    'the others are told of');
like($err, qr{profiles\.csv:4: warning: is left out: .*/profiles\.csv:5 has},
    'each');
$t->write_file('c/profiles.ndjson', qq({"id":"b","x":9}\n));
($code, $out, $err) = $t->run_loader('build', "$dir/c", '-o', $mdb);
is(row('--customer', 'b')->{profile}{x}, 9, 'over files, too');
like($out, qr/rows: 2 of profiles, 0 of lists/, 'what is in the file is counted');
for my $how (['lint'], ['build', '--dry-run']) {
    my ($command, @more) = @$how;
    my (undef, $told, $warned) = $t->run_loader($command, "$dir/c", @more);
    is($warned, $err, "$command tells of the same rows");
    like($told, qr/rows: 2 of profiles, 0 of lists/, 'and counts as many');
}
($code) = $t->run_loader('lint', '--strict', "$dir/c");
is($code, 1, 'lint --strict: a warning fails');

# standard input and pipes
unlink glob("$dir/c/profiles.*");
for (["\xef\xbb\xbfid,x\nu1,1\nu1,2\n", 'CSV'],
    [qq(\xef\xbb\xbf{"id":"u1","x":1}\n{"id":"u1","x":2}\n), 'NDJSON'])
{
    my ($text, $what) = @$_;
    ($code, $out, $err) = $t->run_loader('build', "$dir/c", '-o', $mdb,
        '--profiles', '-', \$text);
    is($code, 0, "$what from standard input") or diag($err);
    is(row('--customer', 'u1')->{profile}{x}, 2, 'is read');
    like($err, qr/-:\d: warning: is left out: -:\d has the same/, 'and checked');
    like($out, qr/rows: 1 of profiles/, 'and counted');
    $t->write_file('pipe.in', $text);
    $out = `bash -c '@{[Onsite::Test::loader()]} build $dir/c -o $mdb --profiles <(cat $dir/pipe.in) --segment l=<(echo u1) 2>&1'`;
    like($out, qr/rows: 1 of profiles, 1 of lists/, 'as from pipes');
}
for (["u1\n\xef\xbd\x81\n", 'bare ids'], [qq("u1"\n{"id":"u2"}\n), 'NDJSON'],
    ["\xef\xbd\x81\n1\n", 'an id that begins as a mark'])
{
    my ($text, $what) = @$_;
    ($code, $out, $err) = $t->run_loader('build', "$dir/c", '-o', $mdb,
        '--segment', 'l=-', \$text);
    is($code, 0, "a list from standard input: $what") or diag($err);
    like($out, qr/2 of lists/, 'is read');
}
is_deeply(row('--customer', "\xef\xbd\x81")->{lists}, ['l'], 'whole');
($code, $out, $err) = $t->run_loader('build', '-', '-o', $mdb, '--profiles',
    "$dir/pipe.in", \'{}');
like($err, qr/pipe\.in:1: its name ends neither/, 'a file has to say its kind');
for my $command ('lint', 'build') {
    for my $more (['-', '--profiles', '-'], ["$dir/c", '--profiles', '-',
        '--products', '-'], ["$dir/c", '--segment', 'a=-', '--segment', 'b=-'])
    {
        ($code, $out, $err) = $t->run_loader($command, @$more,
            $command eq 'build' ? ('-o', $mdb) : ());
        is($code, 2, "$command @$more");
        like($err, qr/"-" is there more than once/, 'standard input twice');
    }
}
($code, $out, $err) = build_with('profiles.csv', "id,x\nu1,1\n", '--profiles',
    '-', \'');
is($code, 1, 'nothing on standard input');
like($err, qr/-:1: is empty/, 'is told');

# what is refused, with file, line, column and reason
my $long = 'x' x 5000;
my @bad = (
    ['profiles.csv', '', qr/profiles\.csv:1: is empty/, 'no header'],
    ['profiles.csv', "tier,x\n", qr/:1: the header names no column id, user/,
        'no id column'],
    ['products.csv', "title\n", qr/:1: the header names no column sku, id/,
        'no sku column'],
    ['segments/l.csv', "u1\nu2\n", qr/:1: .*bare ids.*\.txt/, 'a bare list'],
    ['profiles.csv', "id,a,a\n", qr/:1: a: is there twice/, 'a column twice'],
    ['profiles.csv', "id,,a\n", qr/:1: column 2: has no name/, 'no name'],
    ['profiles.csv', "id,a.b\n", qr/:1: a\.b: a name has no dots/, 'a dot'],
    ['profiles.csv', "id,a\nu1,1\nu2\n", qr/:3: has 1 cell, the header 2/,
        'too few cells'],
    ['profiles.csv', "id,a\nu1,1,2\n", qr/:2: has 3 cells, the header 2/,
        'too many'],
    ['profiles.csv', "id,a\n\"u\n1\",1\n,2\n", qr/:4: id: is empty/,
        'no id, behind a row of two lines'],
    ['profiles.csv', "id,a\nu1,{\"x}\n", qr/:2: a quotation mark inside/,
        'a quotation mark'],
    ['profiles.csv', "id,a\nu1,\"x\n", qr/: a quotation mark is not closed/,
        'one that is not closed'],
    ['profiles.csv', "id,a\nu1,\"" . "x\n" x 50000,
        qr/: a row of more than 64 KB: .*not closed/, 'nor ever'],
    ['profiles.csv', "id,a\nu1,{x}\n", qr/:2: a: looks like JSON but/,
        'JSON that is none'],
    ['profiles.csv', "id,updated\nu1,soon\n", qr/:2: updated: is no time/,
        'no time'],
    ['profiles.csv', "id,a\nu1,\xff\n", qr/:2: a: is not UTF-8/, 'Latin 1'],
    ['profiles.csv', "id,a\n" . ('u' x 129) . ",1\n",
        qr/:2: id: has 129 bytes; 128 are the most/, 'a long id'],
    ['profiles.csv', "id,a\nu1,$long\n", qr/:2: takes more than 4096 bytes/,
        'a large row'],
    ['profiles.ndjson', qq({"id":"u1"}\n{"id":1.5}\n), qr/:2: id: is no text/,
        'an id that is none'],
    ['profiles.ndjson', qq({"id":"u1"}\n{"x":1}\n), qr/:2: customer_id: is em/,
        'none'],
    ['profiles.ndjson', qq({"id":"u1"\n), qr/:1: bad JSON/, 'no JSON'],
    ['profiles.ndjson', qq("u1"\n), qr/:1: must be an object/, 'no object'],
    ['profiles.ndjson', "{\"id\":\"u1\"}\n" . 'x' x 70000, qr/:2: a line of m/,
        'a long line'],
    ['profiles.ndjson', "{\"id\":\"u\0\"}\n", qr/:1: .*zero bytes/, 'a zero'],
    ['segments/a b.txt', "u1\n", qr/a b\.txt: the name of a list/,
        'a list\'s name'],
);
for (@bad) {
    my ($name, $content, $message, $what) = @$_;
    ($code, $out, $err) = build_with($name, $content);
    is($code, 1, "refused: $what");
    like($err, $message, 'with where and why');
    ok(!-e $mdb, 'nothing is written');
    ($code) = $t->run_loader('lint', "$dir/c");
    is($code, 1, 'lint finds it, too');
}
($code, $out, $err) = build_with('profiles.csv',
    "id,a\n" . ",1\n" x 5000, '--json');
is($code, 1, 'thousands of errors');
is(scalar(() = $out =~ /"level":"error"/g), 11, 'are told by a few');
like($out, qr/and 4990 more like these/, 'and counted');
($code, $out, $err) = $t->run_loader('build', "$dir/c", '-o', $mdb,
    '--profiles', "$dir/none.csv");
like($err, qr{none\.csv:1: cannot be opened: No such file}, 'no such file');
($code, $out, $err) = $t->run_loader('build', "$dir/c", '-o', $mdb,
    '--segment', "$dir/extra.txt");
is($code, 2, '--segment without an id is usage');
is_deeply([glob "$dir/s.mdb* $dir/.onsite*"], [], 'nothing is left');

# 300,000 rows take no more memory than few, and equal input gives equal files
remove_tree("$dir/c/segments");
unlink glob("$dir/c/*.?sv $dir/c/*.ndjson");
open my $big, '>', "$dir/c/profiles.csv" or die;
print $big "id,name,tier,ltv,recommended[],text\n";
printf $big "customer-%07d,Name %d,%s,%.2f,s%d|s%d,%s\n", $_, $_,
    $_ % 3 ? 'gold' : 'none', $_ / 7, $_ % 1000, $_ % 999, 'word ' x 12
    for 1 .. 300_000;
close $big;
($code, $out, $err) = $t->run_loader('build', "$dir/c", '-o', $mdb,
    '--version', 5);
is($code, 0, '300,000 rows') or diag($err);
is($err, '', 'no progress bar where there is no terminal');
is(row('--customer', 'customer-0123456')->{profile}{name}, 'Name 123456',
    'one of them');
is(row('--customer', 'customer-0300001'), undef, 'and no more');
SKIP: {
    skip 'no /usr/bin/time', 1 unless -x '/usr/bin/time';
    skip 'sanitizers take memory of their own', 1
        if ($ENV{FLAVOUR} // '') eq 'asan';
    my $text = `/usr/bin/time -f %M @{[Onsite::Test::loader()]} build $dir/c -o $mdb 2>&1`;
    my ($kb) = $text =~ /^(\d+)$/m;
    cmp_ok($kb, '<', 65536, "in $kb KB of memory");
}

$t->done;
