package Onsite::Rees46;

# Onsite::Rees46 - real shop events (REES46, October 2019) as Segment calls,
# and what an independent tool (sqlite) counts in them.

use strict;
use warnings;

use Exporter 'import';
use JSON::PP;

our @EXPORT = qw(rees46_path rees46_rows rees46_call rees46_counts
    rees46_sql);

my %NAME = (view => 'Product Viewed', cart => 'Product Added',
    purchase => 'Order Completed');

# The file, or undef where the shared data is absent.
sub rees46_path {
    my $path = Onsite::Test::root()
        . '/../shared/data/clickstream/rees46_2019-Oct_first17k.csv';
    return -e $path ? $path : undef;
}

# All rows as hashes, in the file's order.
sub rees46_rows {
    open my $f, '<:utf8', rees46_path() or die "rees46: $!";
    chomp(my $head = <$f>);
    my @names = split /,/, $head;
    my @rows;
    while (my $line = <$f>) {
        chomp $line;
        my %row;
        @row{@names} = split /,/, $line, -1;
        push @rows, \%row;
    }
    return @rows;
}

sub iso_time {
    my ($time) = @_;
    $time =~ s/ UTC$/Z/;
    $time =~ s/ /T/;
    return $time;
}

# One row as a Segment track call. Options: timestamp (keep the row's time),
# type (as a batch element needs).
sub rees46_call {
    my ($row, %o) = @_;
    return {
        event => $NAME{ $row->{event_type} },
        anonymousId => $row->{user_id},
        ($o{type} ? (type => 'track') : ()),
        ($o{timestamp} ? (timestamp => iso_time($row->{event_time})) : ()),
        properties => {
            sku => $row->{product_id},
            category => $row->{category_code},
            brand => $row->{brand},
            price => $row->{price} + 0,
        },
    };
}

# A query over the file as table `e`, rows as array refs.
sub rees46_sql {
    my ($sql) = @_;
    my $path = rees46_path();
    open my $in, '-|', 'sqlite3', '-separator', "\t", ':memory:',
        '-cmd', '.mode csv', '-cmd', ".import $path e",
        '-cmd', '.mode tabs', $sql or die "sqlite3: $!";
    my @rows = map { chomp; [split /\t/, $_, -1] } <$in>;
    close $in or die "sqlite3 failed";
    return @rows;
}

# user_id => { event name => count }, by sqlite.
sub rees46_counts {
    my %counts;
    for (rees46_sql('select user_id, event_type, count(*) from e'
        . ' group by 1, 2'))
    {
        my ($user, $type, $n) = @$_;
        $counts{$user}{ $NAME{$type} } = $n + 0;
    }
    return \%counts;
}

1;
