# onsite_status in its three formats.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use JSON::PP;
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

# what is compared below stands still from then on
ok(eventually(10, sub { $t->status->{timers}{owner} }),
    'a worker has the timers');

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
like($s->{build}{version}, qr/^\d+\.\d+\.\d+$/, 'build.version');
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

my %text = map { /^(\S+) (\S+)$/ ? ($1 => $2) : () }
    split /\n/, $r->{content};

# every leaf of the JSON, as "state.visitors" with its value
sub leaves {
    my ($value, @path) = @_;
    return (join('.', @path) => $value) if ref $value ne 'HASH';
    return map { leaves($value->{$_}, @path, $_) } sort keys %$value;
}

# what it is called as a metric
sub metric {
    my ($leaf) = @_;
    my %other = (
        'state.bytes_used' => 'state_used_bytes',
        'state.bytes_size' => 'state_size_bytes',
        'reloads.total' => 'snapshot_reloads_total',
        'reloads.errors' => 'snapshot_reload_errors_total',
        'store.corrupt' => 'state_corrupt_records_total',
    );
    return "onsite_$other{$leaf}" if $other{$leaf};
    return "onsite_skips_total{reason=\"$1\"}" if $leaf =~ /^skips\.(.*)/;
    return "onsite_campaign_skips_total{reason=\"$1\"}"
        if $leaf =~ /^reasons\.(.*)/;
    return "onsite_decide_seconds_bucket{le=\"$1\"}"
        if $leaf =~ /^decide_seconds\.buckets\.(.*)/;
    return "onsite_state_$1_total"
        if $leaf =~ /^s(?:tate|tore)\.(evictions|expired|full|errors|reaped|replaced)$/;
    return "onsite_$1_$2_total"
        if $leaf =~ /^(events|decisions|timers|outbox|roaming|noise|identity|privacy)\.
            (rejected|shed|shown|fired|refused|erased|bots|prefetch|duplicates
            |skewed|forged|dropped|links|swept|erasures|wanted)$/x;
    return "onsite_build_info{version=\"$text{$leaf}\"}"
        if $leaf eq 'build.version';
    return 'onsite_' . $leaf =~ s/\./_/r;
}

my %leaf = leaves($s);
is(scalar keys %text, scalar keys %leaf, 'text has a line for each of the JSON');
is(scalar keys %value, scalar keys %leaf, 'and Prometheus a metric');
for my $leaf (sort keys %leaf) {
    ok(exists $text{$leaf}, "$leaf as text");
    ok(exists $value{metric($leaf)}, "$leaf as a metric")
        or diag(metric($leaf));
    next if $leaf =~ /age_seconds|bytes_used|readers|^build/;
    my $is = JSON::PP::is_bool($leaf{$leaf}) ? $leaf{$leaf} + 0 : $leaf{$leaf};
    cmp_ok($value{metric($leaf)}, '==', $is, 'of the same value');
    cmp_ok($text{$leaf} =~ s/^true$/1/r, '==', $is, 'in both');
}

is($t->get('/status', method => 'POST', content => '')->{status}, 405,
    'GET and HEAD only');

$t->done;
