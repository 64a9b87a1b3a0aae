# A page that breaks off before its end, by the upstream or its client, uses up
# no cap: what was decided for it is shown on the next one.

use strict;
use warnings;

use Compress::Zlib ();
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::INET;
use Onsite::Test;
use Test::More;
use Time::HiRes 'sleep';

my $t = Onsite::Test->new;
my $page = html_page('<p>' . join ' ', map { $_ * 7919 % 1e6 } 1 .. 9000);
my $gz = Compress::Zlib::memGzip($page);
my $html = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n";
my $zipped = "${html}Content-Encoding: gzip\r\n";
my $length = 'Content-Length: ' . length $page;

$t->campaigns(Onsite::Test::popup('once',
    frequency => { cap => 1, per => 'visitor' }));

my $upstream = $t->upstream(sub {
    my ($s, $head) = @_;
    my ($what) = $head =~ m{^GET /(\w+)};

    if ($what eq 'abort') {
        print $s "$html$length\r\n\r\n" . substr $page, 0, 5000;
    } elsif ($what eq 'cut') {
        print $s "$zipped\r\n" . substr $gz, 0, 9000;
    } elsif ($what eq 'damaged') {
        print $s "$zipped\r\n" . substr($gz, 0, 9000) . 'x' x 5000;
    } elsif ($what eq 'leave') {
        print $s "$html\r\n" . substr $page, 0, 5000;
        sleep 0.6;
        print $s substr $page, 5000;
    } else {
        print $s "$html\r\n$page";
    }
});

$t->{expand} = { UP => $upstream };
$t->start(server => <<'END');
        onsite on;
        proxy_http_version 1.1;
        location / { proxy_pass http://127.0.0.1:%%UP%%; }
        location /onsite/ { onsite_collect; }
        location = /status { onsite_status; }
END

# The visitor's cookie.
sub begin {
    my ($path) = @_;
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1:' . $t->port);
    my $got = '';

    print $s "GET $path HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        . "User-Agent: Mozilla/5.0 Firefox/140\r\n"
        . "Sec-Fetch-Dest: document\r\n\r\n";

    while (sysread $s, $got, 65536, length $got) {
        last if $path eq '/leave' && $got =~ /\r\n\r\n./;
    }

    close $s;
    unlike($got, qr/<template data-onsite/, "$path breaks off");

    return $got =~ /^set-cookie: ([^=]+)=([^;]+)/mi;
}

my $unplaced = 0;

for my $what (qw(abort cut damaged leave)) {
    my %jar = begin("/$what");

    $unplaced++;
    ok(eventually(5, sub { $t->status->{skips}{unplaced} == $unplaced }),
        'which is counted');
    like($t->visit('/whole', jar => \%jar)->{content},
        qr/<template data-onsite/, 'its campaign is on the next page');
    unlike($t->visit('/whole', jar => \%jar)->{content},
        qr/<template data-onsite/, 'and not on the one behind that');
}

is($t->status->{skips}{unplaced}, $unplaced, 'whole pages are no skips');

$t->done;
