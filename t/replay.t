# `lmdb-loader replay` on real shop events in event time: sessions, firings
# and frequency caps equal what sqlite counts in the file.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Rees46;
use Onsite::Test;
use Test::More;

plan(skip_all => 'the shared data is absent') unless rees46_path();

my $t = Onsite::Test->new;
$t->campaigns(
    Onsite::Test::popup('first-view',
        trigger => { event => 'Product Viewed' },
        audience => { 'visitor.counts.Product Viewed' => 1 },
        frequency => { cap => 1, per => 'visitor' }),
    Onsite::Test::popup('third-view', trigger => {
        event => 'Product Viewed', count => 3, within => 'session' },
        frequency => { cap => 1, per => 'session' }),
    Onsite::Test::popup('cart-over-100',
        trigger => { event => 'Product Added' },
        audience => { 'cart.value' => { '$gt' => 100 } },
        frequency => { cap => 1, per => 'visitor' }),
    Onsite::Test::popup('last-category', trigger => {
        event => 'Product Viewed', where => { category => { '$ne' => '' } } },
        content => { html => '<p>More in {{event.properties.category}}</p>' }),
);

my @rows = rees46_rows();
my $log = join '', map { json_encode(rees46_call($_, timestamp => 1)) . "\n" }
    @rows;
$t->write_file('events.ndjson', $log);

my ($code, $out, $err) = $t->run_loader('replay', $t->snapshot, '--events',
    $t->dir . '/events.ndjson');
is($code, 0, 'the replay runs') or diag($err);
my @fired = map { json_decode($_) } split /\n/, $out;
my $summary = json_decode((split /\n/, $err)[-1]);

is($summary->{events}, 17434, 'all events');
is($summary->{skipped}, 0, 'none skipped');

# one row an event, with the number of its session (idle for over 30 minutes)
# and of the view within it
my $with = q{
with timed as (
    select rowid as n, *, cast(strftime('%s', substr(event_time, 1, 19))
        as integer) as at from e),
gaps as (
    select *, at - lag(at) over (partition by user_id order by n) as gap
    from timed),
sessions as (
    select *, 1 + sum(coalesce(gap > 1800, 0)) over
        (partition by user_id order by n) as session from gaps),
views as (
    select *, row_number() over (partition by user_id, session order by n)
        as view from sessions where event_type = 'view')
};

my ($sessions) = rees46_sql("$with select count(*) from "
    . "(select distinct user_id, session from sessions)");
is($summary->{sessions}, $sessions->[0], "sessions: $sessions->[0]");

sub fired { my ($id) = @_; grep { $_->{campaign} eq $id } @fired }

my ($viewers) = rees46_sql(
    "select count(distinct user_id) from e where event_type = 'view'");
is(scalar fired('first-view'), $viewers->[0],
    "first view: $viewers->[0], once a visitor");

my @third = map { "$_->[0] $_->[1]" } rees46_sql("$with
    select user_id, event_time from views where view = 3 order by n");
is_deeply([ map { my $time = $_->{time}; $time =~ s/T/ /;
        $time =~ s/\.000Z/ UTC/; "$_->{visitor} $time" } fired('third-view') ],
    \@third, 'third view: ' . @third . ' sessions, each once, when it was');

my @named = rees46_sql("select user_id, category_code from e
    where event_type = 'view' and category_code != ''");
is_deeply([ map { [$_->{visitor}, $_->{html}] } fired('last-category') ],
    [ map { [$_->[0], "<p>More in $_->[1]</p>"] } @named ],
    'category: ' . @named . ' texts, each with its own category');

# a cart is what was added since the last purchase
my @over = rees46_sql(q{
with adds as (
    select rowid as n, user_id, price, event_type,
        sum(event_type = 'purchase') over
            (partition by user_id order by rowid) as purchases from e),
carts as (
    select *, sum(case when event_type = 'cart' then price else 0 end) over
        (partition by user_id, purchases order by n) as value from adds)
select user_id, min(n) from carts
where event_type = 'cart' and value > 100.0000001 group by user_id
order by 2});
is_deeply([ map { $_->{visitor} } fired('cart-over-100') ],
    [ map { $_->[0] } @over ],
    'cart over 100: ' . @over . ' visitors, once each, in order');

# the records at the end
($code, $out) = $t->run_loader('replay', $t->snapshot, '--events', '-',
    '--visitors', \$log);
my %visits = map { my $v = json_decode($_); $v->{visitor} => $v->{visits} }
    split /\n/, $out;
my %expected = map { $_->[0] => $_->[1] } rees46_sql("$with
    select user_id, max(session) from sessions group by 1");
is_deeply([ map { "$_ $visits{$_}" } sort keys %visits ],
    [ map { "$_ $expected{$_}" } sort keys %expected ],
    'every visitor\'s number of visits');

# bad lines are told with their number, and the rest goes on
my $bad = "{\"event\":\"A\"}\nnot json\n"
    . json_encode(rees46_call($rows[0], timestamp => 1)) . "\n";
($code, $out, $err) = $t->run_loader('replay', $t->snapshot, '--events', '-',
    '--summary', \$bad);
is($code, 1, 'bad lines fail the check');
like($err, qr/-:1: .*timestamp/, 'a line without a time is named');
like($err, qr/-:2: /, 'a line that is no JSON is named');
is(json_decode($out)->{events}, 1, 'the good line was run');

$t->{clean} = 1;
done_testing();
