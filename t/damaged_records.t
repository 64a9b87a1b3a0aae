# Whatever bytes lie under a visitor's key: the page is served, a record that
# does not decode is begun afresh, and numbers at their limits do no harm.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use Test::More;

plan(skip_all => 'mdb_dump is not installed')
    if system('command -v mdb_dump mdb_load >/dev/null') != 0;

my $t = Onsite::Test->new;
my $page = html_page('x');
$t->write_file('html/index.html', $page);
$t->campaigns(
    (map { Onsite::Test::popup($_, frequency => { cap => 2, per => $_ },
        goal => { event => 'Order Completed', within => '5d' }) }
        qw(hour day week session visitor)),
    Onsite::Test::popup('count', trigger => { event => 'Page Viewed',
        count => 4, within => '2h' }),
    Onsite::Test::popup('added', trigger => { event => 'Product Added' },
        audience => { 'cart.value' => { '$gt' => 0 },
            'session.duration' => { '$gte' => 0 },
            'visitor.first_seen' => { '$gt' => 0 } },
        content => { html => '{{event.properties.sku}}{{cart.value}}' }),
    Onsite::Test::popup('never', priority => 9,
        audience => { 'session.duration' => { '$gt' => 1e9 } }),
);
$t->start;

my @jars = map { {} } 1 .. 60;
for my $jar (@jars) {
    $t->visit('/', jar => $jar) for 1 .. 2;
    $t->post('/onsite/v1/batch', { batch => [ map { { type => 'track',
        event => $_, properties => { sku => 'abc', price => 9.5 } } }
        'Product Added', 'Order Completed', 'Product Added' ] },
        jar => $jar);
}
$t->stop;

# A msgpack value as nested arrays of leaves, and back.
sub take {
    my ($in) = @_;
    my $b = ord substr $$in, 0, 1, '';
    return [ map { take($in) } 1 .. $b & 15 ] if ($b & 0xf0) == 0x90;
    return [ map { take($in) } 1 .. unpack 'n', substr $$in, 0, 2, '' ]
        if $b == 0xdc;
    my $size = $b < 0x80 || $b >= 0xe0 || $b == 0xc0 || $b == 0x80 ? 0
        : ($b & 0xe0) == 0xa0 ? $b & 31
        : { 0xcc => 1, 0xcd => 2, 0xce => 4, 0xcf => 8, 0xd0 => 1, 0xd1 => 2,
            0xd2 => 4, 0xd3 => 8, 0xca => 4, 0xcb => 8 }->{$b};
    my $head = chr $b;
    if (!defined $size && ($b == 0xd9 || $b == 0xc4)) {
        $head .= my $n = substr $$in, 0, 1, '';
        $size = ord $n;
    }
    if (!defined $size && ($b & 0xf0) == 0x80) {
        return \join '', chr $b, map { give(take($in)) } 1 .. 2 * ($b & 15);
    }
    die sprintf 'byte %02x', $b unless defined $size;
    my $leaf = $head . substr $$in, 0, $size, '';
    return \$leaf;
}

sub give {
    my ($v) = @_;
    return $$v if ref $v eq 'SCALAR';
    return (@$v < 16 ? chr(0x90 | @$v) : pack('Cn', 0xdc, scalar @$v))
        . join '', map { give($_) } @$v;
}

sub leaves {
    my ($v) = @_;
    return ref $v eq 'SCALAR' ? $v : map { leaves($_) } @$v;
}

my @extreme = ("\xd3\x80" . "\0" x 7, "\xd3\x7f" . "\xff" x 7, "\xce\xff\xff\xff\xff",
    "\xff", "\0", "\xcf" . "\xff" x 8, "\xd2\x80\0\0\0",
    "\xcb\x7f\xf0" . "\0" x 6);

srand(7);
my $n = 0;
my @damage = (
    sub { join '', map { chr int rand 256 } 1 .. 1 + rand 400 },
    sub { substr $_[0], 0, int rand length $_[0] },
    sub { my $r = $_[0]; substr($r, rand length $r, 1) = chr int rand 256; $r },
    (sub {
        my $v = take(\(my $copy = $_[0]));
        my @numbers = grep { $$_ !~ /^[\xa0-\xc4\xd9]/s } leaves($v);
        my %changed;
        for (1 .. 1 + rand 3) {
            ${ $numbers[2 + rand(@numbers - 2)] } = $extreme[rand @extreme];
        }
        return give($v);
    }) x 5,
);

my ($file) = grep { !/lock/ } glob $t->state_dir . '/*.mdb';
my @dump = split /\n/, `mdb_dump -n -s visitors $file`;
my $data = 0;
for my $i (0 .. $#dump) {
    $data = 1, next if $dump[$i] eq 'HEADER=END';
    next if !$data || $dump[$i] !~ /^ [0-9a-f]+$/ || $data++ % 2;
    my $record = pack 'H*', substr $dump[$i], 1;
    $dump[$i] = ' ' . unpack 'H*', $damage[$n++ % @damage]->($record) || "\0";
}
is($n, 60, 'records are damaged');
$t->write_file('damaged.txt', join "\n", @dump, '');
is(system("mdb_load -n -f $t->{dir}/damaged.txt -s visitors $file 2>/dev/null"),
    0, 'and written back');

$t->start;
for my $jar (@jars) {
    my $r = $t->visit('/', jar => $jar);
    (my $without = $r->{content})
        =~ s{<template.*</template>\s*<script[^>]*></script>}{}s;
    is("$r->{status} $without", "200 $page", 'a page');
    is($t->post('/onsite/v1/batch', { batch => [ map { { type => 'track',
        event => $_, properties => { sku => 'abc', price => 9.5 } } }
        'Product Added', 'Order Completed', 'Product Added' ] },
        jar => $jar)->{status}, 200, 'events');
    $t->visit('/', jar => $jar);
}

my $status = $t->status;
cmp_ok($status->{store}{corrupt}, '>', 10, 'those that do not decode count');
my @lines = $t->error_log =~ /onsite: (.*does not decode.*)/g;
is(scalar @lines, 1, 'and are told once');
is(scalar(grep { $_->{counts}{'Page Viewed'} } $t->state_records),
    $status->{state}{visitors}, 'all are visitors again');

$t->done;
