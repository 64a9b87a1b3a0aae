# Buffers of every kind: small ones, from files, by threads, held back, slow.
# Those that carry no bytes (SSI, slice and gunzip make them) are the trap: used
# again too early, the bytes of the next appear twice.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use Test::More;

my $OURS = qr{<template data-onsite.*?</template>\s*<script[^>]*></script>}s;

my $t = Onsite::Test->new;
my $text = join ' ', 1 .. 6000;
my $page = html_page("<p>$text</p>");
$t->write_file('html/index.html', $page);
$t->write_file('html/small.html', html_page('<p>small</p>'));
$t->write_file('html/ssi.html', html_page(join '', map {
    "<!--#set var=\"a$_\" value=\"" . 'v' x 60 . "\" -->$_\n" } 1 .. 200));
$t->campaigns(Onsite::Test::popup('hello'));
my $up = $t->upstream(sub {
    my ($s) = @_;
    print $s "HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n";
    for (my $i = 0; $i < length $page; $i += 97) {
        print $s substr $page, $i, 97;
    }
});
$t->{expand} = { UP => $up };

# nginx may be built without threads
my ($threads) = grep { /--with-threads/ }
    scalar qx(@{[ $ENV{NGINX_BIN} || '/usr/sbin/nginx' ]} -V 2>&1);

my $server = <<'END';
        onsite on;
        location / { alias %%DIR%%/html/; index index.html; }
        location /sendfile/ { alias %%DIR%%/html/; index index.html; sendfile on; }
        location /chunk/ { alias %%DIR%%/html/; index index.html; sendfile on;
            sendfile_max_chunk 1k; }
        location /threads/ { alias %%DIR%%/html/; index index.html; sendfile on; AIO }
        location /direct/ { alias %%DIR%%/html/; index index.html; directio 512; }
        location /buffers/ { alias %%DIR%%/html/; index index.html; output_buffers 1 64; }
        location /ssi/ { alias %%DIR%%/html/; index index.html; ssi on; output_buffers 1 64; }
        location /ssi-now/ { alias %%DIR%%/html/; index index.html; ssi on; output_buffers 1 64;
            postpone_output 0; }
        location /postponed/ { alias %%DIR%%/html/; index index.html; postpone_output 100k; }
        location /rate/ { alias %%DIR%%/html/; index index.html; limit_rate 40k; }
        location /up/ { proxy_pass http://127.0.0.1:%%UP%%/; }
        location /up-tiny/ { proxy_pass http://127.0.0.1:%%UP%%/;
            proxy_buffer_size 512; proxy_buffers 3 512;
            proxy_busy_buffers_size 512; proxy_max_temp_file_size 0;
            limit_rate 200k; }
        location /up-file/ { proxy_pass http://127.0.0.1:%%UP%%/;
            proxy_buffer_size 1k; proxy_buffers 2 1k;
            proxy_busy_buffers_size 1k; limit_rate 200k; sendfile on; AIO }
        location /up-ssi/ { proxy_pass http://127.0.0.1:%%UP%%/; ssi on; }
        location /up-now/ { proxy_pass http://127.0.0.1:%%UP%%/;
            proxy_buffering off; }
        location /onsite/ { onsite_collect; }
END
my $aio = $threads ? 'aio threads; aio_write on;' : '';
$server =~ s/AIO/$aio/g;
$t->start(server => $server);

sub page_is {
    my ($path, $want) = @_;
    for my $version ('1.0', '1.1') {
        my $raw = $t->raw("GET $path HTTP/$version\r\nHost: localhost\r\n"
            . "Connection: close\r\n\r\n", timeout => 15);
        my ($head, $body) = split /\r\n\r\n/, $raw, 2;
        if ($head =~ /^transfer-encoding: chunked/mi) {
            my $plain = '';
            while ($body =~ s/^([0-9a-f]+)\r\n//i) {
                $plain .= substr $body, 0, hex $1, '';
                $body =~ s/^\r\n//;
            }
            is($body, '', "$path, HTTP/$version: chunks to their end");
            $body = $plain;
        }
        my $n = $body =~ s/$OURS//g;
        is($n || 0, 1, "$path, HTTP/$version: inserted once");
        ok($body eq $want, "$path, HTTP/$version: else the page")
            or diag(length($body) . ' bytes, not ' . length $want);
    }
}

my $ssi = html_page(join '', map { "$_\n" } 1 .. 200);
page_is("/$_", $page) for '', qw(sendfile/ chunk/ threads/ direct/ buffers/
    postponed/ rate/ up/ up-tiny/ up-file/ up-ssi/ up-now/);
page_is("/$_/small.html", html_page('<p>small</p>'))
    for qw(sendfile threads postponed rate buffers);
page_is("/$_/ssi.html", $ssi) for qw(ssi ssi-now);

$t->done;
