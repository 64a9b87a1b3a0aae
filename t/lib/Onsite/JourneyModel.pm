package Onsite::JourneyModel;

# What docs/campaigns.md says of journeys, sequences and inactivity, told once
# more and slowly: a sequence looks at every selection of the events so far.
#
#   my $m = Onsite::JourneyModel->new(journeys => [...], campaigns => [...]);
#   $m->event({ name => 'A', p => 1, at => $ms });      # times never go back
#   $m->event({ name => 'A', at => $ms, time => $ms - 9000 });  # held back;
#                                           # not for sites with sequences
#   $m->until($ms);                                     # timers up to then
#   $m->{told}                              # [ms, 'campaign ID' or 'J A>B']

use strict;
use warnings;

my $SESSION = 30 * 60_000;
my $EMITS = 8;

sub new {
    my ($class, %site) = @_;
    return bless { %site, told => [], last => 0, session => 0,
        state => {}, armed => {}, seen => {} }, $class;
}

sub ms {
    my ($text) = @_;
    return 0 if !defined $text;
    my ($n, $unit) = $text =~ /^(\d+)(ms|s|m|h)$/ or die "duration $text";
    return $n
        * { ms => 1, s => 1000, m => 60_000, h => 3_600_000 }->{$unit};
}

sub list { ref $_[0] eq 'ARRAY' ? @{ $_[0] } : defined $_[0] ? ($_[0]) : () }

