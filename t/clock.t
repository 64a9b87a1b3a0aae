# A clock that is set back, and the end of a session, to the second.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use Test::More;

my ($faketime) = glob '/usr/lib/*/faketime/libfaketime.so.1';
plan(skip_all => 'libfaketime is not installed') unless $faketime;
plan(skip_all => 'libfaketime and a sanitizer do not go together')
    if ($ENV{FLAVOUR} // '') eq 'asan';

my $t = Onsite::Test->new;
$t->write_file('html/index.html', html_page('x'));
$t->campaigns(
    (map { Onsite::Test::popup($_, frequency => { cap => 1, per => $_ }) }
        qw(hour day week session visitor)),
    Onsite::Test::popup('third', frequency => { cap => 1, per => 'session' },
        trigger => { event => 'Page Viewed', count => 3,
            within => 'session' }),
    Onsite::Test::popup('added', trigger => { event => 'Product Added' }),
);

# the time that nginx sees, standing still
sub at { $t->write_file('now', "2026-10-20 $_[0]\n") }
at('12:00:00');

{
    no warnings 'redefine';
    my $preload = \&Onsite::Test::preload;
    *Onsite::Test::preload = sub { $preload->() . " $faketime" };
}
@ENV{qw(FAKETIME_TIMESTAMP_FILE FAKETIME_NO_CACHE TZ
    FAKETIME_DONT_FAKE_MONOTONIC)} = ($t->dir . '/now', 1, 'UTC', 1);
$t->start(main => join "\n", map { "env $_;" }
    qw(FAKETIME_TIMESTAMP_FILE FAKETIME_NO_CACHE FAKETIME_DONT_FAKE_MONOTONIC));

my %jar;
sub shown {
    my $r = $t->visit('/', jar => \%jar);
    is($r->{status}, 200, 'a page');
    return join ' ', sort $r->{content} =~ /data-onsite-campaign="(\w+)"/g;
}

sub visitor {
    my ($id) = $jar{onsite_id} =~ /^([^.]+)/;
    my ($record) = $t->state_records('--visitor', $id);
    return $record;
}

is(shown(), 'day hour session visitor week', 'a first page');
at('12:10:00');
is(shown(), '', 'all caps are reached');

# an hour back
at('11:10:00');
is(shown(), 'third', 'the session goes on, caps hold');
is($t->post('/onsite/beacon', { event => 'Product Added', type => 'track' },
    headers => { cookie => "onsite_id=$jar{onsite_id}" })->{status}, 204,
    'an event');
is(shown(), 'added', 'what fired is shown');
is(visitor()->{visits}, 1, 'one visit');

# the session's end: 30 minutes after its last event, but not before
at('12:40:00');
is(shown(), '', 'after 30 minutes, the same session');
at('13:10:01');
is(shown(), 'hour session', 'a second more: another');
is(visitor()->{visits}, 2, 'two visits');

$t->done;
