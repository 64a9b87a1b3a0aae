# onsite.js on the wire: compressed for who takes it, with no configuration;
# and what gzip_types and brotli_types know our answers by.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Uncompress::Gunzip qw(gunzip $GunzipError);
use Onsite::Test;
use Test::More;

my $JS = '/onsite/onsite.js';
my $t = Onsite::Test->new;
$t->campaigns(Onsite::Test::popup('hello'));
$t->start(server => <<'END');
        location /onsite/ { onsite_collect; }
        location /cors/ { onsite_collect; onsite_allow_origin https://a.example; }
        location /vary/ { onsite_collect; gzip on; gzip_vary on;
            gzip_types text/javascript; }
        location = /status { onsite_status; }
        location = /metrics { onsite_status prometheus; gzip on;
            gzip_min_length 1; gzip_types text/plain; }
END

my $plain = Onsite::Test::read_file(Onsite::Test::root() . '/build/gen/onsite.js');

sub values_of {
    my $v = $_[0]{headers}{ $_[1] } // return ();
    return ref $v ? @$v : $v;
}
sub fetch {
    my ($accept, %o) = @_;
    my $path = delete $o{path} // $JS;
    $o{headers}{'accept-encoding'} = $accept if defined $accept;
    return $t->request($path, %o);
}

my $r = fetch();
is($r->{content}, $plain, 'who asks for nothing gets it plain');
is($r->{headers}{'content-encoding'}, undef, 'without encoding');
is($r->{headers}{'content-length'}, length $plain, 'its length');
is($r->{headers}{'content-type'}, 'text/javascript; charset=utf-8', 'its type');
is(join(',', values_of($r, 'vary')), 'Accept-Encoding', 'Vary');
my $etag = $r->{headers}{etag};

for my $accept ('gzip', 'gzip, deflate, br, zstd', 'br;q=1.0, gzip;q=0.8') {
    $r = fetch($accept);
    is($r->{headers}{'content-encoding'}, 'gzip', "$accept: gzip");
    is($r->{headers}{'content-length'}, length $r->{content}, 'its length');
    cmp_ok(length $r->{content}, '<', 6300, 'which is small');
    gunzip(\$r->{content}, \my $text) or die $GunzipError;
    is($text, $plain, 'and holds the same');
    is($r->{headers}{'content-type'}, 'text/javascript; charset=utf-8',
        'of the same type');
    is(join(',', values_of($r, 'vary')), 'Accept-Encoding', 'Vary');
}
my $packed = $r->{headers}{etag};
my $length = length $r->{content};
isnt($packed, $etag, 'with an ETag of its own');
is(fetch($_)->{headers}{'content-encoding'}, undef, "$_: plain")
    for 'gzip;q=0', 'deflate, br', 'identity';

# conditions, HEAD, ranges
for (['gzip', $packed], [undef, $etag]) {
    my ($accept, $tag) = @$_;
    my $what = $accept // 'plain';
    $r = fetch($accept, headers => { 'if-none-match' => $tag });
    is($r->{status}, 304, "$what: 304 for its ETag");
    is($r->{headers}{etag}, $tag, 'which it has');
    is(join(',', values_of($r, 'vary')), 'Accept-Encoding', 'and Vary');
    $r = fetch($accept, headers => { 'if-none-match' =>
        $tag eq $etag ? $packed : $etag });
    is($r->{status}, 200, "$what: not for the other's");
    $r = fetch($accept, method => 'HEAD');
    is($r->{headers}{'content-length'}, $accept ? $length : length $plain,
        "$what: HEAD tells the length");
    is($r->{headers}{etag}, $tag, 'and the ETag');
    is($r->{headers}{'content-encoding'}, $accept, 'and the encoding');
    $r = fetch($accept, headers => { range => 'bytes=0-9' });
    is($r->{status}, 200, "$what: no ranges");
    is(length $r->{content}, $accept ? $length : length $plain, 'but all');
}
(my $v = $etag) =~ s/"//g;
$r = fetch('gzip', path => "$JS?v=$v");
like($r->{headers}{'cache-control'}, qr/immutable/, 'kept long by its version');

$r = fetch('gzip', path => '/cors/onsite.js', headers => { origin => 'https://a.example' });
is(join(',', sort(values_of($r, 'vary'))), 'Accept-Encoding,Origin',
    'CORS says Vary as well');

# nginx's own gzip beside it
for my $accept (undef, 'gzip') {
    $r = fetch($accept, path => '/vary/onsite.js');
    is(join(',', values_of($r, 'vary')), 'Accept-Encoding', 'gzip_vary: once');
    is($r->{headers}{'content-encoding'}, $accept, 'compressed once');
    my $text = $r->{content};
    gunzip(\$r->{content}, \$text) if $accept;
    is($text, $plain, 'the same');
}
$r = $t->get('/metrics', headers => { 'accept-encoding' => 'gzip' });
is($r->{headers}{'content-encoding'}, 'gzip',
    'gzip_types knows a type with parameters');
is($r->{headers}{'content-type'}, 'text/plain; version=0.0.4; charset=utf-8',
    'which stay');
is($t->get('/status')->{headers}{'content-type'}, 'application/json', 'JSON');
$t->stop;

SKIP: {
    my $BROTLI = '/usr/lib/nginx/modules/ngx_http_brotli_filter_module.so';
    skip('no packaged brotli filter for this nginx', 4)
        if $ENV{NGINX_BIN} || !-e $BROTLI;

    my $conf = $t->conf_text(server => <<'END');
        brotli on; brotli_min_length 1; brotli_types text/javascript;
        location /onsite/ { onsite_collect; }
END
    $conf =~ s/^(load_module .*)$/load_module $BROTLI;\n$1/m;
    $t->start(conf => $conf);
    $r = fetch('gzip, br');
    is($r->{headers}{'content-encoding'}, 'gzip', 'brotli leaves ours alone');
    gunzip(\$r->{content}, \my $text);
    is($text, $plain, 'the same');
    is(fetch('br')->{headers}{'content-encoding'}, 'br',
        'and compresses for who takes nothing else');
    is(fetch()->{content}, $plain, 'plain for who takes nothing');
}

$t->done;
