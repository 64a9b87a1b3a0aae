# A store on an HTTP server: a real nginx with WebDAV over TLS, with an
# authority of our own; downloads that break off, stall and come as another
# object; redirects, credentials, proxies, and what servers say no with.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::INET;
use Onsite::Test;
use POSIX qw(:sys_wait_h);
use Test::More;
use Time::HiRes qw(sleep time);

my $t = Onsite::Test->new;
my $dir = $t->dir;
my $store = Onsite::Test::build_dir() . '/t/store';
plan(skip_all => "$store is not built") unless -x $store;

delete @ENV{ grep { /_proxy$/i || /^(AWS|ONSITE)_/ } keys %ENV };
$ENV{HOME} = $dir;
my $told = '';

# Runs calls on a store; their answers.
sub store {
    my ($url, @words) = @_;
    open my $p, '-|', $store, $url, @words or die "$store: $!";
    local $/;
    my $out = <$p> // '';
    close $p;
    $told .= $out;
    is($? & 127, 0, "$words[0]: no crash") if $? & 127;
    my @answers = map { json_decode($_) } split /\n/, $out;
    return wantarray ? @answers : $answers[-1];
}

sub slurp { Onsite::Test::read_file("$dir/$_[0]") }

# certificates: an authority, a server's, and an authority that is another one
sub sh { system('sh', '-c', "cd $dir && ($_[0]) >> openssl.log 2>&1") == 0
    or die "$_[0]: " . slurp('openssl.log') }
for my $ca ('ca', 'other') {
    sh("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
        . " -keyout $ca.key -out $ca.pem -days 2 -subj /CN=$ca");
}
sh('openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'
    . ' -keyout key.pem -out cert.csr -subj /CN=localhost');
$t->write_file('san', 'subjectAltName=DNS:localhost');
sh('openssl x509 -req -in cert.csr -CA ca.pem -CAkey ca.key -days 2'
    . ' -CAcreateserial -extfile san -out cert.pem');

# what nginx cannot be talked into: answers by path
my $data = join '', map { pack 'N', $_ * 2654435761 % 4294967296 }
    1 .. 300_000;                       # 1.2 MB
