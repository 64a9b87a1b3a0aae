# `nginx -t` checks everything and touches nothing.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use Test::More;

my $t = Onsite::Test->new;

ok($t->test_conf, 'a good configuration passes');
ok(!-e $t->state_dir, 'and no state was made');

my @bad = (
    ['onsite_state relative;', qr/onsite_state.*absolute/],
    ['onsite_state /x/y size=1k;', qr/size/],
    ['onsite_state /x/y shards=0;', qr/shards/],
    ['onsite_state /x/y colour=red;', qr/colour/],
    ['onsite_state /x/y ttl=soon;', qr/ttl/],
    ['onsite_snapshot relative.mdb;', qr/onsite_snapshot.*absolute/],
);
for (@bad) {
    my ($directive, $message) = @$_;
    my $conf = $t->conf_text;
    if ($directive =~ /^onsite_state/) {
        $conf =~ s/onsite_state [^;]*;/$directive/;
    } else {
        $conf =~ s/(onsite_state [^;]*;)/$1 $directive/;
    }
    my ($ok, $out) = $t->test_conf(conf => $conf);
    ok(!$ok, "$directive is refused");
    like($out, qr/$message/, 'with a word on why');
    like($out, qr/nginx\.conf:\d+/, 'and where');
}

my @server = (
    ['onsite maybe;', qr/maybe/],
    ['onsite_session_timeout never;', qr/invalid/],
    ['onsite_max_body lots;', qr/invalid/],
    ['onsite_max_body 0;', qr/must be positive/],
    ['onsite_cookie "a b";', qr/onsite_cookie/],
    ['onsite_cookie x samesite=perhaps;', qr/samesite/],
    ['onsite_cookie x samesite=none secure=off;', qr/browsers drop/],
    ['onsite_session_timeout 0;', qr/must be positive/],
    ['onsite_consent on;', qr/"on".*tcf, gpp, none, session, full/],
    ['onsite_consent "";', qr/"".*tcf, gpp, none, session, full/],
    ['onsite_consent tcf; onsite_consent gpp;', qr/duplicate/],
);
for (@server) {
    my ($directive, $message) = @$_;
    my ($ok, $out) = $t->test_conf(server =>
        "$directive location /onsite/ { onsite_collect; }");
    ok(!$ok, "$directive is refused");
    like($out, $message, 'with a word on why');
}

my @good = (
    (map { "onsite_consent $_;" } qw(none session full $http_x_consent
        x$http_x_consent tcf gpp)),
    'onsite_cookie x samesite=none;',
    'onsite_cookie x samesite=none secure=on;',
    'onsite_cookie x samesite=lax secure=off;',
    'onsite_session_timeout 1ms;',
);
for my $directive (@good) {
    my ($ok, $out) = $t->test_conf(server =>
        "$directive location /onsite/ { onsite_collect; }");
    ok($ok, "$directive is accepted") or diag($out);
}

$t->done;
