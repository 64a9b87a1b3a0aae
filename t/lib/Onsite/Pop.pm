package Onsite::Pop;

# Onsite::Pop - all of a POP on loopback, under a small and steady load whose
# every id is known: nginx, the sidecar, NATS, who receives webhooks, and a store.
#
#   my $pop = Onsite::Pop->new($t);
#   my $pop = Onsite::Pop->new($t, disk => "$dir/disk");    # what it writes
#   $pop->up;
#   $pop->phase('nats');                # ids begin with it from now on
#   $pop->without_nginx(sub { ... });   # what is asked meanwhile may fail
#   $pop->hold; $pop->resume;           # nothing is sent in between
#   $pop->quiet;                        # all that waited has left
#   $pop->account;                      # sent and received agree

use strict;
use warnings;

use File::Path qw(make_path remove_tree);
use HTTP::Tiny;
use Onsite::Hooks;
use Onsite::Nats;
use Onsite::Published;
use Onsite::Sidecar;
use Onsite::Test;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

my $PAGE = html_page('<p>' . 'a page of the shop ' x 200 . '</p>', title => 'Shop');

sub new {
    my ($class, $t, %o) = @_;
    my $dir = $t->dir;
    my $disk = $o{disk} // $dir;
    {
        no warnings 'redefine';
        *Onsite::Test::snapshot = sub { "$disk/site.mdb" };
    }
    my $pop = bless { t => $t, dir => $dir, log => "$dir/load.log",
        nats => Onsite::Nats->new($t), hooks => Onsite::Hooks->new($t),
        sidecar => Onsite::Sidecar->new($t), version => 0, env => {}, %o,
        published => Onsite::Published->new($t) }, $class;
    $t->write_file('html/index.html', $PAGE);
    $t->write_file('secret', secret() . "\n");
    chmod 0600, "$dir/secret";
    $t->write_file('endpoints.json', json_encode({ $pop->{hooks}->url('order') =>
        { secrets => 'secret', private => \1 } }));
    $t->write_file('phase', 'start');
    make_path("$disk/out");
    $pop->{out} = "$disk/out";
    $pop->{sink} = ($t->run_loader('drain', '--help'))[1] =~ /nats:/
        ? $pop->{nats}->url : "file:$pop->{out}";
    return $pop;
}

# Another version, whose popup says its number.
sub publish {
    my ($pop) = @_;
    my ($t, $p, $v) = ($pop->{t}, $pop->{published}, ++$pop->{version});
    $t->write_file("from/$_->{id}.json", json_encode({ site => 'default',
        name => $_->{id}, %$_ })) for Onsite::Test::popup('hello',
            content => { html => "<p>version $v</p>" }),
        webhook('order', $pop->{hooks}->url('order'));
    my ($code, undef, $err) = $t->run_loader('build', "$pop->{dir}/from", '-o',
        "$pop->{dir}/v$v.mdb", '--version', $v);
    $code == 0 or BAIL_OUT("build: $err");
    ($code, undef, $err) = $p->again($v);
    $code == 0 or BAIL_OUT("publish: $err");
    return $v;
}

sub shows {
    my ($pop, $version, $seconds) = @_;
    return eventually($seconds // 10, sub {
        $pop->{t}->visit('/')->{content} =~ /version $version</ });
}

sub nginx_start {
    my ($pop) = @_;
    $pop->{t}->start(state => 'size=32m', snapshot => 1, workers => 2,
        main => $pop->{main} // '', server => <<'END');
        location / { root %%DIR%%/html; onsite on; }
        location /onsite/ { onsite_collect; }
        location = /status { onsite_status; }
END
}

sub sidecar_start {
    my ($pop, @more) = @_;
    my $p = $pop->{published};
    $pop->{sidecar}->config(
        sync => { from => $p->{store}, to => $p->{file},
            trust => "$p->{key}.pub", every => '200ms' },
        drain => { to => $pop->{sink}, $pop->{sink} =~ /^file/
            ? ('rotate-time' => '300ms') : ('create-stream' => undef) },
        deliver => { endpoints => "$pop->{dir}/endpoints.json",
            'retry-first' => '100ms', 'retry-most' => '500ms' }, @more);
    $pop->{sidecar}->start(%{ $pop->{env} });
}

sub up {
    my ($pop) = @_;
    $pop->publish;
    $pop->{nats}->start;
    $pop->{published}->sync;
    $pop->nginx_start;
    $pop->sidecar_start;
    $pop->{sidecar}->wait_ready or return 0;
    my $test = $$;
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
        Onsite::Test::die_with($test);
        $pop->send_for_ever;
        POSIX::_exit(0);
    }
    push @{ $pop->{t}{children} }, $pid;
    return 1;
}

# The load: pages, and events of which each fifth is an order that a webhook
# tells of.  A line for each answer: what was taken, and what went wrong.

sub record {
    my ($pop, $line) = @_;
    open my $f, '>>', $pop->{log} or die "$pop->{log}: $!";
    syswrite $f, "$line\n";
}