my $log = "$dir/heads";
my $odd = $t->upstream(sub {
    my ($client, $head) = @_;
    open my $f, '>>', $log;
    print $f $head;
    close $f;
    my ($path) = $head =~ m{^\w+ (\S+)};
    my ($from) = $head =~ /^range: bytes=(\d+)-/mi;
    my $n = length $data;
    my $answer = sub { my ($status, @more) = @_;
        print $client join "\r\n", "HTTP/1.1 $status", 'Connection: close',
            @more, '', '' };
    if ($path =~ m{/stall}) {
        $answer->('200 OK', "Content-Length: $n", 'ETag: "v1"');
        print $client substr $data, 0, 300_000;
        sleep 30;
    } elsif ($path =~ m{/silent}) {
        sleep 30;
    } elsif ($path =~ m{/drip}) {
        $answer->('200 OK', "Content-Length: $n", 'ETag: "v1"');
        while (print $client 'x') { sleep 0.2 }
    } elsif ($path =~ m{/other-range}) {
        my $at = ($from // 0) + 1;
        defined $from
            ? $answer->('206 Partial', "Content-Range: bytes $at-@{[$n - 1]}/$n")
            : $answer->('200 OK', "Content-Length: $n", 'ETag: "v1"');
        print $client substr $data, 0, 300_000;
    } elsif ($path =~ m{/heedless}) {
        # ranges, but of what is there by now
        my $etag = -e "$dir/whole" ? '"v2"' : '"v1"';
        if (defined $from) {
            $answer->('206 Partial', "ETag: $etag",
                "Content-Range: bytes $from-@{[$n - 1]}/$n");
            print $client substr $data, $from;
        } else {
            $answer->('200 OK', "Content-Length: $n", "ETag: $etag");
            print $client -e "$dir/whole" ? $data : 'x' x 300_000;
        }
    } elsif ($path =~ m{/lost}) {
        # the object is shorter by now than what we have of it
        if (defined $from) {
            $answer->('416 Range', 'Content-Range: bytes */7');
        } else {
            $answer->('200 OK', "Content-Length: $n", 'ETag: "v1"');
            print $client substr $data, 0, -e "$dir/whole" ? $n : 300_000;
        }
    } elsif ($path =~ m{/weak}) {
        $answer->('200 OK', "Content-Length: $n", 'ETag: W/"v1"');
        print $client substr $data, 0, 300_000;
    } elsif ($path =~ m{/unsized}) {
        $answer->('200 OK');
        print $client $data, $path =~ /long/ ? 'and more' : '';
    } elsif ($path =~ m{/partial}) {
        $answer->('206 Partial', "Content-Range: bytes 0-9/$n");
        print $client substr $data, 0, 10;
    } elsif ($path =~ m{/not-modified}) {
        $answer->('304 Not Modified');
    } elsif ($path =~ m{/large}) {
        $answer->('200 OK', 'Content-Length: 99999999999');
        print $client 'x' x 100_000;
    } elsif ($path =~ m{/etag}) {
        $answer->('200 OK', 'Content-Length: 2', 'ETag: "' . 'x' x 300 . '"');
        print $client 'ok';
    } elsif ($path =~ m{/garbage}) {
        print $client "SSH-2.0-x\r\n";
    } else {
        $answer->('200 OK', 'Content-Length: 2', 'ETag: "e"');
        print $client 'ok';
    }
});

mkdir "$dir/store";
mkdir "$dir/store/$_" for qw(dav auth onsite small slow plain);
chmod 0777, glob "$dir/store $dir/store/*";
$t->write_file('users', "pop:{PLAIN}s3cret/word\n");
my ($port, $plain) = ($t->port, Onsite::Test::free_port());
$t->{expand} = { PLAIN => $plain, ODD => $odd };
$t->start(conf => <<'END');
daemon off;
pid %%DIR%%/nginx.pid;
error_log %%DIR%%/logs/error.log info;
worker_processes 1;
events { worker_connections 256; }
http {
    log_format store '$request|$status|$http_range|$content_type|$remote_user';
    access_log %%DIR%%/logs/access.log store;
    client_body_temp_path %%DIR%%/tmp/body;
    proxy_temp_path %%DIR%%/tmp/proxy;
    client_max_body_size 0;
    root %%DIR%%/store;
    server {
        listen 127.0.0.1:%%PORT%% ssl;
        listen 127.0.0.1:%%PLAIN%%;
        server_name localhost;
        ssl_certificate %%DIR%%/cert.pem;
        ssl_certificate_key %%DIR%%/key.pem;
        location /dav/ { dav_methods PUT MKCOL; }
        location /auth/ { dav_methods PUT MKCOL; auth_basic store;
            auth_basic_user_file %%DIR%%/users; }
        location /onsite/ {
            limit_except GET HEAD {
                auth_basic onsite;
                auth_basic_user_file %%DIR%%/users;
            }
            dav_methods PUT MKCOL;
            client_max_body_size 2g;
        }
        location /small/ { dav_methods PUT; client_max_body_size 1k; }
        location /slow/ { limit_rate 2m; dav_methods PUT MKCOL; }
        location /plain/ { }
        location /moved/ { rewrite ^/moved/(.*) /dav/$1 redirect; }
        location /307/ { return 307 /dav/$request_uri; }
        location /303/ { return 303 /dav/s/manifest.json; }
        location /to-http/ { return 302
            http://localhost:%%PLAIN%%/dav/s/manifest.json; }
        location /to-https/ { return 302
            https://localhost:%%PORT%%/dav/s/manifest.json; }
        location /to-file/ { return 302 file:///etc/passwd; }
        location /to-odd/ { return 302 http://127.0.0.1:%%ODD%%/thief; }
        location /hops/1/ { return 302 /hops/2/x; }
        location /hops/2/ { return 302 /hops/3/x; }
        location /hops/3/ { return 302 /dav/s/manifest.json; }
        location /loop/ { return 302 /loop/x; }
        location /busy/ { add_header Retry-After 7 always; return 503; }
        location /never/ { add_header Retry-After 999999 always; return 503; }
        location /full/ { return 507; }
    }
}
END
my $https = "https://localhost:$port";
my $http = "http://localhost:$plain";
my $r;

# trust
{
    $r = store("$https/dav", 'get', 's/manifest.json', 100);
    is($r->{status}, 'i/o error', 'a certificate of nobody that we know');
    like($r->{error}, qr{^https://localhost:$port/dav/s/manifest\.json: .*certificate.*an authority of your own is named by --ca FILE},
        'is told, with what to do');
    local $ENV{CA} = "$dir/other.pem";
    $r = store("$https/dav", 'get', 's/manifest.json', 100);
    like($r->{error}, qr/certificate/, 'nor is another authority one');
    $ENV{CA} = "$dir/ca.pem";
    $r = store("https://127.0.0.1:$port/dav", 'get', 's/x', 100);
    like($r->{error}, qr/127\.0\.0\.1/, 'nor is a name that is not in it');
    $ENV{CA} = "$dir/none.pem";
    $r = store("$https/dav", 'get', 's/x', 100);
    like($r->{error}, qr{--ca: $dir/none\.pem: No such file}, 'no such file');
}
$ENV{CA} = "$dir/ca.pem";
$r = store("https://localhost:$plain/dav", 'get', 's/x', 100);
like($r->{error}, qr{does it speak TLS\? If not, it is http://},
    'a server that speaks no TLS');

# objects
$t->write_file('body', $data);
my @all = store("$https/dav/", 'get', 's/manifest.json', 100, '+',
    'exists', 's/body', '+', 'text', 's/manifest.json', '{"one":1}', '+',
    'get', 's/manifest.json', 100, '+', 'put', 's/body', "$dir/body", '+',
    'exists', 's/body', '+', 'fetch', 's/body', "$dir/part", length $data);
is($all[0]{status}, 'not found', 'an object that is not there');
is($all[1]{status}, 'not found', 'nor is this one');
is($all[2]{status}, 'ok', 'one is put, its collection is made')
    or diag($all[2]{error});
is($all[3]{body}, '{"one":1}', 'and got');
is($all[3]{etag}, '', 'without a validator, as it may change in this second');
is($all[4]{status}, 'ok', 'a file') or diag($all[4]{error});
is($all[4]{bar}, length $data, 'the bar is told');
is($all[5]{size}, length $data, 'is there');
is($all[6]{status}, 'ok', 'and comes back') or diag($all[6]{error});
is($all[6]{received}, length $data, 'all of it');
is($all[6]{bar}, length $data, 'the bar is told');
ok(slurp('part') eq $data, 'byte by byte');
ok(!-e "$dir/part.etag", 'no mark is left');
ok(slurp('store/dav/s/body') eq $data, 'as it lies there');
like($t->access_log, qr{PUT /dav/s/manifest\.json HTTP/1\.1\|201\|-\|application/json},
    'with its content type');
# validators
sub settle { my $then = time - 60; utime $then, $then, "$dir/store/$_[0]"
    or die "$_[0]: $!" }
settle('dav/s/manifest.json');
@all = store("$https/dav", 'get', 's/manifest.json', 100, '+',
    'get', 's/manifest.json', 100, 'last', '+', 'get', 's/manifest.json', 100,
    '"other"');
like($all[0]{etag}, qr/^"/, 'the validator of an object that is older');
ok($all[1]{unchanged}, 'saves the next time');
is($all[1]{body}, '', 'its bytes');
is($all[1]{etag}, $all[0]{etag}, 'and stays');
is($all[2]{body}, '{"one":1}', 'another one does not');
my $etag = $all[0]{etag};
my $before = () = $t->access_log =~ /^MKCOL/mg;
@all = store("$https/dav", 'get', 's/manifest.json', 100, '+',
    'text', 's/manifest.json', '{"one":1}', '+', 'put', 's/body', "$dir/body");
is(() = $t->access_log =~ /^MKCOL/mg, $before,
    'where something is, no collection is made');
@all = store("$https/dav", 'text', 's/manifest.json', '{"two":2}', '+',
    'get', 's/manifest.json', 100, $etag, '+',
    'text', 's/deep/er/x', 'y', '+', 'get', 's/deep/er/x', 1, '+',
    'get', 's/manifest.json', 8);
is($all[0]{status}, 'ok', 'it is replaced');
is($all[1]{body}, '{"two":2}', 'and no longer what we had');
is($all[2]{status}, 'ok', 'collections in collections') or diag($all[2]{error});
is($all[3]{body}, 'y', 'as large as allowed');
like($all[4]{status}, qr/limit/, 'one byte more is too much')
    or diag(explain $all[4]);
like($all[4]{error}, qr/manifest\.json: has more than 8 bytes/, 'which is told');
is($all[4]{body}, '', 'and not given out');

# names
my $name = "gr\xc3\xb6\xc3\x9fe & co/a+b c%41?#[x];=.json";
@all = store("$https/dav", 'text', $name, 'special', '+', 'get', $name, 100,
    '+', 'exists', $name, '+', 'get', '../users', 100, '+',
    'get', '/etc/passwd', 100);
is($all[0]{status}, 'ok', 'a name with everything in it')
    or diag($all[0]{error});
is($all[1]{body}, 'special', 'means that very object');
is(slurp("store/dav/$name"), 'special', 'with that very name');
is($all[2]{size}, 7, 'everywhere');
is($_->{status}, 'invalid', 'no name leads out') for @all[3, 4];

# a download that is killed, and goes on
my $large = $data x 5;                  # 6 MB at 2 MB/s
$t->write_file('store/slow/body', $large);
settle('slow/body');
sub break_off {
    my ($how, $least) = @_;
    my $pid = fork // die;
    if ($pid == 0) {
        open STDOUT, '>', "$dir/broken";
        { exec $store, "$https/slow", 'fetch', 'body', "$dir/part",
            length $large }
        POSIX::_exit(127);
    }
    ok(eventually(10, sub { (-s "$dir/part" || 0) >= $least }), 'some came');
    kill $how, $pid;
    waitpid $pid, 0;
    return -s "$dir/part";
}
unlink "$dir/part";
my $had = break_off('KILL', 1_000_000);
ok($had < length $large, "killed after $had bytes");
ok(-s "$dir/part.etag", 'what it is of is known');
$had = break_off('TERM', $had + 200_000);
like(slurp('broken'), qr/"error":"[^"]*: stopped"/, 'stopped, which is told');
$r = store("$https/slow", 'fetch', 'body', "$dir/part", length $large);
is($r->{status}, 'ok', 'and goes on') or diag($r->{error});
is($r->{received}, length($large) - $had, 'where it was');
ok(slurp('part') eq $large, 'to the same bytes');
like($t->access_log, qr{GET /slow/body HTTP/1\.1\|206\|bytes=$had-}, 'by range');
ok(!-e "$dir/part.etag", 'no mark is left');

# another object by now, of the same size: its bytes alone
unlink "$dir/part";
$had = break_off('KILL', 500_000);
my $other = reverse $large;
$t->write_file('store/slow/new', $other);
settle('slow/new');
rename "$dir/store/slow/new", "$dir/store/slow/body";
$r = store("$https/slow", 'fetch', 'body', "$dir/part", length $large);
is($r->{status}, 'ok', 'an object that was replaced meanwhile');
is($r->{received}, length $large, 'comes whole');
ok(slurp('part') eq $other, 'and unmixed');

# a part of another URL, a mark that is damaged, a part that is too long
$t->write_file('part', 'x' x 1000);
for my $mark ("$https/slow/other\n\"x\"\n", "$https/slow/body\n", 'x', '',
    "$https/dav/s/body\n\"" . 'x' x 300 . "\"\n",
    "$https/dav/s/body\n\"not this\"\n")
{
    $t->write_file('part.etag', $mark);
    $r = store("$https/dav", 'fetch', 's/body', "$dir/part", length $data);
    is($r->{status}, 'ok', 'a mark that is of no use');
    ok(slurp('part') eq $data, 'does no harm');
    $t->write_file('part', 'x' x 1000);
}
$t->write_file('part', $data . 'x');
$r = store("$https/dav", 'fetch', 's/body', "$dir/part", length $data);
ok(slurp('part') eq $data, 'nor does a part that is too long');
$t->write_file('part.etag', "$https/dav/s/body\n\"x\"\n");
$r = store("$https/dav", 'fetch', 's/body', "$dir/part", length $data);
is($r->{received}, 0, 'what is whole already is not asked for');

# sizes
$r = store("$https/dav", 'fetch', 's/body', "$dir/part", 7);
is($r->{status}, 'invalid', 'another size than announced') or diag(explain $r);
like($r->{error}, qr/body: has 1200000 bytes instead of 7/, 'is told');
ok(!-e "$dir/part" && !-e "$dir/part.etag", 'and leaves nothing');
is($r->{received}, 0, 'nor was it downloaded');
my $o = "http://127.0.0.1:$odd";
my $n = length $data;
$r = store($o, 'fetch', 'unsized', "$dir/part", $n);
is($r->{status}, 'ok', 'an answer without a length');
$r = store($o, 'fetch', 'unsized-long', "$dir/part2", $n);
is($r->{status}, 'invalid', 'that does not end where it should');
like($r->{error}, qr/has more bytes instead of $n/, 'is cut');
ok(!-e "$dir/part2", 'and leaves nothing');
$r = store($o, 'get', 'large', 1000);
like($r->{status}, qr/limit/, 'a small object that is large');

# answers that make no sense
unlink glob "$dir/part*";
$r = store($o, 'fetch', 'other-range', "$dir/part", $n);
is($r->{status}, 'i/o error', 'broken off');
is(-s "$dir/part", 300_000, 'some came');
$r = store($o, 'fetch', 'other-range', "$dir/part", $n);
is($r->{status}, 'i/o error', 'another range than was asked for');
is($r->{received}, 300_000, 'is left, and all is asked for');
unlink "$dir/whole", glob "$dir/part*";
$r = store($o, 'fetch', 'heedless', "$dir/part", $n);
is($r->{status}, 'i/o error', 'broken off');
$t->write_file('whole', '');
$r = store($o, 'fetch', 'heedless', "$dir/part", $n);
is($r->{status}, 'ok', 'a server that takes no heed of If-Range')
    or diag($r->{error});
ok(slurp('part') eq $data, 'mixes no objects');
unlink "$dir/whole";
unlink glob "$dir/part*";
$r = store($o, 'fetch', 'lost', "$dir/part", $n);
is($r->{status}, 'i/o error', 'broken off');
$t->write_file('whole', '');
$r = store($o, 'fetch', 'lost', "$dir/part", $n);
is($r->{status}, 'ok', 'a server that has no such range is asked for all')
    or diag($r->{error});
ok(slurp('part') eq $data, 'and sends it');
unlink glob "$dir/part*";
$r = store($o, 'fetch', 'weak', "$dir/part", $n);
is($r->{status}, 'i/o error', 'broken off, and a weak validator');
$t->write_file('heads', '');
$r = store($o, 'fetch', 'weak', "$dir/part", $n);
unlike(slurp('heads'), qr/^Range/mi, 'says nothing about bytes');
$r = store($o, 'fetch', 'partial', "$dir/part9", $n);
is($r->{status}, 'i/o error', 'a part that nobody asked for');
$r = store($o, 'get', 'partial', 100);
is($r->{status}, 'i/o error', 'of a small object, too') or diag(explain $r);
$r = store($o, 'get', 'not-modified', 100);
is($r->{status}, 'i/o error', 'not modified, since when?');
ok(!$r->{unchanged}, 'we have none');
$r = store($o, 'get', 'etag', 100);
is($r->{body}, 'ok', 'a validator that is too long');
is($r->{etag}, '', 'is none');
$r = store($o, 'get', 'garbage', 100);
is($r->{status}, 'i/o error', 'no HTTP');

# stalls
unlink glob "$dir/part*";
{
    local $ENV{STALL} = '1s';
    for my $path ('silent', 'stall', 'drip') {
        my $since = time;
        $r = store($o, 'fetch', $path, "$dir/part", $n);
        is($r->{status}, 'i/o error', "$path is given up");
        like($r->{error}, qr/$path: gave up: .* nothing comes for 1 s/,
            'with a reason');
        cmp_ok(time - $since, '<', 8, 'soon');
        is(-s "$dir/part", 300_000, 'what came is kept')
            if $path eq 'stall';
        unlink glob "$dir/part*";
    }
    $ENV{STALL} = 'soon';
    $r = store($o, 'get', 'x', 1);
    like($r->{error}, qr/--stall: "soon" is not a duration/, 'no duration');
    $ENV{STALL} = '2h';
    is(store($o, 'get', 'x', 1)->{status}, 'invalid', 'nor is this one');
}

# redirects
for (['moved/s/manifest.json', 'one redirect'],
    ['hops/2/x', 'two redirects'], ['hops/1/x', 'three redirects'])
{
    my ($path, $what) = @$_;
    $r = store($https, 'get', $path, 100);
    is($r->{body}, '{"two":2}', "$what are followed") or diag($r->{error});
}
$r = store($https, 'get', 'loop/x', 100);
like($r->{error}, qr{loop/x: redirects more than 3 times}, 'but not for ever');
$r = store($https, 'get', 'to-http/x', 100);
like($r->{error}, qr{to-http/x: redirects from https to another protocol},
    'nor from https to http');
$r = store($http, 'get', 'to-http/x', 100);
is($r->{body}, '{"two":2}', 'from http to http, though');
$r = store($http, 'get', 'to-https/x', 100);
is($r->{body}, '{"two":2}', 'or to https');
for my $from ($http, $https) {
    $r = store($from, 'get', 'to-file/x', 100000);
    is($r->{status}, 'i/o error', 'never to a file');
    is($r->{body}, '', 'of which nothing is read');
}
$r = store($https, 'text', 'moved/s/put', 'moved');
is($r->{status}, 'ok', 'a PUT that is redirected') or diag($r->{error});
is(slurp('store/dav/s/put'), 'moved', 'is put there');
$r = store($https, 'put', 'moved/s/put', "$dir/body");
ok(slurp('store/dav/s/put') eq $data, 'a file is sent again');
$r = store($https, 'text', '303/x', 'y');
is($r->{status}, 'i/o error', 'a PUT that becomes a GET is none')
    or diag(explain $r);

# credentials
$r = store("$https/auth", 'get', 's/x', 100);
like($r->{error}, qr{auth/s/x: status 401: credentials are missing or wrong},
    'without credentials');
$r = store("https://pop:wr0ng\@localhost:$port/auth", 'get', 's/x', 100);
like($r->{error}, qr{^https://localhost:$port/auth/s/x: status 401},
    'with wrong ones');
my $pop = "https://pop:s3cret%2fword\@localhost:$port";
@all = store("$pop/auth", 'text', 's/x', 'for pops', '+', 'get', 's/x', 100,
    '+', 'put', 's/body', "$dir/body");
is($all[$_]{status}, 'ok', 'with those that are right') for 0 .. 2;
is($all[1]{url}, "$https/auth", 'the store is told without them');
like($t->access_log, qr{GET /auth/s/x HTTP/1\.1\|200\|-\|-\|pop}, 'and known by them');
@all = store("$https/onsite", 'text', 's/x', 'y');
like($all[0]{error}, qr/status 401/, 'as docs/stores.md has it: not to put');
@all = store("$pop/onsite", 'text', 's/x', 'y', '+', 'exists', 's/x');
is($all[$_]{status}, 'ok', 'but with a password') for 0, 1;
@all = store("$https/onsite", 'get', 's/x', 9, '+', 'exists', 's/x');
is($all[$_]{status}, 'ok', 'which it takes none to get') for 0, 1;
$t->write_file('.netrc', "machine localhost login pop password s3cret/word\n");
$r = store("$https/auth", 'get', 's/x', 100);
is($r->{body}, 'for pops', 'or from ~/.netrc');
unlink "$dir/.netrc";
$t->write_file('heads', '');
$r = store("http://pop:s3cret%2fword\@localhost:$plain", 'get', 'to-odd/x', 9);
is($r->{body}, 'ok', 'another host to which one is redirected');
like(slurp('heads'), qr{^GET /thief}, 'is asked');
unlike(slurp('heads'), qr/^Authorization/mi, 'but not told who asks');
unlike($told, qr/s3cret|wr0ng/, 'no password was ever told');

# what servers say no with
$r = store("$https/plain", 'text', 'x', 'y');
like($r->{error}, qr{plain/x: status 405: the server takes no PUT there \(nginx: dav_methods},
    'no WebDAV');
$r = store("$https/small", 'put', 'x', "$dir/body");
like($r->{error}, qr/status 413: larger than .*client_max_body_size/, 'too large');
$r = store("$https/small", 'text', 's/x', 'y');
like($r->{error}, qr/status 500: is the folder that the URL names there/,
    'no collections');
$t->allow_log(qr{rename\(\).*store/small/s/x});
$r = store("$https/full", 'text', 'x', 'y');
like($r->{error}, qr/status 507: the server has no room left/, 'full');
$r = store($https, 'get', 'busy/x', 9);
is($r->{retry_after}, 7, 'busy, and for how long');
like($r->{error}, qr/busy\/x: status 503/, 'which is told');
$r = store($https, 'get', 'never/x', 9);
is($r->{retry_after}, 3600, 'an hour at most');
$r = store("http://127.0.0.1:1", 'get', 'x', 9);
like($r->{error}, qr/Failed to connect|refused/, 'nobody there');
$r = store($o, 'put', 'x', "$dir/none");
like($r->{error}, qr{$dir/none: cannot be read: No such file}, 'nothing to put');
for my $bad ('http://', 'http://a b/', 'http://host:99999/', 'https://h/?q=1',
    'https://h/#f', 'http://[::1')
{
    is(store($bad, 'get', 'x', 9)->{status}, 'invalid', "$bad is no store");
}

# no room for what comes
{
    unlink glob "$dir/part*";
    local $SIG{XFSZ} = 'IGNORE';
    my $out = `bash -c 'ulimit -f 500; exec $store $https/dav fetch s/body $dir/part $n'`;
    $r = json_decode($out);
    is($r->{status}, 'i/o error', 'no room');
    like($r->{error}, qr{$dir/part: cannot be written: File too large},
        'is told of the file');
    is(-s "$dir/part", 512_000, 'what came is kept');
    $r = store("$https/dav", 'fetch', 's/body', "$dir/part", $n);
    is($r->{received}, $n - 512_000, 'and gone on with');
    ok(slurp('part') eq $data, 'to the end');
}

# proxies
{
    local $ENV{http_proxy} = "http://127.0.0.1:$odd";
    $t->write_file('heads', '');
    $r = store('http://store.example/base', 'get', 's/x', 9);
    is($r->{body}, 'ok', 'through a proxy');
    like(slurp('heads'), qr{^GET http://store\.example/base/s/x HTTP/1\.1},
        'which is asked');
    local $ENV{no_proxy} = 'localhost';
    $r = store($http, 'get', 'dav/s/manifest.json', 100);
    is($r->{body}, '{"two":2}', 'or around it');
}

$t->done;
