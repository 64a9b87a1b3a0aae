# Every field from outside at and over its bound, over HTTP.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use Test::More;

my $t = Onsite::Test->new;
my $page = html_page('x');
$t->write_file('html/index.html', $page);
$t->campaigns(
    Onsite::Test::popup('echo', audience => { '$or' => [
        { 'request.attribute' => { '$regex' => '(a+)+$' } },
        { 'request.language' => { '$in' => ['en', 'de'] } },
        { 'visitor.counts.x' => { '$gte' => 0 } },
        { 'request.path' => { '$ne' => 'never' } } ] },
        content => { html => '<a href="{{request.url}}" title="'
            . '{{event.properties.url}}">{{request.attribute}}'
            . '{{request.referrer}}{{request.language}}{{request.host}}</a>'
            . '<script>var x = "{{request.query.q}}";</script>' }),
    Onsite::Test::popup('added', trigger => { event => 'Product Added' },
        content => { html => '{{event.properties.sku}}{{cart.value}}',
            data => { sku => '{{event.properties.sku}}' } }),
);
$t->start(http => 'large_client_header_buffers 8 256k;', server => <<'END');
        root %%DIR%%/html;
        location / { onsite on; onsite_debug_key sesame;
            onsite_attribute attribute $http_x_attribute;
            onsite_event $arg_name a=$arg_a b=$http_x_attribute; }
        location /site/ { onsite on; onsite_site $arg_s; alias %%DIR%%/html/; }
        location /onsite/ { onsite_collect; onsite_debug_key sesame; }
        location = /status { onsite_status; }
END
my ($worker) = $t->workers;

# headers and queries of a page
my @texts = ('', "\xff\xfe", '%00%0d%0aSet-Cookie:%20x=1', '"><script>',
    "'\\\";</script>", 'a' x 60_000, '%' x 3000, "\xf0\x9f\x98\x80" x 5000,
    '&' x 5000, '=' x 5000, '-1e400', '9' x 31, '[' x 40, "a\tb", '\\u0000');
for my $text (@texts) {
    my $quoted = $text;
    $quoted =~ s/([^\w%&=.-])/sprintf '%%%02X', ord $1/ge;
    my $short = substr $quoted, 0, 60_000;
    my %extra = (
        'X-Attribute' => $text, Referer => $text, 'Accept-Language' => $text,
        'User-Agent' => $text, Cookie => "onsite_id=$text",
        Origin => $text, 'X-Onsite-Debug' => $text, DNT => $text,
        'Sec-Purpose' => $text, Authorization => "Basic $text",
    );
    for my $name (sort keys %extra) {
        my $out = $t->raw("GET /?q=$short HTTP/1.1\r\nHost: h\r\n"
            . "X-Onsite-Debug: sesame\r\nConnection: close\r\n"
            . "$name: $extra{$name}\r\n\r\n");
        my ($head, $body) = $out =~ /\A(.*?\r\n)\r\n(.*)\z/s;
        my $label = "$name: " . substr $quoted, 0, 20;
        like($head // '', qr/\AHTTP\/1.1 200 /, $label) or next;
        unlike($head, qr/^Set-Cookie: x=1/m, 'no header of theirs');
        unlike($body, qr/"><script>|<\/script>"|';<\/script>/,
            'nothing of theirs unescaped');
    }
    for my $path ("/?name=$short&a=$short", "/site/?s=$short",
        "/onsite/pixel.gif?event=x&anonymousId=$short",
        "/onsite/pixel.gif?event=$short&sku=$short",
        "/onsite/pixel.gif?event=Product+Added&sku=$short&price=$short",
        "/onsite/v1/pixel/track?data=$short")
    {
        my $out = $t->raw("GET $path HTTP/1.1\r\nHost: h\r\n"
            . "Connection: close\r\n\r\n");
        like($out, qr/\AHTTP\/1.1 200 /, substr $path, 0, 60);
    }
}

# requests without what others have
for my $head ('GET / HTTP/1.0',
    "GET /onsite/pixel.gif?event=x HTTP/1.0", 'GET http://h HTTP/1.0',
    "GET http://h?a HTTP/1.1\r\nHost: x\r\nConnection: close",
    "GET /?? HTTP/1.0", "GET //?#x HTTP/1.0")
{
    like($t->raw("$head\r\n\r\n"), qr/\AHTTP\/1.1 200 /, $head);
}

# bodies: each string field at its bound and one over
sub call {
    my ($path, %call) = @_;
    my $r = $t->post("/onsite/$path", \%call);
    is(json_decode($r->{content})->{success} ? 1 : 0,
        $r->{status} == 200 ? 1 : 0, 'the answer is JSON') if $path =~ /v1/;
    return $r->{status};
}

my %track = (type => 'track', event => 'Product Added');
is(call('v1/track', %track, event => 'e' x 128), 200, 'a name of 128');
is(call('v1/track', %track, event => 'e' x 129), 400, 'of 129');
for my $field (qw(anonymousId userId)) {
    is(call('v1/track', %track, $field => 'i' x 256), 200, "$field of 256");
    is(call('v1/track', %track, $field => 'i' x 257), 400, 'of 257');
    is(call('v1/track', %track, $field => "\0\x{1f600}\"<>\r\n"), 200,
        'of odd characters');
    is(call('v1/track', %track, $field => { a => 1 }), 400, 'of no string');
}
for my $sku ('s' x 64, 's' x 65, 's' x 5000, "\0", '', 0, -1, 1e308, [1],
    { a => 1 }, "\r\nX: y")
{
    for my $quantity (1, 0, -5, 1e308, 4294967296, 0.5, 'many', [1]) {
        call('v1/track', %track, anonymousId => 'cart', properties => {
            sku => $sku, quantity => $quantity, price => $quantity });
    }
    is(call('decide', %track, anonymousId => 'decide',
        properties => { sku => $sku }), 200, 'a decision');
}
for my $event (map { "name $_ " . 'n' x 100 } 1 .. 200) {
    call('v1/track', event => $event, anonymousId => 'many');
}
is(call('v1/track', event => 'Promotion Clicked', anonymousId => 'many',
    properties => { promotion_id => 'p' x 20_000 }), 200, 'a promotion');
my $deep = 1;
$deep = { d => $deep } for 1 .. 27;
is(call('v1/track', event => 'deep', properties => $deep), 200, 'deep');
for my $time ('2026-13-01', '9999-12-31T23:59:59Z', '0000-01-01', -1, 1e300,
    '2026-10-20T12:00:00+99:99', '', 'now')
{
    like(call('v1/track', event => 'time', timestamp => $time,
        sentAt => '9999-12-31T23:59:59.999Z'), qr/^(200|400)$/, "time $time");
}

is(($t->workers)[0], $worker, 'the worker lives');
ok((grep { ($_->{counts}{'Product Added'} // 0) > 0 } $t->state_records),
    'the state can be read');

$t->done;
