# Slots: an embed's content goes into the page on the server, in elements and
# between comments; what found no slot goes along for the runtime, and counts as
# shown only when that says so.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use Test::More;

my $t = Onsite::Test->new;

sub embed {
    my ($id, $slot, %more) = @_;
    return Onsite::Test::popup($id, channel => 'embed', slot => $slot,
        content => { html => "<p>$id at {{event.properties.path}}</p>" },
        %more);
}

my $element = '<div id="h" data-onsite-slot="hero" class=x>%s</div>';
my $comment = '<!--onsite:slot side-->%s<!--/onsite:slot-->';
my %page = (
    'both' => html_page("<h1>a</h1>$element<p>b</p>$comment<p>c</p>"),
    'twice' => html_page("$element<p>between</p>$element"),
    'hero' => html_page($element),
    'many' => html_page($element x 70),
    'bad' => html_page('<div data-onsite-slot="hero"><b></div>' x 100
        . "</b>$element"),
    'none' => html_page('<p>no slot here</p>'),
    'template' => html_page("<template>$element</template>"),
    'policy' => html_page($element) =~ s{<title>}{<meta
        http-equiv="Content-Security-Policy" content="script-src 'none'"><title>}r,
    'forbidden' => html_page('<p>x</p>') =~ s{<title>}{<meta
        http-equiv="Content-Security-Policy" content="script-src 'none'"><title>}r,
    'nonce' => html_page('<p>x</p>') =~ s{<title>}{<meta
        http-equiv="Content-Security-Policy" content="script-src 'nonce-abc'"><title>}r,
);
sub origin { my ($name) = @_; return $page{$name} =~ s/%s/<b>default<\/b>/gr }
$t->write_file("html/$_.html", origin($_)) for keys %page;

sub campaigns {
    my ($cap) = @_;
    my %often = (frequency => { cap => $cap, per => 'session' });
    $t->campaigns(embed('hero', 'hero', priority => 3, %often),
        embed('side', 'side', priority => 2, %often),
        Onsite::Test::popup('popup', priority => 1, %often));
}

campaigns(100);
$t->start(server => <<'END');
        root %%DIR%%/html;
        onsite on;
        location / { try_files $uri.html =404; default_type text/html; }
        location /onsite/ { onsite_collect; }
        location = /status { onsite_status; }
END

my %jar;

# What was inserted before </body>, and the page without it.
sub parts {
    my ($name, %o) = @_;
    my $text = $t->visit("/$name", jar => \%jar, %o)->{content};
    $text =~ s{((?:<template\ data-onsite-campaign.*</template>)?
        <script\ src[^>]*></script>)(?=</body>)}{}xs;
    return ($text, $1 // '');
}

sub filled {
    my ($name, @content) = @_;
    my $text = $page{$name};
    $text =~ s/%s/shift @content/e while @content;
    return $text;
}

sub templates {
    my ($inserted) = @_;
    return join ' ', map {
        my ($tag, $content) = m{^<template([^>]*)>(.*)</template>$}s;
        my ($id) = $tag =~ /campaign="(\w+)"/;
        $id . ($tag =~ / data-onsite-filled$/ ? ' filled' : '')
            . ($content eq '' ? ' empty' : '')
            . ($tag =~ /exposure="[\w.-]{20,}"/ ? '' : ' unsigned');
    } $inserted =~ m{(<template.*?</template>)}sg;
}

my ($text, $inserted) = parts('both');
is($text, filled('both', '<p>hero at /both</p>', '<p>side at /both</p>'),
    'an element and a comment: content in place of the default, tags stay');
is(templates($inserted), 'hero filled empty side filled empty popup',
    'the runtime learns of both, to report them');
like($inserted, qr/data-onsite-channel="embed" data-onsite-slot="hero"/,
    'with their slots');

($text, $inserted) = parts('twice');
is($text, filled('twice', ('<p>hero at /twice</p>') x 2),
    'of slots with one name every one is filled');
is(templates($inserted), 'hero filled empty side popup',
    'what has no slot goes along with its content');

($text, $inserted) = parts('many');
is($text, filled('many', ('<p>hero at /many</p>') x 64,
    ('<b>default</b>') x 6), 'up to 64 of them');
($text, $inserted) = parts('bad');
is($text, filled('bad', '<p>hero at /bad</p>'),
    'slots that are not whole stay as they are, those behind them are filled');

for my $name ('none', 'template') {
    ($text, $inserted) = parts($name);
    is($text, origin($name), "$name: nothing is filled");
    is(templates($inserted), 'hero side popup', "$name: all goes along");
}

# a policy of the page's own
my $before = $t->status;
($text, $inserted) = parts('policy');
is($text, filled('policy', '<p>hero at /policy</p>'),
    'a page without scripts: a slot is filled all the same');
is($inserted, '', 'and there is no script');
my $after = $t->status;
is($after->{skips}{csp} - $before->{skips}{csp}, 1, 'skips.csp');
is($after->{injections}{total} - $before->{injections}{total}, 1,
    'something was injected');
($text, $inserted) = parts('forbidden');
is($text, origin('forbidden'), 'without a slot it is as it was');
is($inserted, '', 'entirely');
is($t->status->{injections}{total}, $after->{injections}{total},
    'nothing was injected');
(undef, $inserted) = parts('nonce');
like($inserted, qr/<script [^>]* nonce="abc">/, 'a nonce is known from a meta');

# what counts as shown
sub seen {
    my ($name) = @_;
    my ($page, $end) = parts($name);
    return join ' ', sort(($page =~ m{<p>(\w+) at }g),
        $end =~ m{<template data-onsite-campaign="(\w+)"(?![^>]*-filled)}g);
}

sub count_afresh {
    my $reloads = $t->status->{reloads}{total};
    campaigns(1);
    eventually(5, sub { $t->status->{reloads}{total} > $reloads });
    %jar = ();
}

count_afresh();
is(seen('policy'), 'hero', 'of three campaigns one is shown');
is(seen('both'), 'popup side', 'the other two are there for the next page');
is(seen('both'), '', 'and then no more');

%jar = ();
is(seen('none'), 'hero popup side', 'no slot: a popup, and two that go along');
is(seen('none'), 'hero side', 'those two were not shown');
is(seen('both'), 'hero side', 'they are, where they have a slot');
is(seen('both'), '', 'and then no more');

%jar = ();
(undef, $inserted) = parts('none');
my ($token) = $inserted =~ m{campaign="side"[^>]*exposure="([^"]+)"};
sub viewed {
    my ($id, $exposure) = @_;
    my $r = $t->post('/onsite/beacon', { type => 'track',
        event => 'Promotion Viewed', properties => { promotion_id => $id,
        variant => '', channel => 'embed', exposure => $exposure } },
        jar => \%jar);
    is($r->{status}, 204, "$id is reported");
}
viewed('side', $token);
is(seen('none'), 'hero', 'the runtime has shown one: that counts');
viewed('side', $token);
is(seen('both'), 'hero', 'once');
is(seen('both'), '', 'the other counts where its slot is');

is($t->status->{store}{errors}, 0, 'no errors');

$t->done;