sub send_for_ever {
    my ($pop) = @_;
    my $http = HTTP::Tiny->new(timeout => 10, agent => 'Mozilla/5.0 Firefox/140.0');
    my $base = 'http://127.0.0.1:' . $pop->{t}->port;
    for (my $n = 1; ; $n++) {
        while (-e "$pop->{dir}/hold") {
            $pop->record('held') unless -e "$pop->{dir}/held";
            $pop->{t}->write_file('held', '');
            sleep 0.02;
        }
        my $id = Onsite::Test::read_file("$pop->{dir}/phase") . "-$n";
        my $name = $n % 5 == 0 ? 'order' : 'Product Viewed';
        my $r = $http->post("$base/onsite/v1/track", {
            headers => { 'content-type' => 'application/json' },
            content => json_encode({ event => $name, messageId => $id,
                anonymousId => 'v-' . $n % 50, properties => { n => $id } }) });
        $pop->record($r->{status} == 200 ? "$name $id" : "event $r->{status} $id");
        if ($n % 3 == 0) {
            $r = $http->get("$base/", { headers => { accept => 'text/html',
                'sec-fetch-dest' => 'document', 'sec-fetch-mode' => 'navigate' } });
            my $text = ($r->{content} // '') =~ s{<template.*</script>}{}sr;
            $pop->record($r->{status} == 200 && $text eq $PAGE ? 'page'
                : "page $r->{status} $id");
        }
        sleep 0.005;
    }
}

sub phase { my ($pop, $name) = @_; $pop->{t}->write_file('phase.new', $name);
    rename "$pop->{dir}/phase.new", "$pop->{dir}/phase" }

sub lines { return split /\n/, Onsite::Test::read_file($_[0]{log}) }

# So much more has been answered.
sub goes_on {
    my ($pop, $n, $seconds) = @_;
    my $from = () = $pop->lines;
    return eventually($seconds // 15, sub { my $now = () = $pop->lines;
        $now >= $from + $n });
}

sub hold {
    my ($pop) = @_;
    unlink "$pop->{dir}/held";
    $pop->{t}->write_file('hold', '');
    eventually(15, sub { -e "$pop->{dir}/held" }) or die 'the load does not hold';
}

sub resume { unlink "$_[0]{dir}/hold" }

sub without_nginx {
    my ($pop, $code) = @_;
    $pop->record('down');
    $code->();
    $pop->record('up');
}

# nginx ends as by a power cut: the master first, lest it replaces the others.
sub nginx_kill {
    my ($pop) = @_;
    my $t = $pop->{t};
    my @workers = $t->workers;
    my $master = delete $t->{pid};
    kill 'STOP', $master;
    kill 'KILL', @workers, $master;
    waitpid $master, 0;
    @{ $t->{pids} } = grep { $_ != $master } @{ $t->{pids} };
    eventually(5, sub { !grep { -e "/proc/$_" } @workers });
}

sub sidecar_kill {
    my ($pop) = @_;
    my @children = $pop->sections;
    $pop->{sidecar}->signal('KILL');
    $pop->{sidecar}->ended;
    eventually(5, sub { !grep { kill 0, $_ } @children })
        or diag('children outlive the sidecar');
}

# Processes of its sections.
sub sections {
    my ($pop) = @_;
    my $pid = $pop->{sidecar}{pid};
    return split ' ', Onsite::Test::read_file("/proc/$pid/task/$pid/children");
}

sub quiet {
    my ($pop, $seconds) = @_;
    return eventually($seconds // 20, sub {
        my $o = eval { $pop->{t}->status->{outbox} } or return 0;
        $o->{events} == 0 && $o->{deliveries} == 0 });
}

# Ids of what was handed over.
sub received {
    my ($pop) = @_;
    return map { $_->{id} // '' } $pop->{nats}->messages('ONSITE_EVENTS')
        if $pop->{sink} =~ /^nats/;
    return map { map { json_decode($_)->{messageId} } split /\n/,
        Onsite::Test::read_file($_) } glob "$pop->{out}/*.ndjson";
}

# What was taken is in the stream, once; each order was delivered, under one id;
# pages were whole.  again: files have no memory of what they had before.
sub account {
    my ($pop, %o) = @_;
    my (%taken, %order, @wrong, $down);
    my $pages = 0;
    for ($pop->lines) {
        if (/^(?:down|up)$/) { $down = $_ eq 'down'; $pop->{was_down} = 3 if $down }
        elsif (/^page$/) { $pages++ }
        elsif (/^(order|Product Viewed) (\S+)$/) {
            $taken{$2} = 1;
            $order{$2} = 1 if $1 eq 'order';
        }
        elsif (/^(?:page|event) 599/ && ($down || $pop->{was_down}-- > 0)) { }
        elsif (!/^held$/) { push @wrong, $_ }
    }
    is_deeply(\@wrong, [], "all $pages pages and " . keys(%taken)
        . ' events were answered as ever');
    cmp_ok($pages, '>', 20, 'and there were some');

    my (%times, @lost);
    $times{$_}++ for $pop->received;
    @lost = grep { !$times{$_} } sort keys %taken;
    is_deeply(\@lost, [], 'each event is in the stream');
    is_deeply([grep { $times{$_} > 1 } sort keys %times], [], 'and none is there twice')
        unless $o{again} && $pop->{sink} !~ /^nats/;

    my %ids;
    for my $r ($pop->{hooks}->received('order')) {
        my $n = json_decode($r->{body})->{data}{n};
        $ids{$n}{ $r->{headers}{'webhook-id'} }++;
    }
    is_deeply([grep { !$ids{$_} } sort keys %order], [],
        'each of ' . keys(%order) . ' orders was delivered');
    is_deeply([grep { keys %{ $ids{$_} } > 1 } sort keys %ids], [],
        'under one id, however often');
}

1;
