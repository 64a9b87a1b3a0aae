# deliver: webhooks leave signed, and once where nothing fails; what is asked
# about them before; what receivers may answer; addresses, rates, rotation.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Hooks;
use Onsite::Outbox;
use Onsite::Test;
use Test::More;
use Time::HiRes qw(sleep time);

delete @ENV{ grep { /_proxy$/i || /^ONSITE_/ } keys %ENV };
my $t = Onsite::Test->new;
my $hooks = Onsite::Hooks->new($t);
my @names = qw(ok plain bare later never gone moved slow cut odd none noise);
my %more = (
    ok => { frequency => { cap => 2, per => 'visitor' } },
);
sub campaigns {
    my (%change) = @_;
    $t->campaigns(
        (map { webhook($_, $hooks->url($_), %{ $more{$_} // {} },
            %{ $change{$_} // {} }) } grep { !exists $change{$_}
            || defined $change{$_} } @names),
        webhook('elsewhere', 'https://elsewhere.example/x'));
}
campaigns();
$t->start(workers => 2, state => 'size=32m shards=2');

my $n = 0;
sub event {
    my ($name, $who, %more) = @_;
    $t->post('/onsite/v1/track', { event => $name, anonymousId => $who // 'v',
        messageId => 'm' . ++$n, properties => { n => $n }, %more })->{status} == 200
        or die "event $name";
}

my @secrets = (secret(), secret());
$t->write_file('new', "# since today\n$secrets[0]\n");
$t->write_file('both', "$secrets[0]\n\n$secrets[1]\n");
$t->write_file('headers', "Authorization: Bearer b-1\nX-Two: 2\n");
chmod 0600, map { $t->dir . "/$_" } qw(new both headers);

sub endpoints {
    my (%more) = @_;
    my %all = (
        $hooks->url('') => { secrets => 'new', private => \1 },
        $hooks->url('plain') => { secrets => ['both'], private => \1,
            body => 'data', headers => 'headers' },
        $hooks->url('bare') => { unsigned => \1, private => \1 },
        (map { $hooks->url($_) => { unsigned => \1, private => \1 } }
            qw(none noise)),
        $hooks->url('odd') => { secrets => 'new' }, %more);
    return $t->write_file('endpoints.json', json_encode(\%all));
}
my $endpoints = endpoints();

sub deliver {
    my (@args) = @_;
    my ($code, $out, $err) = $t->run_loader('deliver', $t->state_dir, '-e',
        $endpoints, '--json', @args);
    return ($code, $out =~ /^\{/ ? json_decode($out) : $out, $err);
}

sub once { return deliver('--once', @_) }

# what a receiver gets
event('ok', 'ann', userId => 'u-1');
my ($waiting) = outbox($t);
my ($code, $out, $err) = once();
is($code, 0, 'sent') or diag($err);
is($out->{sent}, 1, 'one');
is($out->{waiting}, 0, 'and no more');
is(scalar(outbox($t)), 0, 'nothing waits');
my ($r) = $hooks->received('ok');
is($r->{method}, 'POST', 'POST');
is($r->{headers}{'content-type'}, 'application/json', 'of JSON');
my $body = json_decode($r->{body});
is_deeply($body, { type => 'campaign.fired', id => $waiting->{id},
    timestamp => $waiting->{time}, data => { n => 1 },
    map { $_ => $waiting->{$_} } qw(site campaign variant propensity event
    visitor user_id verified) }, 'in the envelope');
is($r->{headers}{'webhook-id'}, $waiting->{id}, 'its id');
is($r->{headers}{'idempotency-key'}, $waiting->{id}, 'twice');
cmp_ok(abs($r->{headers}{'webhook-timestamp'} - time), '<', 20, 'its time');
ok(verifies($r, $secrets[0]), 'is signed');
ok(!verifies($r, $secrets[1]), 'by nobody else');
ok(!exists $r->{headers}{authorization}, 'no other headers');

event('plain');
once();
($r) = $hooks->received('plain');
is($r->{body}, '{"n":2}', 'the data alone');
ok(verifies($r, $_), 'signed by each secret') for @secrets;
is($r->{headers}{authorization}, 'Bearer b-1', 'with headers');
is($r->{headers}{'x-two'}, '2', 'all of them');

event('bare');
once();
($r) = $hooks->received('bare');
ok(!exists $r->{headers}{'webhook-signature'}, 'unsigned');
ok($r->{headers}{'webhook-id'}, 'but named');

# what receivers answer
$hooks->answers(never => '400');
$hooks->answers(gone => '410');
$hooks->answers(moved => '302|Location: ' . $hooks->url('ok'));
$hooks->answers(later => '503');
$hooks->answers(cut => 'cut');
$hooks->answers(slow => 'slow');
$hooks->answers($_ => $_) for qw(none noise);
my $had = () = $hooks->received('ok');
# one that arrives goes first: after some failures an endpoint is left alone
event($_) for qw(ok never gone moved later cut slow odd none noise elsewhere);
my $began = time;
($code, $out, $err) = once('--timeout', '1s', '--retry-first', '1h');
is($code, 1, 'some did not arrive');
cmp_ok(time - $began, '<', 5, 'and held nobody up');
is($out->{sent}, 1, 'what did is gone');
is($out->{dead}, 2, 'what never will is given up');
is($out->{retried}, 7, 'the rest waits');
is($out->{refused}, 1, 'what is not to be called was not tried');
is(scalar($hooks->received('ok')), $had + 1, 'no redirect is followed');
like($err, qr/status 400/, 'told');
like($err, qr/redirects/, 'told');
like($err, qr/no answer within 1000 ms/, 'told');
like($err, qr/127\.0\.0\.1.*"private": true/, 'a private address');
like($err, qr/closed the connection without an answer \(does it expect https/,
    'one that says nothing');
like($err, qr/its answer is not HTTP/, 'one that is no web server');
unlike($err, qr/HTTP\/0\.9|Empty reply/, 'in words of ours');
like($err, qr{status 400: campaign "never", id \w{32} is given up}, 'which one');
like($err, qr{redirects.* \(campaign "moved", id \w{32}\)$}m, 'here, too');
is(scalar($hooks->received('odd')), 0, 'is not called');
like($err, qr/elsewhere\.example:443: is no endpoint/, 'nor is what is not named');
my @dead = outbox($t, '--dead');
is_deeply([map { $_->{campaign} } sort { $a->{seq} <=> $b->{seq} } @dead],
    ['never', 'gone'], 'outbox --dead');
is($dead[0]{tried}{last}, 'status 400', 'why');
is($dead[0]{tried}{attempts}, 1, 'after how many attempts');
like($dead[0]{tried}{dead}, qr/^20\d\d-/, 'since when');
my %tried = map { $_->{campaign} => $_->{tried} } outbox($t);
is($tried{later}{last}, 'status 503', 'what waits is told about');
is($tried{later}{attempts}, 1, 'tried once');
($code, $out) = once();
is($out->{sent} + $out->{retried} + $out->{dead}, 0, 'not before its time');
is($out->{refused}, 1, 'but whether it may be called is asked again');
is({ map { $_->{campaign} => $_->{tried} } outbox($t) }->{elsewhere}{attempts}, 0,
    'which is no attempt');

# not in a hurry, then again
my %dry = map { $_->{campaign} => $_ } map { json_decode($_) } split /\n/,
    ($t->run_loader('deliver', $t->state_dir, '-e', $endpoints, '-n', '--json'))[1];
is($dry{later}{would}, 'wait', 'dry run: waits');
is($dry{never}{would}, 'stay', 'dry run: dead');
is($dry{elsewhere}{would}, 'wait', 'dry run: nobody to call');
is($dry{odd}{would}, 'wait', 'dry run: a private address');
like($dry{odd}{why}, qr/is refused, a private address/, 'which is told');
endpoints('https://elsewhere.example/' => { secrets => 'new' });
is((map { $_->{would} } grep { $_->{campaign} eq 'elsewhere' } map { json_decode($_) }
    split /\n/, ($t->run_loader('deliver', $t->state_dir, '-e', $endpoints, '-n',
    '--json'))[1])[0], 'send', 'dry run: at once when it may be called');
endpoints();
$hooks->answers($_ => '') for qw(never gone);
is((deliver('--retry-dead'))[1]{waiting}, 2, '--retry-dead');
is(scalar(outbox($t, '--dead')), 0, 'none is dead');
my @gone = $hooks->received('gone');
($code, $out) = once();
is($out->{sent}, 2, 'and they leave');
my @again = $hooks->received('gone');
is($again[-1]{headers}{'webhook-id'}, $gone[0]{headers}{'webhook-id'}, 'as the same');

# many that are given up
$hooks->answers(gone => '410');
event('gone', "g$_") for 1 .. 30;
($code, $out, $err) = once();
is($out->{dead}, 30, 'many are given up');
is(scalar(my @lines = $err =~ /^.*given up$/mg), 2, 'in two lines') or diag($err);
like($err, qr{/: status 410: campaign "gone", id \w{32} is given up\n.*/: status 410: 29 more given up$}m,
    'the first one, and how many more');
my ($status) = json_decode(($t->run_loader('status', $t->state_dir, '--json'))[1]);
is($status->{outbox}{dead}, 30, 'status has them');
is($status->{outbox}{deliveries} > 30, 1, 'beside those that wait');
my ($finding) = grep { $_->{what} =~ /given up/ } @{ $status->{findings} };
is($finding->{what}, '30 deliveries are given up, and not tried any more',
    'as something that is not well');
my $state = $t->state_dir;
like($finding->{remedy}, qr/lmdb-loader outbox \Q$state\E --dead .*lmdb-loader deliver \Q$state\E --retry-dead/,
    'and says what to do');
like(($t->run_loader('status', $state))[1],
    qr/^  deliveries   $status->{outbox}{deliveries}, of which 30 given up, the oldest that waits \d+ s ago$/m,
    'on the page, too');
$hooks->answers(gone => '');
is((deliver('--retry-dead'))[1]{waiting}, 30, 'they wait again');
is(json_decode(($t->run_loader('status', $state, '--json'))[1])->{outbox}{dead}, 0,
    'none is dead');
is((once())[1]{sent}, 30, 'they leave');
$hooks->answers(gone => '410');
event('gone', "g$_") for 1 .. 3;
once();
is((deliver('--retry-dead', '--forget-dead'))[0], 2, 'both: usage');
is((deliver('--forget-dead'))[1]{forgotten}, 3, '--forget-dead');
is(scalar(outbox($t, '--dead')), 0, 'they are gone');
$hooks->answers(gone => '');

# by and by, with a Retry-After
$hooks->answers(later => '429|Retry-After: 2');
event('later', 'bob');
my $pid = start_loader($t, 'deliver', $t->state_dir, '-e', $endpoints,
    '--retry-first', '100ms', '--retry-most', '200ms');
ok(eventually(10, sub { $hooks->received('later') >= 2 }), 'goes on');
$hooks->answers(later => '');
my $asked = ($hooks->received('later'))[-1]{at};
my $first = () = $hooks->received('later');
ok(eventually(20, sub { $hooks->received('later') > $first }), 'again');
cmp_ok(($hooks->received('later'))[$first]{at} - $asked, '>', 1.9,
    'not before it was asked to');
($code, $out, $err) = once();
is($code, 1, 'a second process');
like($err, qr/process $pid delivers from/, 'is told who does it');
is(end_loader($pid, 'TERM'), 0, 'it ends when told to');

# rates, and many at once
endpoints($hooks->url('') => { secrets => 'new', private => \1, rate => 20,
    concurrency => 2 });
event('cut', "r$_") for 1 .. 30;
$hooks->answers(cut => '');
$began = time;
($code, $out) = once();
cmp_ok($out->{sent}, '>=', 30, 'all');
cmp_ok(time - $began, '>', 0.4, 'at its rate');
endpoints();

# asked once more before it leaves
once();
event('ok', 'capped') for 1 .. 2;
event('plain', 'clicker');
event('Promotion Clicked', 'clicker', properties => { promotion_id => 'plain' });
event($_, 'ann') for qw(bare gone moved);
event('never', 'erased');
$t->run_loader('erase', $t->state_dir, '--visitor', 'erased');
my $version = $t->status->{snapshot}{version};
my $tomorrow = (localtime(time + 86400))[6];
campaigns(ok => { frequency => { cap => 1, per => 'visitor' } },
    plain => { frequency => { stop_on => ['clicked'] } }, bare => undef,
    gone => { schedule => { until => '2020-01-01T00:00:00Z' } },
    moved => { schedule => { days => [qw(mon tue wed thu fri sat sun)[($tomorrow
        + 6) % 7]] } });
ok(eventually(10, sub { $t->status->{snapshot}{version} ne $version }), 'others are live');
%dry = map { ($_->{why} || $_->{would}) => $_->{would} } map { json_decode($_) }
    split /\n/, ($t->run_loader('deliver', $t->state_dir, '-e', $endpoints, '-n',
    '--json'))[1];
is($dry{$_}, 'drop', "dry run: $_") for qw(cap stopped campaign schedule);
is($dry{"outside the campaign's hours"}, 'wait', 'dry run: not today');
$had = () = $hooks->received('ok');
($code, $out) = once();
is_deeply($out->{dropped}, { cap => 1, stopped => 1, campaign => 1, schedule => 1,
    forgotten => 0, consent => 0, damaged => 0 }, 'dropped, by reason');
is(scalar($hooks->received('ok')), $had + 1, 'one is within the cap');
is((grep { $_->{campaign} eq 'moved' && !$_->{tried} } outbox($t)), 1,
    'outside its hours it waits');

# nobody knows what holds now
event('plain', 'unknown');
my ($live) = glob $t->state_dir . '/snapshot-*.mdb';
kill 'STOP', my @workers = $t->workers;     # they would put it there again
rename $live, "$live.away" or die "$live: $!";
$had = () = $hooks->received('plain');
($code, $out, my $blind) = once();
is(scalar($hooks->received('plain')), $had, 'nothing leaves');
is($out->{sent}, 0, 'but waits');
is($code, 1, 'which is a failure');
like($blind, qr/deliveries wait: there is no copy of the live snapshot.*reload/, 'told');
rename "$live.away", $live or die "$live: $!";
kill 'CONT', @workers;
($code, undef, $blind) = once();
unlike($blind, qr/deliveries wait/, 'and no more');
is(scalar($hooks->received('plain')), $had + 1, 'until it is known');

# usage
for (['no endpoints', qr/--endpoints FILE is missing/],
    ['no secret', qr/--any-endpoint needs --secret/, '--any-endpoint'],
    ['no file', qr{/nothing/there}, '-e', '/nothing/there'],
    ['a bad time', qr/--give-up.*"soon"/, '-e', $endpoints, '--give-up', 'soon'],
    ['no such --ca', qr{--ca: .*/nope: cannot be}, '-e', $endpoints, '--ca',
        $t->dir . '/nope'],
    ['--ca without a certificate', qr{--ca: .*/new: holds no certificate}, '-e',
        $endpoints, '--ca', $t->dir . '/new'],
    ['a bad number', qr/--dead-max.*"many"/, '-e', $endpoints, '--dead-max', 'many'])
{
    my ($what, $text, @args) = @$_;
    ($code, $out, my $told) = $t->run_loader('deliver', $t->state_dir, @args, '--once');
    is($code, 2, $what);
    like($told, $text, 'is told');
}
is($t->run_loader('deliver', '-e', $endpoints), 2, 'no state');
is($t->run_loader('deliver', $t->dir . '/none', '-e', $endpoints, '--once'), 1,
    'one that is not there');

$t->done;
