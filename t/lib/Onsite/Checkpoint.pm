package Onsite::Checkpoint;

# Onsite::Checkpoint - what tests of checkpoint and restore share.

use strict;
use warnings;

use Exporter 'import';
use Onsite::Test;

our @EXPORT = qw(checkpoints checkpoint restore send_events with_fault
    faults_work);

# Names of whole ones, oldest first.
sub checkpoints {
    my ($folder) = @_;
    return map { m{([^/]+)$} } sort grep { /Z$/ } glob "$folder/*";
}

sub checkpoint {
    my ($t, $folder, @args) = @_;
    return $t->run_loader('checkpoint', $t->state_dir, '--to', $folder, '--once',
        @args);
}

sub restore {
    my ($t, $folder, @args) = @_;
    return $t->run_loader('restore', $folder, '--to', $t->state_dir, @args);
}

# So many events, of ids that are never used again; returns the ids.
my $n = 0;
sub send_events {
    my ($t, $many) = @_;
    my @ids = map { 'm-' . ++$n } 1 .. $many;
    my $r = $t->post('/onsite/v1/batch', { batch => [map { { type => 'track',
        event => 'Sent', anonymousId => "v-$_", messageId => $_,
        properties => { text => 'x' x 100 } } } @ids] });
    $r->{status} == 200 or die "batch: $r->{status}";
    return @ids;
}

# What the code runs meets a disk that fails, or dies, at a step; without a
# fault: how many steps there are.
sub with_fault {
    my ($t, $fault, $code) = @_;
    my $io = Onsite::Test::build_dir() . '/t/io_fails.so';
    local @ENV{qw(LD_PRELOAD ONSITE_IO_FAILS ONSITE_IO_COUNT)}
        = ($io, $fault // '', $fault ? '' : $t->dir . '/steps');
    my @r = $code->();
    delete @ENV{qw(LD_PRELOAD ONSITE_IO_FAILS ONSITE_IO_COUNT)};
    return $fault ? @r : 0 + Onsite::Test::read_file($t->dir . '/steps');
}

# a preloaded disk and a sanitizer do not go together
sub faults_work { ($ENV{FLAVOUR} // '') ne 'asan' }

1;
