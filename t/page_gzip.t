# Compressors before and behind us: the page that arrives is the changed one,
# whole, and an order in which we cannot read it changes nothing.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Uncompress::Gunzip qw(gunzip);
use IO::Compress::Gzip qw(gzip);
use Onsite::Test;
use Test::More;

my $page = html_page('<p>' . join(' ', map { "word $_" } 1 .. 9000) . '</p>');
my $OURS = qr{<template data-onsite.*?</template>\s*<script[^>]*></script>}s;

sub cut { my ($content) = @_; my $n = $content =~ s/$OURS//g; ($n || 0, $content) }

sub body_of {
    my ($r) = @_;
    return $r->{content} if !$r->{headers}{'content-encoding'};
    gunzip(\$r->{content}, \my $plain) or return 'not gzip';
    return $plain;
}

sub whole {
    my ($r, $what, $inserted, $encoding) = @_;
    is($r->{headers}{'content-encoding'} // '', $encoding, "$what: encoding");
    my ($n, $rest) = cut(body_of($r));
    is($n, $inserted, "$what: inserted $inserted");
    ok($rest eq $page, "$what: else the page, byte for byte");
}

my $t = Onsite::Test->new;
$t->write_file('html/index.html', $page);
$t->campaigns(Onsite::Test::popup('hello'));
my $up = $t->upstream(sub {
    my ($s, $head) = @_;
    gzip(\$page, \my $body);
    my $coded = $head =~ m{^GET /gz};
    print $s "HTTP/1.0 200 OK\r\nContent-Type: text/html\r\nVary: X-One\r\n"
        . ($coded ? "Content-Encoding: gzip\r\n" : '') . "\r\n"
        . ($coded ? $body : $page);
});
$t->{expand} = { UP => $up };
my %gzip = (headers => { 'accept-encoding' => 'gzip' });

$t->start(server => <<'END');
        root %%DIR%%/html;
        onsite on;
        gzip on; gzip_min_length 1; gzip_proxied any; gzip_vary on;
        location / { }
        location /up/ { proxy_pass http://127.0.0.1:%%UP%%/; }
        location /direct/ { proxy_pass http://127.0.0.1:%%UP%%/; proxy_buffering off; }
        location /inflate/ { gunzip on; proxy_pass http://127.0.0.1:%%UP%%/; }
        location /clear/ { proxy_set_header Accept-Encoding "";
            proxy_pass http://127.0.0.1:%%UP%%/; }
        location /onsite/ { onsite_collect; }
        location = /status { onsite_status; }
END

for my $path ('/', '/up/plain', '/direct/plain', '/clear/plain') {
    my $r = $t->visit($path, %gzip);
    whole($r, "gzip on, $path", 1, 'gzip');
    my $vary = $r->{headers}{vary};
    like(join(',', ref $vary ? @$vary : $vary), qr/Accept-Encoding/, 'Vary');
    whole($t->visit($path), "no gzip accepted, $path", 1, '');
}
my $vary = $t->visit('/up/plain')->{headers}{vary};
like(join(',', ref $vary ? @$vary : $vary), qr/X-One/, "the origin's Vary stays");

for my $path ('/up/gz', '/direct/gz', '/inflate/gz', '/clear/gz') {
    whole($t->visit($path, %gzip), "gzip from the upstream, $path", 1, 'gzip');
    whole($t->visit($path), "the same, gzip not accepted, $path", 1, '');
}
is($t->status->{skips}{encoded} // 0, 0, 'and nothing is skipped for it');
$t->done;
