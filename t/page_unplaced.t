# A page that is decided for and turns out to have no place for it: counted as
# a skip, and no cap is used up.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Onsite::Test;
use Test::More;

my $t = Onsite::Test->new;
my %page = (
    'comment.html' => "<!doctype html><title>x</title><body><p>a<!-- no end",
    'frames.html' => "<!doctype html><html><head><title>x</title></head>"
        . "<frameset><frame src='/a'></frameset></html>",
    'fragment.html' => '<p>a piece of a page</p>',
    'index.html' => html_page('x'),
);
$t->write_file("html/$_", $page{$_}) for sort keys %page;
$t->campaigns(
    Onsite::Test::popup('once', frequency => { cap => 1, per => 'visitor' }),
    Onsite::Test::popup('twice', frequency => { cap => 2, per => 'session' }),
);
$t->start(server => <<'END');
        root %%DIR%%/html;
        onsite on;
        location / { }
        location /onsite/ { onsite_collect; }
        location = /status { onsite_status; }
END

my $unplaced = 0;
my %jar;

sub has_no_place {
    my ($path, %o) = @_;
    my $r = $t->get($path, jar => \%jar, %o);
    is($r->{content}, $page{ $path =~ s{.*/}{}r }, "$path is as it was");
    is($t->status->{skips}{unplaced}, ++$unplaced, 'a skip is counted');
}

my %document = (headers => { 'sec-fetch-dest' => 'document' });
has_no_place('/comment.html', %document) for 1 .. 3;
has_no_place('/frames.html', %document);
has_no_place('/fragment.html');
is($t->status->{injections}{total}, 0, 'nothing was injected');
is($t->status->{pageviews}{total}, 5, 'but views are views');

sub shown {
    my ($path) = @_;
    my $r = $t->visit($path, jar => \%jar);
    return join ' ', sort $r->{content} =~ /data-onsite-campaign="(\w+)"/g;
}

is(shown('/'), 'once twice', 'then both are shown where there is a place');
is(shown('/'), 'twice', 'the one as often as its cap allows');
is(shown('/'), '', 'the other too');
is($t->status->{skips}{unplaced}, $unplaced, 'a page with a place is no skip');

# what was shown before stays shown
%jar = ();
is(shown('/'), 'once twice', 'another visitor');
has_no_place('/comment.html', %document);
is(shown('/'), 'twice', 'a page without a place in between uses up nothing');
is(shown('/'), '', 'and gives nothing more');

is($t->status->{store}{errors}, 0, 'no errors');

$t->done;
