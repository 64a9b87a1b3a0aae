# onsite_consent tcf: the tier is in the TC string of euconsent-v2.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Consent;
use Onsite::Test;
use Test::More;

my $t = Onsite::Test->new;
$t->write_file('html/index.html', html_page('x'));
$t->campaigns(Onsite::Test::popup('contextual', fallback => 'x',
    variants => [{ id => 'x', weight => 1 }]));
$t->start(server => <<'END');
        root %%DIR%%/html;
        onsite on;
        onsite_consent tcf;
        location / { }
        location /onsite/ { onsite_collect; }
END

my $full = tcf(1, 3, 4, 7);

sub tier {
    my ($cookie, %headers) = @_;
    my $r = $t->visit('/', headers => { %headers,
        defined $cookie ? (cookie => $cookie) : () });
    my $set = $r->{headers}{'set-cookie'} // return 'none';
    return $set =~ /^onsite_id=.{45};.*max-age=/i ? 'full'
        : $set =~ /^onsite_id=.{45};/ ? 'session' : $set;
}

is(tier(), 'none', 'no string');
is(tier('euconsent-v2='), 'none', 'an empty one');
is(tier("euconsent-v2=$full"), 'full', 'purposes 1, 3, 4, 7');
is(tier('euconsent-v2=' . tcf(1 .. 24)), 'full', 'all purposes');
is(tier('euconsent-v2=' . tcf(1)), 'session', 'purpose 1 alone');
is(tier('euconsent-v2=' . tcf(1, 2, 3, 4)), 'session', 'not 7');
is(tier('euconsent-v2=' . tcf(2 .. 24)), 'none', 'not 1');
is(tier('euconsent-v2=' . tcf()), 'none', 'none');
is(tier("euconsent-v2=$full.YAAAAAAAAAA"), 'full', 'with more segments');
is(tier('euconsent-v2=' . substr($full, 0, 30)), 'none', 'cut off');
is(tier("euconsent-v2=C$full"), 'none', 'garbage');
is(tier("a=b; euconsent-v2=$full; c=d"), 'full', 'among other cookies');
is(tier("xeuconsent-v2=$full"), 'none', 'of another name');
is(tier("__gpp=" . gpp(2 => $full)), 'none', 'GPP is not asked');
is(tier("euconsent-v2=$full", 'sec-gpc' => 1), 'none', 'GPC is stronger');
is(tier("euconsent-v2=$full", dnt => 1), 'none', 'and DNT');

for my $choice (['none', 'none'], ['session', 'session'], ['full', 'full'],
    ['more', 'full'])
{
    is(tier("euconsent-v2=$full; onsite_id_consent=$choice->[0]"),
        $choice->[1], "the visitor's own choice: $choice->[0]");
}
is(tier('euconsent-v2=' . tcf(1) . '; onsite_id_consent=full'), 'session',
    'which makes nothing more');
is(tier("onsite_id_consent=full; euconsent-v2=$full; onsite_id_consent=none"),
    'none', 'of two choices the weaker');

like($t->visit('/')->{content}, qr/"contextual"/,
    'without consent, campaigns that need no memory');

$t->done;
