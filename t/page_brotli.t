# Debian's brotli filter, loaded before us and after us: either way the page
# that arrives is the changed one or, where we could not read it, the origin's.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use Test::More;

my $BROTLI = '/usr/lib/nginx/modules/ngx_http_brotli_filter_module.so';

plan(skip_all => 'no packaged brotli filter for this nginx')
    if $ENV{NGINX_BIN} || !-e $BROTLI;
plan(skip_all => 'curl does not know brotli')
    if `curl --version` !~ /\bbrotli\b/;

my $page = html_page('<p>' . join(' ', map { "word $_" } 1 .. 9000) . '</p>');

for my $order ('before', 'after') {
    my $t = Onsite::Test->new;
    my ($ours, $theirs) = ($t->module, $BROTLI);
    $t->write_file('html/index.html', $page);
    $t->campaigns(Onsite::Test::popup('hello'));

    my $conf = $t->conf_text(server => <<'END');
        root %%DIR%%/html;
        onsite on;
        gzip on; brotli on; brotli_min_length 1;
        location / { }
        location /onsite/ { onsite_collect; }
        location = /status { onsite_status; }
END
    my $before = $order eq 'before' ? 1 : 0;
    $conf =~ s/^load_module .*$/join "\n", map { "load_module $_;" }
        $before ? ($theirs, $ours) : ($ours, $theirs)/me;
    $t->start(conf => $conf);

    my $url = 'http://127.0.0.1:' . $t->port . '/';
    my $head = $t->dir . '/tmp/head';
    my $got = `curl -s --compressed -D $head -H 'Sec-Fetch-Dest: document' $url`;
    like(Onsite::Test::read_file($head), qr/^content-encoding: br/mi,
        "brotli loaded $order us: compresses");
    my $n = $got =~ s{<template data-onsite.*?</template>\s*<script[^>]*></script>}{}s;
    ok($got eq $page, 'else the page, byte for byte');
    is($n || 0, $before, $before ? 'inserted' : 'nothing to insert into');
    my $status = $t->status;
    is($status->{injections}{total}, $before, 'as counted');
    is($status->{skips}{encoded}, 1 - $before, 'skips.encoded');
    my $warned = () = ($t->error_log . Onsite::Test::read_file(
        $t->dir . '/logs/stderr.log')) =~ /brotli_filter.*load_module/g;
    cmp_ok($warned, $before ? '==' : '>=', 1 - $before,
        $before ? 'no warning' : 'the log says what to do');

    $t->stop;
    $t->check_logs;
    $t->{clean} = Test::More->builder->is_passing;
}

done_testing();
