# No consent, no trace: no cookie, no read, no write; the page gets what needs
# no memory.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::SHA;
use Onsite::Test;
use Test::More;

my $t = Onsite::Test->new;
$t->write_file('html/index.html', html_page('x'));
$t->campaigns(
    Onsite::Test::popup('contextual', audience => {
        'request.path' => '/' }, fallback => 'plain', variants => [
        { id => 'smart', weight => 1 },
        { id => 'plain', weight => 0, content => { html => '<p>plain</p>' } },
    ]),
    Onsite::Test::popup('stateful', audience => { 'visitor.status' => 'new' },
        fallback => 'x', variants => [ { id => 'x', weight => 1 } ]),
);
$t->start(server => <<'END');
        root %%DIR%%/html;
        onsite on;
        onsite_consent $http_x_consent;
        location / { }
        location /onsite/ { onsite_collect; }
        location = /status { onsite_status; }
END

sub digest {
    return join ' ', map { Digest::SHA->new(256)->addfile($_)->hexdigest }
        grep { !/lock/ } sort glob $t->state_dir . '/*.mdb';
}

$t->visit('/', headers => { 'x-consent' => 'full' });
my $before = digest();

for my $value ('none', 'nonsense', '') {
    my $r = $t->visit('/', headers => { 'x-consent' => $value,
        cookie => 'onsite_id=AAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAA' });
    ok(!exists $r->{headers}{'set-cookie'}, "consent '$value': no cookie");
    like($r->{content}, qr{<p>plain</p>}, 'the fallback variant');
    unlike($r->{content}, qr/"stateful"/, 'nothing that needs memory');
    $r = $t->post('/onsite/v1/track', { event => 'A', anonymousId => 'z' },
        headers => { 'x-consent' => $value });
    is($r->{status}, 200, 'a beacon is accepted');
    ok(!exists $r->{headers}{'set-cookie'}, 'and sets no cookie');
}
is(digest(), $before, 'the state directory is the same, byte for byte');

my $r = $t->visit('/', headers => { 'x-consent' => 'session' });
my $cookie = $r->{headers}{'set-cookie'} // '';
like($cookie, qr/^onsite_id=/, 'session: a cookie');
unlike($cookie, qr/max-age|expires/i, 'for the session only');
$r = $t->visit('/', headers => { 'x-consent' => 'full' });
like($r->{headers}{'set-cookie'}, qr/max-age=31536000/i, 'full: for a year');

$t->stop;

# unset: full, but none for GPC and DNT
$t->start;
for my $header (['sec-gpc', '1', 0], ['dnt', '1', 0], ['dnt', '0', 1],
    ['x-other', '1', 1])
{
    my ($name, $value, $traced) = @$header;
    $r = $t->visit('/', headers => { $name => $value });
    is(exists $r->{headers}{'set-cookie'} ? 1 : 0, $traced,
        "$name: $value");
}

$t->done;
