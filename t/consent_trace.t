# Without consent there is no trace: whatever is asked, however the no is said,
# with campaigns and without, the state is the same, byte for byte, and no
# cookie is set.

use strict;
use warnings;

use Digest::SHA;
use FindBin;
use lib "$FindBin::Bin/lib";
use MIME::Base64;
use Onsite::Consent;
use Onsite::Test;
use Test::More;

my $SERVER = <<'END';
        root %%DIR%%/html;
        onsite on;
        onsite_event "Opened" page=$uri;
        onsite_server_key trusted;
        onsite_identity $http_x_user;
        location / { add_header X-Visitor "$onsite_visitor$onsite_visitor_id"; }
        location /onsite/ { onsite_collect; }
        location /value/ { alias %%DIR%%/html/; onsite_consent $http_x_consent; }
        location /value/onsite/ { onsite_collect; onsite_consent $http_x_consent; }
        location /tcf/ { alias %%DIR%%/html/; onsite_consent tcf; }
        location /tcf/onsite/ { onsite_collect; onsite_consent tcf; }
        location /gpp/ { alias %%DIR%%/html/; onsite_consent gpp; }
        location /gpp/onsite/ { onsite_collect; onsite_consent gpp; }
        location = /status { onsite_status; }
END

# how a visitor says no, where, and what comes with it
my @refusals = (
    ['Sec-GPC', '/', { 'sec-gpc' => 1 }],
    ['DNT', '/', { dnt => 1 }],
    ['a choice', '/', { cookie => 'onsite_id_consent=none' }],
    ['a value', '/value/', { 'x-consent' => 'none' }],
    ['no value', '/value/', {}],
    ['no TC string', '/tcf/', {}],
    ['a TC string', '/tcf/', { cookie => 'euconsent-v2=' . tcf(2 .. 10) }],
    ['half a TC string', '/tcf/', { cookie => 'euconsent-v2='
        . substr(tcf(1 .. 10), 0, 20) }],
    ['a TC string and GPC', '/tcf/', { 'sec-gpc' => 1,
        cookie => 'euconsent-v2=' . tcf(1 .. 10) }],
    ['a TC string and a choice', '/tcf/', { cookie => 'onsite_id_consent=none;'
        . ' euconsent-v2=' . tcf(1 .. 10) }],
    ['no GPP string', '/gpp/', {}],
    ['a GPP string', '/gpp/', { cookie => '__gpp='
        . gpp(7 => usnat(sale => 1)) }],
    ['a GPP string with GPC', '/gpp/', { cookie => '__gpp='
        . gpp(7 => usnat(gpc => 1)) }],
    ['a GPP string of nothing known', '/gpp/', { cookie => '__gpp='
        . gpp(99 => 'BAAA') }],
);

my $event = { event => 'Product Added', anonymousId => 'z', userId => 'u',
    properties => { sku => 's' }, traits => { email => 'e@example' } };
my $data = encode_base64(json_encode($event), '');

# all there is to ask, but for what visitors ask for themselves
my @calls = (
    map({ my $type = $_; ["v1/$type", sub { return { %$event,
        previousId => 'p', groupId => 'g' } }] } qw(track page screen identify
        group alias)),
    map({ [$_, sub { return { batch => [{ type => 'track', %$event },
        { type => 'identify', %$event }] } }] } qw(v1/batch beacon)),
    ['decide', sub { return { type => 'track', %$event } }],
    ['decide', sub { '' }],
    map({ ["v1/pixel/$_?data=$data"] } qw(track page identify)),
    ['pixel.gif?event=Opened&anonymousId=z'],
    ['onsite.js'],
    ['privacy/export'],
);

sub digest {
    my ($t) = @_;
    return join "\n", map { "$_ " . Digest::SHA->new(256)->addfile($_)
        ->hexdigest } grep { !/lock$/ && -f } sort glob $t->state_dir . '/*';
}

sub try_all {
    my ($t, $what, $prefix, $headers) = @_;
    my $bad = 0;
    my $page = $t->visit($prefix, headers => { %$headers, 'x-user' => 'u' });
    $bad++ if $page->{status} != 200 || $page->{headers}{'set-cookie'};
    $bad++ if ($page->{headers}{'x-visitor'} // '') ne '';
    for my $call (@calls) {
        my ($path, $body) = @$call;
        my %o = (headers => { %$headers, 'x-user' => 'u',
            authorization => 'Bearer trusted' });
        my $r = $body ? $t->post("${prefix}onsite/$path", $body->(), %o)
            : $t->get("${prefix}onsite/$path", %o);
        my $fine = $r->{status} < 300
            || ($path eq 'privacy/export' && $r->{status} == 404);
        next if $fine && !$r->{headers}{'set-cookie'};
        diag("$what: $path: $r->{status} ",
            $r->{headers}{'set-cookie'} // '');
        $bad++;
    }
    is($bad, 0, "$what: answered, and no cookie");
}

for my $campaigns (0, 1) {
    my $t = Onsite::Test->new;
    $t->write_file('html/index.html', html_page('x'));
    $t->campaigns(
        Onsite::Test::popup('contextual', fallback => 'x', variants => [
            { id => 'x', weight => 1 }]),
        Onsite::Test::popup('capped', frequency => { cap => 1,
            per => 'visitor' }),
        { id => 'hook', channel => 'webhook', endpoint => 'https://h.example',
            trigger => { event => 'Product Added' },
            content => { data => { sku => '{{event.properties.sku}}' } } },
        { id => 'later', channel => 'webhook', endpoint => 'https://h.example',
            trigger => { inactive => '1s',
                after => { event => 'Product Added' } },
            content => { data => {} } },
        { id => 'game', start => 'out', states => {
            out => { on => { 'Product Added' => 'in' } }, in => {} } },
    ) if $campaigns;
    my $with = $campaigns ? 'with campaigns' : 'without';
    $t->start(state => 'size=4m shards=2', server => $SERVER);

    # one who is remembered, so that there is something to read
    my %jar;
    $t->visit('/', jar => \%jar);
    $t->visit('/', jar => \%jar);
    my $before = digest($t);

    for my $refusal (@refusals) {
        my ($what, $prefix, $headers) = @$refusal;
        try_all($t, $what, $prefix, $headers);
        is(digest($t), $before, "$what, $with: no trace");
    }

    # a cookie of ours changes nothing, where nobody takes anything back
    for my $refusal (grep { $_->[0] =~ /GPC$|DNT|value|choice$|no |half/ }
        @refusals)
    {
        my ($what, $prefix, $headers) = @$refusal;
        my %with = %$headers;
        $with{cookie} = "onsite_id=$jar{onsite_id}"
            . ($headers->{cookie} ? "; $headers->{cookie}" : '');
        next if $what eq 'a GPP string with GPC';
        for my $path ($prefix, "${prefix}onsite/decide") {
            my $r = $path =~ /decide/
                ? $t->post($path, '', headers => \%with)
                : $t->visit($path, headers => \%with);
            ok(!$r->{headers}{'set-cookie'}, "$what, with a cookie: $path");
        }
        is(digest($t), $before, "$what, with a cookie, $with: no trace");
    }

    my $r = $t->visit('/', headers => { dnt => 1 });
    if ($campaigns) {
        like($r->{content}, qr/"contextual"/, 'what needs no memory is shown');
        unlike($r->{content}, qr/"capped"/, 'and nothing else');
    }
    $t->stop;
    $t->check_logs;
    $t->{clean} = 1;
}

done_testing();
