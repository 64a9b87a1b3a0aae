package Onsite::Nats;

# Onsite::Nats - a real nats-server, or a cluster of them, on loopback.
#
#   my $nats = Onsite::Nats->new($t);               # one, with JetStream
#   my $nats = Onsite::Nats->new($t, servers => 3); # a cluster
#   my $nats = Onsite::Nats->new($t, jetstream => 0,
#       conf => 'authorization { user: u, password: p }',   # more of it
#       connect => { user => 'u', pass => 'p' });   # as what tests connect
#   $nats->start;                       # what it kept is there again
#   $nats->url;                         # "nats://127.0.0.1:PORT,..."
#   $nats->stop; $nats->kill; $nats->start;     # all; or one: (0), (1), (2)
#   $nats->freeze(1); $nats->thaw(1);
#   $nats->messages('STREAM');          # each { subject, data, id, seq }
#   $nats->info('STREAM');              # as JetStream tells it, or undef
#   $nats->publish('subject', 'data');  # through one of those that run
#   my $next = $nats->subscribe('subject.>');
#   $next->(5);                         # [subject, data], or undef after 5 s
#
# They listen where they listened before, and end with the test.  TLS: with
# tls => { cert => FILE, key => FILE, ca => FILE } clients come over TLS only,
# and what reads here needs a server without.

use strict;
use warnings;

use Carp qw(croak);
use File::Path qw(make_path);
use IO::Select;
use IO::Socket::INET;
use MIME::Base64 qw(decode_base64);
use Onsite::Test;
use POSIX qw(:sys_wait_h);
use Test::More;
use Time::HiRes qw(sleep time);

my $number = 0;

sub new {
    my ($class, $t, %o) = @_;
    -x '/usr/sbin/nats-server' or plan(skip_all => 'nats-server is missing');
    my $name = 'nats' . ++$number;
    my $n = $o{servers} // 1;
    my $nats = bless { t => $t, dir => $t->dir . "/$name", name => $name,
        jetstream => 1, conf => '', connect => {}, %o, servers => [] }, $class;
    push @{ $nats->{servers} }, { port => Onsite::Test::free_port(),
        route => Onsite::Test::free_port() } for 1 .. $n;
    $nats->write_conf($_) for 0 .. $n - 1;
    return $nats;
}

sub write_conf {
    my ($nats, $i) = @_;
    my $server = $nats->{servers}[$i];
    my $dir = "$nats->{dir}/$i";
    make_path("$dir/store");
    my $conf = "listen: 127.0.0.1:$server->{port}\n"
        . "server_name: n$i\nlog_file: \"$dir/log\"\nlogtime: true\n";
    $conf .= "jetstream { store_dir: \"$dir/store\", max_mem: 64M, "
        . "max_file: 1G }\n" if $nats->{jetstream};
    if (@{ $nats->{servers} } > 1) {
        my $routes = join ', ', map { "nats-route://127.0.0.1:$_->{route}" }
            @{ $nats->{servers} };
        $conf .= "cluster { name: onsite, listen: 127.0.0.1:$server->{route}, "
            . "routes: [$routes] }\n";
    }
    if (my $tls = $nats->{tls}) {
        $conf .= "tls { cert_file: \"$tls->{cert}\", key_file: \"$tls->{key}\""
            . ($tls->{ca} ? ", ca_file: \"$tls->{ca}\", verify: true" : '')
            . ", timeout: 5 }\n";
    }
    $nats->{t}->write_file("$dir/conf", "$conf$nats->{conf}\n");
}

# Other lines of configuration from the next start on.
sub conf {
    my ($nats, $conf) = @_;
    $nats->{conf} = $conf;
    $nats->write_conf($_) for 0 .. $#{ $nats->{servers} };
}

