# Templates with filters, from the file to what is shown: prices as CLDR has
# them, by currencies and locales of the site file, of templates and events.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use Test::More;

binmode Test::More->builder->$_, ':utf8' for qw(output failure_output);

my $t = Onsite::Test->new;
my $dir = $t->dir . '/prices';
mkdir $dir;

sub campaign {
    my ($html) = @_;

    $t->write_file('prices/a.json', json_encode({
        id => 'a', channel => 'popup', content => { html => $html } }));
}

sub site {
    $t->write_file('prices/site.json', json_encode({ @_ }));
}

# what one event is shown, or what lint says
sub shown {
    my (%properties) = @_;

    my ($code, $out, $err) = $t->run_loader('build', $dir, '-o',
        "$dir.mdb");
    return $err . $out if $code;

    $t->write_file('event.ndjson', json_encode({
        type => 'page', anonymousId => 'v',
        timestamp => '2026-10-20T12:00:00Z',
        properties => { path => '/', %properties } }) . "\n");
    ($code, $out, $err) = $t->run_loader('replay', "$dir.mdb", '--events',
        $t->dir . '/event.ndjson');

    return json_decode((split /\n/, $out)[0])->{html};
}

sub text { my ($s) = @_; utf8::decode($s) if !utf8::is_utf8($s); return $s }

campaign('{{event.properties.p | price "EUR"}}');
is(text(shown(p => 1234.5)), '€1,234.50', 'no site file: as in en-US');

site(locales => ['de-DE', 'fr-FR', 'en-IN', 'ja-JP'], currency => 'INR');
campaign('{{event.properties.p | price}}');
is(text(shown(p => '1234567.885')), "1.234.567,88\x{a0}₹",
    'the site\'s locale and currency, half to even');

my $any = '{{event.properties.p | price event.properties.c'
    . ' event.properties.l | default "no price"}}';

campaign($any);
is(text(shown(p => 1234567, c => 'INR', l => 'en-IN')), '₹12,34,567.00',
    'groups of two');
is(text(shown(p => 1234.5, c => 'EUR', l => 'fr')),
    "1\x{202f}234,50\x{a0}€", 'the nearest locale, its spaces kept');
is(text(shown(p => 1234.5, c => 'JPY', l => 'ja-JP')), '￥1,234',
    'a currency without a fraction');
is(text(shown(p => 1.2345, c => 'KWD', l => 'en-IN')), "KWD\x{a0}1.234",
    'one with three digits');
is(text(shown(p => -5, c => 'EUR', l => 'it')), "-5,00\x{a0}€",
    'another language: the site\'s default');
is(text(shown(p => 12.5, c => 'QQQ')), '12.50 QQQ', 'an unknown currency');
is(text(shown(c => 'EUR')), 'no price', 'no amount');
is(text(shown(p => 'free', c => 'EUR')), 'no price', 'no number');

for ([ 'currency', { currency => 'EURO' } ],
     [ 'currency', { currency => 'XXY' } ],
     [ 'locales[1]', { locales => ['de-DE', 'german'] } ],
     [ 'locales[1]', { locales => ['de-DE', 'de_de'] } ],
     [ 'locales', { locales => [] } ])
{
    my ($path, $site) = @$_;

    site(%$site);
    like(shown(), qr/site\.json: \Q$path\E/, "$path: an error");
}

for ([ 'EURX', 'such as "EUR"' ], [ 5, 'such as "EUR"' ],
     [ 'eur', 'did you mean "EUR"?' ])
{
    my ($currency, $what) = @$_;

    site(currency => $currency);
    like(shown(), qr/currency: must be the ISO 4217 code.*\Q$what\E/,
        "currency $currency: what to write");
}

site(locales => ['de-DE']);

for ([ '{{event.properties.p | price "EURO"}}', qr/1:30: .*no currency/ ],
     [ '{{event.properties.p | price "eur"}}', qr/did you mean "EUR"/ ],
     [ '{{event.properties.p | price "EUR" "german"}}', qr/such as "de-DE"/ ],
     [ '{{event.properties.p | price}}', qr/1:24: .*which currency/ ],
     [ "\n{{event.properties.p | prize 'EUR'}}", qr/2:24: .*"price"/ ])
{
    campaign($_->[0]);
    like(shown(), $_->[1], 'an error says where');
}

$t->done;
