# Servers with one onsite_collect, with several, with none: where the script
# comes from, and what an operator is told.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use Test::More;

my $t = Onsite::Test->new;
$t->write_file('html/index.html', html_page('x'));
$t->campaigns(Onsite::Test::popup('hello'));

my %server = (
    none => '',
    one => 'location /onsite/ { onsite_collect; }',
    bare => 'location /events { onsite_collect; }',
    exact => 'location ^~ /deep/er/ { onsite_collect; }',
    two => 'location /first/ { onsite_collect; }
            location /second/ { onsite_collect; }',
    nested => 'location /outer/ { location /outer/in/ { onsite_collect; } }',
);
my $servers = join '', map { <<"END" } sort keys %server;
    server { listen 127.0.0.1:%%PORT%%; server_name $_;
        root %%DIR%%/html; location / { onsite on; } $server{$_} }
END
my ($ok, $said) = $t->test_conf(servers => $servers);
ok($ok, 'nginx -t passes') or diag($said);
my @warned = $said =~ /\[warn\].*onsite_collect.*/g;
is(scalar @warned, 1, 'one warning, for the server with none')
    or diag($said);
like($warned[0] // '', qr/nginx\.conf:\d+/, 'with file and line');

$t->start(servers => $servers);

sub script {
    my ($host) = @_;
    my $r = $t->visit('/', host => $host);
    my ($src) = $r->{content} =~ /<script src="([^"]*)"/;
    return $src // '';
}

is(script('none'), '', 'none: nothing shown');
is($t->status->{skips}{collect}, 1, 'skips.collect');
is($t->status->{events}{total}, 1, 'but the view counts');
for (['one', '/onsite'], ['bare', '/events'], ['exact', '/deep/er'],
    ['nested', '/outer/in'])
{
    my ($host, $prefix) = @$_;
    my $src = script($host);
    like($src, qr{^\Q$prefix\E/onsite\.js\?v=\w+$}, "$host: $prefix");
    my $r = $t->get($src, host => $host);
    is($r->{status}, 200, 'where it is');
    is($t->post("$prefix/v1/track", { event => 'Tick', anonymousId => $host },
        host => $host)->{status}, 200, 'and takes events');
}
my $src = script('two');
like($src, qr{^/(?:first|second)/onsite\.js}, 'two: one of them');
is($t->get($src, host => 'two')->{status}, 200, 'where it is');
is($t->post("/$_/v1/track", { event => 'Tick', anonymousId => 'two' },
    host => 'two')->{status}, 200, "$_ takes events") for qw(first second);

$t->done;
