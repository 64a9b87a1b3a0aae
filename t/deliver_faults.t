# deliver, when things go wrong: killed at every step, endpoints that are slow,
# away and back, certificates of others, a state that is wiped, clocks that jump.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use File::Path qw(remove_tree);
use Onsite::Hooks;
use Onsite::Outbox;
use Onsite::Sidecar;
use Onsite::Test;
use Test::More;
use Time::HiRes qw(sleep time);

delete @ENV{ grep { /_proxy$/i || /^ONSITE_/ } keys %ENV };
my $t = Onsite::Test->new;
my $dir = $t->dir;
my $hooks = Onsite::Hooks->new($t);
my $away = Onsite::Test::free_port();
my $tls = Onsite::Test::free_port();

# an authority, a server's certificate, and another authority
sub sh { system('sh', '-c', "cd $dir && ($_[0]) >> openssl.log 2>&1") == 0
    or die "$_[0]: " . Onsite::Test::read_file("$dir/openssl.log") }
sh("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
    . " -keyout $_.key -out $_.pem -days 2 -subj /CN=$_") for qw(ca other);
sh('openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'
    . ' -keyout key.pem -out cert.csr -subj /CN=localhost');
$t->write_file('san', 'subjectAltName=DNS:localhost');
sh('openssl x509 -req -in cert.csr -CA ca.pem -CAkey ca.key -days 2'
    . ' -CAcreateserial -extfile san -out cert.pem');

$t->campaigns((map { webhook($_, $hooks->url($_)) } qw(ok slow down dead one)),
    webhook('away', "http://127.0.0.1:$away/away"),
    webhook('tls', "https://localhost:$tls/tls"),
    webhook('named', "https://127.0.0.1:$tls/named"));
