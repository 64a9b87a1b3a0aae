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

my $early = $t->conf_text;
$early =~ s{(onsite_state [^;]*;)}{$1 onsite_snapshot /nonexist/a/x.mdb;};
my ($passes, $said) = $t->test_conf(conf => $early);
ok($passes, 'the folder of the snapshot may come later');
like($said, qr{\[warn\].*"/nonexist/a/x\.mdb": its folder "/nonexist/a".*:\d+},
    'but is warned of');
$early =~ s{/nonexist/a/x\.mdb}{/x.mdb};
unlike(($t->test_conf(conf => $early))[1], qr/its folder/, 'the root is one');

my @server = (
    ['onsite onn;', qr/"onn" of "onsite": it is on, off or dry_run in/],
    ['onsite_gpc maybe;', qr/"maybe" of "onsite_gpc": it is on or off in/],
    (map { ["onsite_allow_origin $_;",
        qr/invalid origin "\Q$_\E".*scheme.*"https:/] }
        'shop.example', 'https://shop.example/', 'https://', '://shop.example',
        '//shop.example'),
    ['onsite_allow_origin * shop.example;', qr/"shop.example"/],
    ['onsite_types html;', qr/invalid type "html".*"text\/html"/],
    ['onsite_types text/plain xml;', qr/invalid type "xml"/],
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
    (map { "onsite $_;" } qw(on off dry_run ON)),
    'onsite_allow_origin https://a.example http://b.example:8080 * null;',
    'onsite_types application/xhtml+xml;', 'onsite_types *;',
);
for my $directive (@good) {
    my ($ok, $out) = $t->test_conf(server =>
        "$directive location /onsite/ { onsite_collect; }");
    ok($ok, "$directive is accepted") or diag($out);
}

# what is XML nothing goes into
for ('application/xhtml+xml', 'text/xml', 'image/svg+XML') {
    my ($ok, $out) = $t->test_conf(server => "onsite_types text/x-own $_;");
    like($out, qr/\[warn\].*"\Q$_\E".*skips\.xml.*nginx\.conf:\d+/,
        "$_ is warned of");
}
my (undef, $types) = $t->test_conf(server => 'onsite_types text/x-xml *;');
unlike($types, qr/skips\.xml/, 'text/x-xml is not');

# what is of no use without another
my $on = 'onsite on; location /onsite/ { onsite_collect; }';
my ($ok, $out) = $t->test_conf(server => $on, snapshot => 1);
ok($ok && $out !~ /warn/, 'all there: no warning') or diag($out);
($ok, $out) = $t->test_conf(server => $on);
ok($ok, 'without a snapshot it starts');
is(() = $out =~ /\[warn\].*no "onsite_snapshot": there are no campaigns/g, 1,
    'with a warning');
($ok, $out) = $t->test_conf(server => $on =~ s/onsite on;//r);
ok($ok && $out !~ /warn/, 'where it only collects there is none');
(my $conf = $t->conf_text(server => $on, snapshot => 1))
    =~ s/onsite_state [^;]*;//;
($ok, $out) = $t->test_conf(conf => $conf);
like($out, qr/\[warn\].*no "onsite_state"/, 'nor is state missed in silence');

$t->done;
