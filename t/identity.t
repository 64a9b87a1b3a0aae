# Who an event is about: an anonymousId, a cookie, or both, over four shards.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use Test::More;

my $t = Onsite::Test->new;
$t->write_file('html/index.html', html_page('x'));
$t->campaigns(
    { id => 'last', channel => 'popup',
        content => { html => '<p>{{event.properties.n}}</p>' },
        trigger => { event => 'Asked' } },
);

$t->start(state => 'size=32m shards=4', server => <<'END');
        location / { root %%DIR%%/html; onsite on; }
        location /onsite/ { onsite_collect; }
        location /a/ { alias %%DIR%%/html/; onsite on; onsite_site $arg_s; }
        location /a/o/ { onsite_collect; onsite_site $arg_s; }
        location /short/ { onsite_collect; onsite_consent session; }
        location = /status { onsite_status; }
END

sub track {
    my ($id, $event, %more) = @_;
    return { type => 'track', event => $event,
        (defined $id ? (anonymousId => $id) : ()), %more };
}

sub batch {
    my ($events, %o) = @_;
    my $r = $t->post($o{path} // '/onsite/v1/batch', { batch => $events }, %o);
    is($r->{status}, 200, $o{name} // 'a batch');
    return $r;
}

# What the state has of these ids (or cookies).
sub records {
    my (@ids) = @_;
    my @lines = $t->state_records('--visitor', '-',
        \join('', map { "$_\n" } @ids));
    return @lines;
}

sub id_of { (split /\./, $_[0]{onsite_id})[0] }

# a server's batch: one event that names nobody makes nobody else a cookie's
my @ids = map { "user-$_" } 1 .. 40;
batch([(map { track($_, 'Seen') } @ids), track(undef, 'Nameless'),
    (map { track($_, 'Seen') } @ids)], name => 'one event names nobody');
my @records = records(@ids);
is(scalar(grep { ($_->{counts}{Seen} // 0) == 2 } @records), 40,
    'each of the others is still a visitor of its own');

# the decision is the last event's, wherever its record lies
for my $n (1 .. 12) {
    my $r = $t->post('/onsite/decide', { batch => [
        (map { track("d$n-$_", 'Other') } 1 .. 9),
        track("d$n-last", 'Asked', properties => { n => $n }) ] });
    is(json_decode($r->{content})->{campaigns}[0]{html}, "<p>$n</p>",
        "decide answers for the last event of a batch ($n)");
}

# ids and a cookie: all are linked, and their events keep their order
for my $n (1 .. 6) {
    my %jar;
    $t->visit('/', jar => \%jar);
    batch([ track("o$n-1", 'Product Added', properties => { sku => 'a' }),
        track(undef, 'Cart Cleared'),
        track("o$n-2", 'Product Added', properties => { sku => 'b' }),
        track(undef, 'Product Added', properties => { sku => 'c' }),
        track("o$n-1", 'Product Removed', properties => { sku => 'b' }) ],
        jar => \%jar, name => 'ids and a cookie');
    my ($r) = records(id_of(\%jar));
    is(join(',', map { $_->{sku} } @{ $r->{cart}{lines} }), 'c',
        "the events of one visitor apply in their order ($n)")
        or diag(json_encode($r));
}

# an id linked to one cookie is never opened by another
my (%mine, %other);
$t->visit('/', jar => $_) for \%mine, \%other;
batch([track('shared', 'Seen')], name => 'an id without a cookie');
batch([track('shared', 'Linked')], jar => \%mine, name => 'linked');
batch([track('shared', 'Foreign')], jar => \%other, name => 'by another');
batch([track('shared', 'Server')], name => 'without a cookie');
my ($mine, $other) = (records(id_of(\%mine)), records(id_of(\%other)));
is($mine->{counts}{Seen}, 1, 'what the id had is the cookie\'s');
is($mine->{counts}{Linked}, 1, 'and what comes with both');
is($mine->{counts}{Server}, 1, 'and what follows the link');
is($mine->{counts}{Foreign}, undef, 'not what another cookie brings');
is($other->{counts}{Foreign}, 1, 'that stays who it is');
is($other->{counts}{Seen}, undef, 'and learns nothing');

# an id that is somebody's cookie's
batch([track(id_of(\%mine), 'Guess')], name => 'a guessed id');
is(scalar(grep { $_->{counts}{Guess} && $_->{counts}{Linked} }
    $t->state_records), 0, 'is another visitor');

# the same id in two sites
batch([track('both', 'One')], path => '/a/o/v1/batch?s=one');
batch([track('both', 'Two')], path => '/a/o/v1/batch?s=two');
is_deeply([map { my ($r) = $t->state_records('--site', $_, '--visitor',
    'both'); $r->{counts} } qw(one two)], [{ One => 1 }, { Two => 1 }],
    'two sites, two visitors');
my %jar;
$t->visit('/a/?s=one', jar => \%jar);
my %copy = %jar;
$t->visit('/a/?s=two', jar => \%copy);
isnt($copy{onsite_id}, $jar{onsite_id}, 'nor a cookie');

# of two cookies of our name, another path's or domain's comes first at times
my $r = $t->visit('/', headers => { cookie =>
    "onsite_id=$jar{onsite_id}; onsite_id=$mine{onsite_id}" });
is($r->{headers}{'set-cookie'}, undef, 'the one that is ours counts');

# 2,500 events of many visitors
my @many = map { track('m' . $_ % 700, 'Many') } 1 .. 2500;
batch(\@many, name => '2,500 events of 700 visitors');
@records = records(map { "m$_" } 0 .. 699);
my $sum = 0;
$sum += $_->{counts}{Many} for @records;
is($sum, 2500, 'all are there');

$t->done;
