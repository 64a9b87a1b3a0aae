# A page's Content-Security-Policy: our script goes in where every policy lets
# it run, with the nonce that they ask for, and nowhere else.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use Test::More;

my $t = Onsite::Test->new;
my $page = html_page('<p>x</p>');
$t->campaigns(Onsite::Test::popup('hello'));
my @headers;
my $file = $t->dir . '/tmp/headers';
my $up = $t->upstream(sub {
    my ($s) = @_;
    print $s "HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n"
        . Onsite::Test::read_file($file) . "\r\n$page";
});
$t->{expand} = { UP => $up };
$t->start(server => <<'END');
        onsite on;
        location / { proxy_pass http://127.0.0.1:%%UP%%; }
        location /onsite/ { onsite_collect; }
        location = /status { onsite_status; }
END

# nonce: undef for none, 'refused' for no insertion at all
sub policy {
    my ($nonce, $what, @policies) = @_;
    $t->write_file('tmp/headers', join '', map {
        /^\w[\w-]+:/ ? "$_\r\n" : "Content-Security-Policy: $_\r\n" } @policies);
    my $before = $t->status;
    my $r = $t->visit('/');
    my $after = $t->status;
    my ($script) = $r->{content} =~ /(<script src[^>]*>)/;
    my $refused = ($nonce // '') eq 'refused';
    is($script ? 1 : 0, $refused ? 0 : 1, $what);
    is($after->{skips}{csp} - $before->{skips}{csp}, $refused ? 1 : 0,
        '  skips.csp');
    is($after->{events}{total} - $before->{events}{total}, 1,
        '  the view counts');
    if ($refused) {
        is($r->{content}, $page, '  the page as it is');
        return;
    }
    my ($found) = ($script // '') =~ /nonce="([^"]*)"/;
    is($found, $nonce, '  nonce ' . ($nonce // 'none'));
}

policy(undef, 'none');
policy(undef, 'of images only', "img-src 'none'; object-src 'none'");
policy(undef, 'self', "default-src 'self'");
policy(undef, 'self, in capitals', "DEFAULT-SRC 'SELF'");
policy('refused', 'none at all', "default-src 'none'");
policy('refused', 'another origin', 'script-src https://cdn.example');
policy('refused', 'an empty list', 'script-src');
policy(undef, 'script-src before default-src',
    "default-src 'none'; script-src 'self'");
policy('refused', 'script-src before default-src, the other way',
    "default-src 'self'; script-src 'none'");
policy(undef, 'script-src-elem before script-src',
    "script-src 'none'; script-src-elem 'self'");
policy('refused', 'the first of two of a name',
    "script-src 'none'; script-src 'self'");
policy('abc', 'a nonce', "script-src 'nonce-abc'");
policy('abc', 'a nonce beside self', "script-src 'self' 'nonce-abc'");
policy('abc', 'a nonce and strict-dynamic',
    "script-src 'self' 'strict-dynamic' 'nonce-abc'");
policy('refused', 'strict-dynamic without a nonce',
    "script-src 'self' 'strict-dynamic' 'sha256-AAAA'");
policy('refused', 'an empty nonce', "script-src 'nonce-'");
policy('abc', 'a nonce of styles is not one of scripts',
    "style-src 'nonce-zzz'; script-src 'nonce-abc'");

policy('abc', 'two policies with the same nonce',
    "script-src 'nonce-abc'", "script-src 'nonce-abc' https:");
policy('refused', 'two that ask for different nonces',
    "script-src 'nonce-abc'", "script-src 'nonce-xyz'");
policy('abc', 'two, of which one lets all of the origin in',
    "script-src 'self' 'nonce-xyz'", "script-src 'nonce-abc'");
policy('xyz', 'a second nonce that both know',
    "script-src 'nonce-xyz'", "script-src 'nonce-abc' 'nonce-xyz'");
policy('refused', 'two, of which one lets nothing in',
    "script-src 'self'", "default-src 'none'");
policy('refused', 'two in one header', "script-src 'self', default-src 'none'");
policy('abc', 'two in one header, with a nonce',
    "script-src 'nonce-abc', default-src 'self'");
policy(undef, 'one that only reports',
    "Content-Security-Policy-Report-Only: default-src 'none'");
policy('refused', 'a sandbox', 'sandbox allow-forms');
policy(undef, 'a sandbox with scripts', 'sandbox allow-scripts');
policy('refused', 'more than anyone sends', ("default-src 'self'") x 40);
policy('refused', 'an odd one', ";; ;, ,;script-src\t'none' ;");
policy('a&quot;b', 'a nonce with a quote is escaped',
    "script-src 'nonce-a\"b'");

$t->done;
