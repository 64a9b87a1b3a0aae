# Internal redirects in every form: the page is seen once, and gets what was
# decided once.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use Test::More;

my $OURS = qr{<template data-onsite.*?</template>\s*<script[^>]*></script>}s;

my $t = Onsite::Test->new;
my $page = html_page('<p>The page</p>');
$t->write_file("html/$_", $page) for qw(index.html page.html dir/index.html);
$t->write_file('html/sorry.html', html_page('<p>Sorry</p>'));
$t->campaigns(Onsite::Test::popup('hello'));

my $up = $t->upstream(sub {
    my ($s, $head) = @_;
    my ($path) = $head =~ m{^\w+ (\S+)};
    print $s $path eq '/page' ? "HTTP/1.0 200 OK\r\nContent-Type: text/html"
            . "\r\n\r\n$page"
        : $path eq '/accel' ? "HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n"
            . "X-Accel-Redirect: /internal/page.html\r\n"
            . "Set-Cookie: shop=1\r\n\r\nx"
        : $path eq '/named' ? "HTTP/1.0 200 OK\r\n"
            . "X-Accel-Redirect: \@named\r\n\r\nx"
        : "HTTP/1.0 503 Service Unavailable\r\nContent-Type: text/html\r\n"
            . "\r\n$page";
});
$t->{expand} = { UP => $up };

# $onsite_campaign is read before the redirect, too: decided early, once
$t->start(server => <<'END');
        root %%DIR%%/html;
        onsite on;
        location / { }
        location /up/ { proxy_pass http://127.0.0.1:%%UP%%/;
            proxy_set_header X-Campaign $onsite_campaign; }
        location /internal/ { internal; alias %%DIR%%/html/; }
        location @named { rewrite ^ /page.html break; }
        location @origin { rewrite ^ /page break;
            proxy_pass http://127.0.0.1:%%UP%%; }
        location = /try { try_files /nowhere /page.html; }
        location = /try-named { try_files /nowhere @origin; }
        location = /rewritten { rewrite ^ /page.html; }
        location = /thrice { rewrite ^ /rewritten; }
        location = /named { error_page 404 = @named; return 404; }
        location = /fallback { error_page 404 503 = @origin;
            proxy_intercept_errors on;
            proxy_set_header X-Campaign $onsite_campaign;
            proxy_pass http://127.0.0.1:%%UP%%/broken; }
        location = /recursive { recursive_error_pages on;
            error_page 403 = /recursive2; return 403; }
        location = /recursive2 { internal; recursive_error_pages on;
            error_page 404 = @origin; return 404; }
        location = /sorry { error_page 503 /sorry.html; return 503; }
        location = /passed { proxy_pass http://127.0.0.1:%%UP%%/broken; }
        location = /other { return 302 /page.html; }
        location = /denied { error_page 403 =200 /page.html; deny all; }
        location = /if { if ($arg_x = 1) { rewrite ^ /page.html last; } }
        location /onsite/ { onsite_collect; }
        location = /status { onsite_status; }
END

my $views = 0;

sub seen {
    my ($path, $n, $status) = @_;
    my $r = $t->visit($path);
    is($r->{status}, $status // 200, "$path: $r->{status}");
    my $found = () = $r->{content} =~ /$OURS/g;
    is($found, $n, "$path: inserted $n");
    $views += $n;
    is($t->status->{events}{total}, $views, "$path: counted $n");
    my $cookies = $r->{headers}{'set-cookie'} // [];
    $cookies = [$cookies] unless ref $cookies;
    is(scalar(grep { /^onsite_id=/ } @$cookies), $n, "$path: cookies");
    return $r;
}

seen($_, 1) for qw(/ /dir/ /try /try-named /rewritten /thrice /named
    /fallback /recursive /denied /if?x=1 /up/page);
my $r = seen('/up/accel', 1);
is(scalar(grep { /^shop=1/ } @{ $r->{headers}{"set-cookie"} || [] }), 1,
    "the origin's cookie stays beside ours");
seen('/up/named', 1);
seen('/sorry', 0, 503);
seen('/passed', 0, 503);
seen('/up/broken', 0, 503);
seen('/other', 0, 302);

my @lines;
eventually(3, sub { @lines = split /\n/, $t->access_log;
    grep { m{GET /other } } @lines });
my ($fallback) = grep { m{GET /fallback } } @lines;
like($fallback, qr/\|200\|hello\|/, 'the log tells what was shown');
my ($sorry) = grep { m{GET /sorry } } @lines;
like($sorry, qr/\|503\|-?\|/, 'and nothing for an error');

$t->done;
