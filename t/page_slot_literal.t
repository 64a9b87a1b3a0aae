# A slot's content that is one long literal: no text is composed around it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use Test::More;

my $t = Onsite::Test->new;
my $literal = '<p>' . 'z' x 3000 . '</p>';

$t->campaigns(Onsite::Test::popup('s', channel => 'embed', slot => 's',
    content => { html => $literal }));
$t->write_file('html/index.html',
    html_page('<div data-onsite-slot=s>default</div>'));
$t->start;

like($t->visit('/')->{content}, qr{<div data-onsite-slot=s>$literal</div>},
    'fills the slot');

$t->done;
