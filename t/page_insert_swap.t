# Slow clients get the campaigns of the snapshot that was live when their page
# began, byte for byte, whatever has become of that since; what is held on to
# for them is bounded, and let go of when they are done.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::INET;
use Onsite::Test;
use Test::More;
use Time::HiRes qw(sleep);

use constant SNAPSHOTS => 7;

my $t = Onsite::Test->new;
$t->write_file('html/index.html', html_page('x'));

sub content_of { join '', map { "<p>$_[0]: paragraph $_</p>" } 1 .. 1800 }

sub publish {
    my ($name) = @_;
    my $reloads = $t->{pid} ? $t->status->{reloads}{total} : 0;
    $t->campaigns(map { Onsite::Test::popup("$name-$_", priority => $_,
        content => { html => "<b>{{event.properties.path}}</b>"
            . content_of("$name-$_") }) } 1 .. 3);
    return if !$t->{pid};
    ok(eventually(10, sub { $t->status->{reloads}{total} > $reloads }),
        "$name is live");
}

publish('first');
$t->start(state => 'size=64m', server => <<'END');
        onsite on;
        location / { root %%DIR%%/html; limit_rate 60k; }
        location /fast/ { alias %%DIR%%/html/; }
        location /onsite/ { onsite_collect; }
        location = /status { onsite_status; }
END

sub maps {
    my ($worker) = $t->workers;
    my %files = map { $_ => 1 } Onsite::Test::read_file("/proc/$worker/maps")
        =~ m{(\S*snapshot-\S+\.mdb)}g;
    return scalar keys %files;
}

sub ask {
    my ($name) = @_;
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1:' . $t->port,
        Proto => 'tcp') or die $!;
    print $s "GET / HTTP/1.0\r\nHost: localhost\r\n\r\n";
    my $text = '';
    while ($text !~ /<template/) {
        sysread $s, $text, 4096, length $text or die "no page";
    }
    return { name => $name, socket => $s, text => $text };
}

sub finish {
    my ($c) = @_;
    my $s = $c->{socket};
    1 while sysread $s, $c->{text}, 65536, length $c->{text};
    my @got = $c->{text} =~ m{<template[^>]*>(.*?)</template>}sg;
    my @expected = map { "<b>/</b>" . content_of("$c->{name}-$_") } 3, 2, 1;
    is(scalar @got, 3, "$c->{name}: three campaigns");
    ok("@got" eq "@expected", "$c->{name}: as they were");
    like($c->{text}, qr{</body></html>\n$}, "$c->{name}: and all of the page");
}

my @clients = ask('first');
for my $i (2 .. SNAPSHOTS) {
    publish("snapshot$i");
    push @clients, ask("snapshot$i");
}
publish('last');

cmp_ok(maps(), '<=', 6, 'no more than five old snapshots are held');
is(($t->visit('/fast/')->{content} =~ /campaign="(\w+)-3"/)[0], 'last',
    'the last one is live');

# one leaves in the middle
close((splice @clients, 1, 1)->{socket});

finish($_) for @clients;
ok(eventually(10, sub { maps() == 1 }), 'then all old ones are let go of')
    or diag(maps());

# a worker that is told to go finishes its pages first
my $slow = ask('last');
$t->reload;
publish('after');
finish($slow);
is($t->status->{store}{errors}, 0, 'no errors');

# one that is told to go at once does so with what it holds
ask('after');

$t->done;
