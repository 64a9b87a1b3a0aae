# publish and sync over a web server: a real nginx with WebDAV and TLS, which
# is asked for no more than has changed, cuts, stalls, and goes away.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Published;
use Onsite::Test;
use Test::More;
use Time::HiRes qw(sleep time);

my $t = Onsite::Test->new;
my $p = Onsite::Published->new($t);
my $dir = $t->dir;
my ($code, $out, $err);

delete @ENV{ grep { /_proxy$/i || /^(AWS|ONSITE)_/ } keys %ENV };
$ENV{HOME} = $dir;

sub sh { system('sh', '-c', "cd $dir && ($_[0]) >> openssl.log 2>&1") == 0
    or die "$_[0]: " . Onsite::Test::read_file("$dir/openssl.log") }
sh('openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'
    . ' -keyout ca.key -out ca.pem -days 2 -subj /CN=ca');
sh('openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'
    . ' -keyout key.pem -out cert.csr -subj /CN=localhost');
$t->write_file('san', 'subjectAltName=DNS:localhost');
sh('openssl x509 -req -in cert.csr -CA ca.pem -CAkey ca.key -days 2'
    . ' -CAcreateserial -extfile san -out cert.pem');

mkdir "$dir/store/dav";
chmod 0777, "$dir/store", "$dir/store/dav";
$t->write_file('users', "shop:{PLAIN}s3cret\n");
my $port = $t->port;
my %conf = (conf => <<'END');
daemon off;
pid %%DIR%%/nginx.pid;
error_log %%DIR%%/logs/error.log info;
worker_processes 1;
events { worker_connections 64; }
http {
    log_format store '$request_method $uri $status $http_range';
    access_log %%DIR%%/logs/access.log store;
    client_body_temp_path %%DIR%%/tmp/body;
    proxy_temp_path %%DIR%%/tmp/proxy;
    client_max_body_size 0;
    root %%DIR%%/store;
    server {
        listen 127.0.0.1:%%PORT%% ssl;
        server_name localhost;
        ssl_certificate %%DIR%%/cert.pem;
        ssl_certificate_key %%DIR%%/key.pem;
        location /dav/ {
            dav_methods PUT MKCOL;
            limit_except GET HEAD {
                auth_basic store;
                auth_basic_user_file %%DIR%%/users;
            }
        }
    }
}
END
$t->start(%conf);

# where objects lie, and how they are asked for
my $url = "https://localhost:$port/dav";
my $to = "https://shop:s3cret\@localhost:$port/dav";
$ENV{ONSITE_CA} = "$dir/ca.pem";
my $under = "$dir/store/dav/default";
sub publish { my ($version, @more) = @_; $p->build($version, "n $version");
    return $t->run_loader('publish', "$dir/v$version.mdb", '--to', $to,
        '--key', $p->{key}, @more) }
sub pull { return $t->run_loader('sync', '--from', $url, '--to', $p->{file},
    '--trust', "$p->{key}.pub", '--once', @_) }
sub manifest { json_decode(Onsite::Test::read_file("$under/manifest.json")) }

# a server's certificate counts
{
    local $ENV{ONSITE_CA} = '';
    ($code, undef, $err) = publish(1);
    is($code, 1, 'a server that nobody vouches for');
    like($err, qr/certificate/, 'is told');
    unlike($err, qr/s3cret/, 'without the password');
}

($code, $out, $err) = publish(1);
is($code, 0, 'publish') or diag($err);
# a line is written behind its answer
my @asked;
ok(eventually(5, sub {
    @asked = grep { !/ 401 / } split /\n/, $t->access_log;
    return grep { m{^PUT \S+manifest\.json 201} } @asked;
}), 'the manifest is there');
my ($body) = grep { $asked[$_] =~ /^PUT \S+\.mdb\.zst 201/ } 0 .. $#asked;
my ($last) = grep { $asked[$_] =~ /^PUT \S+manifest\.json 201/ } 0 .. $#asked;
ok(defined $body && defined $last && $body < $last,
    'the body first, the manifest last') or diag(join "\n", @asked);
($code, $out, $err) = pull();
is($code, 0, 'sync') or diag($err);
is($p->live, 1, 'it is live');

# who may not write cannot; nothing is changed
{
    ($code, undef, $err) = publish(2, '--to', $url);
    is($code, 1, 'publish without the password');
    like($err, qr/401/, 'is told');
    is(manifest()->{version}, 1, 'and changes nothing');
}

# as a process: what has not changed costs a 304, what has a patch
my $then = time - 60;
utime $then, $then, "$under/manifest.json";
my $pid = fork // die "fork: $!";
if ($pid == 0) {
    open STDOUT, '>', "$dir/sync.out";
    open STDERR, '>', "$dir/sync.err";
    { exec Onsite::Test::loader(), 'sync', '--from', $url, '--to', $p->{file},
        '--trust', "$p->{key}.pub", '--every', '100ms' }
    POSIX::_exit(127);
}
ok(eventually(10, sub { $t->access_log =~ m{GET \S+manifest\.json 304} }),
    'nothing new: 304');
($code, $out, $err) = publish(2);
is($code, 0, 'a newer one') or diag($err);
ok(eventually(10, sub { $p->live == 2 }), 'goes live');
like($t->access_log, qr{GET \S+\.patch\.zst 200}, 'by its patch');

# the store goes away and comes back
$t->stop;
ok(eventually(10, sub { $p->said =~ /; what is live stays/ }),
    'a store that is down');
sleep 2;
is(scalar(() = $p->said =~ /what is live stays/g), 1, 'is told once')
    or diag($p->said);
is($p->live, 2, 'what is live stays');
ok($p->state->{failing}, 'the state says that it fails');
$t->start(%conf);
($code) = publish(3);
ok(eventually(40, sub { $p->live == 3 }), 'back again, the next one goes live');
like($p->said, qr/recovered from: /, 'which is told');
kill 'TERM', $pid;
waitpid $pid, 0;
is($?, 0, 'sync stops when told');

# a body that is cut on its way, and goes on
publish(4, '--no-patch');
my $sha = manifest()->{body}{sha256};
my $whole = Onsite::Test::read_file("$under/" . manifest()->{body}{path});
$t->write_file("$p->{file}.sync/$sha.part", substr($whole, 0, 2000));
($code, undef, $err) = pull();
is($code, 0, 'with some of a body there') or diag($err);
is($p->live, 4, 'the next one goes live');
is(scalar(my @left = glob "$p->{file}.sync/*part*"), 0, 'nothing is left');

$t->done;
