# What goes into a page: elements that name their campaign, in order, and one
# script that a browser takes only as it was compiled in.

use strict;
use warnings;

use Digest::SHA qw(sha384_base64);
use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use Test::More;

my $t = Onsite::Test->new;
my $page = html_page('<p>x</p>');
my $long = join '', map { "<p>a long literal, part $_</p>" } 1 .. 200;
$t->write_file('html/index.html', $page);
$t->campaigns(
    Onsite::Test::popup('first', priority => 3),
    Onsite::Test::popup('second', priority => 2, channel => 'bar',
        variants => [ { id => 'v1', weight => 1 } ]),
    Onsite::Test::popup('long', priority => 1, channel => 'notification',
        content => { html => "<b>{{event.properties.path}}</b>$long"
            . "<i>{{event.properties.path}}</i>$long<u>end</u>" }),
    Onsite::Test::popup('elsewhere', channel => 'embed', slot => 'a&d'),
);
$t->start(server => <<'END');
        root %%DIR%%/html;
        onsite on;
        location / { }
        location /onsite/ { onsite_collect; }
        location = /status { onsite_status; }
END

my $content = $t->visit('/')->{content};
my ($before, $inserted, $after)
    = $content =~ m{^(.*?)(<template.*</script>)(</body>.*)$}s;
is(($before // '') . ($after // ''), $page, 'cut out, it is the page');

my @templates = $inserted =~ m{(<template.*?</template>)}sg;
is(scalar @templates, 4, 'four campaigns');
like($templates[0], qr{^<template\ data-onsite-campaign="first"
    \ data-onsite-variant=""\ data-onsite-channel="popup"
    \ data-onsite-exposure="[\w.-]{20,}"><h2>first</h2></template>$}x,
    'the first by priority');
like($templates[1], qr{^<template\ data-onsite-campaign="second"
    \ data-onsite-variant="v1"\ data-onsite-channel="bar"
    \ data-onsite-exposure="[^"]+"><h2>second</h2></template>$}x,
    'another with a variant');
is(($templates[2] =~ m{^<template[^>]*>(.*)</template>$}s)[0],
    "<b>/</b>$long<i>/</i>$long<u>end</u>",
    'long literals between what is the visitor\'s own');
like($templates[3], qr{data-onsite-channel="embed"
    \ data-onsite-slot="a&amp;d"
    \ data-onsite-exposure="[^"]+"><h2>elsewhere</h2>}x,
    'an embed without a slot comes along, with a name that is escaped');

my ($script) = $inserted =~ m{(<script.*)$}s;
my ($src, $integrity) = $script =~ m{^<script\ src="(/onsite/onsite\.js\?v=
    [0-9a-f]{16})"\ integrity="(sha384-[^"]+)"\ async\ data-onsite></script>$}x;
ok($src, 'one script') or diag($script);
my $js = $t->get($src);
is($integrity, 'sha384-' . sha384_base64($js->{content}),
    'which is what its integrity says');
like($js->{headers}{'cache-control'}, qr/immutable/, 'kept for ever');
(my $other = $src) =~ s/v=./v=x/;
is($t->get($other)->{headers}{'cache-control'}, 'no-store',
    'under the version of another by nobody');
is($t->get($other)->{content}, $js->{content}, 'but answered');
is($t->get('/onsite/onsite.js')->{headers}{'cache-control'},
    'public, max-age=300', 'for a while without a version');

is($t->status->{injections}{total}, 1, 'one page was changed');

$t->done;
