# The product's main job: a first page shows the popup, a second does not, and
# a page that nothing changes is the origin's, byte for byte.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use Test::More;

my $t = Onsite::Test->new;
my $page = html_page('<p>Welcome</p>');
$t->write_file('html/index.html', $page);
$t->write_file('html/other.html', $page);
$t->write_file('html/style.css', 'body{}');
$t->campaigns(
    Onsite::Test::popup('first-visit', audience => {
        'visitor.status' => 'new' },
        frequency => { cap => 1, per => 'session' }),
);
$t->start;

my %jar;
my $r = $t->visit('/', jar => \%jar);
is($r->{status}, 200, 'first page');
like($r->{content}, qr{<template[^>]+data-onsite-campaign="first-visit"},
    'the popup is in the page');
like($r->{content}, qr{<script[^>]+src="/onsite/onsite\.js\?v=[^"]+"},
    'and the runtime that shows it');
like($r->{content}, qr{</script></body></html>\n$}, 'before </body>');
is(length $r->{content}, $r->{headers}{'content-length'}
    // length $r->{content}, 'no stale length');
ok(!exists $r->{headers}{etag}, 'no validator of the unchanged page');
ok(!exists $r->{headers}{'last-modified'}, 'nor its date');
ok(!exists $r->{headers}{'accept-ranges'}, 'nor ranges');
like($r->{headers}{'cache-control'}, qr/private.*no-store/,
    'not for shared caches');
my $cookie = $r->{headers}{'set-cookie'};
like($cookie, qr/^onsite_id=[\w-]{22}\.[\w-]{22};/, 'a signed cookie');
like($cookie, qr/; *HttpOnly/i, 'not for scripts');
like($cookie, qr/; *SameSite=Lax/i, 'SameSite');
unlike($cookie, qr/; *Secure/i, 'not Secure without TLS');

(my $without = $r->{content})
    =~ s{<template.*</template>\s*<script[^>]*></script>}{}s;
is($without, $page, 'the page with the insertion cut out is the origin\'s');

$r = $t->visit('/other.html', jar => \%jar);
is($r->{content}, $page, 'the second page is untouched');
ok(!exists $r->{headers}{'set-cookie'}, 'the cookie is not set again');

my ($code, $js) = @{ $t->get('/onsite/onsite.js') }{qw(status content)};
is($code, 200, 'the runtime is served');
like($js, qr/onsite/, 'and is a script');

$r = $t->visit('/style.css');
is($r->{content}, 'body{}', 'a style sheet is left alone');
ok(!exists $r->{headers}{'set-cookie'}, 'and sets no cookie');

my $other = $t->visit('/');
like($other->{content}, qr/data-onsite-campaign="first-visit"/,
    'another visitor gets it too');

my $status = $t->status;
is($status->{injections}{total}, 2, 'injections.total');
is($status->{state}{visitors}, 2, 'state.visitors');
is($status->{snapshot}{campaigns}, 1, 'snapshot.campaigns');

$t->done;
