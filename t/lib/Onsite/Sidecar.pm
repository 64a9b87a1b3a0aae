package Onsite::Sidecar;

# Onsite::Sidecar - `lmdb-loader run` with a configuration of its own, and
# somebody who is told as systemd is.
#
#   my $s = Onsite::Sidecar->new($t);
#   $s->config(sync => { from => $store, to => $file }, 'drain b' => [ ... ]);
#   $s->start;
#   $s->wait_ready;
#   my $r = $s->get('/metrics');
#   is($s->stop, 0);

use strict;
use warnings;

use Errno;
use IO::Select;
use IO::Socket::UNIX;
use Onsite::Test;
use POSIX ();
use Socket qw(SOCK_DGRAM);
use Test::More;

sub new {
    my ($class, $t) = @_;
    my $s = bless { t => $t, dir => $t->dir, conf => $t->dir . '/pop.conf',
        port => Onsite::Test::free_port(), told => [],
        top => {} }, $class;
    $s->{socket} = IO::Socket::UNIX->new(Type => SOCK_DGRAM,
        Local => $t->dir . '/notify') or die "notify: $!";
    return $s;
}

# Sections with their lines; lines in front of all are those of the state and
# of where it listens, and what is in {top}.
sub config {
    my ($s, @sections) = @_;
    my %top = (state => $s->{t}->state_dir, listen => "127.0.0.1:$s->{port}",
        %{ $s->{top} });
    my $text = join '', map { "$_ = $top{$_}\n" } grep { defined $top{$_} }
        sort keys %top;
    while (my ($name, $lines) = splice @sections, 0, 2) {
        my @lines = ref $lines eq 'ARRAY' ? @$lines
            : map { $_ => $lines->{$_} } sort keys %$lines;
        $text .= "\n[$name]\n";
        while (my ($option, $value) = splice @lines, 0, 2) {
            $text .= defined $value ? "$option = $value\n" : "$option\n";
        }
    }
    return $s->text($text);
}

sub text { my ($s, $text) = @_; $s->{t}->write_file('pop.conf', $text); $s }

sub start {
    my ($s, %env) = @_;
    my $test = $$;
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        Onsite::Test::die_with($test);
        $ENV{NOTIFY_SOCKET} = "$s->{dir}/notify";
        delete $ENV{JOURNAL_STREAM};
        @ENV{ keys %env } = values %env;
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', "$s->{dir}/run.log";
        open STDERR, '>>', "$s->{dir}/run.log";
        { exec $s->{t}->loader, 'run', $s->{conf} }
        POSIX::_exit(127);
    }
    $s->{pid} = $pid;
    push @{ $s->{t}{children} }, $pid;
    return $s;
}

# Its exit status once it has ended; 128 and more: a signal.
sub ended {
    my ($s, $seconds) = @_;
    my $pid = $s->{pid} or return;
    my $status;
    eventually($seconds // 15, sub {
        return 0 if waitpid($pid, POSIX::WNOHANG()) != $pid;
        $status = $? & 127 ? 128 + ($? & 127) : $? >> 8;
        return 1;
    }) or return 'runs';
    delete $s->{pid};
    @{ $s->{t}{children} } = grep { $_ != $pid } @{ $s->{t}{children} };
    return $status;
}

sub signal { my ($s, $signal) = @_; kill $signal, $s->{pid} }
sub stop { my ($s, $signal) = @_; $s->signal($signal // 'TERM'); $s->ended }
sub log { Onsite::Test::read_file("$_[0]{dir}/run.log") }
sub logs {
    my ($s, $re, $seconds) = @_;
    return eventually($seconds // 10, sub { $s->log =~ $re });
}

sub get {
    my ($s, $path, %o) = @_;
    return $s->{t}->request($path, port => $s->{port}, %o);
}

sub status { json_decode($_[0]->get('/status')->{content}) }

# Its tasks by section.
sub tasks {
    my ($s) = @_;
    my $r = $s->get('/status');
    return {} if $r->{status} != 200;
    return { map { $_->{section} => $_ }
        @{ json_decode($r->{content})->{sidecar}{tasks} } };
}

# Reasons why it is not ready; [] when it is.
sub unready {
    my ($s) = @_;
    my $r = $s->get('/readyz');
    my $answer = eval { json_decode($r->{content}) } or return ['no answer'];
    return ["$r->{status} does not fit"]
        if ($r->{status} == 200) != ($answer->{ready} ? 1 : 0);
    return $answer->{reasons};
}

sub wait_ready {
    my ($s, $seconds) = @_;
    return eventually($seconds // 15, sub { !@{ $s->unready } })
        || !diag(join ' | ', @{ $s->unready }, $s->log);
}

sub wait_unready {
    my ($s, $re) = @_;
    return eventually(15, sub { grep { /$re/ } @{ $s->unready } })
        || !diag(join ' | ', @{ $s->unready }, $s->log);
}

# Whether systemd was told so, or is within the time.
sub told {
    my ($s, $re, $seconds) = @_;
    return eventually($seconds // 10, sub {
        my $select = IO::Select->new($s->{socket});
        while ($select->can_read(0)) {
            $s->{socket}->recv(my $text, 4096);
            push @{ $s->{told} }, $text;
        }
        return grep { $_ =~ $re } @{ $s->{told} };
    });
}

1;
