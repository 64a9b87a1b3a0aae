# What is erased is gone: from all shards and databases, with all devices and
# ids, also when a worker is killed meanwhile, from nginx and from the loader.
# And what never was written: addresses and user agents.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Outbox;
use Onsite::Test;
use Test::More;
use Time::HiRes qw(sleep);

my $AGENT = 'Mozilla/5.0 (UniqueAgent; rv:77)';
my $ADDRESS = '203.0.113.77';

my %KEYS;       # what a visitor was told by, in hex

my $t = Onsite::Test->new;
$t->write_file('html/index.html', html_page('x'));
$t->campaigns(
    { id => 'order', channel => 'webhook', endpoint => 'https://h.example/o',
        trigger => { event => 'Order Completed' },
        content => { data => { sku => '{{event.properties.sku}}' } } },
    { id => 'back', channel => 'webhook', endpoint => 'https://h.example/b',
        trigger => { inactive => '2h', after => { event => 'Product Added' } },
        content => { data => {} } },
    Onsite::Test::popup('mail', audience => {
        'visitor.traits.email' => { '$exists' => \1 } }),
    Onsite::Test::popup('shoes', audience => { 'affinity.category' => 'x' }),
    { id => 'waits', channel => 'popup', trigger => { event => 'Asked' },
        content => { html => '<p>{{event.properties.wish}}</p>' } },
);
my @conf = (workers => 2, state => 'size=32m shards=4', server => <<'END');
        location / { root %%DIR%%/html; onsite on;
            add_header X-Id $onsite_visitor_id; }
        location /onsite/ { onsite_collect; onsite_server_key trusted; }
        location = /status { onsite_status; }
END
push @conf, http => 'onsite_outbox_events on;';
$t->start(@conf);

my %HEADERS = ('user-agent' => $AGENT, 'x-forwarded-for' => $ADDRESS);

sub call {
    my ($path, $body, %o) = @_;
    return $t->post("/onsite/$path", $body, %o, headers => { %HEADERS,
        %{ $o{headers} || {} } });
}

