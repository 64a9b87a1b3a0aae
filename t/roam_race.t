# Roaming, who comes first: a machine that asks before another has put what it
# knows asks again, and puts nothing of its own before.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Nats;
use Onsite::Roam;
use Onsite::Test;
use Test::More;
use Time::HiRes qw(sleep time);

my $SERVER = <<'END';
        location / { root %%DIR%%/html; onsite on; }
        location /onsite/ { onsite_collect; }
        location = /status { onsite_status; }
END

my %pop;
for my $name (qw(a b c)) {
    my $t = $pop{$name} = Onsite::Test->new;
    $t->write_file('html/index.html', html_page('x'));
    $t->write_file('key', 'a key that all machines have, 32 bytes and more');
    $t->campaigns({ id => 'x', channel => 'popup', content => { html => 'x' },
        trigger => { event => 'X' } });
    $t->start(server => $SERVER, state => 'size=16m',
        http => 'onsite_key_file %%DIR%%/key; onsite_roaming on;');
}
my ($ta, $tb, $tc) = @pop{qw(a b c)};
my $nats = Onsite::Nats->new($ta)->start;
roams_with($nats);

# A page and an event.
sub visit {
    my ($t, $jar, $event) = @_;
    $t->visit('/', jar => $jar)->{status} == 200 or die;
    $t->post('/onsite/v1/track', { event => $event },
        jar => $jar)->{status} == 200 or die;
}

sub last_put { $nats->info('KV_onsite_visitors')->{state}{last_seq} }

is(roam($ta, '--once', '--create-bucket'), 0, 'a bucket');

# NATS was away, and B's sidecar is there before A's
$nats->stop;
my %first;
visit($ta, \%first, 'Ev A');
visit($tb, \%first, 'Ev B');
$nats->start;
my $at = last_put();
start_roam($tb);
sleep 0.7;
is(last_put(), $at, 'B has asked, and puts nothing of its own');
is(waiting($tb), 2, 'it waits: wanted, and held back');
start_roam($ta);
comes($tb, \%first, 'Ev A=1 Ev B=1 Page Viewed=2', 'what A puts then joins');
ok(eventually(10, sub { settled($ta, $tb) }), 'settled');
is(counts($ta, \%first), 'Ev A=1 Page Viewed=1', 'A has what it had');
start_roam($tc);
visit($tc, \%first, 'Ev C');
comes($tc, \%first, 'Ev A=1 Ev B=1 Ev C=1 Page Viewed=3',
    'a third machine gets all');

# the sidecars were there all the time, and come back as they do
my @out = map { {} } 1 .. 6;
$nats->kill;
for my $jar (@out) {
    visit($ta, $jar, 'Ev A');
    visit($tb, $jar, 'Ev B');
}
sleep 0.5;
$nats->start;
comes($tb, $_, 'Ev A=1 Ev B=1 Page Viewed=2', 'after an outage') for @out;
ok(eventually(15, sub { settled($ta, $tb) }), 'settled');
visit($tc, $_, 'Ev C') for @out;
comes($tc, $_, 'Ev A=1 Ev B=1 Ev C=1 Page Viewed=3', 'all of it')
    for @out;

# from A to B at once
my @hop = map { {} } 1 .. 8;
for my $jar (@hop) {
    visit($ta, $jar, 'Ev A');
    visit($tb, $jar, 'Ev B');
}
comes($tb, $_, 'Ev A=1 Ev B=1 Page Viewed=2', 'a hop') for @hop;
is(counts($ta, $_), 'Ev A=1 Page Viewed=1', 'A as before') for @hop;
ok(eventually(15, sub { settled($ta, $tb) }), 'settled');
visit($tc, $_, 'Ev C') for @hop;
comes($tc, $_, 'Ev A=1 Ev B=1 Ev C=1 Page Viewed=3', 'all of it')
    for @hop;

