package Onsite::Outbox;

# Onsite::Outbox - what tests of timers and deliveries share.

use strict;
use warnings;

use Exporter 'import';
use Onsite::Test;

our @EXPORT = qw(outbox events_out abandoned);

# Entries of the outbox as lmdb-loader tells them: deliveries, where no kind is
# asked for.
sub outbox {
    my ($t, @args) = @_;
    push @args, '--kind', 'delivery' unless grep { /^--kind/ } @args;
    my ($code, $out, $err) = $t->run_loader('outbox', $t->state_dir, @args);
    die "lmdb-loader outbox failed ($code): $err" if $code != 0;
    return map { json_decode($_) } split /\n/, $out;
}

sub events_out { my ($t, @args) = @_; return outbox($t, '--kind', 'event', @args) }

# A webhook for carts that nothing happened to for so long.
sub abandoned {
    my ($after, %more) = @_;
    return { id => 'abandoned', channel => 'webhook',
        endpoint => 'https://hooks.example/cart',
        content => { data => { items => '{{cart.items}}' } },
        trigger => { inactive => $after,
            after => { event => 'Product Added' },
            unless => { event => 'Order Completed' } }, %more };
}

1;
