# A clock that is set forth and back: timers fire when it comes to their time,
# and exactly once.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Outbox;
use Onsite::Test;
use Test::More;
use Time::HiRes qw(sleep);

my ($faketime) = glob '/usr/lib/*/faketime/libfaketime.so.1';
plan(skip_all => 'libfaketime is not installed') unless $faketime;
plan(skip_all => 'libfaketime and a sanitizer do not go together')
    if ($ENV{FLAVOUR} // '') eq 'asan';

my $t = Onsite::Test->new;
$t->campaigns(abandoned('4h', content => { data => {
    who => '{{cart.skus}}' } }));

# the time that nginx sees, standing still
sub at { $t->write_file('now', "2026-10-20 $_[0]\n") }
at('12:00:00');

{
    no warnings 'redefine';
    my $preload = \&Onsite::Test::preload;
    *Onsite::Test::preload = sub { $preload->() . " $faketime" };
}
@ENV{qw(FAKETIME_TIMESTAMP_FILE FAKETIME_NO_CACHE TZ
    FAKETIME_DONT_FAKE_MONOTONIC)} = ($t->dir . '/now', 1, 'UTC', 1);
my %conf = (main => join "\n", map { "env $_;" }
    qw(FAKETIME_TIMESTAMP_FILE FAKETIME_NO_CACHE FAKETIME_DONT_FAKE_MONOTONIC));
$t->start(%conf);

sub event {
    my ($id, $name) = @_;
    is($t->post('/onsite/v1/track', { event => $name, anonymousId => $id,
        properties => { sku => $id, price => 1 } })->{status}, 200,
        "$id: $name");
}

# who was told of, in order, after the timers had time to fire
sub told {
    sleep 0.4;
    return join ' ', map { $_->{data}{who}[0] } outbox($t);
}

event('first', 'Product Added');
event('second', 'Product Added');
is($t->status->{timers}{pending}, 2, 'two wait');

at('15:59:59');
is(told(), '', 'a second before');
event('second', 'Page Read');
at('16:00:00');
is(told(), 'first', 'at the moment');
is($t->status->{timers}{pending}, 1, 'one waits still');

# back: what fired does not fire again, what waits waits on
at('11:00:00');
is(told(), 'first', 'five hours back, nothing');
event('third', 'Product Added');
at('16:00:00');
is(told(), 'first third', 'the same moment again, for whom it is new');

# back within what a visitor's clock is held for, then forth over all
at('15:30:00');
event('fourth', 'Product Added');
at('15:00:00');
event('fourth', 'Page Read');
at('19:29:59');
is(told(), 'first third', 'a visitor whose clock stands still waits');
at('23:00:00');
is(told(), 'first third fourth second', 'in the order of their time')
    or diag(explain [outbox($t)]);
is($t->status->{timers}{pending}, 0, 'none waits');

at('12:00:00');
is(told(), 'first third fourth second', 'and back once more');
$t->reload;
$t->stop;
$t->start(%conf);
at('23:59:59');
is(told(), 'first third fourth second', 'over a reload and a restart');

# what is late fires with the visitor's own event, or before it; not twice
at('00:00:00');
event('fifth', 'Product Added');
at('05:00:00');
event('fifth', 'Page Read');
is((split ' ', told())[-1], 'fifth', 'late, and there with the next event');
is($t->status->{timers}{pending}, 0, 'no entry is left');
event('fifth', 'Product Added');
is($t->status->{timers}{pending}, 1, 'and one is made anew');
event('fifth', 'Order Completed');
at('10:00:00');
is(scalar(split ' ', told()), 5, 'once');

my %id = map { $_->{id} => 1 } outbox($t);
is(scalar keys %id, 5, 'each has its id');
is_deeply([map { $_->{time} } outbox($t)],
    [map { "2026-10-20T$_.000Z" } '16:00:00', '15:00:00', '19:30:00',
        '19:59:59', '04:00:00'], 'and the time when it was due');

$t->done;
