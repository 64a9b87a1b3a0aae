# onsite_max_body is the one bound of a beacon's body, also where nginx's own,
# client_max_body_size, is lower.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use Test::More;

my $t = Onsite::Test->new;
$t->write_file('html/index.html', html_page('x'));
$t->start(server => <<'END');
        root %%DIR%%/html;
        client_max_body_size 1m;
        location /onsite/ { onsite_collect; onsite_max_body 3m; }
        location /small/ { onsite_collect; client_max_body_size 8k; }
        location /any/ { onsite_collect; client_max_body_size 0; }
        location /more/ { onsite_collect; client_max_body_size 4m; }
        location = /status { onsite_status; }
END

my $event = '{"event":"x","anonymousId":"a"}';

sub answer_is {
    my ($path, $bytes, $status, $what) = @_;
    my $body = $event . ' ' x ($bytes - length $event);
    my $r = $t->post("$path/v1/track", $body);
    is($r->{status}, $status, $what);
    like($r->{headers}{'content-type'}, qr{^application/json}, 'as JSON');
    my $chunked = $t->raw("POST $path/v1/track HTTP/1.1\r\nHost: x\r\n"
        . "Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        . sprintf("%x\r\n%s\r\n0\r\n\r\n", length $body, $body));
    like($chunked, qr{^HTTP/1.1 $status.*application/json}s, 'in chunks too');
}

# what is read is ours to answer: the API's own bounds hold, told in JSON
answer_is('/small', 20_000, 200, 'an event above client_max_body_size');
answer_is('/onsite', 2_000_000, 400, 'below onsite_max_body it is read');
like($t->post('/onsite/v1/track', $event . ' ' x 2_000_000)->{content},
    qr/an event may have 32768 bytes/, 'and told what is wrong with it');
answer_is('/any', 600_000, 413, 'above it where nginx has no bound');
answer_is('/more', 600_000, 413, 'and where it has a higher one');
is($t->post('/onsite/v1/track', $event . ' ' x 3_200_000)->{status}, 413,
    'above both');

$t->done;
