# drain to Segment's HTTP API: another nginx with onsite_collect is such an
# endpoint; what it has been given leaves it as what the first one was given.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Drain;
use Onsite::Outbox;
use Onsite::Receiver;
use Onsite::Test;
use Test::More;
use Time::HiRes qw(sleep);

delete @ENV{ grep { /_proxy$/i || /^ONSITE_/ } keys %ENV };
my $never = Onsite::Test::popup('none', trigger => { event => 'Never' });
my $http = 'onsite_outbox_events on;';
my $t = Onsite::Test->new;
my $d = Onsite::Drain->new($t, visitors => 400);
$t->campaigns($never);
$t->start(workers => 2, state => 'size=64m shards=2', http => $http);
my $to = Onsite::Test->new;
$to->campaigns($never);
sub start_receiver { $to->start(workers => 2, state => 'size=64m shards=2', http =>
    $http, server => <<'END') }
        location /onsite/ { onsite_collect; onsite_write_key right; }
        location = /status { onsite_status; }
END
start_receiver();
my $url = 'http://127.0.0.1:' . $to->port . '/onsite';

# all calls, and members of each
$t->post('/onsite/v1/batch', { batch => [
    { type => 'identify', anonymousId => 'a', userId => 'u', messageId => 'i',
        traits => { plan => 'gold' } },
    { type => 'page', anonymousId => 'a', name => 'Home', messageId => 'p',
        properties => { path => '/x' } },
    { type => 'screen', anonymousId => 'a', name => 'S', messageId => 's' },
    { type => 'group', anonymousId => 'a', groupId => 'g', messageId => 'g',
        traits => { size => 3 } },
    { type => 'track', anonymousId => 'a', event => 'Order Completed', userId => 'u',
        messageId => 't', properties => { total => 35.5, list => [1, { a => undef }] },
        context => { locale => 'fr', page => { path => '/p' } } }] });
my @ids = $d->send(1500);
my %sent = map { $_->{id} => $_ } events_out($t);
is(scalar keys %sent, 1505, 'events of one');
my ($code, $out, $err) = $d->once('--to', "segment:right\@$url", '--json');
is($code, 0, 'drained into another one') or diag($err);
is(json_decode($out)->{events}, 1505, 'counted');
my @came = events_out($to);
is(scalar @came, 1505, 'as many came');
my %came = map { $_->{id} => $_ } @came;
is_deeply([sort keys %came], [sort keys %sent], 'each once, by its messageId');
for my $id (qw(i p s g t), $ids[7]) {
    is(substr($came{$id}{time}, 0, 18), substr($sent{$id}{time}, 0, 18), 'when it was')
        unless $sent{$id}{time} =~ /9\.\d+Z$/;
    delete @{ $_->{$id} }{qw(seq visitor time)} for \%sent, \%came;
    is_deeply($came{$id}, $sent{$id}, "$id is as it was sent");
}
is($to->status->{noise}{skewed}, 0, 'times are right');

# keys
$d->send(3);
($code, $out, $err) = $d->once('--to', "segment:wrong-key\@$url");
is($code, 1, 'a wrong key');
like($err, qr{^lmdb-loader drain: \Q$url\E/v1/batch: status 401: is the write key right},
    'is told');
$t->write_file('key', " right\n");
($code, $out, $err) = $d->once('--to', "segment:\@$url", '--write-key-file',
    $t->dir . '/key');
is($code, 0, 'one in a file') or diag($err);
is($d->once('--to', "segment:$url", '--write-key-file', $t->dir . '/key'), 0,
    'also without the @');
unlike($d->{all}, qr/wrong-key/, 'keys are never told');

# the receiver goes away and comes back, while it drains
my $pid = $d->start('--to', "segment:right\@$url");
$d->send(500);
$to->stop('TERM');
$d->send(500);
ok(eventually(10, sub { $d->told =~ /\Q$url\E/ }), 'told that it is away');
start_receiver();
ok(eventually(20, sub { events_out($to) >= 2508 && $d->told =~ /goes on/ }),
    'it goes on when it is back');
is($d->end($pid), 0, 'ended');
%came = map { $_->{id} => 1 } @came = events_out($to);
is(scalar(grep { $came{$_} } $d->last(1000)), 1000, 'all came');
is(scalar @came, scalar keys %came, 'and each once');

# limits of a call, what it is made of; an event that is too large
my $r = Onsite::Receiver->new($t, sub { return (200, '{"success":true}') });
$d->send(600, text => 'x' x 1500);
$d->send(1, text => 'x' x 32_600);
$d->send(3000);
is(($d->once('--to', 'segment:k@' . $r->url('/')))[0], 1, 'one is too large');
my @calls = $r->taken;
cmp_ok(scalar @calls, '>', 3, 'several calls');
is((grep { length $_->{body} > 500_000 || @{ $_->{events} } > 2500 } @calls), 0,
    'none over 500 KB or 2,500 events');
is($calls[0]{path}, '/v1/batch', 'where to');
is($calls[0]{headers}{authorization}, 'Basic azo=', 'the key is the user');
like($calls[0]{body}, qr/^\{"batch":\[\{.*\}\],"sentAt":"20[-\dT:.]+Z"\}$/s, 'the whole');
my %ids = map { $_ => 1 } $r->ids;
is(scalar keys %ids, 3600, 'all others came');
like($d->{all}, qr/1 event will never be taken.*more than 32 KB/, 'it is told');

$to->stop;
$to->check_logs;
$to->{clean} = 1;
$t->done;
