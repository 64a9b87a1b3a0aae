# The state says no while timers are due: nothing is half done, it is counted
# and told once, and each fires once when the state works again.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Outbox;
use Onsite::Test;
use Test::More;
use Time::HiRes qw(sleep);

my $library = Onsite::Test::build_dir() . '/t/mdb_fails.so';
plan(skip_all => "$library is not built") unless -e $library;

{
    no warnings 'redefine';
    my $preload = \&Onsite::Test::preload;
    *Onsite::Test::preload = sub { $preload->() . " $library" };
}

my $t = Onsite::Test->new;
$t->campaigns(abandoned('500ms', content => { data => {
    who => '{{cart.skus}}' } }));
my $works = sub { $t->write_file('fault', '') };
$ENV{ONSITE_MDB_FAILS} = $t->dir . '/fault';
$works->();
$t->start(workers => 2, state => 'size=16m shards=2');

my $n = 0;
for my $fault ('b 5', 'p -30792', 'c 28', 'p 12') {
    my @ids = map { 'v-' . $n++ } 1 .. 50;
    is($t->post('/onsite/v1/batch', { batch => [map { { type => 'track',
        event => 'Product Added', anonymousId => $_, properties => {
        sku => $_, price => 1 } } } @ids] })->{status}, 200, 'carts');

    $t->write_file('fault', "$fault\n");
    sleep 0.9;
    is(scalar(outbox($t)), $n - 50, "fault $fault: nothing fires");
    my $s = $t->status;
    is($s->{timers}{pending}, 50, 'all wait');
    cmp_ok($s->{timers}{late_seconds}, '>', 0.1, 'late');
    cmp_ok($s->{store}{errors}, '>', 0, 'and counted');

    $works->();
    ok(eventually(3, sub { $t->status->{timers}{pending} == 0 }),
        'then they fire');
    is(scalar(outbox($t)), $n, 'once');
}

my %times;
$times{$_->{data}{who}[0]}++ for outbox($t);
is(scalar(grep { $_ != 1 } values %times), 0, 'each once');
my @told = $t->error_log =~ /(\[error\].*onsite: state)/g;
cmp_ok(scalar @told, '<=', 2, 'told once a worker and minute');
cmp_ok(scalar @told, '>=', 1, 'at least');

$t->done;