my %conf = (workers => 2, state => 'size=32m shards=2', server => <<'END',
        set $tier full;
        if ($arg_tier) { set $tier $arg_tier; }
        onsite_consent $tier;
        location /onsite/ { onsite_collect; }
        location = /status { onsite_status; }
END
    servers => <<"END");
    server {
        listen 127.0.0.1:$tls ssl;
        ssl_certificate $dir/cert.pem;
        ssl_certificate_key $dir/key.pem;
        location / { proxy_pass http://127.0.0.1:$hooks->{port}; }
    }
END
$t->start(%conf);

my $n = 0;
sub events {
    my ($name, $many, $args) = @_;
    my @batch = map { { type => 'track', event => $name, anonymousId => 'v'
        . $n % 7, messageId => 'm' . ++$n, properties => { n => $n } } } 1 .. $many;
    $t->post('/onsite/v1/batch' . ($args // ''), { batch => \@batch })->{status} == 200
        or die "batch $name";
}

$t->write_file('secret', my $secret = secret());
chmod 0600, "$dir/secret";
sub endpoints {
    my (%more) = @_;
    return $t->write_file('endpoints.json', json_encode({
        (map { $_ => { secrets => 'secret', private => \1 } }
            (map { $hooks->url($_) } '', qw(slow down dead one)),
            "http://127.0.0.1:$away/"), %more }));
}
my $endpoints = endpoints();
my @deliver = ('deliver', $t->state_dir, '-e', $endpoints);

sub once {
    my ($code, $out, $err) = $t->run_loader(@deliver, '--once', '--json', @_);
    return ($out =~ /^\{/ ? json_decode($out) : undef, $err, $code);
}

# ids by what they are about, however often they came; one id each
sub ids {
    my ($name) = @_;
    my %ids;
    for my $r ($hooks->received($name)) {
        $ids{ json_decode($r->{body})->{data}{n} }{ $r->{headers}{'webhook-id'} }++;
    }
    is((grep { keys %$_ != 1 } values %ids), 0, "$name: the same id each time");
    return sort { $a <=> $b } keys %ids;
}

my $sanitizer = Onsite::Test::preload() =~ s/\S*txn_check\S*//r;
my $kills = Onsite::Test::build_dir() . '/t/mdb_kills.so';

# killed before and after each of its commits
SKIP: {
    -e $kills or skip "$kills is not built", 3;
    my $killed = 0;
    $hooks->answers(down => '503');
    for my $step (map { ("$_ b", "$_ a") } 1 .. 4) {
        events('ok', 3);
        events('down', 2);
        $t->write_file('kills', $step);
        my $pid = start_loader($t, { LD_PRELOAD => "$sanitizer $kills",
            ONSITE_MDB_KILLS => "$dir/kills" }, @deliver, '--once',
            '--retry-first', '10ms');
        waitpid $pid, 0;
        $killed++ if ($? & 127) == 9;
    }
    cmp_ok($killed, '>', 3, 'killed at its commits');
    $hooks->answers(down => '');
    ok(eventually(10, sub { once(); !outbox($t) }), 'all leave');
    is_deeply([ids('ok'), ids('down')], [(grep { ($_ - 1) % 5 < 3 } 1 .. $n),
        grep { ($_ - 1) % 5 > 2 } 1 .. $n], 'none is lost');
}

# killed at any moment
my $first = $n;
for (1 .. 8) {
    events('ok', 20);
    my $pid = start_loader($t, @deliver);
    sleep 0.05 + rand 0.1;
    end_loader($pid, 'KILL');
}
once();
is_deeply([grep { $_ > $first } ids('ok')], [$first + 1 .. $n], 'killed at any moment');
is((grep { !verifies($_, $secret) } $hooks->received('ok')), 0, 'all are signed');
is(scalar(outbox($t)), 0, 'nothing is left');

# slow and away ones hold nobody up
$hooks->answers(slow => 'slow');
$hooks->answers(down => '500');
events('slow', 30);
events('away', 30);
events('down', 10);
my $pid = start_loader($t, @deliver, '--retry-first', '100ms', '--retry-most', '300ms');
my $began = time;
sleep 0.3;
my $had = () = $hooks->received('ok');
events('ok', 100);
ok(eventually(10, sub { $hooks->received('ok') >= $had + 100 }), 'others arrive');
cmp_ok(time - $began, '<', 5, 'soon');
is(scalar(my @slow = $hooks->received('slow')), 4, 'so many at a time');
my $many = () = $hooks->received('down');
cmp_ok($many, '<', 25, 'who fails is left alone');
$hooks->answers(down => '');
$hooks->listen($away);
ok(eventually(20, sub { $hooks->received('away') >= 30 }), 'who is back gets all');
is(ids_quiet('away'), 30, 'each');
is(scalar(my @away = $hooks->received('away')), 30, 'once');
ok(eventually(20, sub { ids_quiet('down') >= 26 }), 'who works again, too');
my @told = grep { /:$away/ } split /\n/, Onsite::Test::read_file("$dir/loader.log");
cmp_ok(scalar @told, '<=', 4, 'each cause is told once') or diag(@told);
like("@told", qr/takes deliveries again/, 'and that it is over');

sub ids_quiet {
    my %ids = map { $_->{headers}{'webhook-id'} => 1 } $hooks->received($_[0]);
    return scalar keys %ids;
}

# the state is wiped
$t->stop;
remove_tree($t->state_dir);
ok(eventually(10, sub { Onsite::Test::read_file("$dir/loader.log")
    =~ /the state is gone/ }), 'a wiped state is noticed');
$t->start(%conf);
events('one', 3);
ok(eventually(15, sub { $hooks->received('one') >= 3 }), 'and the new one is taken up');
is(end_loader($pid, 'TERM'), 0, 'it ends when told to');
is(scalar(outbox($t)), 0, 'nothing waits');

# nobody knows what holds now: told once, and that it is over
my $s = Onsite::Sidecar->new($t)->config(deliver => { endpoints => $endpoints });
my $told = sub { my @all = $s->log =~ /\Q$_[0]/g; return scalar @all };
my $failing = sub { $s->get('/status')->{content}
    =~ /has been failing for [^"]*deliveries wait: there is no copy/ };
events('one', 2);
$had = () = $hooks->received('one');
kill 'STOP', my @workers = $t->workers;
unlink glob $t->state_dir . '/snapshot-*.mdb';
$s->start;
ok(eventually(15, sub { $told->('deliveries wait: there is no copy') }),
    'that no snapshot can be read is told') or diag($s->log);
ok(eventually(5, $failing), 'by status, too') or diag($s->get('/status')->{content});
sleep 1;
is($told->('deliveries wait'), 1, 'once');
is($told->('goes on'), 0, 'while it does not go on');
kill 'CONT', @workers;
ok(eventually(15, sub { $hooks->received('one') == $had + 2 }), 'they leave when there is one');
is($told->('goes on'), 1, 'and that it goes on is told');
ok(eventually(5, sub { !$failing->() }), 'status has it no more');
$s->stop;

# given up: what was tried, and what waited behind it
$hooks->answers(dead => '500');
events('dead', 40);
$pid = start_loader($t, @deliver, '--retry-first', '100ms', '--retry-most', '300ms',
    '--give-up', '1s', '--dead-max', '25');
ok(eventually(20, sub { outbox($t, '--dead') == 25 && outbox($t) == 25 }),
    'all are given up, and the oldest make room');
end_loader($pid, 'TERM');
$hooks->answers(dead => '');
$many = ids_quiet('dead');
is(json_decode(($t->run_loader('deliver', $t->state_dir, '--retry-dead', '--json'))[1])
    ->{waiting}, 25, 'they wait again');
is((once())[0]{sent}, 25, 'and leave');

# certificates
$hooks->answers($_ => '') for qw(tls named);
my %tls = ("https://localhost:$tls/" => { secrets => 'secret', private => \1 });
my $try = sub {
    endpoints(@_);
    my ($out, $err) = once('--retry-first', '1ms');
    sleep 0.01;
    return "$out->{sent} $err";
};
events('tls', 1);
like($try->(%tls), qr/^0 .*(certificate|SSL)/s, 'of an unknown authority: refused');
$tls{"https://localhost:$tls/"}{ca} = 'other.pem';
like($try->(%tls), qr/^0 .*(certificate|SSL)/s, 'of another: refused');
$tls{"https://localhost:$tls/"} = { secrets => 'secret', ca => 'ca.pem' };
like($try->(%tls), qr/^0 .*address (127\.0\.0\.1|::1) .*private/s,
    'a name that leads to this machine: refused');
$tls{"https://localhost:$tls/"}{private} = \1;
like($try->(%tls), qr/^1 /, 'ours');
ok(verifies(($hooks->received('tls'))[0], $secret), 'arrives');
events('named', 1);
like($try->("https://127.0.0.1:$tls/" => { secrets => 'secret', ca => 'ca.pem',
    private => \1 }), qr/^0 /, 'of another name: refused');
endpoints();

# clocks
my ($faketime) = glob '/usr/lib/*/faketime/libfaketime.so.1';
SKIP: {
    skip 'libfaketime is not installed, or there is a sanitizer', 7
        if !$faketime || $sanitizer =~ /asan/;
    my $clock = sub {
        $t->write_file('clock.new', "$_[0]\n");
        rename "$dir/clock.new", "$dir/clock";
    };
    my %env = (LD_PRELOAD => $faketime, FAKETIME_TIMESTAMP_FILE => "$dir/clock",
        FAKETIME_NO_CACHE => 1, FAKETIME_DONT_FAKE_MONOTONIC => 1);
    my @slowly = (@deliver, '--retry-first', '1s', '--retry-most', '1s',
        '--give-up', '6h');
    my $of = sub { scalar(my @r = $hooks->received('one')) };
    my $tried = sub { my ($e) = grep { $_->{campaign} eq 'one' } outbox($t);
        return $e->{tried}{attempts} // 0 };

    $hooks->answers(one => '503');
    $clock->('+0d');
    $pid = start_loader($t, \%env, @slowly);
    $had = $of->();
    events('one', 1);
    ok(eventually(10, sub { $tried->() >= 1 }), 'tried');
    for my $jump ('+2d', '-2d') {
        $many = $of->();
        $clock->($jump);
        ok(eventually(10, sub { $of->() > $many }), "$jump: it goes on");
        sleep 0.5;
        cmp_ok($of->(), '<=', $many + 4, "$jump: no storm");
    }
    end_loader($pid, 'TERM');
    is(scalar(outbox($t, '--dead')), 0, 'nothing is given up');

    # another process, the clock set back: no longer than was decided
    $hooks->answers(one => '');
    $clock->('-30d');
    $pid = start_loader($t, \%env, @slowly);
    ok(eventually(10, sub { !grep { $_->{campaign} eq 'one' } outbox($t) }),
        'and it leaves');
    end_loader($pid, 'TERM');

    # a session's record is kept for a day
    events('ok', 1, '?tier=session');
    $clock->('+2d');
    $pid = start_loader($t, \%env, @deliver, '--once', '--json');
    waitpid $pid, 0;
    my ($last) = reverse split /\n/, Onsite::Test::read_file("$dir/loader.out");
    is(json_decode($last)->{dropped}{forgotten}, 1, 'of who is forgotten nothing leaves');
}

$t->done;
