# Announcements through servers that want to know who we are, over TLS, and
# through a cluster of three, of which first one dies and then another.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Nats;
use Onsite::Published;
use Onsite::Test;
use Test::More;

my $t = Onsite::Test->new;
my $p = Onsite::Published->new($t);
my $dir = $t->dir;
my ($code, $out, $err);
my $version = 10;

sub told { () = $p->said =~ /$_[0]/g }
sub comes { my ($v) = @_;
    eventually(10, sub { (eval { $p->state->{live}{version} } // 0) == $v }) }
sub announce { my ($url, @more) = @_;
    ($code, $out, $err) = $p->publish(++$version, 'x', '--announce', $url,
        @more) }
sub with { my ($url, $who) = @_; $url =~ s{://}{://$who@}r }
sub started { my (@args) = @_; my $pid = $p->start('--every', '1h', @args);
    comes($version) or fail('the first look'); return $pid }
sub ended { kill 'TERM', $_[0]; waitpid $_[0], 0; is($?, 0, 'sync ends') }
sub command { system("@_ > $dir/command.out 2>&1") == 0
    or BAIL_OUT("@_: " . Onsite::Test::read_file("$dir/command.out")) }

announce('nats://127.0.0.1:1');
is($code, 3, 'where nobody is');

# a password, and what one may do with it
{
    my $nats = Onsite::Nats->new($t, connect => { user => 'publisher',
        pass => 'p w' }, conf => <<'END')->start;
authorization { users = [
    { user: publisher, password: "p w", permissions: {
        publish: ["onsite.snapshot.>", "$JS.API.STREAM.INFO.ONSITE_SNAPSHOT",
            "$JS.API.STREAM.CREATE.ONSITE_SNAPSHOT",
            "$JS.API.STREAM.MSG.GET.ONSITE_SNAPSHOT", "$JS.API.INFO"],
        subscribe: "_INBOX.>" } },
    { user: pop, password: "se%cret", permissions: {
        subscribe: ["onsite.snapshot.>", "_INBOX.>"],
        publish: ["$JS.API.STREAM.MSG.GET.ONSITE_SNAPSHOT"] } },
    { user: deaf, password: x, permissions: { subscribe: "_INBOX.>" } } ] }
END
    my $url = $nats->url;
    announce(with($url, 'publisher:secret'));
    is($code, 3, 'publish with a wrong password');
    like($err, qr{\Q$url\E: refused: not who is let in: user and password},
        'is told');
    unlike($err, qr/secret|publisher/, 'and no secret');
    announce(with($url, 'publisher:p%20w'));
    is("$code $err", '0 ', 'with the right one it is announced');
    announce(with($url, 'pop:se%25cret'));
    is($code, 3, 'who may not publish');
    like($err, qr/Permissions Violation for Publish to "onsite\.snapshot/i,
        'is told');
    my $pid = started('--watch', with($url, 'pop:secret'));
    ok(eventually(5, sub { told('refused: not who is let in') }),
        'sync with a wrong password');
    unlike($p->said, qr/secret/, 'tells no secret');
    ok(-e "/proc/$pid", 'and goes on');
    ended($pid);
    $pid = started('--watch', with($url, 'deaf:x'));
    ok(eventually(5, sub { told('onsite\.snapshot\.default: Permissions Violation') }),
        'who may not listen is told');
    ended($pid);
    $pid = started('--watch', with($url, 'pop:se%25cret'));
    announce(with($url, 'publisher:p%20w'));
    is($code, 0, 'with the rights it needs');
    ok(comes($version), 'it goes live');
    is($p->said, '', 'without a word');

    # the password changes while it runs, and changes back
    my $conf = $nats->{conf};
    $nats->conf($conf =~ s/se%cret/other/r);
    $nats->stop->start;
    ok(eventually(10, sub { told('refused: not who is let in') }),
        'a password that became wrong is told');
    $nats->conf($conf);
    $nats->stop->start;
    announce(with($url, 'publisher:p%20w'));
    ok(comes($version), 'and once it is right again, all goes on');
    ok(eventually(5, sub { told('is there again') }), 'which is told');
    ended($pid);
}

# a token
{
    my $nats = Onsite::Nats->new($t, jetstream => 0, conf =>
        'authorization { token: "a:b" }')->start;
    announce(with($nats->url, 'a%3Ab'));
    is($code, 0, 'a token');
    announce(with($nats->url, 'a:b'));
    is($code, 3, 'is no user and password');
}

# TLS, with a CA of one's own
{
    for my $ca (qw(ca other)) {
        command('openssl req -x509 -newkey ec -pkeyopt',
            "ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=$ca",
            "-keyout $dir/$ca.key -out $dir/$ca.pem");
    }
    my %names = (server => 'IP:127.0.0.1', elsewhere => 'DNS:elsewhere',
        client => 'DNS:client');
    for my $name (keys %names) {
        $t->write_file("$name.ext", "subjectAltName=$names{$name}\n");
        command('openssl req -newkey ec -pkeyopt',
            "ec_paramgen_curve:prime256v1 -nodes -subj /CN=$name",
            "-keyout $dir/$name.key -out $dir/$name.csr");
        command("openssl x509 -req -in $dir/$name.csr -CA $dir/ca.pem -CAkey",
            "$dir/ca.key -CAcreateserial -days 2 -extfile $dir/$name.ext",
            "-out $dir/$name.pem");
    }
    my $nats = Onsite::Nats->new($t, jetstream => 0, tls => {
        cert => "$dir/server.pem", key => "$dir/server.key",
        ca => "$dir/ca.pem" })->start;
    my @ca = ('--nats-ca', "$dir/ca.pem");
    my @own = ('--nats-cert', "$dir/client.pem", '--nats-key',
        "$dir/client.key");
    my $pid = started('--watch', $nats->url, @ca, @own);
    announce($nats->url, @ca, @own);
    is($code, 0, 'over TLS, both with certificates') or diag($err);
    ok(comes($version), 'it goes live');
    announce($nats->url, @own);
    is($code, 3, 'a CA that nobody trusts');
    like($err, qr/--nats-ca FILE names who signs/, 'with a remedy');
    announce($nats->url, '--nats-ca', "$dir/other.pem", @own);
    is($code, 3, 'another CA');
    like($err, qr/certificate/, 'is told');
    announce($nats->url, @ca);
    is($code, 3, 'without a certificate of our own');
    announce($nats->url, '--nats-ca', "$dir/ca.key", @own);
    is($code, 1, 'a CA that is none is told before all');
    announce($nats->url =~ s/tls/nats/r);
    is($code, 3, 'nats:// to a server that wants TLS');
    ended($pid);
    $pid = started('--watch', $nats->url, '--nats-ca', "$dir/other.pem", @own);
    ok(eventually(5, sub { told('--nats-ca FILE names who signs') }),
        'sync trusts no other CA');
    ended($pid);
    my $elsewhere = Onsite::Nats->new($t, jetstream => 0, tls => {
        cert => "$dir/elsewhere.pem", key => "$dir/elsewhere.key" })->start;
    announce($elsewhere->url, @ca);
    is($code, 3, 'a certificate of another host');
    like($err, qr/mismatch/, 'is told');
    my $plain = Onsite::Nats->new($t, jetstream => 0)->start;
    announce($plain->url =~ s/nats/tls/r);
    is($code, 3, 'tls:// to a server without');
    like($err, qr/speaks no TLS/, 'is told');
}

# three, of which the one that leads the stream is killed
{
    my $nats = Onsite::Nats->new($t, servers => 3)->start;
    my $pid = started('--watch', $nats->url);
    announce($nats->url);
    is("$code $err", '0 ', 'a cluster');
    ok(comes($version), 'it goes live');
    my $info = $nats->info('ONSITE_SNAPSHOT');
    is($info->{config}{num_replicas}, 3, 'three keep it');
    my ($leads) = $info->{cluster}{leader} =~ /(\d)/;
    my ($first) = grep { $_ != $leads } 0 .. 2;
    $nats->kill($first);
    announce($nats->url);
    is("$code $err", '0 ', 'with two of them left');
    ok(comes($version), 'it goes live');
    is(json_decode(($nats->messages('ONSITE_SNAPSHOT'))[-1]{data})->{version},
        $version, 'and is kept');
    $nats->kill($leads);
    announce($nats->url);
    is($code, 0, 'with one left who listens is told') or diag($err);
    like($err, qr/not kept/, 'and that it is not kept');
    ok(comes($version), 'it goes live');
    ended($pid);
}

$t->done;
