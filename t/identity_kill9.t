# Workers that are killed while they link over shards: at each commit on the
# way, and at any moment under load.  What joins is neither lost nor doubled.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

my $library = Onsite::Test::build_dir() . '/t/mdb_kills.so';
plan(skip_all => "$library is not built") unless -e $library;

{
    no warnings 'redefine';
    my $preload = \&Onsite::Test::preload;
    *Onsite::Test::preload = sub { $preload->() . " $library" };
}

my $t = Onsite::Test->new;
$t->allow_log(qr/worker process \d+ exited on signal 9/);
$t->write_file('html/index.html', html_page('x'));
my $control = $t->write_file('kill', "0 b\n");
chmod 0666, $control;
$ENV{ONSITE_MDB_KILLS} = $control;
$t->start(workers => 2, state => 'size=32m shards=4',
    http => 'access_log off;', server => <<'END');
        location / { root %%DIR%%/html; onsite on; }
        location /onsite/ { onsite_collect; onsite_server_key trusted;
            onsite_identity $http_x_user; }
END

my $messages = 0;

# Sent until it is answered, with one messageId: it counts once.
sub certain {
    my ($event, %o) = @_;
    my $body = { type => 'track', messageId => join('-', $$, ++$messages),
        %$event };
    my $end = time + 20;
    while (time < $end) {
        my $r = $t->post('/onsite/v1/' . ($o{path} // 'track'), $body,
            headers => { $o{user} ? ('x-user' => $o{user}) : (),
                $o{server} ? (authorization => 'Bearer trusted') : () },
            jar => $o{jar} && { %{ $o{jar} } }, timeout => 3);
        return 1 if $r->{status} == 200;
        sleep 0.01;
    }
    return 0;
}

sub record {
    my ($id) = @_;
    return $t->state_of($id);
}

# each way to link, killed at each of its commits
my %ways = (
    'an id and a cookie' => sub {
        my ($n, $jar) = @_;
        certain({ event => 'Linking', anonymousId => "id-$n" }, jar => $jar);
    },
    'a login' => sub {
        my ($n, $jar) = @_;
        certain({ event => 'Linking' }, jar => $jar, user => "user-$n");
    },
    'a login with an id' => sub {
        my ($n, $jar) = @_;
        certain({ event => 'Linking', anonymousId => "id-$n" }, jar => $jar,
            user => "user-$n");
    },
    'a server\'s word' => sub {
        my ($n, $jar) = @_;
        certain({ event => 'Linking', anonymousId => "id-$n",
            userId => "user-$n" }, server => 1);
    },
    'a new name' => sub {
        my ($n, $jar) = @_;
        certain({ event => 'Named' }, jar => $jar, user => "old-$n");
        $t->write_file('kill', $_[2]);
        certain({ previousId => "old-$n", userId => "user-$n" }, server => 1,
            path => 'alias');
    },
);

my $n = 0;
my $killed = 0;
for my $way (sort keys %ways) {
    for my $at (map { ("$_ b\n", "$_ a\n") } 1 .. 5) {
        $n++;
        my %jar;
        $t->visit('/', jar => \%jar);
        ok(certain({ event => 'Past' }, jar => \%jar), 'a past') for 1, 2;
        ok(certain({ event => 'Past', anonymousId => "id-$n" }), 'of an id')
            for 1 .. 3;
        $t->write_file('kill', $at) unless $way eq 'a new name';
        ok($ways{$way}->($n, \%jar, $at), $way);
        $killed++ if Onsite::Test::read_file($control) =~ /^0/;
        $t->write_file('kill', "0 b\n");

        # from there to the end, whatever was left
        ok(certain({ event => 'After', anonymousId => "id-$n" },
            jar => \%jar), 'and after') for 1, 2;
        ok(certain({ event => 'After' }, jar => \%jar, user => "user-$n"),
            'logged in');
        ok(certain({ event => 'After', anonymousId => "id-$n",
            userId => "user-$n" }, server => 1), 'and by a server');
        my $counts = record("user-$n")->{counts};
        is(join(',', map { $counts->{$_} // 0 } qw(Past After)), '5,4',
            "$way, killed at $at") or diag(json_encode($counts));
    }
}
cmp_ok($killed, '>', 25, "workers were killed ($killed)");

# and at any moment
my @clients;
my $end = time + 5;
for my $i (1 .. 3) {
    pipe(my $r, my $w) or die "pipe: $!";
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        close $r;
        my ($done, $failed) = (0, 0);
        while (time < $end) {
            my $id = "load-$i-$done";
            my $ok = certain({ event => 'Past', anonymousId => $id })
                && certain({ event => 'Past', anonymousId => $id })
                && certain({ event => 'Login', anonymousId => $id,
                    userId => "load-$i" }, server => 1)
                && certain({ event => 'Future', anonymousId => $id });
            $failed++ unless $ok;
            $done++;
        }
        print $w "$done $failed\n";
        close $w;
        POSIX::_exit(0);
    }
    close $w;
    push @clients, [$i, $pid, $r];
}

my $kills = 0;
while (time < $end - 0.5) {
    sleep 0.08;
    my @workers = $t->workers or next;
    kill 'KILL', $workers[$kills++ % @workers];
}
cmp_ok($kills, '>', 15, "killed $kills times");

for (@clients) {
    my ($i, $pid, $r) = @$_;
    my ($done, $failed) = split ' ', scalar <$r>;
    waitpid $pid, 0;
    is($failed, 0, 'all was answered in the end');
    cmp_ok($done, '>', 5, "client $i linked $done devices");
    my $counts = record("load-$i")->{counts};
    is(join(',', map { $counts->{$_} } qw(Past Login Future)),
        join(',', 2 * $done, $done, $done), 'neither lost nor doubled');
}

$t->done;