# A customer of two devices, with something in every room.
sub customer {
    my ($name) = @_;
    my (%one, %two);
    for my $jar (\%one, \%two) {
        my $r = $t->visit('/', jar => $jar, headers => { %HEADERS });
        $KEYS{$name}{ $r->{headers}{'x-id'} } = 1;
        my $id = $jar == \%one ? "$name-anon-1" : "$name-anon-2";
        call('v1/track', { event => "Saw $name", anonymousId => $id,
            properties => { sku => "$name-sku", category => "$name-taste" } },
            jar => $jar);
        call('v1/track', { event => 'Product Added', anonymousId => $id,
            properties => { sku => "$name-sku", price => 3,
                category => "$name-taste" } }, jar => $jar);
        call('v1/track', { event => 'Asked', properties => {
            wish => "$name-wish" } }, jar => $jar);
        call('v1/identify', { userId => "$name-user", anonymousId => $id,
            traits => { email => "$name\@mail.example" } }, jar => $jar,
            headers => { authorization => 'Bearer trusted' });
        call('v1/track', { event => 'Order Completed', properties => {
            sku => "$name-sku" } }, jar => $jar);
        call('v1/track', { event => 'Product Added', properties => {
            sku => "$name-sku", price => 3 } }, jar => $jar);
    }
    $KEYS{$name}{ $_->{visitor} } = 1 for grep {
        ($_->{user_id} // '') eq "$name-user" } $t->state_records;
    return (\%one, \%two);
}

# All bytes of the state, without what LMDB does not use any more.
sub bytes {
    my $all = '';
    for my $shard (glob $t->state_dir . '/shard-*.mdb') {
        my $copy = $t->dir . '/tmp/copy.mdb';
        unlink $copy;
        system('mdb_copy', '-n', '-c', $shard, $copy) == 0
            or die "mdb_copy: $?";
        $all .= Onsite::Test::read_file($copy);
    }
    return $all;
}

sub holds {
    my ($bytes, $name) = @_;
    return join ' ', grep { index($bytes, $_) >= 0 } "Saw $name",
        map { "$name$_" } '@mail.example', '-user', '-sku', '-anon-1',
        '-anon-2', '-taste', '-wish';
}

sub records { return scalar $t->state_records }

sub timers { return $t->status->{timers}{pending} }

# everything that a visitor leaves

my ($ann) = customer('ann');
customer('bob');
is(records(), 2, 'customers of two devices are one record each');
is(scalar(outbox($t)), 4, 'deliveries wait');
is(timers(), 2, 'timers, too');

my $before = bytes();
my $found = holds($before, 'ann');
like($found, qr/\Q$_\E/, "$_ is there") for 'ann@mail.example', 'ann-user',
    'ann-sku', 'ann-wish';
unlike(join('', map { `mdb_dump -n -p -s visitors $_` }
    glob $t->state_dir . '/shard-*.mdb'), qr/ann-anon/, 'ids are hashed');
like($found, qr/ann-anon/, 'but in events that wait to leave');
$before =~ s{http://127\.0\.0\.1[:/]}{}g;    # of pages
for my $never ('UniqueAgent', 'Mozilla', $ADDRESS, '127.0.0.1',
    pack('C4', 203, 0, 113, 77), pack('C4', 127, 0, 0, 1),
    $ann->{onsite_id}, (split /\./, $ann->{onsite_id})[0])
{
    is(index($before, $never), -1, 'no address, user agent or cookie: '
        . unpack 'H*', $never);
}

my $held = json_decode($t->get('/onsite/privacy/export', jar => $ann)
    ->{content});
is($held->{user_id}, 'ann-user', 'export has the customer');
is(scalar @{ $held->{links} }, 4, 'four ids lead there');
my @deliveries = grep { $_->{kind} eq 'delivery' } @{ $held->{outbox} };
is(scalar @deliveries, 2, 'and two deliveries wait');
is($deliveries[0]{campaign}, 'order', 'of which');
cmp_ok(scalar @{ $held->{outbox} }, '>=', 10, 'and events');
is($held->{traits}{email}, 'ann@mail.example', 'traits');
is($held->{waiting}[0]{campaign}, 'waits', 'what waits to be shown');
ok($held->{timer}, 'the timer');
my ($same) = json_decode(($t->run_loader('export', $t->state_dir,
    '--customer', 'ann-user', '--snapshot', $t->snapshot))[1]);
delete $_->{exported} for $held, $same;
is_deeply($same, $held, 'lmdb-loader export tells the same');

# gone

my $r = call('privacy/erase', '', jar => $ann);
is($r->{status}, 200, 'erase');
is(records(), 1, 'one record is left');
ok(eventually(5, sub { outbox($t) == 2 }), 'and its deliveries');
is(timers(), 1, 'and its timer');
my $after = bytes();
is(holds($after, 'ann'), '', 'nothing of it is in any file');
isnt(holds($after, 'bob'), '', "another's is");
for my $key (keys %{ $KEYS{ann} }) {
    my $n = () = $after =~ /\Q@{[pack 'H*', $key]}\E/g;
    cmp_ok($n, '<=', 1, 'its key names a tombstone, if anything');
}

# late events of its ids are dropped

$r = call('v1/track', { event => 'Late', anonymousId => 'ann-anon-1' });
is($r->{status}, 200, 'a late event is taken');
call('v1/identify', { userId => 'ann-user', anonymousId => 'ann-anon-1',
    traits => { email => 'ann@mail.example' } });
is(records(), 1, 'and dropped');
is(holds(bytes(), 'ann'), '', 'nothing has come back');

# killed in the middle

my @names = map { "cy$_" } 1 .. 6;
for my $name (@names) {
    my ($jar) = customer($name);
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        eval { call('privacy/erase', '', jar => $jar) };
        POSIX::_exit(0);
    }
    sleep rand 0.004;
    kill 'KILL', $t->workers;
    waitpid $pid, 0;
    eventually(5, sub { my @w = $t->workers; @w == 2 });
    call('privacy/erase', '', jar => $jar);
}
$t->allow_log(qr/exited on signal 9/);
ok(eventually(5, sub { outbox($t) == 2 }), 'what waited is gone');
is(records(), 1, 'records are');
my $end = bytes();
is(holds($end, $_), '', "nothing of $_") for @names;
is(index($end, "erase\0"), -1, 'nothing is left to do');

# the loader, on the live state

my (undef, $dee) = customer('dee');
my $anonymous = $t->post('/onsite/v1/identify', { anonymousId => 'dee-phone',
    userId => 'dee-user', traits => { email => 'dee@mail.example' } });
is($anonymous->{status}, 200, 'who only says to be dee');
is(records(), 3, 'is another record');

my @loader = ('erase', $t->state_dir);
my ($code, $out, $err) = $t->run_loader(@loader);
is($code, 2, 'who?');
like($err, qr/--customer and --visitor/, 'one of two says it');
($code) = $t->run_loader(@loader, '--customer', 'x', '--visitor', 'y');
is($code, 2, 'not both');
($code, $out, $err) = $t->run_loader(@loader, '--customer', 'nobody');
is($code, 1, 'nobody');
like($err, qr/"nobody" of site "default": no record/, 'is not there');
($code, $out, $err) = $t->run_loader(@loader, '--visitor', 'nobody');
is($code, 1, 'nor as a visitor');
($code, $out) = $t->run_loader(@loader, '--customer', 'dee-user', '--dry-run',
    '--json');
is($code, 0, 'a trial');
is(scalar(my @would = split /\n/, $out), 2, 'tells of both');
is_deeply([sort map { json_decode($_)->{ids} } @would], [1, 5],
    'with the ids that lead there');
is(json_decode($would[0])->{erased}, JSON::PP::false, 'nothing is erased');
is(records(), 3, 'really');
($code, $out, $err) = $t->run_loader(@loader, '--customer', 'dee-user');
is($code, 0, 'erased') or diag($err);
like($out, qr/^erased "[0-9a-f]{32}" and 4 ids that led to it$/m, 'says so');
is(records(), 1, 'both are gone');
is(holds(bytes(), 'dee'), '', 'with all there was');
is(scalar(outbox($t)), 2, 'deliveries, too');
($code) = $t->run_loader(@loader, '--customer', 'dee-user');
is($code, 1, 'again: no record');

# a visitor and a customer of the same id are two

call('v1/track', { event => 'Seen', anonymousId => 'twin' });
call('v1/identify', { userId => 'twin', anonymousId => 'twin-phone' },
    headers => { authorization => 'Bearer trusted' });
call('v1/identify', { userId => 'alone', anonymousId => 'alone-phone' },
    headers => { authorization => 'Bearer trusted' });
is(records(), 4, 'two of one id, and one more');
my $note = qr/note: "twin" is also a customer's id: --customer names that one/;
for my $command ('state', 'export') {
    ($code, $out, $err) = $t->run_loader($command, $t->state_dir, '--visitor',
        'twin');
    is($code, 0, "$command --visitor");
    is(json_decode($out)->{user_id}, undef, 'is the visitor');
    like($err, $note, 'and tells of the customer');
    ($code, $out, $err) = $t->run_loader($command, $t->state_dir, '--customer',
        'twin');
    is($code, 0, "$command --customer");
    is(json_decode($out)->{user_id}, 'twin', 'is the customer');
    is($err, '', 'and tells nothing else');
    ($code, $out, $err) = $t->run_loader($command, $t->state_dir, '--customer',
        'twin-phone');
    is($code, 1, "$command: an anonymousId is no customer");
    like($err, qr/customer "twin-phone" of site "default": no record/, 'so');
}
($code, $out) = $t->run_loader('state', $t->state_dir, '--customer', '-',
    \"alone\ntwin\n");
is_deeply([map { json_decode($_)->{user_id} } split /\n/, $out],
    ['alone', 'twin'], 'customers from standard input');
($code) = $t->run_loader('state', $t->state_dir, '--customer', 'x',
    '--visitor', 'x');
is($code, 2, 'one of the two');
($code, $out, $err) = $t->run_loader(@loader, '--visitor', 'alone');
is($code, 1, 'erase --visitor takes no customer');
like($err, qr/"alone" is a customer's id: --customer.*no record/s, 'but tells');
is(records(), 4, 'all are there');
($code, $out, $err) = $t->run_loader(@loader, '--visitor', 'twin');
is($code, 0, 'the visitor of the two');
like($err, $note, 'with the note');
is_deeply([sort map { $_->{user_id} // 'none' } $t->state_records],
    [sort 'alone', 'bob-user', 'twin'], 'is gone, the customer is not');
($code) = $t->run_loader(@loader, '--customer', $_)
    for 'twin', 'alone';
is(records(), 1, 'the customers, too');

my ($eve) = customer('eve');
($code) = $t->run_loader(@loader, '--visitor', 'eve-anon-2', '--site', 'x');
is($code, 1, 'of another site: not');
($code) = $t->run_loader(@loader, '--visitor', 'eve-anon-2');
is($code, 0, 'by an id of the client');
is(holds(bytes(), 'eve'), '', 'gone');
$t->visit('/', jar => $eve, headers => { %HEADERS });
is(holds(bytes(), 'eve'), '', 'for good');
my %fay;
$t->visit('/', jar => \%fay);
($code) = $t->run_loader(@loader, '--visitor', $fay{onsite_id});
is($code, 0, "by the cookie's value");
is($t->get('/onsite/privacy/export', jar => \%fay)->{status}, 404,
    'nothing is held');
$t->stop;

# at rest

($code, $out, $err) = $t->run_loader(@loader, '--customer', 'bob-user');
is($code, 0, 'a resting state') or diag($err);
is(records(), 0, 'is empty then');
is(holds(bytes(), 'bob'), '', 'really');

# what the pages that were freed still have is gone by the way that
# docs/privacy.md tells, and the state goes on

sub raw { join '', map { Onsite::Test::read_file($_) }
    glob $t->state_dir . '/shard-*.mdb' }
like(raw(), qr/bob-user/, 'freed pages have old bytes');
my ($way) = Onsite::Test::read_file("$FindBin::Bin/../docs/privacy.md")
    =~ /```sh\n(for .*?)```/s;
ok($way =~ s{/var/lib/onsite/state}{$t->state_dir}e, 'a way is told');
is(system($way), 0, 'and gone');
is(holds(raw(), 'bob'), '', 'nothing is in any page');
$t->start(@conf);
customer('gus');
is(records(), 1, 'the state goes on');
is($t->status->{state}{bytes_size}, 32 << 20, 'as large as before');
$t->stop;
($code, $out, $err) = $t->run_loader('erase', '/nowhere', '--customer', 'x');
is($code, 1, 'no state');

$t->done;
