package Onsite::Test;

# Onsite::Test - a real nginx with the module, in a folder of its own.
#
#   use Onsite::Test;
#   my $t = Onsite::Test->new;
#   $t->write_file('html/index.html', '<html>...');
#   $t->campaigns({ id => 'hello', ... }, ...);     # builds the snapshot
#   $t->start(http => '...', server => '...');      # or conf => whole file
#   my $r = $t->get('/');                           # status, headers, content
#   like($r->{content}, qr/.../);
#   $t->done;                                       # stops, checks, plans
#
# Every test also fails on an [alert], [crit] or [emerg] in the error log, on
# a core file left behind and on any sanitizer line.
#
# However a test ends, what it started ends with it.  Module and loader are of
# its own, so that building anew under it does no harm.

use strict;
use warnings;

use Cwd qw(abs_path);
use Exporter 'import';
use File::Basename qw(basename dirname);
use File::Copy qw(copy);
use File::Path qw(make_path remove_tree);
use File::Temp qw(tempdir);
use HTTP::Tiny;
use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use POSIX qw(:sys_wait_h);
use Scalar::Util qw(weaken);
use Test::More;
use Time::HiRes qw(sleep time);

our @EXPORT = qw(html_page json_decode json_encode eventually);

my $ROOT = abs_path(dirname(__FILE__) . '/../../..');
my $FLAVOUR = $ENV{FLAVOUR} || 'release';
my $JSON = JSON::PP->new->utf8->canonical->allow_nonref;

sub root { $ROOT }
sub build_dir { $ROOT . '/build' . ($FLAVOUR eq 'release' ? '' : "/$FLAVOUR") }

# As built; of a test, what it runs.
sub module { (ref $_[0] ? $_[0]{dir} : build_dir()) . '/ngx_http_onsite_module.so' }
sub loader { (ref $_[0] ? $_[0]{dir} : build_dir()) . '/lmdb-loader' }

sub json_decode { $JSON->decode($_[0]) }
sub json_encode { $JSON->encode($_[0]) }

