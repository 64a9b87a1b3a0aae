# Onsite::Roam - machines whose visitors roam: their sidecars, and what each
# knows of a visitor. Exports all of it.

package Onsite::Roam;

use strict;
use warnings;

use Exporter 'import';
use Onsite::Test;
use Test::More;

our @EXPORT = qw(roams_with roam start_roam roamer stop_roam told id record counts
    waiting settled comes);

# The Onsite::Nats where records are put.
my $nats;
sub roams_with { ($nats) = @_ }

sub roam {
    my ($t, @args) = @_;
    return $t->run_loader('roam', $t->state_dir, '--with', $nats->url, @args);
}

# Sidecars that go on.
my %sidecar;
sub start_roam {
    for my $t (@_) {
        my $pid = fork // die "fork: $!";
        if ($pid == 0) {
            Onsite::Test::die_with(getppid);
            open STDERR, '>>', $t->dir . '/roam.log';
            exec $t->loader, 'roam', $t->state_dir, '--with', $nats->url,
                '--every', '100ms';
            exit 127;
        }
        push @{ $t->{children} }, $pid;
        $sidecar{$t} = $pid;
    }
}

# The pid of one that goes on, or undef.
sub roamer { $sidecar{ $_[0] } }

sub stop_roam {
    for my $t (@_) {
        my $pid = delete $sidecar{$t};
        kill 'TERM', $pid;
        waitpid $pid, 0;
        is($?, 0, 'a sidecar ends when it is told to');
        @{ $t->{children} } = grep { $_ != $pid } @{ $t->{children} };
    }
}

sub told { Onsite::Test::read_file($_[0]->dir . '/roam.log') }
sub id { (split /\./, $_[0]{onsite_id})[0] }
sub record { $_[0]->state_of($_[1], '--key-file', $_[0]->dir . '/key') }

# Of a visitor, by their cookies or their id: "Page Viewed=2", or "none".
sub counts {
    my ($t, $jar) = @_;
    my $r = record($t, ref $jar ? id($jar) : $jar) or return 'none';
    return join ' ', map { "$_=$r->{counts}{$_}" } sort keys %{ $r->{counts} };
}

sub waiting { $_[0]->status->{roaming}{waiting} }
sub settled { !grep { waiting($_) } @_ }

# Until a machine has that of a visitor.
sub comes {
    my ($t, $jar, $counts, $what) = @_;
    eventually(10, sub { counts($t, $jar) eq $counts });
    is(counts($t, $jar), $counts, $what);
}

1;
