# What is installed: files, units, manuals, and what packages say of themselves.
# The packages themselves are `make deb deb-check`.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use Test::More;

my $t = Onsite::Test->new;
my $root = Onsite::Test::root();
my $loader = $t->loader;
my $dir = $t->dir;

sub content { Onsite::Test::read_file("$root/$_[0]") }

# What a command prints, both ways; $? is how it ended.
sub said {
    my $text = `LC_ALL=C.UTF-8 @_ 2>&1`;
    return $text;
}

# One version everywhere.
my ($version) = content('ngx_onsite_module/core/onsite_release.h')
    =~ /ONSITE_RELEASE +"(.+)"/;
is(said("$loader --version"), "lmdb-loader $version\n", '--version');
like(content('packaging/debian/changelog'), qr/\Aonsite \(\Q$version\E-\d/,
    'the first line of debian/changelog');

# What `make install` brings, and where.
my $text = said("make -s -C $root install DESTDIR=$dir/root",
    'UNITDIR=/lib/systemd/system', 'FLAVOUR=' . ($ENV{FLAVOUR} || 'release'));
is($?, 0, 'make install') or diag($text);

my @files = split /\n/, said("cd $dir/root && find . -type f | sort");
my %file = map { s/^\.//r => 1 } @files;
ok(delete $file{$_}, $_) for qw(
    /usr/lib/nginx/modules/ngx_http_onsite_module.so
    /usr/bin/lmdb-loader
    /lib/systemd/system/onsite.service
    /lib/systemd/system/onsite-restore.service
    /usr/share/bash-completion/completions/lmdb-loader
    /etc/onsite/pop.conf.example
    /usr/share/doc/lmdb-loader/examples/conf.example
    /usr/share/doc/lmdb-loader/examples/var-lib-onsite-state.mount
    /usr/share/man/man1/lmdb-loader.1
    /usr/share/man/man5/pop.conf.5
    /usr/share/onsite/onsite.js
    /usr/share/onsite/campaign.schema.json
    /usr/share/doc/lmdb-loader/operations.md
);
is(join(' ', grep { !m{^/usr/share/doc/lmdb-loader/[\w.]+\.md$}
        && !m{^/usr/share/onsite/\w+\.schema\.json$} } sort keys %file), '',
    'and nothing else');

# Units: what systemd thinks of them, with a loader that is there.
SKIP: {
    skip 'no systemd-analyze', 1 if !grep { -x "$_/systemd-analyze" }
        split /:/, $ENV{PATH};

    my @units = glob "$dir/root/lib/systemd/system/*.service";
    push @units, "$dir/root/usr/share/doc/lmdb-loader/examples/"
        . 'var-lib-onsite-state.mount';
    for my $unit (@units) {
        my ($name) = $unit =~ m{([^/]+)$};
        (my $here = Onsite::Test::read_file($unit))
            =~ s{/usr/bin/lmdb-loader}{$loader}g;
        $t->write_file("units/$name", $here);
        $text = said("systemd-analyze verify --man=no $dir/units/$name");
        is("$?$text", '0', "$name is right");
        next if $name !~ /service$/;
        $text = said('systemd-analyze security --no-pager',
            "--offline=true --threshold=15 $dir/units/$name");
        is($?, 0, "$name: exposed by 1.5 of 10 at most") or diag($text);
    }
}

unlike(content('packaging/systemd/onsite.service'), qr/^(PrivatePIDs|RemoveIPC)/m,
    'one PID namespace, and nothing is taken from /dev/shm');

# No folder of visitors' state is named but in pop.conf.
like($_, qr{ --config /etc/onsite/pop\.conf }, 'the unit goes by pop.conf')
    for content('packaging/systemd/onsite-restore.service') =~ /^Exec(?:Start|Stop)=(.*)/mg;

# Folders that units may write into are made by the package.
my $postinst = content('packaging/debian/lmdb-loader.postinst');
like($postinst, qr/^ +made \Q$_\E 0750 www-data www-data$/m, "$_ is made")
    for '/var/lib/onsite',
        content('packaging/systemd/onsite.service') =~ /^ReadWritePaths=-?(\S+)/mg;

# Without nginx' source it is said what is missing.
$text = said("make -s -C $root BUILD=$dir/none NGINX_SRC=$dir/none $dir/none/nginx/onsite.configured",
    "-o $dir/none/libonsite.a");
like($text, qr/there is no nginx source in \S+: apt-get install nginx-dev/,
    'no nginx-dev') or diag($text);

# The manual is docs/loader.md, which has every command (t/loader.t).
my @commands = said("$loader --help") =~ /^  ([a-z]+) /mg;
cmp_ok(scalar @commands, '>', 15, 'commands');
my $manual = Onsite::Test::read_file("$dir/root/usr/share/man/man1/lmdb-loader.1");
is(join(' ', grep { $manual !~ /^\.SS \Q$_\E$/m } @commands), '',
    'all are in the manual');

SKIP: {
    skip 'no man', 1 if !grep { -x "$_/man" } split /:/, $ENV{PATH};
    for my $page (glob "$dir/root/usr/share/man/man*/*") {
        my ($name) = $page =~ m{([^/]+)$};
        is(said("man --warnings -E UTF-8 -l -Tutf8 $page > /dev/null"), '',
            "$name can be set");
    }
}

# The example of a configuration is right, with all that is commented out, too.
my $example = content('packaging/pop.conf.example');
$t->write_file('endpoints.json', '{"https://hooks.example/": {"unsigned": true}}');
mkdir "$dir/$_" for qw(checkpoints spool);
$t->write_file('roam.creds', "-----BEGIN NATS USER JWT-----\n");
said("$loader keygen -o $dir/publish.key");
$example =~ s{/etc/onsite|/var/lib/onsite}{$dir}g;
$example =~ s{/var/spool/onsite}{$dir/spool};
$example =~ s{127.0.0.1:9180}{'127.0.0.1:' . Onsite::Test::free_port()}e;
for ([ 'as it is', $example ],
    [ 'with all of it', $example =~ s/^#(\[|[\w-]+ = )/$1/mgr ]) {
    my ($what, $conf) = @$_;
    $t->write_file('pop.conf', $conf);
    $text = said("$loader run $dir/pop.conf --check");
    is($?, 0, "pop.conf.example $what") or diag($text);
}
my @kinds = content('lmdb-loader/run/run_sections.c') =~ /^    \{ "(\w+)", loader/mg;
cmp_ok(scalar @kinds, '>', 1, 'kinds of sections');
is(join(' ', grep { $example !~ /^#?\[\Q$_\E\]/m } @kinds), '',
    'all of them are in it');

# A package is built of what we build with.
my ($build) = content('packaging/packages') =~ /^build="(.*)"/m;
my $control = content('packaging/debian/control');
my @missing = grep { $control !~ /^\s+\Q$_\E( .*)?,$/m } grep {
    !/^(?:build-essential|nginx|nginx-dev)$/ } split ' ', $build;
is("@missing", '', 'Build-Depends has them all');

# Scripts are shell.
for my $script (map { "packaging/$_" } qw(dist deb deb_check crawlers packages
        runtime completion)) {
    is(said("bash -n $root/$script"), '', $script);
}
for my $script (glob "$root/packaging/debian/*.{postinst,postrm,prerm,preinst}") {
    is(said("sh -n $script"), '', $script =~ s{.*/}{}r);
}

is(said("CRAWLERS=/there $root/packaging/crawlers"), "/there\n",
    'packaging/crawlers tells where the list is');

# Pages of the documentation lead somewhere.
my %anchors;
for my $page (glob "$root/README.md $root/docs/*.md") {
    my $text = Onsite::Test::read_file($page);
    $text =~ s/^```.*?^```//msg;
    my %has = map { lc($_) =~ s/[^\w\- ]//gr =~ s/ /-/gr => 1 }
        $text =~ /^#+ +(.*)$/mg;
    $has{$_} = 1 for $text =~ /<a id="([^"]+)"/g;
    $anchors{ $page =~ s{.*/}{}r } = \%has;
}
my @broken;
for my $page (glob "$root/docs/*.md") {
    my ($name) = $page =~ m{([^/]+)$};
    my $text = Onsite::Test::read_file($page);
    s/^```.*?^```//msg, s/(`+)(?:(?!\n\n).)*?\g1//sg for $text;
    for my $link ($text =~ /\]\(([^)\s]+)\)/g) {
        next if $link =~ /^https?:/;
        my ($to, $place) = split /#/, $link, 2;
        $to = $name if $to eq '';
        push @broken, "$name: $link" if !-e "$root/docs/$to"
            || (defined $place && $anchors{$to} && !$anchors{$to}{$place});
    }
}
is(join("\n", @broken), '', 'links of docs/');

$t->done;