# A small document whose parts a test can recognise.
sub html_page {
    my ($body, %o) = @_;
    return '<!DOCTYPE html><html><head><title>' . ($o{title} // 'page')
        . "</title></head><body>$body</body></html>\n";
}

# Calls the code until it returns true, at most the seconds given.
sub eventually {
    my ($seconds, $code) = @_;
    my $end = time + $seconds;
    while (1) {
        my $result = $code->();
        return $result if $result;
        return $result if time > $end;
        sleep 0.02;
    }
}

# Tests that are not cleaned up as yet, by their folder.
my %live;

sub new {
    my ($class, %o) = @_;

    for my $needed (module(), loader()) {
        plan(skip_all => "$needed is not built") unless -e $needed;
    }

    my $dir = tempdir('onsite-test-XXXXXX', TMPDIR => 1);
    my $shm = tempdir('onsite-test-XXXXXX', DIR => '/dev/shm');
    chmod 0755, $dir;
    chmod 0777, $shm;
    make_path("$dir/$_") for qw(html logs campaigns tmp);

    take($_, $dir) for module(), loader();

    my $t = bless {
        dir => $dir, shm => $shm, port => free_port(), pids => [],
        allow => [], owner => $$, %o,
    }, $class;
    weaken($live{$dir} = $t);
    $SIG{$_} ||= \&interrupted for qw(INT TERM HUP);

    return $t;
}

# A link keeps what the path meant when the test began.
sub take {
    my ($path, $dir) = @_;
    my $own = "$dir/" . basename($path);
    link($path, $own) || copy($path, $own) || die "$own: $!";
    chmod 0755, $own;
}

END {
    my $code = $?;
    $_->clean_up for grep { defined } values %live;
    $? = $code;
}

sub interrupted {
    my ($signal) = @_;
    POSIX::_exit(1) unless grep { $_ && $_->{owner} == $$ } values %live;
    exit 1;
}

# The kernel ends this process when the test is killed (PR_SET_PDEATHSIG): in
# a child, in front of exec.
sub die_with {
    my ($parent) = @_;
    my %prctl = (x86_64 => 157, aarch64 => 167);
    my $number = $prctl{ (POSIX::uname())[4] } // return;
    syscall $number, 1, POSIX::SIGTERM(), 0, 0, 0;
    POSIX::_exit(1) if getppid != $parent;
}

sub dir { $_[0]{dir} }
sub state_dir { "$_[0]{shm}/state" }
sub snapshot { "$_[0]{dir}/site.mdb" }
sub port { $_[0]{port} }
sub error_log { read_file("$_[0]{dir}/logs/error.log") }
sub access_log { read_file("$_[0]{dir}/logs/access.log") }

# A log line that a test expects although its level would fail it.
sub allow_log { my ($t, $re) = @_; push @{ $t->{allow} }, $re }

# None that the kernel gives to clients, which would hold it when a server
# starts anew; other ones for each process.
my $tried = 0;

sub free_port {
    for (1 .. 200) {
        my $port = 10_000 + ($$ * 37 + 101 * $tried++) % 22_000;
        return $port if IO::Socket::INET->new(Listen => 1, ReuseAddr => 1,
            LocalAddr => "127.0.0.1:$port");
    }
    die 'no free port';
}

sub read_file {
    my ($path) = @_;
    open my $f, '<:raw', $path or return '';
    local $/;
    my $data = <$f>;
    return $data // '';
}

sub write_file {
    my ($t, $name, $content) = @_;
    my $path = $name =~ m{^/} ? $name : "$t->{dir}/$name";
    make_path(dirname($path));
    open my $f, '>:raw', $path or die "$path: $!";
    print $f $content;
    close $f or die "$path: $!";
    return $path;
}

# Runs lmdb-loader; returns exit code, output and error text.
sub run_loader {
    my ($t, @args) = @_;
    my $in = ref $args[-1] eq 'SCALAR' ? ${ pop @args } : undef;
    my $out = "$t->{dir}/tmp/loader.out";
    my $err = "$t->{dir}/tmp/loader.err";
    $t->write_file('tmp/loader.in', $in // '');

    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        open STDIN, '<', "$t->{dir}/tmp/loader.in";
        open STDOUT, '>', $out;
        open STDERR, '>', $err;
        { exec $t->loader, @args }
        POSIX::_exit(127);
    }
    waitpid $pid, 0;
    my $code = $? >> 8;
    $code = 128 + ($? & 127) if $? & 127;
    return wantarray ? ($code, read_file($out), read_file($err)) : $code;
}

# Writes the campaigns (hashes) as files and builds the snapshot from them.
# "site" defaults to "default", a priority to 0.
sub campaigns {
    my ($t, @campaigns) = @_;
    remove_tree("$t->{dir}/campaigns");
    make_path("$t->{dir}/campaigns");
    for my $c (@campaigns) {
        my %full = (site => 'default', name => $c->{id}, %$c);
        $t->write_file("campaigns/$c->{id}.json", json_encode(\%full));
    }
    my ($code, $out, $err) = $t->run_loader('build', "$t->{dir}/campaigns",
        '-o', $t->snapshot);
    die "lmdb-loader build failed ($code): $out$err" if $code != 0;
    chmod 0644, $t->snapshot;
    return $t;
}

# A popup for page views, with whatever is given on top.
sub popup {
    my ($id, %more) = @_;
    return { id => $id, channel => 'popup',
        content => { html => "<h2>$id</h2>" },
        trigger => { event => 'Page Viewed' }, %more };
}

my $DEFAULT_SERVER = <<'END';
        location / { root %%DIR%%/html; onsite on; }
        location /onsite/ { onsite_collect; }
        location = /status { onsite_status; }
        location = /empty { empty_gif; }
END

sub conf_text {
    my ($t, %o) = @_;
    return $o{conf} if defined $o{conf};

    my $workers = $o{workers} // 1;
    my $state = $o{state} // 'size=32m';
    my $snapshot = -e $t->snapshot || $o{snapshot}
        ? "onsite_snapshot " . $t->snapshot . ";" : '';
    my $http = $o{http} // '';
    my $main = $o{main} // '';
    my $server = $o{server} // $DEFAULT_SERVER;
    my $servers = $o{servers} // '';
    my $events = $o{events} // '';
    my $log_format = $o{log_format} // q('$request|$status|$onsite_campaign'
        '|$onsite_visitor|$onsite_reason|$body_bytes_sent');

    return <<"END";
daemon off;
pid %%DIR%%/nginx.pid;
error_log %%DIR%%/logs/error.log info;
worker_processes $workers;
worker_rlimit_core 512m;
working_directory %%DIR%%/tmp;
load_module %%MODULE%%;
$main
events { worker_connections 1024; $events }
http {
    log_format onsite $log_format;
    access_log %%DIR%%/logs/access.log onsite;
    types { text/html html; text/css css; text/plain txt;
            application/javascript js; application/json json; }
    default_type application/octet-stream;
    client_body_temp_path %%DIR%%/tmp/body;
    proxy_temp_path %%DIR%%/tmp/proxy;
    fastcgi_temp_path %%DIR%%/tmp/fastcgi;
    uwsgi_temp_path %%DIR%%/tmp/uwsgi;
    scgi_temp_path %%DIR%%/tmp/scgi;
    onsite_state %%STATE%% $state;
    $snapshot
    $http
    server {
        listen 127.0.0.1:%%PORT%%;
        server_name localhost;
$server
    }
    $servers
}
END
}

