# A POP whose clock is set forth and back: pages flow, and what is sent and
# received agrees.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Pop;
use Onsite::Test;
use Test::More;

my ($faketime) = glob '/usr/lib/*/faketime/libfaketime.so.1';
plan(skip_all => 'libfaketime is not installed') unless $faketime;
plan(skip_all => 'libfaketime and a sanitizer do not go together')
    if ($ENV{FLAVOUR} // '') eq 'asan';

my $t = Onsite::Test->new;
sub set_clock {
    $t->write_file('clock.new', "$_[0]\n");
    rename $t->dir . '/clock.new', $t->dir . '/clock';
}
set_clock('+0');

my %env = (FAKETIME_TIMESTAMP_FILE => $t->dir . '/clock', FAKETIME_NO_CACHE => 1,
    FAKETIME_DONT_FAKE_MONOTONIC => 1);
{
    no warnings 'redefine';
    my $nginx_env = \&Onsite::Test::nginx_env;
    *Onsite::Test::nginx_env = sub {
        my %nginx = $nginx_env->();
        return (%nginx, %env, LD_PRELOAD => "$nginx{LD_PRELOAD} $faketime");
    };
}
my $pop = Onsite::Pop->new($t, env => { %env, LD_PRELOAD => $faketime },
    main => join "\n", map { "env $_;" } sort keys %env);
my $sidecar = $pop->{sidecar};
ok($pop->up, 'a POP is ready') or do { diag($sidecar->log); $t->done; exit };
ok($pop->goes_on(30), 'pages and events');

for (['+1h', 'forth'], ['-1h', 'back'], ['+400d', 'far ahead'], ['+0', 'and right']) {
    my ($clock, $name) = @$_;
    $pop->phase($name =~ s/ /-/r);
    set_clock($clock);
    ok($pop->goes_on(25), "an hour, $name");
    ok($pop->shows($pop->publish), 'what is published goes live')
        unless $clock eq '+400d';
}

$pop->hold;
ok($pop->quiet, 'all has left') or diag($sidecar->log);
$pop->account;
is($sidecar->stop, 0, 'the sidecar ends in peace');
$t->done;
