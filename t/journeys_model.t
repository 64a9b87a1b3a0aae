# Journeys, sequences and inactivity against a model of their own: random
# definitions and random events, and all that fires, when it does.
#
# ONSITE_MODEL_SEED and ONSITE_MODEL_SITES make other and longer runs.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::JourneyModel;
use Onsite::Test;
use POSIX qw(strftime);
use Test::More;

my $SITES = $ENV{ONSITE_MODEL_SITES} // 40;
my $VISITORS = 3;
my $EVENTS = 30;
my $LATE = 4;                   # every so many: events that were held back
my $BEGIN = 1_792_497_600_000;
my @NAMES = qw(A B C D E);

srand($ENV{ONSITE_MODEL_SEED} // 20261121);

# No two timers of a site are due at once: which is first then is not told.
my $differ = 0;
sub duration { $_[rand @_] * 60_000 + $differ++ . 'ms' }

sub one { $_[rand @_] }
sub chance { rand() < $_[0] }

# An event that somebody waits for: a visitor's, or sometimes another one.
# Entry events lead from one journey to a later one, so never in a circle.
sub wanted {
    my ($journeys) = @_;
    my @others = ('Visitor Inactive', 'Journey Timeout', 'Sequence Timeout',
        map { "Entered $_" } 0 .. $journeys - 1);
    my $name = chance(0.1) ? one(@others) : one(@NAMES);
    return { event => $name,
        chance(0.3) && length $name == 1 ? (where => { p => 1 + int rand 3 })
            : () };
}

sub some { my ($n) = @_; my @list = map { wanted(3) } 1 .. 1 + int rand $n;
    return @list == 1 ? $list[0] : \@list }

sub journey {
    my ($id, $number) = @_;
    my @names = map { "s$_" } 0 .. 1 + int rand 4;
    my %states;
    for my $name (@names) {
        my $s = $states{$name} = {};
        for (1 .. int rand 4) {
            my $w = wanted($number);
            my @edges = map {
                my $edge = { to => one(@names),
                    $w->{where} ? (where => $w->{where}) : (),
                    chance(0.2) ? (if => { 'journey.j' . int(rand 3)
                        => 's' . int rand 3 }) : () };
                keys %$edge == 1 && chance(0.5) ? $edge->{to} : $edge;
            } 1 .. 1 + int rand 2;
            $s->{on}{ $w->{event} } = @edges == 1 ? $edges[0] : \@edges;
        }
        $s->{after} = { duration(7, 20, 60) => one(@names) } if chance(0.3);
        $s->{inactive} = { duration(5, 40, 120) => one(@names) }
            if chance(0.3);
        $s->{entry} = { event => "Entered $number" } if chance(0.2);
    }
    return { id => $id, start => 's0', states => \%states };
}

sub sequence {
    my @steps;
    for (1 .. 1 + int rand 3) {
        push @steps, { not => some(2) } if @steps && chance(0.25);
        push @steps, { %{ wanted(3) },
            chance(0.2) ? (count => 2 + int rand 2) : () };
    }
    my $within = one(undef, 'session', map { duration($_) } 5, 15, 60);
    if (defined $within && $within ne 'session' && chance(0.4)) {
        push @steps, { not => some(2) } if !$steps[-1]{not};
    }
    return { sequence => \@steps, defined $within ? (within => $within) : (),
        chance(0.3) ? (reset_on => some(2)) : () };
}

sub inactive {
    return { inactive => duration(3, 25, 60, 360),
        chance(0.7) ? (after => some(2)) : (),
        chance(0.5) ? (unless => some(2)) : () };
}

# At most eight campaigns, as many as one answer holds.
sub campaigns {
    my ($journeys, $late) = @_;
    my @triggers = ((map { $late ? inactive() : sequence() } 1 .. 4),
        (map { inactive() } 1 .. 2),
        map { { journey => $_->{id},
            state => one(sort keys %{ $_->{states} }) } } @$journeys[0, 1]);
    my $n = 0;
    return map { { id => 'c' . $n++, channel => 'webhook', trigger => $_,
        endpoint => 'https://hooks.example/',
        content => { data => { a => 1 } } } } @triggers;
}

sub events {
    my ($late) = @_;
    my $at = $BEGIN + int rand 3_600_000;
    return map {
        $at += one(0, 0, 1000, 60_000, 90_000, 300_000, 900_000, 1_800_000)
            + (chance(0.7) ? int rand 400_000 : 0);
        $at += int rand 20_000_000 if chance(0.03);
        { name => one(@NAMES), p => 1 + int rand 3, at => $at,
            time => $at - ($late && chance(0.5) ? int rand 3_500_000 : 0) };
    } 1 .. $EVENTS;
}

sub iso {
    my ($ms) = @_;
    return strftime('%Y-%m-%dT%H:%M:%S', gmtime int $ms / 1000)
        . sprintf '.%03dZ', $ms % 1000;
}

sub log_line {
    my ($visitor, $e) = @_;
    return sprintf '{"type":"track","event":"%s","anonymousId":"%s",'
        . '"receivedAt":"%s","timestamp":"%s","properties":{"p":%d}}' . "\n",
        $e->{name}, $visitor, iso($e->{at}), iso($e->{time}), $e->{p};
}

my $t = Onsite::Test->new;
my @sites;
for my $n (0 .. $SITES - 1) {
    $differ = 0;
    my @journeys = map { journey("j$_", $_) } 0 .. 2;
    my $late = $n % $LATE == 0;
    my @campaigns = campaigns(\@journeys, $late);
    for my $d (@journeys, @campaigns) {
        $t->write_file("campaigns/$n-$d->{id}.json",
            json_encode({ %$d, site => "site$n" }));
    }
    push @sites, { name => "site$n", late => $late, journeys => \@journeys,
        campaigns => \@campaigns };
}
my ($code, $out, $err) = $t->run_loader('build', $t->dir . '/campaigns', '-o',
    $t->snapshot);
is($code, 0, scalar(@sites) * 11 . ' definitions')
    or BAIL_OUT(substr $err, 0, 2000);

my ($fired, $moved, @differ) = (0, 0);
for my $site (@sites) {
    my (%of, @log);
    for my $v (1 .. $VISITORS) {
        $of{"v$v"} = [events($site->{late})];
        push @log, map { [$_->{at}, "v$v", $_] } @{ $of{"v$v"} };
    }
    @log = sort { $a->[0] <=> $b->[0] } @log;
    my $text = join '', map { log_line($_->[1], $_->[2]) } @log;
    my $until = $log[-1][0] + 7 * 3_600_000;
    ($code, $out, $err) = $t->run_loader('replay', $t->snapshot, '--site',
        $site->{name}, '--events', '-', '--until', iso($until), \$text);
    is($code, 0, "replay of $site->{name}") or diag($err) if $code != 0;

    my %told;
    for (split /\n/, $out) {
        my ($at, $visitor) = /"time":"([^"]+)","visitor":"([^"]+)"/ or next;
        push @{ $told{$visitor} }, /"campaign":"(\w+)"/ ? "$at campaign $1"
            : /"journey":"(\w+)","from":"(\w+)","to":"(\w+)"/
            ? "$at $1 $2>$3" : ();
    }
    for my $v (sort keys %of) {
        my $model = Onsite::JourneyModel->new(%$site{qw(journeys campaigns)});
        $model->event($_) for @{ $of{$v} };
        $model->until($until);
        my $expected = join "\n", sort map { iso($_->[0]) . " $_->[1]" }
            @{ $model->{told} };
        my $got = join "\n", sort @{ $told{$v} // [] };
        $fired += grep { $_->[1] =~ /^campaign/ } @{ $model->{told} };
        $moved += grep { $_->[1] =~ />/ } @{ $model->{told} };
        push @differ, [$site, $v, $of{$v}, $expected, $got]
            if $expected ne $got;
    }
}

cmp_ok($fired, '>', 20 * $SITES, "campaigns fired: $fired");
cmp_ok($moved, '>', 20 * $SITES, "journeys moved: $moved");
is(scalar @differ, 0, 'all as the model says');

if (@differ) {
    my ($site, $visitor, $events, $expected, $got) = @{ $differ[0] };
    my %in = (model => $expected, replay => $got);
    $t->write_file("$_.txt", "$in{$_}\n") for keys %in;
    diag("$site->{name}, $visitor:");
    diag(json_encode($_)) for @$site{qw(journeys campaigns)};
    diag(iso($_->{at}) . " $_->{name} $_->{p}") for @$events;
    diag(scalar `cd @{[$t->dir]}; diff -U3 model.txt replay.txt | head -30`);
}

$t->{clean} = 1;
done_testing();
