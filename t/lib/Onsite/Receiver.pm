package Onsite::Receiver;

# Onsite::Receiver - an HTTP server on loopback that remembers what it was sent
# and answers as a test says.
#
#   my $r = Onsite::Receiver->new($t, sub {
#       my ($request) = @_;     # { method, path, headers, body }
#       return 204;             # or (status, body, header => value, …),
#                               # or 'cut': no answer, 'hang': for long
#   });
#   $r->url; $r->mode('text');  # $request->{mode} from now on
#   $r->requests;               # all so far, in order, each with {status}
#   $r->events;                 # those of requests that were answered with 2xx
#
# events are those of a body of NDJSON, or of Segment's batch; body is without
# its gzip.

use strict;
use warnings;

use Compress::Zlib ();
use Fcntl;
use File::Path qw(make_path);
use IO::Select;
use Onsite::Test;
use Time::HiRes qw(sleep time);

my $number = 0;

sub new {
    my ($class, $t, $answer) = @_;
    my $r = bless { t => $t, dir => $t->dir . '/receiver' . ++$number,
        answer => $answer, from => 0 }, $class;
    make_path($r->{dir});
    $r->mode('');
    $r->{port} = $t->upstream(sub { $r->serve(@_) });
    return $r;
}

sub url { my ($r, $path) = @_; return "http://127.0.0.1:$r->{port}" . ($path // '/in') }

sub mode { my ($r, $mode) = @_; $r->{t}->write_file("$r->{dir}/mode", $mode) }

sub serve {
    my ($r, $client, $head) = @_;
    my ($method, $path) = $head =~ /^(\S+) (\S+)/;
    my %headers = map { /^([^:]+):\s*(.*?)\r?$/ ? (lc $1 => $2) : () }
        split /\n/, $head;
    my $body = '';
    my $n = $headers{'content-length'} // 0;
    my $mode = Onsite::Test::read_file("$r->{dir}/mode");
    # before the body is read
    if ($mode =~ /^early (\d+) (\d+)/ && $n > $2) {
        print $client "HTTP/1.1 $1 No\r\nContent-Length: 0\r\n\r\n";
        return $r->remember({ method => $method, path => $path,
            headers => \%headers, status => 0 + $1, body => '' });
    }
    read $client, $body, $n if $n;
    return if length $body != $n;
    my $sent = length $body;
    $body = Compress::Zlib::memGunzip($body)
        if ($headers{'content-encoding'} // '') eq 'gzip';
    my %request = (method => $method, path => $path, headers => \%headers,
        body => $body, mode => $mode, sent => $sent, at => time);
    my ($status, $text, %more) = $r->{answer}->(\%request);
    $request{status} = $status;
    $r->remember(\%request);
    return if $status eq 'cut';
    # until the client has enough of it
    return IO::Select->new($client)->can_read(30) if $status eq 'hang';
    $text //= '';
    $more{'Content-Length'} = length $text;
    print $client join "\r\n", "HTTP/1.1 $status Said", (map { "$_: $more{$_}" }
        sort keys %more), 'Connection: close', '', $text;
}

# In the order in which they came, also of two at once.
sub remember {
    my ($r, $request) = @_;
    my $body = delete $request->{body};
    for (my $n = 1; ; $n++) {
        next if -e "$r->{dir}/$n";
        sysopen my $f, "$r->{dir}/$n", O_WRONLY | O_CREAT | O_EXCL or next;
        syswrite $f, json_encode($request) . "\n$body\n";
        return;
    }
}

sub events_in {
    my ($body) = @_;
    return json_decode($body)->{batch} if $body =~ /^\{"batch":/;
    return [map { json_decode($_) } split /\n/, $body];
}

# What came since it was begun anew.
sub requests {
    my ($r) = @_;
    my @all;
    for (my $n = $r->{from} + 1; -e "$r->{dir}/$n"; $n++) {
        if (!$r->{known}{$n}) {
            my ($about, $body) = split /\n/,
                Onsite::Test::read_file("$r->{dir}/$n"), 2;
            last unless defined $body && $body =~ s/\n\z//;
            $r->{known}{$n} = { %{ json_decode($about) }, body => $body,
                events => events_in($body) };
        }
        push @all, $r->{known}{$n};
    }
    return @all;
}

sub anew { my ($r) = @_; $r->{from} += $r->requests; return $r }

sub taken { return grep { $_->{status} =~ /^2/ } $_[0]->requests }
sub events { return map { @{ $_->{events} } } $_[0]->taken }
sub ids { return map { $_->{messageId} } $_[0]->events }

1;