# a cookie that nobody knows any more: a handful of questions, then ours is put
sub unknown {
    my ($jar) = @_;
    stop_roam($tc) if roamer($tc);
    visit($tc, $jar, 'Lost');
}
ok(eventually(10, sub { settled($tc) }), 'settled');
my $asked = $nats->subscribe('$JS.API.STREAM.MSG.GET.KV_onsite_visitors');
unknown(\my %lost);
visit($ta, \%lost, 'Ev A');
$at = last_put();
sleep 1;
is(last_put(), $at, 'nothing is put as long as it may come');
ok(eventually(10, sub { settled($ta) }), 'in the end it is');
is(last_put(), $at + 1, 'once');
my $n = 0;
$n++ while $asked->(0.3);
is($n, 6, 'after six questions');
is(counts($ta, \%lost), 'Ev A=1 Page Viewed=1', 'with what is known here');

# nobody knows it, and it is met by two at once: the second one to put joins
unknown(\my %both);
for my $t ($ta, $tb) {
    visit($t, \%both, $t == $ta ? 'Ev A' : 'Ev B');
}
ok(eventually(10, sub { settled($ta, $tb) }), 'both are done');
my %have = map { counts($_, \%both) => 1 } $ta, $tb;
ok($have{'Ev A=1 Ev B=1 Page Viewed=2'}, 'one has all')
    or diag join ', ', keys %have;
stop_roam($ta, $tb);

# once: it asks once more
unknown(\my %exact);
visit($ta, \%exact, 'Ev A');
visit($tb, \%exact, 'Ev B');
my $began = time;
my ($code, $out) = roam($ta, '--once', '--json');
is($code, 0, 'once ends');
cmp_ok(time - $began, '<', 5, 'soon');
is(json_decode($out)->{unknown}, 1, 'and tells that nobody knew it');
($code, $out) = roam($tb, '--once', '--json');
is($code, 0, 'once at B');
is(json_decode($out)->{merged}, 1, 'finds it');
is(counts($tb, \%exact), 'Ev A=1 Ev B=1 Page Viewed=2', 'and joins it once');

# who wants to be remembered less meanwhile is kept from others
start_roam($ta);
$at = last_put();
unknown(\my %less);
visit($ta, \%less, 'Ev A');
is($ta->post('/onsite/consent', { consent => 'session' },
    jar => \%less)->{status}, 200, 'for the session only from now on');
ok(eventually(10, sub { settled($ta) }), 'settled');
is(last_put(), $at, 'nothing was put');

# a record, and an erasure, of a time to come
sub latest {
    my ($latest) = $nats->messages('KV_onsite_visitors', last_put());
    return $latest;
}
my $seen = qr/^(..)\xcf.{8}/s;
my $of = sub { $_[0]{data} =~ s/$seen/$1 . "\xcf" . pack 'Q>', $_[1]/er };
visit($ta, \my %ahead, 'Ev A');
ok(eventually(5, sub { settled($ta) }), 'a record');
my $put = latest();
like($put->{data}, $seen, 'with a time in it');
$nats->publish($put->{subject}, $of->($put, 292e6 * 365 * 86400 * 1000));
start_roam($tb);
visit($tb, \%ahead, 'Ev B');
ok(eventually(10, sub { settled($tb) }), 'settled');
is(counts($tb, \%ahead), 'Ev B=1 Page Viewed=1', 'nothing joins');
like(told($tb), qr/is damaged: ours takes its place/, 'which is told');
visit($ta, \my %near, 'Ev A');
ok(eventually(5, sub { settled($ta) }), 'another');
$put = latest();
$nats->publish($put->{subject}, $of->($put, int((time + 3600) * 1000)));
visit($tb, \%near, 'Ev B');
comes($tb, \%near, 'Ev A=1 Ev B=1 Page Viewed=2', 'a clock an hour ahead');
$nats->publish($put->{subject} =~ s/onsite_visitors\./onsite_visitors.erased./r,
    '9' x 18);
ok(eventually(5, sub { told($tb) =~ /an erasure .* of a time to come/ }),
    'an erasure of a time to come is passed over');
isnt(counts($tb, \%near), 'none', 'and nobody erased');
stop_roam($ta, $tb);

unlike(told($_), qr/Sanitizer|runtime error/, 'no sanitizer report')
    for $ta, $tb, $tc;
for ($tb, $tc) {
    $_->stop;
    $_->check_logs;
    $_->{clean} = 1;
}
$ta->done;
