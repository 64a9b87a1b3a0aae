# onsite_status in its three formats.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use Test::More;

my $t = Onsite::Test->new;
$t->write_file('html/index.html', html_page('x'));
$t->campaigns(Onsite::Test::popup('hello', frequency => {
    cap => 1, per => 'visitor' }));
$t->start(server => <<'END');
        root %%DIR%%/html;
        location / { onsite on; }
        location /onsite/ { onsite_collect; }
        location = /status { onsite_status; }
        location = /text { onsite_status text; }
        location = /metrics { onsite_status prometheus; }
END

my %jar;
$t->visit('/', jar => \%jar) for 1 .. 3;
$t->post('/onsite/v1/track', { event => 'A', anonymousId => 'a' });
$t->post('/onsite/v1/track', '{');

my $r = $t->get('/status');
is($r->{headers}{'content-type'}, 'application/json', 'JSON');
my $s = json_decode($r->{content});
is($s->{state}{visitors}, 2, 'state.visitors');
cmp_ok($s->{state}{bytes_used}, '>', 0, 'state.bytes_used');
is($s->{state}{bytes_size}, 32 * 1024 * 1024, 'state.bytes_size');
cmp_ok($s->{state}{bytes_used}, '<', $s->{state}{bytes_size}, 'used < size');
is($s->{events}{total}, 4, 'events.total');
is($s->{events}{rejected}, 1, 'events.rejected');
is($s->{injections}{total}, 1, 'injections.total');
cmp_ok($s->{decisions}{total}, '>=', 3, 'decisions.total');
cmp_ok($s->{snapshot}{version}, '>', 1e12, 'snapshot.version');
cmp_ok($s->{snapshot}{age_seconds}, '>=', 0, 'snapshot.age_seconds');
cmp_ok($s->{snapshot}{age_seconds}, '<', 60, 'which is young');
is($s->{snapshot}{campaigns}, 1, 'snapshot.campaigns');
is(ref $s->{skips}, 'HASH', 'skips by reason');
ok($s->{decide_seconds}, 'decide_seconds');

$r = $t->get('/metrics');
like($r->{headers}{'content-type'}, qr{^text/plain; *version=0\.0\.4},
    'Prometheus text format');
my %value;
my (%type, %help);
for (split /\n/, $r->{content}) {
    if (/^# TYPE (\S+) (\S+)$/) { $type{$1} = $2; next; }
    if (/^# HELP (\S+) \S/) { $help{$1} = 1; next; }
    if (/^([a-zA-Z_:][\w:]*(?:\{[^}]*\})?) ([-+.\w]+)$/) { $value{$1} = $2; next }
    fail("a line that is no metric: $_");
}
is($value{onsite_events_total}, 4, 'onsite_events_total');
is($type{onsite_events_total}, 'counter', 'a counter');
ok($help{onsite_events_total}, 'with a help text');
is($type{onsite_decide_seconds}, 'histogram', 'onsite_decide_seconds');
is($value{'onsite_decide_seconds_bucket{le="+Inf"}'},
    $value{onsite_decide_seconds_count}, 'the last bucket holds all');
my @buckets = map { $value{$_} } sort {
    my ($x, $y) = map { /le="([^"]+)"/ ? ($1 eq '+Inf' ? 9e9 : $1) : 0 }
        $a, $b; $x <=> $y } grep { /^onsite_decide_seconds_bucket/ }
    keys %value;
is_deeply(\@buckets, [ sort { $a <=> $b } @buckets ], 'buckets are cumulative');
for my $name (grep { !/^onsite_decide_seconds/ } map { s/\{.*//r } keys %value) {
    ok($type{$name}, "$name has a type");
    like($name, qr/^onsite_/, 'and our name');
    like($name, qr/_total$/, 'a counter ends in _total')
        if ($type{$name} // '') eq 'counter';
}

$r = $t->get('/text');
like($r->{headers}{'content-type'}, qr{^text/plain}, 'text');
like($r->{content}, qr/visitors\D+2\b/, 'for a person to read');

is($t->get('/status', method => 'POST', content => '')->{status}, 405,
    'GET and HEAD only');

$t->done;
