package Onsite::Published;

# Onsite::Published - keys, a store and a POP's file, for tests of what is
# signed.
#
#   my $p = Onsite::Published->new($t);
#   $p->publish(7, 'text');             # builds version 7 and publishes it
#   my ($code, $out, $err) = $p->sync;  # --once
#   is($p->live, 7);

use strict;
use warnings;

use File::Path qw(make_path);
use POSIX ();
use Onsite::Test;
use Test::More;

sub new {
    my ($class, $t) = @_;
    my $dir = $t->dir;
    my $p = bless { t => $t, dir => $dir, store => "$dir/store",
        file => $t->snapshot, key => "$dir/key" }, $class;
    make_path($p->{store});
    $p->keygen('key');
    return $p;
}

sub keygen {
    my ($p, $name) = @_;
    my ($code, undef, $err) = $p->{t}->run_loader('keygen', '-o',
        "$p->{dir}/$name");
    $code == 0 or BAIL_OUT("keygen: $err");
    return "$p->{dir}/$name";
}

# Builds a snapshot whose one campaign says the text; its path.  Most of it
# does not compress and is the same in each.
my $noise = join '', map { chr(97 + rand 26) } 1 .. 6000;
sub build {
    my ($p, $version, $text) = @_;
    my $from = "$p->{dir}/from-$version";
    $p->{t}->write_file("$from/a.json", json_encode({ id => 'a',
        channel => 'popup', content => { html => "<p>$text</p>" } }));
    $p->{t}->write_file("$from/b.json", json_encode({ id => 'b',
        channel => 'popup', enabled => JSON::PP::true(),
        audience => { 'event.name' => 'Never' },
        content => { html => "<p>$noise</p>" } }));
    my ($code, undef, $err) = $p->{t}->run_loader('build', $from, '-o',
        "$p->{dir}/v$version.mdb", '--version', $version);
    $code == 0 or BAIL_OUT("build: $err");
    return "$p->{dir}/v$version.mdb";
}

sub publish {
    my ($p, $version, $text, @more) = @_;
    $p->build($version, $text);
    return $p->again($version, @more);
}

# What was built before.
sub again {
    my ($p, $version, @more) = @_;
    my $file = "$p->{dir}/v$version.mdb";
    return $p->{t}->run_loader('publish', $file, '--to', $p->{store}, '--key',
        $p->{key}, @more);
}

sub sync {
    my ($p, @more) = @_;
    return $p->{t}->run_loader('sync', '--from', $p->{store}, '--to',
        $p->{file}, '--trust', "$p->{key}.pub", '--once', @more);
}

sub manifest { json_decode(Onsite::Test::read_file($_[0]->path)) }
sub path { "$_[0]{store}/default/" . ($_[1] // 'manifest.json') }
sub body { $_[0]->path($_[0]->manifest->{body}{path}) }
sub state {
    json_decode(Onsite::Test::read_file("$_[0]{file}.sync/state.json"))
}

# The version of FILE, verified; 0: there is none that is good.
sub live {
    my ($p) = @_;
    my ($code, $out) = $p->{t}->run_loader('inspect', '--json', $p->{file});
    return $code == 0 ? json_decode($out)->{version} : 0;
}

# Changes a file in place.
sub edit {
    my ($p, $path, $code) = @_;
    local $_ = Onsite::Test::read_file($path);
    $code->();
    unlink $path;
    $p->{t}->write_file($path, $_);
}

# A sync that goes on, and runs already; its pid.  What it says is in sync.err.
sub start {
    my ($p, @more) = @_;
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        open STDOUT, '>', "$p->{dir}/sync.out";
        open STDERR, '>', "$p->{dir}/sync.err";
        { exec Onsite::Test::loader(), 'sync', '--from', $p->{store}, '--to',
            $p->{file}, '--trust', "$p->{key}.pub", '--every', '100ms',
            @more }
        POSIX::_exit(127);
    }
    eventually(10, sub {
        Onsite::Test::read_file("$p->{file}.sync/lock") eq "$pid\n"
    }) or fail('sync does not start');
    return $pid;
}

sub said { Onsite::Test::read_file("$_[0]{dir}/sync.err") }

1;
