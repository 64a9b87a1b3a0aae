# What the origin has flushed is passed on at once.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Select;
use Onsite::Test;
use Test::More;
use Time::HiRes qw(sleep time);

my $t = Onsite::Test->new;
$t->campaigns(Onsite::Test::popup('hello'));
my $pause = 1;
my @pieces = ('<!DOCTYPE html><html><head><title>x</title></head><bo',
    'dy><p>first</p><!-- </b', 'ody> --><p>second</p></bo', "dy></html>\n");
my $up = $t->upstream(sub {
    my ($s, $head) = @_;
    my $more = $head =~ m{^GET /accel} ? "X-Accel-Buffering: no\r\n" : '';
    print $s "HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n$more\r\n";
    for (@pieces) { print $s $_; sleep $pause; }
});
$t->{expand} = { UP => $up };
$t->start(server => <<'END');
        onsite on;
        location / { proxy_pass http://127.0.0.1:%%UP%%; }
        location /now/ { proxy_buffering off;
            proxy_pass http://127.0.0.1:%%UP%%/; }
        location /gzip/ { proxy_buffering off; gzip on; gzip_min_length 1;
            proxy_pass http://127.0.0.1:%%UP%%/; }
        location /ssi/ { proxy_buffering off; ssi on;
            proxy_pass http://127.0.0.1:%%UP%%/; }
        location /onsite/ { onsite_collect; }
END

# All at the same time: bytes of each body had at each moment, [seconds, text].
sub arrivals {
    my (%got, %at, %path);
    my $select = IO::Select->new;
    my $start = time;
    for my $path (@_) {
        my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1:' . $t->port)
            or die "connect: $!";
        print $s "GET $path HTTP/1.0\r\nHost: localhost\r\n"
            . ($path =~ /gzip/ ? "Accept-Encoding: gzip\r\n" : '') . "\r\n";
        $select->add($s);
        $path{$s} = $path;
        $got{$path} = '';
    }
    while ($select->count && (my @ready = $select->can_read(5))) {
        for my $s (@ready) {
            my $path = $path{$s};
            if (!sysread $s, $got{$path}, 65536, length $got{$path}) {
                $select->remove($s);
                next;
            }
            my (undef, $body) = split /\r\n\r\n/, $got{$path}, 2;
            push @{ $at{$path} }, [time - $start, $body // ''];
        }
    }
    return %at;
}

sub when {
    my ($re, @at) = @_;
    for (@at) { return $_->[0] if $_->[1] =~ $re }
    return 99;
}

my @paths = ('/now/x', '/accel', '/ssi/x');
my %at = arrivals(@paths, '/gzip/x');
my $soon = 0.7;

for my $path (@paths) {
    my @at = @{ $at{$path} };
    cmp_ok(when(qr/<title>/, @at), '<', $soon, "$path: the head at once");
    cmp_ok(when(qr/<p>first/, @at), '<', $pause + $soon,
        "$path: the second piece, too");
    cmp_ok(when(qr/<p>second/, @at), '<', 2 * $pause + $soon,
        "$path: behind a comment that was cut");
    like($at[-1][1], qr{<p>second</p><template data-onsite.*</script></body>},
        "$path: inserted at the end tag that came in two");
}

cmp_ok(scalar(grep { $_->[0] < $pause && length $_->[1] } @{ $at{'/gzip/x'} }),
    '>=', 1, 'gzip: something at once');

$t->done;
