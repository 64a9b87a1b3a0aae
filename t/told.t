# What variables, counters and the debug key's owner are told is what happens.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use Test::More;

my $t = Onsite::Test->new;
$t->write_file('html/index.html', html_page('x'));
$t->campaigns(
    Onsite::Test::popup('held', holdout => 0.5, variants => [
        { id => 'a', weight => 0.5 }, { id => 'b', weight => 0.5 } ],
        frequency => { cap => 2, per => 'session' }),
    Onsite::Test::popup('grouped', group => 'g', priority => 1),
    Onsite::Test::popup('added', group => 'g', priority => 5,
        trigger => { event => 'Product Added' },
        content => { html => '<p>{{event.properties.sku}}</p>' }),
    (map { { id => "never-$_-" . 'x' x 40, channel => 'bar',
        content => { html => 'x' }, trigger => { event => 'Many' },
        audience => { 'visitor.visits' => { '$gt' => 1000 + $_ } } } }
        1 .. 900),
);

my $upstream = $t->upstream(sub {
    my ($s, $head) = @_;
    my ($told) = $head =~ /^X-Campaign: (.*)\r$/m;
    my ($variant) = $head =~ /^X-Variant: (.*)\r$/m;
    print $s "HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n<html><body>"
        . ($told // '') . '|' . ($variant // '') . '|</body></html>';
});
$t->{expand} = { UP => $upstream };
$t->start(server => <<'END');
        location / { root %%DIR%%/html; onsite on; onsite_debug_key sesame; }
        location /proxied/ { onsite on; proxy_pass http://127.0.0.1:%%UP%%;
            proxy_set_header X-Campaign $onsite_campaign;
            proxy_set_header X-Variant $onsite_variant; }
        location /onsite/ { onsite_collect; onsite_debug_key sesame; }
        location = /status { onsite_status; }
END

# read early, decided later: the same, also with holdouts and what waits
my ($same, $held, $waited) = (0, 0, 0);
for my $n (1 .. 20) {
    my %jar;
    for my $view (1 .. 3) {
        my $r = $t->visit('/proxied/', jar => \%jar);
        my ($told, $variants) = $r->{content} =~ /<body>(.*?)\|(.*?)\|/;
        my @campaigns = $r->{content} =~ /data-onsite-campaign="([\w-]+)"/g;
        my @variants = $r->{content} =~ /data-onsite-variant="([\w-]*)"/g;
        $same++ if $told eq join(',', @campaigns)
            && $variants eq join(',', @variants);
        $held++ if !grep { $_ eq 'held' } @campaigns;
        $waited++ if grep { $_ eq 'added' } @campaigns;
        $t->post('/onsite/beacon', { type => 'track',
            event => 'Product Added', properties => { sku => 's' } },
            jar => \%jar) if $view == 1;
    }
}
is($same, 60, 'a variable read early tells what the page shows');
cmp_ok($held, '>', 20, 'some are held out');
is($waited, 20, 'what waited is shown once to each');

# what only waits is not shown yet
my $before = $t->status->{decisions}{shown};
my %jar;
$t->post('/onsite/beacon', { type => 'track', event => 'Product Added' },
    jar => \%jar);
my $line;
eventually(3, sub { ($line) = (grep { m{/onsite/beacon} }
    split /\n/, $t->access_log)[-1] });
like($line, qr/\|204\|\|/, 'a beacon shows nothing') or diag($line);
is($t->status->{decisions}{shown}, $before, 'and is not counted as if');

# explained
my %debug = (headers => { 'x-onsite-debug' => 'sesame' });
my $r = $t->visit('/', %debug);
my $why = json_decode($r->{headers}{'x-onsite-explain'});
ok((grep { $_->{campaign} eq 'grouped' && $_->{reason} eq 'shown' } @$why),
    'a page tells the owner of the debug key why');

ok(!(grep { ref($_->{detail} // {}) ne 'HASH' } @$why),
    'with the facts as an object');

$r = $t->post('/onsite/decide', { type => 'track', event => 'Many' }, %debug);
cmp_ok(length $r->{content}, '<', 40_000, 'an explanation is bounded');
$why = json_decode($r->{content})->{explain};
is($why->[0]{reason}, 'audience', 'and well-formed');
is_deeply($why->[0]{detail}, { path => 'visitor.visits', op => '$gt',
    operand => 1001, value => 1 }, 'and tells what was asked and found');
ok($why->[-1]{more}, 'and says what is left out');

$r = $t->post('/onsite/decide', { batch => [
    map { { type => 'track', event => $_ } } 'Many', 'Product Added' ] },
    %debug);
is_deeply([map { $_->{campaign} } @{ json_decode($r->{content})->{explain} }],
    ['added'], 'of a batch, the last event is explained');

$t->done;