sub expand {
    my ($t, $text) = @_;
    my %value = (DIR => $t->{dir}, STATE => $t->state_dir,
        PORT => $t->{port}, MODULE => $t->module, SNAPSHOT => $t->snapshot,
        ROOT => $ROOT, %{ $t->{expand} || {} });
    $text =~ s/%%([A-Z0-9]+)%%/$value{$1} \/\/ die "no value for $1"/ge;
    return $text;
}

sub txn_check { build_dir() . '/t/txn_check.so' }

# What every nginx of a test runs under.
sub preload {
    my @libraries;
    if ($FLAVOUR eq 'asan') {
        chomp(@libraries = map { `cc -print-file-name=$_` }
            qw(libasan.so libubsan.so));
    }
    push @libraries, txn_check() if -e txn_check();
    return join ' ', @libraries;
}

sub nginx_env {
    return (LD_PRELOAD => preload(),
        ASAN_OPTIONS => 'detect_leaks=0:abort_on_error=1:'
            . 'disable_coredump=0:detect_odr_violation=0:'
            . 'handle_segv=1:allocator_may_return_null=1',
        UBSAN_OPTIONS => 'print_stacktrace=1:halt_on_error=1');
}

sub spawn_nginx {
    my ($t, @args) = @_;
    my $test = $$;
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        die_with($test);
        my %env = nginx_env();
        @ENV{ keys %env } = values %env;
        open STDOUT, '>>', "$t->{dir}/logs/stderr.log";
        open STDERR, '>&', \*STDOUT;
        { exec $ENV{NGINX_BIN} || '/usr/sbin/nginx', '-p', "$t->{dir}/",
            '-e', "$t->{dir}/logs/error.log", @args }
        POSIX::_exit(127);
    }
    return $pid;
}

sub write_conf {
    my ($t, %o) = @_;
    $t->write_file('nginx.conf', $t->expand($t->conf_text(%o)));
    return $t;
}

# `nginx -t` on the configuration: true when it passes, and its output.
sub test_conf {
    my ($t, %o) = @_;
    $t->write_conf(%o);
    my $before = -s "$t->{dir}/logs/stderr.log" || 0;
    my $pid = $t->spawn_nginx('-t', '-c', "$t->{dir}/nginx.conf");
    waitpid $pid, 0;
    my $ok = $? == 0;
    my $out = substr read_file("$t->{dir}/logs/stderr.log"), $before;
    $t->allow_log(qr/./) unless $ok;
    return wantarray ? ($ok, $out) : $ok;
}

sub start {
    my ($t, %o) = @_;
    $t->write_conf(%o);
    $t->{pid} = $t->spawn_nginx('-c', "$t->{dir}/nginx.conf");
    push @{ $t->{pids} }, $t->{pid};
    my $up = eventually(15, sub {
        return -1 if waitpid($t->{pid}, WNOHANG) != 0;
        return IO::Socket::INET->new(PeerAddr => "127.0.0.1:$t->{port}",
            Timeout => 1) ? 1 : 0;
    });
    # it listens before it has workers
    eventually(5, sub { scalar(my @w = $t->workers) }) if ($up || 0) == 1;
    if (($up || 0) != 1) {
        diag($t->error_log, read_file("$t->{dir}/logs/stderr.log"));
        die 'nginx did not start';
    }
    eventually(5, sub { my @workers = $t->workers; @workers > 0 })
        unless read_file("$t->{dir}/nginx.conf") =~ /master_process off/;
    return $t;
}

