package Onsite::Consent;

# Onsite::Consent - makes the IAB's consent strings, from their specifications.
#
#   tcf(1, 3, 4, 7)                 a TC string with these purposes' consents
#   gpp(2 => tcf(1), 6 => '1YNN')   a GPP string of sections
#   usnat(sale => 1, gpc => 1)      a section; opt-outs are 0, 1 (out) or 2

use strict;
use warnings;

use Exporter 'import';

our @EXPORT = qw(tcf gpp usnat usca);

my @alphabet = ('A' .. 'Z', 'a' .. 'z', 0 .. 9, '-', '_');

sub text {
    my ($bits) = @_;
    $bits .= '0' while length($bits) % 8;
    $bits .= '0' while length($bits) % 6;
    return join '', map { $alphabet[oct "0b$_"] } $bits =~ /(.{6})/g;
}

sub int_bits { my ($width, $value) = @_; return sprintf "%0${width}b", $value }

sub set_bits {
    my ($width, @set) = @_;
    my %set = map { $_ => 1 } @set;
    return join '', map { $set{$_} ? 1 : 0 } 1 .. $width;
}

sub tcf {
    my (@purposes) = @_;
    return text(int_bits(6, 2)
        . int_bits(36, 16_000_000_000) x 2      # created, updated
        . int_bits(12, 10) . int_bits(12, 1)    # CMP, its version
        . int_bits(6, 1)                        # screen
        . int_bits(6, 4) . int_bits(6, 13)      # EN
        . int_bits(12, 48) . int_bits(6, 4)     # vendor list, policy
        . '10' . '0' x 12                       # service specific
        . set_bits(24, @purposes) . '0' x 24
        . '0' . int_bits(6, 5) . int_bits(6, 17)# FR
        . (int_bits(16, 8) . '0' . '10010000')  # vendors 1 and 4
        . (int_bits(16, 0) . '0') . int_bits(12, 0));
}

sub fibonacci {
    my ($n) = @_;
    my @f = (1, 2);
    push @f, $f[-1] + $f[-2] while $f[-1] < $n;
    my @bits;
    for my $i (reverse 0 .. $#f) {
        $bits[$i] = $f[$i] <= $n ? 1 : 0;
        $n -= $f[$i] if $bits[$i];
    }
    pop @bits while !$bits[-1];
    return join('', @bits) . '1';
}

sub gpp {
    my (%section) = @_;
    my @ids = sort { $a <=> $b } keys %section;
    my $bits = int_bits(6, 3) . int_bits(6, 1) . int_bits(12, scalar @ids);
    my $last = 0;
    for my $id (@ids) {
        $bits .= '0' . fibonacci($id - $last);
        $last = $id;
    }
    return join '~', text($bits), map { $section{$_} } @ids;
}

sub two { return join '', map { int_bits(2, $_) } @_ }

sub gpc { my ($gpc) = @_; return defined $gpc ? '.' . text("01$gpc") : '' }

sub usnat {
    my (%o) = @_;
    return text(int_bits(6, 1) . two((1) x 6)
        . two(map { $o{$_} // 2 } qw(sale sharing advertising))
        . two((0) x 12, 0, 0, 0, 1, 2, 2)) . gpc($o{gpc});
}

sub usca {
    my (%o) = @_;
    return text(int_bits(6, 1) . two((1) x 3)
        . two(map { $o{$_} // 2 } qw(sale sharing))
        . two((0) x 9, 0, 0, 0, 1, 2, 2)) . gpc($o{gpc});
}

1;