sub url {
    my ($nats, @which) = @_;
    @which = (0 .. $#{ $nats->{servers} }) unless @which;
    my $scheme = $nats->{tls} ? 'tls' : 'nats';
    return join ',', map { "$scheme://127.0.0.1:$nats->{servers}[$_]{port}" }
        @which;
}

sub port { $_[0]{servers}[$_[1] // 0]{port} }
sub log { Onsite::Test::read_file("$_[0]{dir}/" . ($_[1] // 0) . '/log') }

sub which {
    my ($nats, @which) = @_;
    return @which ? @which : 0 .. $#{ $nats->{servers} };
}

sub start {
    my ($nats, @which) = @_;
    for my $i ($nats->which(@which)) {
        my $server = $nats->{servers}[$i];
        next if $server->{pid};
        my $test = $$;
        my $pid = fork // die "fork: $!";
        if ($pid == 0) {
            Onsite::Test::die_with($test);
            open STDOUT, '>>', "$nats->{dir}/$i/log";
            open STDERR, '>&', \*STDOUT;
            { exec '/usr/sbin/nats-server', '-c', "$nats->{dir}/$i/conf" }
            POSIX::_exit(127);
        }
        $server->{pid} = $pid;
        push @{ $nats->{t}{children} }, $pid;
    }
    for my $i ($nats->which(@which)) {
        eventually(10, sub { IO::Socket::INET->new(Timeout => 1,
            PeerAddr => '127.0.0.1:' . $nats->port($i)) })
            or croak "nats-server $i does not start: " . $nats->log($i);
    }
    return $nats if $nats->{tls} || !$nats->{jetstream};
    eventually(20, sub { $nats->has_jetstream })
        or croak 'JetStream does not start: ' . $nats->log;
    return $nats;
}

# A cluster has chosen who leads.
sub has_jetstream {
    my ($nats) = @_;
    my $answer = $nats->api('INFO') or return 0;
    return !$answer->{error};
}

sub end {
    my ($nats, $signal, @which) = @_;
    for my $i ($nats->which(@which)) {
        my $pid = delete $nats->{servers}[$i]{pid} or next;
        CORE::kill $signal, $pid;
        my $late = !eventually(10, sub { waitpid($pid, WNOHANG) != 0 });
        if ($late) {
            CORE::kill 'KILL', $pid;
            waitpid $pid, 0;
        }
        my $children = $nats->{t}{children};
        @$children = grep { $_ != $pid } @$children;
    }
    return $nats;
}

sub stop { my ($nats, @which) = @_; $nats->end('TERM', @which) }
sub kill { my ($nats, @which) = @_; $nats->end('KILL', @which) }
sub freeze { CORE::kill 'STOP', $_[0]{servers}[$_[1] // 0]{pid} }
sub thaw { CORE::kill 'CONT', $_[0]{servers}[$_[1] // 0]{pid} }

# A connection that speaks the protocol, to one that runs and leads nothing in
# particular; undef: there is none.
sub dial {
    my ($nats) = @_;
    croak 'tests read from servers without TLS' if $nats->{tls};
    for my $server (grep { $_->{pid} } @{ $nats->{servers} }) {
        my $socket = IO::Socket::INET->new(Timeout => 2,
            PeerAddr => "127.0.0.1:$server->{port}") or next;
        my $c = { socket => $socket, in => '' };
        my $info = line($c, 2);
        next unless defined $info && $info =~ /^INFO /;
        syswrite $socket, 'CONNECT ' . json_encode({ verbose => JSON::PP::false(),
            pedantic => JSON::PP::false(), headers => JSON::PP::true(),
            no_responders => JSON::PP::true(), %{ $nats->{connect} } })
            . "\r\nPING\r\n";
        my $pong = line($c, 2) // '';
        return $c if $pong eq 'PONG';
        $nats->{said} = $pong;
    }
    return undef;
}

# More bytes, before that time; false: none came.
sub more {
    my ($c, $end) = @_;
    my $left = $end - time;
    return 0 if $left <= 0 || !IO::Select->new($c->{socket})->can_read($left);
    return sysread $c->{socket}, $c->{in}, 65536, length $c->{in};
}

sub line {
    my ($c, $seconds) = @_;
    my $end = time + $seconds;
    my $at;
    while (($at = index $c->{in}, "\r\n") < 0) {
        more($c, $end) or return undef;
    }
    my $line = substr $c->{in}, 0, $at + 2, '';
    return substr $line, 0, $at;
}

# The next message: [subject, data, headers]; undef: none came.
sub message {
    my ($c, $seconds) = @_;
    my $end = time + $seconds;
    while (defined(my $line = line($c, $end - time))) {
        if ($line eq 'PING') {
            syswrite $c->{socket}, "PONG\r\n";
            next;
        }
        my @words = split ' ', $line;
        next unless @words && $words[0] =~ /^H?MSG$/;
        my $size = $words[-1];
        my $head = $words[0] eq 'HMSG' ? $words[-2] : 0;
        while (length $c->{in} < $size + 2) {
            more($c, $end) or return undef;
        }
        my $all = substr $c->{in}, 0, $size + 2, '';
        return [$words[1], substr($all, $head, $size - $head),
            substr($all, 0, $head)];
    }
    return undef;
}

# As JetStream answers; undef: it does not.
sub api {
    my ($nats, $what, $ask) = @_;
    my $c = $nats->dial or return undef;
    my $data = $ask ? json_encode($ask) : '';
    syswrite $c->{socket}, "SUB _INBOX.test 1\r\nPUB \$JS.API.$what "
        . "_INBOX.test " . length($data) . "\r\n$data\r\n";
    my $message = message($c, 3);
    return $message && $message->[1] ne '' ? json_decode($message->[1])
        : undef;
}

sub info {
    my ($nats, $stream) = @_;
    my $info = $nats->api("STREAM.INFO.$stream");
    return $info && !$info->{error} ? $info : undef;
}

# All messages of a stream, in order; with a number those from it on.
sub messages {
    my ($nats, $stream, $from) = @_;
    my $info = $nats->info($stream) or return;
    my @messages;
    my $c = $nats->dial or return;
    syswrite $c->{socket}, "SUB _INBOX.test.* 1\r\n";
    my ($first, $last) = @{ $info->{state} }{qw(first_seq last_seq)};
    $first = $from if $from && $from > $first;
    for my $seq ($first .. $last) {
        my $ask = json_encode({ seq => $seq });
        syswrite $c->{socket}, "PUB \$JS.API.STREAM.MSG.GET.$stream "
            . "_INBOX.test.$seq " . length($ask) . "\r\n$ask\r\n";
        my $answer = message($c, 3) or return;
        my $m = json_decode($answer->[1])->{message} or next;
        my $headers = decode_base64($m->{hdrs} // '');
        my ($id) = $headers =~ /^Nats-Msg-Id: *(.*?)\r$/m;
        push @messages, { subject => $m->{subject}, seq => $seq, id => $id,
            data => decode_base64($m->{data} // ''), headers => $headers };
    }
    return @messages;
}

sub publish {
    my ($nats, $subject, $data) = @_;
    my $c = $nats->dial or croak 'there is no server';
    syswrite $c->{socket}, "PUB $subject " . length($data)
        . "\r\n$data\r\nPING\r\n";
    return (line($c, 3) // '') eq 'PONG';
}

sub subscribe {
    my ($nats, $subject) = @_;
    my $c = $nats->dial or croak 'there is no server';
    syswrite $c->{socket}, "SUB $subject 1\r\nPING\r\n";
    (line($c, 3) // '') eq 'PONG' or croak 'SUB';
    return sub { message($c, $_[0] // 5) };
}


1;