sub matches {
    my ($event, $what) = @_;
    return $event->{name} eq $what->{event}
        && (!$what->{where} || ($event->{p} // '') eq $what->{where}{p});
}

sub any_matches {
    my ($event, @what) = @_;
    return scalar grep { matches($event, $_) } @what;
}

# At most once for one event.
sub fire {
    my ($m, $at, $campaign) = @_;
    return if $m->{fired}{ $campaign->{id} }++;
    push @{ $m->{told} }, [$at, "campaign $campaign->{id}"];
}

sub stands {
    my ($m, $journey) = @_;
    my $standing = $m->{state}{ $journey->{id} };
    return $standing ? $standing->[0] : $journey->{start};
}

# Entering a state: told, its campaigns fire, its event comes later.  What was
# held back is as of when the journey was moved last; of a start without a timer
# nothing is kept, also not when it was entered.
sub enter {
    my ($m, $journey, $to, $at, $time) = @_;
    my $from = $m->stands($journey);
    my $standing = $m->{state}{ $journey->{id} };
    $time //= $at;
    $time = $standing->[1] if $standing && $standing->[1] > $time;
    my $state = $journey->{states}{$to};
    $time = 0 if $to eq $journey->{start} && !$state->{after}
        && !$state->{inactive};
    $m->{state}{ $journey->{id} } = [$to, $time];
    push @{ $m->{told} }, [$at, "$journey->{id} $from>$to"];
    $m->fire($at, $_) for grep { ($_->{trigger}{journey} // '')
        eq $journey->{id} && $_->{trigger}{state} eq $to }
        @{ $m->{campaigns} };
    my $entry = $journey->{states}{$to}{entry};
    push @{ $m->{entries} }, { name => $entry->{event}, at => $at,
        time => $m->{now} }
        if $entry && $m->{emitted}++ < $EMITS;
}

sub journey {
    my ($m, $journey, $event, $before) = @_;
    my $id = $journey->{id};
    my $state = $m->stands($journey);
    for my $edge (list($journey->{states}{$state}{on}{ $event->{name} })) {
        $edge = { to => $edge } if !ref $edge;
        next if $edge->{where} && ($event->{p} // '') ne $edge->{where}{p};
        next if $edge->{if} && grep { ($before->{ substr $_, 8 })
            ne $edge->{if}{$_} } keys %{ $edge->{if} };
        return $m->enter($journey, $edge->{to}, @$event{qw(at time)});
    }
    # a timer of the start runs from the first event
    $m->{state}{$id} //= [$state, $event->{time} // $event->{at}]
        if !$event->{synthetic};
}

# Every way to have come through the first $k steps with this event as the
# last of them: the starts of those, latest last.
sub sequence {
    my ($m, $campaign, $event) = @_;
    my $trigger = $campaign->{trigger};
    my (@steps, @not);
    for my $step (@{ $trigger->{sequence} }) {
        if ($step->{not}) {
            push @{ $not[@steps] }, list($step->{not});
        } else {
            push @steps, ($step) x ($step->{count} // 1);
        }
    }
    my $within = $trigger->{within} // '';
    my $timed = $trigger->{sequence}[-1]{not};
    my $memory = $m->{seen}{ $campaign->{id} } //= { events => [] };
    my $events = $memory->{events};
    my @reset = list($trigger->{reset_on});

    delete $memory->{waits} if $memory->{waits} && (any_matches($event, @reset)
        || any_matches($event, @{ $not[@steps] // [] }));

    my %now = (at => $event->{at}, session => $m->{session},
        reset => any_matches($event, @reset), starts => []);
    $now{not}[$_] = any_matches($event, @{ $not[$_] // [] })
        for 1 .. $#not;
    for my $k (1 .. @steps) {
        next if !matches($event, $steps[$k - 1]);
        if ($k == 1) {
            $now{starts}[1] = [\%now];
            next;
        }
        next if $now{reset} || $now{not}[$k - 1];
        for my $before (reverse @$events) {
            push @{ $now{starts}[$k] }, @{ $before->{starts}[$k - 1] // [] };
            last if $before->{reset} || $before->{not}[$k - 1];
        }
    }
    push @$events, \%now;

    my ($start) = sort { $b->{at} <=> $a->{at} } grep {
        $within eq '' || ($within eq 'session'
            ? $_->{session} == $now{session}
            : $now{at} - $_->{at} <= ms($within)) }
        @{ $now{starts}[@steps] // [] };
    return if !$start;
    if ($timed) {
        $memory->{waits} //= $start->{at} + ms($within);
        return;
    }
    delete $m->{seen}{ $campaign->{id} };
    $m->fire($event->{at}, $campaign);
}

sub inactive {
    my ($m, $campaign, $event) = @_;
    my $trigger = $campaign->{trigger};
    if (any_matches($event, list($trigger->{unless}))) {
        delete $m->{armed}{ $campaign->{id} };
    } elsif ($trigger->{after} ? any_matches($event, list($trigger->{after}))
        : !$event->{synthetic})
    {
        $m->{armed}{ $campaign->{id} } //= $event->{at};
    }
}

sub move {
    my ($m, $event) = @_;
    my %before = map { $_->{id} => $m->stands($_) } @{ $m->{journeys} };
    $m->journey($_, $event, \%before)
        for sort { $a->{id} cmp $b->{id} } @{ $m->{journeys} };
    for my $c (@{ $m->{campaigns} }) {
        $m->sequence($c, $event) if $c->{trigger}{sequence};
        $m->inactive($c, $event) if $c->{trigger}{inactive};
    }
    if (my $entry = shift @{ $m->{entries} }) {
        $m->{fired} = {};
        $m->move({ %$entry, synthetic => 1 });
    }
}

# What is due first: [when, what to do], but not before the latest arrival.
sub alarm {
    my ($m) = @_;
    my @alarms;
    for my $j (@{ $m->{journeys} }) {
        my ($state, $since) = @{ $m->{state}{ $j->{id} } // next };
        my $s = $j->{states}{$state};
        for my $kind (grep { $s->{$_} } qw(after inactive)) {
            my ($time, $to) = %{ $s->{$kind} };
            my $from = $kind eq 'after' || $since > $m->{last} ? $since
                : $m->{last};
            push @alarms, [$from + ms($time), 'Journey Timeout', sub {
                $m->enter($j, $to, $_[0]) }];
        }
    }
    for my $c (@{ $m->{campaigns} }) {
        my $id = $c->{id};
        if (defined(my $since = $m->{armed}{$id})) {
            my $from = $since > $m->{last} ? $since : $m->{last};
            push @alarms, [$from + ms($c->{trigger}{inactive}),
                'Visitor Inactive', sub { delete $m->{armed}{$id};
                    $m->fire($_[0], $c) }];
        }
        if ($m->{seen}{$id} && $m->{seen}{$id}{waits}) {
            push @alarms, [$m->{seen}{$id}{waits}, 'Sequence Timeout', sub {
                delete $m->{seen}{$id}; $m->fire($_[0], $c) }];
        }
    }
    my $first = (sort { $a->[0] <=> $b->[0] } @alarms)[0];
    $first->[0] = $m->{last} if $first && $first->[0] < $m->{last};
    return $first;
}

sub until {
    my ($m, $now) = @_;
    while (my $alarm = $m->alarm) {
        my ($at, $name, $do) = @$alarm;
        last if $at > $now;
        @$m{qw(entries emitted fired now)} = ([], 0, {}, $at);
        $do->($at);
        $m->move({ name => $name, at => $at, synthetic => 1 });
    }
}

sub event {
    my ($m, $event) = @_;
    $m->until($event->{at});
    $m->{session}++ if !$m->{last} || $event->{at} - $m->{last} > $SESSION;
    $m->{last} = $event->{at};
    @$m{qw(entries emitted fired now)} = ([], 0, {},
        $event->{time} // $event->{at});
    $m->move($event);
}

1;
