# A page that passes two of us is counted and changed by the one next to the
# origin.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use Test::More;

my $OURS = qr{<template data-onsite.*?</template>\s*<script[^>]*></script>}s;

my $t = Onsite::Test->new;
my $page = html_page('<p>x</p>');
$t->write_file("html/$_.html", $page) for qw(shown else);
$t->campaigns(Onsite::Test::popup('hello', trigger => {
    event => 'Page Viewed', where => { path => { '$regex' => 'shown' } } }));
$t->{expand} = { INNER => Onsite::Test::free_port() };
$t->start(http => 'onsite on;', server => <<'END', servers => <<'END2');
        location / { proxy_pass http://127.0.0.1:%%INNER%%; }
        location /onsite/ { onsite_collect; }
        location = /status { onsite_status; }
END
    server {
        listen 127.0.0.1:%%INNER%%;
        root %%DIR%%/html;
        location / { }
        location /onsite/ { onsite_collect; }
    }
END2

my %jar;
my $r = $t->visit('/shown.html', jar => \%jar);
my $n = () = $r->{content} =~ /$OURS/g;
is($n, 1, 'inserted once');
(my $rest = $r->{content}) =~ s/$OURS//;
is($rest, $page, 'else the page');
is(ref $r->{headers}{'set-cookie'}, '', 'one cookie');
my $status = $t->status;
is($status->{events}{total}, 1, 'counted once');
is($status->{injections}{total}, 1, 'one injection');
is($status->{skips}{marked}, 1, 'skips.marked');

$r = $t->visit('/else.html', jar => \%jar);
is($r->{content}, $page, 'nothing to show');
is($t->status->{events}{total}, 2, 'counted once, too');
is_deeply([map { $_->{counts}{'Page Viewed'} } $t->state_records], [2],
    "in the visitor's record, too");

# a copy from before both of us
$r = $t->visit('/else.html', jar => \%jar,
    headers => { 'if-modified-since' => 'Fri, 01 Jan 2038 00:00:00 GMT' });
$r = $t->visit('/else.html', jar => \%jar, headers => {
    'if-modified-since' => $t->get('/else.html', method => 'HEAD')
        ->{headers}{'last-modified'} });
is($r->{status}, 304, 'nothing new');
is($t->status->{events}{total}, 4, 'counted once');

$t->done;
