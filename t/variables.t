# Variables: lazy, loggable, and usable towards the upstream.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use Test::More;

my $t = Onsite::Test->new;
$t->write_file('html/index.html', html_page('x'));
$t->write_file('html/data.json', '{}');
$t->campaigns(
    Onsite::Test::popup('first', audience => { 'visitor.status' => 'new' },
        frequency => { cap => 1, per => 'visitor' },
        variants => [ { id => 'only', weight => 1 } ]),
    Onsite::Test::popup('later', audience => { 'visitor.visits' => 99 }),
);

my $upstream = $t->upstream(sub {
    my ($s, $head) = @_;
    my ($visitor) = $head =~ /^X-Visitor: (.*)\r$/m;
    my ($campaign) = $head =~ /^X-Campaign: (.*)\r$/m;
    my $body = '<html><body>' . ($visitor // '-') . '|' . ($campaign // '-')
        . '</body></html>';
    print $s "HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n$body";
});
$t->{expand} = { UP => $upstream };

$t->start(
    log_format => q('$uri|$onsite_visitor|$onsite_visitor_id|$onsite_session|'
        '$onsite_campaign|$onsite_variant|$onsite_segments|$onsite_reason|'
        '$onsite_decide_time|$onsite_snapshot'),
    server => <<'END');
        root %%DIR%%/html;
        onsite on;
        location / { }
        location /proxied/ { proxy_pass http://127.0.0.1:%%UP%%;
            proxy_set_header X-Visitor $onsite_visitor;
            proxy_set_header X-Campaign $onsite_campaign; }
        location /silent/ { onsite_consent none; alias %%DIR%%/html/; }
        location /onsite/ { onsite_collect; }
        location = /status { onsite_status; }
END

# (written after the client has its answer: waits for one more than before)
my %seen;
sub last_line {
    my ($uri) = @_;
    my @lines;
    eventually(3, sub { @lines = grep { /^\Q$uri\E\|/ }
        split /\n/, $t->access_log; @lines > ($seen{$uri} // 0) });
    $seen{$uri} = @lines;
    return [ split /\|/, $lines[-1] // '', -1 ];
}

my %jar;
$t->visit('/', jar => \%jar);
my $v = last_line('/index.html');
is($v->[1], 'new', '$onsite_visitor');
like($v->[2], qr/^[0-9a-f]{32}$/, '$onsite_visitor_id is hashed');
isnt($v->[3], '', '$onsite_session');
is($v->[4], 'first', '$onsite_campaign');
is($v->[5], 'only', '$onsite_variant');
like($v->[8], qr/^\d+\.\d+$/, '$onsite_decide_time');
cmp_ok($v->[9], '>', 1e12, '$onsite_snapshot');

$t->visit('/', jar => \%jar);
$v = last_line('/index.html');
is($v->[4], '', 'nothing shown');
like($v->[7], qr/^\w+$/, '$onsite_reason');

# read before the header filter: passed to the upstream, and the same decision
# goes into the page; a view is counted once
my %other;
my $before = $t->status->{events}{total};
my $r = $t->visit('/proxied/', jar => \%other);
like($r->{content}, qr/new\|first/, 'the upstream was told');
like($r->{content}, qr/data-onsite-campaign="first"/, 'the page shows it');
is($t->status->{events}{total} - $before, 1, 'counted once');
$r = $t->visit('/proxied/', jar => \%other);
like($r->{content}, qr/<body>new\|-?</, 'on the second view there is none');

$t->visit('/silent/', jar => \%other);
$v = last_line('/silent/index.html');
is($v->[1], '', 'without consent no visitor');

$t->get('/data.json');
$v = last_line('/data.json');
is($v->[4], '', 'no campaign for what is no document');

$t->done;
