package Onsite::Drain;

# Onsite::Drain - events into a state, and `drain` on it.
#
#   my $d = Onsite::Drain->new($t);
#   my @ids = $d->send(100, n => 1);        # properties of each
#   my ($code, $out, $err) = $d->once('--to', $url);
#   my $pid = $d->start('--to', $url); $d->told; $d->end($pid, 'TERM');
#   $d->last(100);                          # ids of what was sent last
#   $d->{all};                              # all that it ever told

use strict;
use warnings;

use Onsite::Test;

sub new {
    my ($class, $t, %o) = @_;
    return bless { t => $t, n => 0, ids => [], all => '', log =>
        $t->dir . '/drain.log', prefix => 'm', visitors => 97, %o }, $class;
}

# Of ids that are never used again.
sub send {
    my ($d, $many, %properties) = @_;
    my @ids = map { "$d->{prefix}-" . ++$d->{n} } 1 .. $many;
    my $most = length($properties{text} // '') > 500 ? 15 : 500;
    for (my $i = 0; $i < @ids; $i += $most) {
        my $end = $i + $most - 1 < $#ids ? $i + $most - 1 : $#ids;
        my $r = $d->{t}->post('/onsite/v1/batch', { batch => [map {
            { type => 'track', event => 'Sent', messageId => $_,
                anonymousId => 'v-' . (/(\d+)$/)[0] % $d->{visitors},
                properties => { id => $_, %properties } } } @ids[$i .. $end]] });
        $r->{status} == 200 or die "batch: $r->{status} $r->{content}";
    }
    push @{ $d->{ids} }, @ids;
    return @ids;
}

sub last { my ($d, $n) = @_; return @{ $d->{ids} }[-$n .. -1] }

sub once {
    my ($d, @args) = @_;
    my @r = $d->{t}->run_loader('drain', $d->{t}->state_dir, '--once', @args);
    $d->{all} .= "$r[1]$r[2]";
    return wantarray ? @r : $r[0];
}

sub start {
    my ($d, @args) = @_;
    unlink $d->{log};
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        open STDERR, '>>', $d->{log};
        exec $d->{t}->loader, 'drain', $d->{t}->state_dir, @args;
        exit 127;
    }
    push @{ $d->{t}{children} }, $pid;
    return $pid;
}

# By the one that was started last.
sub told { return Onsite::Test::read_file($_[0]{log}) }

# How it ended.
sub end {
    my ($d, $pid, $signal) = @_;
    kill $signal // 'TERM', $pid;
    waitpid $pid, 0;
    my $status = $?;
    $d->{t}{children} = [grep { $_ != $pid } @{ $d->{t}{children} || [] }];
    $d->{all} .= $d->told;
    return $status;
}

1;
