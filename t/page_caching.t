# A page made for one visitor: whatever the origin said about caching and about
# its bytes is void; one that is left alone keeps what was said, but for the
# validators (page_conditional.t).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use Test::More;

my $t = Onsite::Test->new;
my $page = html_page('<p>x</p>');
$t->campaigns(Onsite::Test::popup('hello',
    trigger => { event => 'Page Viewed', where => { path =>
        { '$in' => ['/shown', '/expires'] } } }));

my %said = ('Cache-Control' => ['public', 's-maxage=600, max-age=600'],
    Expires => ['Fri, 01 Jan 2038 00:00:00 GMT', 'Fri, 01 Jan 2038 00:00:01 GMT'],
    'Surrogate-Control' => ['max-age=600', 'content="ESI/1.0"'],
    'CDN-Cache-Control' => ['max-age=600'],
    ETag => ['"abc"'], 'Last-Modified' => ['Thu, 01 Jan 2026 00:00:00 GMT'],
    'Content-MD5' => ['1B2M2Y8AsgTpgAmY7PhCfg=='], Digest => ['sha-256=AAAA'],
    'Repr-Digest' => ['sha-256=:AAAA:'], 'Content-Digest' => ['sha-256=:AAAA:'],
    'Accept-Ranges' => ['bytes']);
my $up = $t->upstream(sub {
    my ($s) = @_;
    print $s "HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n"
        . 'Content-Length: ' . length($page) . "\r\n"
        . "Vary: Accept-Language\r\nSet-Cookie: shop=1; Path=/\r\n"
        . "Set-Cookie: cart=2\r\n";
    for my $name (sort keys %said) {
        print $s "$name: $_\r\n" for @{ $said{$name} };
    }
    print $s "\r\n$page";
});
$t->{expand} = { UP => $up };
$t->start(server => <<'END');
        onsite on;
        proxy_pass_header X-Accel-Expires;
        location / { proxy_pass http://127.0.0.1:%%UP%%; }
        location /expires { expires 1h; add_header Cache-Control public;
            add_header X-Accel-Expires 600; rewrite ^ /shown break;
            proxy_pass http://127.0.0.1:%%UP%%; }
        location /onsite/ { onsite_collect; }
END

sub values_of {
    my ($r, $name) = @_;
    my $v = $r->{headers}{lc $name} // return ();
    return ref $v ? @$v : $v;
}

sub cookies { return sort map { /^([^=]+)/ } values_of($_[0], 'set-cookie') }

sub personal {
    my ($r, $what) = @_;
    is_deeply([values_of($r, 'cache-control')], ['private, no-store'], $what);
    is_deeply([map { values_of($r, $_) } 'expires', 'surrogate-control',
        'cdn-cache-control', 'x-accel-expires'], [],
        "$what: no other word about caching");
    is(join(',', values_of($r, 'vary')), 'Accept-Language', "$what: Vary");
}

my %jar;
my $r = $t->visit('/shown', jar => \%jar);
personal($r, 'shown to a new visitor');
is_deeply([cookies($r)], [qw(cart onsite_id shop)],
    "the origin's cookies stay beside ours");
my @bytes = qw(ETag Last-Modified Content-Length Content-MD5 Digest
    Repr-Digest Content-Digest Accept-Ranges);
is_deeply([grep { values_of($r, $_) } @bytes], [],
    'no word about the bytes that were changed');

$r = $t->visit('/shown', jar => \%jar);
personal($r, 'shown again');
is_deeply([cookies($r)], [qw(cart shop)], 'no cookie of ours again');

personal($t->visit('/expires', jar => \%jar), "nginx's own expires");

$r = $t->visit('/else');
personal($r, 'nothing shown, but a cookie');
is($r->{headers}{'content-length'}, length $page, 'the length stays');
is(join(',', map { values_of($r, $_) } qw(ETag Last-Modified)), '',
    'but nothing that the next view could be asked for with');

$r = $t->visit('/else', jar => \%jar);
is($r->{content}, $page, 'nothing shown, no cookie: the page as it is');
# (nginx from 1.23 on itself drops a second Expires)
for my $name (sort keys %said) {
    my @kept = values_of($r, $name);
    @kept = (@kept, @{ $said{Expires} })[0, -1] if $name eq 'Expires';
    my $gone = $name eq 'ETag' || $name eq 'Last-Modified';
    is_deeply(\@kept, $gone ? [] : $said{$name},
        $gone ? "without its $name" : "with its $name");
}

$t->done;
