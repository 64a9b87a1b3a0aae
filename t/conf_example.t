# conf.example boots as it is (but for paths and the port) and does what its
# comments say.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use Test::More;

my $t = Onsite::Test->new;
$t->write_file('html/index.html', html_page('x'));
$t->write_file('html/thank-you.html', html_page('thanks'));
$t->campaigns(Onsite::Test::popup('hello',
    audience => { 'request.country' => 'FR' }));

my $conf = Onsite::Test::read_file(Onsite::Test::root() . '/conf.example');
my ($dir, $module, $state, $port, $site) = ($t->dir, $t->module,
    $t->state_dir, $t->port, $t->snapshot);
$conf =~ s{modules/ngx_http_onsite_module.so}{$module};
$conf =~ s{/dev/shm/onsite/state}{$state};
$conf =~ s{/var/lib/onsite/site.mdb}{$site};
$conf =~ s{/run/nginx.pid}{$dir/nginx.pid};
$conf =~ s{/var/log/nginx/}{$dir/logs/}g;
$conf =~ s{/var/www/html}{$dir/html}g;
$conf =~ s{127.0.0.1:8080}{127.0.0.1:$port};
$conf = "daemon off;\n$conf";
$t->start(conf => $conf);

my %france = ('x-country' => 'FR');
like($t->visit('/', headers => { %france })->{content}, qr/"hello"/,
    'an attribute targets');
unlike($t->visit('/')->{content}, qr/"hello"/, 'and without it not');
unlike($t->visit('/', headers => { %france, cookie => 'staff=1' })->{content},
    qr/"hello"/, 'onsite_bypass');
unlike($t->visit('/preview/', headers => { %france })->{content},
    qr/"hello"/, 'dry_run');

my %jar;
$t->visit('/thank-you.html?order=1&total=20', jar => \%jar);
like($t->get('/onsite-status')->{content}, qr/^onsite_events_total\S* \d/m,
    'Prometheus text');

my ($record) = $t->state_records('--visitor', $jar{onsite_id});
is($record->{counts}{'Order Completed'}, 1, 'onsite_event counts');
is($record->{status}, 'customer', 'and makes a customer');

my $log = $t->access_log;
like($log, qr/campaign=hello/, 'the decision is in the access log');

# what is commented out is right, too
my $all = $conf =~ s/^(\s*)#(onsite_)/$1$2/gmr;
isnt($all, $conf, 'directives that are commented out');
$t->write_file('key', 'k' x 32);
$all =~ s{/etc/onsite/key}{$dir/key};
$all =~ s{\$session_user}{\$cookie_session};
my ($ok, $said) = $t->test_conf(conf => $all);
ok($ok, 'pass nginx -t') or diag($said);

$t->done;
