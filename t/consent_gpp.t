# onsite_consent gpp: the tier is in the GPP string of __gpp.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Consent;
use Onsite::Test;
use Test::More;

my $t = Onsite::Test->new;
$t->write_file('html/index.html', html_page('x'));
$t->start(server => <<'END');
        root %%DIR%%/html;
        onsite on;
        onsite_consent gpp;
        location / { }
        location /onsite/ { onsite_collect; }
        location = /eu.html { onsite_consent tcf; try_files /index.html =404; }
        location = /any.html { onsite_consent full; try_files /index.html =404; }
END

sub tier {
    my ($cookie, %o) = @_;
    my $r = $t->visit($o{path} // '/', headers => { %{ $o{headers} || {} },
        defined $cookie ? (cookie => $cookie) : () });
    my $set = $r->{headers}{'set-cookie'} // return 'none';
    return $set =~ /^onsite_id=.{45};.*max-age=/i ? 'full'
        : $set =~ /^onsite_id=.{45};/ ? 'session' : $set;
}

sub sections { return tier('__gpp=' . gpp(@_)) }

is(tier(), 'none', 'no string');
is(sections(7 => usnat()), 'full', 'usnat: did not opt out');
is(sections(7 => usnat(gpc => 0)), 'full', 'nor by GPC');
is(sections(7 => usnat(gpc => 1)), 'none', 'GPC');
is(sections(7 => usnat($_ => 1)), 'none', "opted out of $_")
    for qw(sale sharing advertising);
is(sections(8 => usca()), 'full', 'usca');
is(sections(8 => usca($_ => 1)), 'none', "usca: opted out of $_")
    for qw(sale sharing);
is(sections(6 => '1YNN'), 'full', 'uspv1');
is(sections(6 => '1YYN'), 'none', 'uspv1: opted out');
is(sections(2 => tcf(1, 3, 4, 7)), 'full', 'tcfeuv2');
is(sections(2 => tcf(1)), 'session', 'tcfeuv2: storage alone');
is(sections(2 => tcf(1), 7 => usnat()), 'session', 'the weakest');
is(sections(2 => tcf(1, 3, 4, 7), 8 => usca(sale => 1)), 'none',
    'the weakest, again');
is(sections(200 => 'BAAA'), 'none', 'none that is known');
is(sections(7 => 'B'), 'none', 'a broken section');
is(tier('__gpp=nonsense'), 'none', 'garbage');
is(tier('__gpp=' . gpp(6 => '1YNN') =~ s/~/%7E/gr), 'full', 'escaped');
is(tier('__gpp=' . gpp(6 => '1YNN'), headers => { 'sec-gpc' => 1 }), 'none',
    'the GPC header is stronger');

is(tier('__gpp=' . gpp(6 => '1YNN'), path => '/eu.html'), 'none',
    'a location asks for tcf instead');
is(tier('euconsent-v2=' . tcf(1), path => '/eu.html'), 'session', 'and reads it');
is(tier(undef, path => '/any.html'), 'full', 'another for neither');

$t->done;
