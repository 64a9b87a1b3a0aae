package Onsite::Hooks;

# Onsite::Hooks - who receives deliveries, and checks them by itself.
#
#   my $hooks = Onsite::Hooks->new($t);
#   $hooks->url('ok')                   # http://127.0.0.1:PORT/ok
#   $hooks->answers(ok => '503')        # from now on; '' is 200
#   $hooks->received('ok')              # requests, as they came
#
# An answer is a status and headers ("429|Retry-After: 2"), "slow" (none for a
# long time), "cut" (half of one), "none" (at once) or "noise" (not HTTP).

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_base64);
use Exporter 'import';
use Fcntl qw(:flock);
use MIME::Base64;
use Onsite::Test;
use POSIX ();
use Time::HiRes ();

our @EXPORT = qw(verifies secret webhook start_loader end_loader);

sub new {
    my ($class, $t) = @_;
    my $self = bless { t => $t, dir => $t->dir . '/hooks' }, $class;
    mkdir $self->{dir} or die "$self->{dir}: $!";
    $self->{port} = $t->upstream(sub { $self->serve(@_) });
    return $self;
}

# At another port, too.
sub listen { my ($self, $port) = @_; $self->{t}->upstream(sub { $self->serve(@_) }, $port) }

sub url { my ($self, $name) = @_; return "http://127.0.0.1:$self->{port}/$name" }

sub answers {
    my ($self, $name, $how) = @_;
    my $path = "$self->{dir}/$name.answer";
    return unlink $path unless length $how;
    $self->{t}->write_file("$path.new", $how);
    rename "$path.new", $path or die "$path: $!";
}

sub serve {
    my ($self, $client, $head) = @_;
    my ($method, $name) = $head =~ m{^(\w+) /([^/? ]*)};
    my ($length) = $head =~ /^content-length: (\d+)/mi;
    my $body = '';
    read $client, $body, $length if $length;
    my %headers = map { /^([^:]+): ?(.*)$/ ? (lc $1 => $2) : () }
        split /\r\n/, $head;
    open my $f, '>>', "$self->{dir}/$name.log" or die "log: $!";
    flock $f, LOCK_EX;
    syswrite $f, json_encode({ method => $method, headers => \%headers,
        body => $body, at => Time::HiRes::time() }) . "\n";
    close $f;
    my $how = Onsite::Test::read_file("$self->{dir}/$name.answer");
    if ($how eq 'slow') {
        sysread $client, my $rest, 1;           # until it gives up
    } elsif ($how eq 'cut') {
        print $client "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf";
    } elsif ($how eq 'noise') {
        print $client "+OK what is it?\r\n";
    } elsif ($how ne 'none') {
        my ($status, @more) = split /\|/, $how;
        print $client join "\r\n", 'HTTP/1.1 ' . ($status || 200) . ' x', @more,
            'Content-Length: 2', 'Connection: close', '', 'ok';
    }
}

sub received {
    my ($self, $name) = @_;
    return map { json_decode($_) }
        split /\n/, Onsite::Test::read_file("$self->{dir}/$name.log");
}

# As the specification says it is verified.
sub verifies {
    my ($r, $secret) = @_;
    my $h = $r->{headers};
    my $key = decode_base64($secret =~ s/^whsec_//r);
    my $mac = hmac_sha256_base64(join('.', @$h{qw(webhook-id
        webhook-timestamp)}, $r->{body}), $key);
    $mac .= '=' while length($mac) % 4;
    return scalar grep { $_ eq "v1,$mac" } split / /, $h->{'webhook-signature'} // '';
}

sub secret { return 'whsec_' . encode_base64(join('', map { chr rand 256 } 1 .. 32), '') }

# lmdb-loader with these arguments, in the background; what it says goes to
# loader.log.  Names with a value first: its environment.
sub start_loader {
    my ($t, @args) = @_;
    my %env = ref $args[0] ? %{ shift @args } : ();
    my $test = $$;
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        Onsite::Test::die_with($test);
        @ENV{ keys %env } = values %env;
        open STDOUT, '>>', $t->dir . '/loader.out';
        open STDERR, '>>', $t->dir . '/loader.log';
        { exec $t->loader, @args }
        POSIX::_exit(127);
    }
    return $pid;
}

sub end_loader {
    my ($pid, $signal) = @_;
    kill $signal, $pid;
    waitpid $pid, 0;
    return $?;
}

# A campaign that fires when an event with its name comes.
sub webhook {
    my ($id, $url, %more) = @_;
    return { id => $id, channel => 'webhook', endpoint => $url,
        trigger => { event => $id },
        content => { data => { n => '{{event.properties.n}}' } }, %more };
}

1;