sub signal { my ($t, $sig) = @_; kill $sig, $t->{pid} }

# Worker process ids, in order.
sub workers {
    my ($t) = @_;
    my @pids;
    for my $stat (glob '/proc/[0-9]*/stat') {
        my $line = read_file($stat);
        my ($pid, $rest) = $line =~ /^(\d+) \(nginx\) (.*)/s or next;
        my (undef, $ppid) = split ' ', $rest;
        next unless $ppid == $t->{pid};
        next unless read_file("/proc/$pid/cmdline") =~ /worker process/;
        next if read_file("/proc/$pid/cmdline") =~ /shutting down/;
        push @pids, $pid;
    }
    @pids = sort { $a <=> $b } @pids;
    return @pids;
}

sub reload {
    my ($t) = @_;
    my %old = map { $_ => 1 } $t->workers;
    $t->signal('HUP');
    return eventually(15, sub {
        my @now = $t->workers;
        return @now && !grep { $old{$_} } @now;
    });
}

sub stop {
    my ($t, $sig) = @_;
    return $t unless $t->{pid};
    kill $sig || 'QUIT', $t->{pid};
    my $pid = $t->{pid};
    eventually(15, sub { waitpid($pid, WNOHANG) != 0 }) or do {
        kill 'KILL', $pid;
        waitpid $pid, 0;
    };
    delete $t->{pid};
    return $t;
}

