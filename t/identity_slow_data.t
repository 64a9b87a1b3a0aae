# Slow data is open to who is proven to be a customer, and to nobody else.

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_hex);
use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use Test::More;

my $t = Onsite::Test->new;
$t->write_file('html/index.html', html_page('x'));
$t->campaigns(
    map { Onsite::Test::popup($_->[0], audience => { 'profile.vip' => \1 },
        content => { html => '<p>{{profile.name}}</p>' },
        trigger => { event => $_->[1] }) }
        ['page', 'Page Viewed'], ['asked', 'Asked']);
$t->write_file('campaigns/profiles.csv',
    "id,vip,name\nalice,true,Alice\nbob,false,Bob\ncarol,true,Carol\n");
my ($code, $out, $err) = $t->run_loader('build', $t->dir . '/campaigns',
    '-o', $t->snapshot);
is($code, 0, 'a build with slow data') or diag($out, $err);
chmod 0644, $t->snapshot;

$t->start(state => 'size=32m shards=4', server => <<'END');
        location / { root %%DIR%%/html; onsite on;
            onsite_identity $http_x_user; }
        location /onsite/ { onsite_collect; onsite_server_key trusted; }
        location /shut/ { onsite_collect; onsite_identity $http_x_user; }
        location = /status { onsite_status; }
END

sub visit {
    my ($jar, $user) = @_;
    my $r = $t->visit('/', jar => $jar,
        headers => { defined $user ? ('x-user' => $user) : () });
    return $r->{content} =~ /data-onsite-campaign="page".*?<p>(\w+)</ ? $1 : '';
}

sub ask {
    my ($event, %o) = @_;
    my $path = delete $o{path} // '/onsite';
    my $r = $t->post("$path/decide", { type => 'track', event => 'Asked',
        %$event }, %o);
    my $choice = json_decode($r->{content})->{campaigns}[0];
    return defined $choice ? $choice->{html} =~ s/<.*?>//gr : '';
}

my (%alice, %bob, %claims);
is(visit(\%alice), '', 'nobody yet');
is(visit(\%alice, 'alice'), 'Alice', 'a VIP who is logged in');
is(visit(\%bob, 'bob'), '', 'one who is none');
is(visit(\%alice, ''), '', 'who has logged out');
is(visit(\%alice), '', 'or whose session has ended');
is(ask({}, jar => \%alice), 'Alice', 'where nothing is asserted the cookie '
    . 'is enough');
is(ask({}, jar => \%alice, path => '/shut'), '', 'where nobody is, it is not');
is(visit(\%alice, 'alice'), 'Alice', 'logged in again');
is(visit(\%alice, 'carol'), 'Carol', 'as somebody else');
is(visit(\%alice, 'bob'), '', 'and as who is none');

# claims
visit(\%claims);
is(ask({ type => 'identify', userId => 'alice' }, jar => \%claims), '',
    'a claim');
is(ask({ userId => 'alice' }, jar => \%claims), '', 'or two');
is(ask({ userId => 'alice', context => { userHash => 'f' x 64 } },
    jar => \%claims), '', 'or a bad proof');
visit(\%bob, 'bob');
is(ask({ userId => 'alice', traits => { vip => \1 } }, jar => \%bob), '',
    'a customer who claims to be another');
is(ask({ userId => 'alice', context => {
    userHash => hmac_sha256_hex('alice', 'trusted') } }, jar => \%claims),
    'Alice', 'a good one');
is(ask({}, jar => \%claims), 'Alice', 'which holds for the cookie');

# an id alone, that leads to a customer
my %server = (headers => { authorization => 'Bearer trusted' });
is(ask({ userId => 'carol', anonymousId => 'phone' }, %server), 'Carol',
    'a trusted server');
is(ask({ anonymousId => 'phone' }, %server), 'Carol', 'that names the id');
is(ask({ anonymousId => 'phone' }), '', 'anybody else who does');
is(ask({ userId => 'carol' }, %server), 'Carol', 'or the customer only');

$t->done;