# One request. Options: method, headers, content, jar (a hash ref of cookies
# that is sent and updated), port, host.
sub request {
    my ($t, $path, %o) = @_;
    my %headers = %{ $o{headers} || {} };
    if ($o{jar} && %{ $o{jar} }) {
        $headers{cookie} = join '; ',
            map { "$_=$o{jar}{$_}" } sort keys %{ $o{jar} };
    }
    my $http = HTTP::Tiny->new(timeout => $o{timeout} || 10,
        max_redirect => 0, agent => $headers{'user-agent'}
            // 'Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0');
    delete $headers{'user-agent'};
    my $url = 'http://' . ($o{host} || '127.0.0.1') . ':'
        . ($o{port} || $t->{port}) . $path;
    my $r = $http->request($o{method} || 'GET', $url,
        { headers => \%headers, peer => '127.0.0.1',
          defined $o{content} ? (content => $o{content}) : () });
    if ($o{jar}) {
        my $set = $r->{headers}{'set-cookie'} // [];
        for (ref $set ? @$set : $set) {
            my ($name, $value) = /^([^=]+)=([^;]*)/ or next;
            $o{jar}{$name} = $value;
            delete $o{jar}{$name} if /; Max-Age=0(?:;|$)/;
        }
    }
    return $r;
}

sub get { my ($t, $path, %o) = @_; $t->request($path, %o) }

# POST; a reference is sent as JSON.
sub post {
    my ($t, $path, $body, %o) = @_;
    $body = json_encode($body) if ref $body;
    $o{headers}{'content-type'} //= 'application/json';
    return $t->request($path, method => 'POST', content => $body // '', %o);
}

# What a browser sends when a person opens a page.
sub visit {
    my ($t, $path, %o) = @_;
    $o{headers} = { 'sec-fetch-dest' => 'document',
        'sec-fetch-mode' => 'navigate', accept => 'text/html',
        'accept-language' => 'en', %{ $o{headers} || {} } };
    return $t->request($path, %o);
}

sub status {
    my ($t) = @_;
    return json_decode($t->get('/status')->{content});
}

# Raw bytes to the server and all that comes back until it closes (or the
# timeout, 5 s).
sub raw {
    my ($t, $bytes, %o) = @_;
    my $s = IO::Socket::INET->new(
        PeerAddr => '127.0.0.1:' . ($o{port} || $t->{port}))
        or die "connect: $!";
    print $s $bytes;
    my $out = '';
    my $end = time + ($o{timeout} || 5);
    my $select = IO::Select->new($s);
    while (time < $end && $select->can_read($end - time)) {
        my $n = sysread $s, my $chunk, 65536;
        last unless $n;
        $out .= $chunk;
    }
    return $out;
}

# An upstream on loopback: code is called with the connected socket and the
# request's head, and writes the whole response itself. Returns its port, which
# is any, unless one is given.
sub upstream {
    my ($t, $code, $port) = @_;
    my $listen = IO::Socket::INET->new(Listen => 64, ReuseAddr => 1,
        LocalAddr => '127.0.0.1:' . ($port // 0)) or die "upstream: $!";
    my $test = $$;
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
        die_with($test);
        $SIG{PIPE} = 'IGNORE';
        $SIG{CHLD} = 'IGNORE';
        while (my $client = $listen->accept) {
            my $child = fork;
            if (defined $child && $child == 0) {
                my $head = '';
                while (defined(my $line = <$client>)) {
                    $head .= $line;
                    last if $line eq "\r\n";
                }
                $client->autoflush(1);
                $code->($client, $head);
                close $client;
                POSIX::_exit(0);
            }
            close $client;
        }
        POSIX::_exit(0);
    }
    push @{ $t->{children} }, $pid;
    return $listen->sockport;
}

# Lines of state as lmdb-loader tells them.
sub state_records {
    my ($t, @args) = @_;
    my ($code, $out, $err) = $t->run_loader('state', $t->state_dir, @args);
    die "lmdb-loader state failed ($code): $err" if $code != 0;
    return map { json_decode($_) } split /\n/, $out;
}

# The record of a visitor with this id, else of the customer; undef.
sub state_of {
    my ($t, $id, @options) = @_;
    for my $who ('--visitor', '--customer') {
        my ($code, $out) = $t->run_loader('state', $t->state_dir, @options,
            $who, '-', \"$id\n");
        return json_decode($out) if $code == 0;
    }
    return;
}

sub check_logs {
    my ($t) = @_;
    my @bad = grep { /\[(alert|crit|emerg)\]/ } split /\n/, $t->error_log;
    for my $re (@{ $t->{allow} }) {
        @bad = grep { !/$re/ } @bad;
    }
    is(scalar @bad, 0, 'no alert, crit or emerg in the error log')
        or diag(join "\n", @bad[0 .. ($#bad < 9 ? $#bad : 9)]);

    my $text = $t->error_log . read_file("$t->{dir}/logs/stderr.log");
    my @sanitizer = $text =~ /^(.*(?:AddressSanitizer|runtime error|LeakSanitizer).*)$/mg;
    is(scalar @sanitizer, 0, 'no sanitizer report')
        or diag(substr $text, -4000);

    my @cores = glob "$t->{dir}/core* $t->{dir}/tmp/core*";
    is("@cores", '', 'no core file');
}

# Stops nginx, checks what every test must leave clean, closes the plan.
sub done {
    my ($t) = @_;
    $t->stop;
    $t->check_logs;
    $t->{clean} = Test::More->builder->is_passing;
    done_testing();
}

# Masters and their workers that nobody waits for: daemons, and what followed
# a binary upgrade.
sub stop_strays {
    my ($t) = @_;
    my @pids;
    for my $path (glob '/proc/[0-9]*/cmdline') {
        my $line = read_file($path);
        push @pids, $path =~ m{/(\d+)/}
            if $line =~ m{^(?:nginx: |\S*nginx\0)} && $line =~ /\Q$t->{dir}\//;
    }
    kill 'TERM', $_ for @pids;
    eventually(10, sub { !grep { kill 0, $_ } @pids })
        or map { kill 'KILL', $_ } @pids;
}

sub clean_up {
    my ($t) = @_;
    return if !$t->{owner} || $t->{owner} != $$ || $t->{gone}++;
    local ($?, $@, $!);
    $t->stop('TERM') if $t->{pid};
    for my $pid (@{ $t->{children} || [] }) {
        kill 'TERM', $pid;
        waitpid $pid, 0;
    }
    $t->stop_strays unless $t->{clean};
    remove_tree($t->{shm});
    if ($t->{clean}) {
        remove_tree($t->{dir});
    } elsif (!$ENV{ONSITE_TEST_QUIET}) {
        print STDERR "# left for a look: $t->{dir}\n";
    }
    delete $live{$t->{dir}};
}

sub DESTROY { $_[0]->clean_up }

1;
