#!/usr/bin/perl
# Sends whole IP packets from whatever network namespace it is started in, and tells of those that it
# sees there. Node has no raw sockets; perl-base is on every Debian.
#
# stdin, a line each:   send ADDRESS HEX
# stdout, a line each:  ready | in LINK HEX | out LINK HEX    (packets with the mark CVYP, 300 bytes)
use strict;
use warnings;
use Socket qw(:all);

my $every = unpack('S', pack('n', 3));
socket(my $tap, 17, SOCK_DGRAM, $every) or die "no packet socket: $!\n";
setsockopt($tap, SOL_SOCKET, 33, pack('i', 1 << 22));
socket(my $four, PF_INET, SOCK_RAW, 255) or die "no raw socket: $!\n";
socket(my $six, PF_INET6, SOCK_RAW, 255) or die "no raw socket: $!\n";
setsockopt($four, SOL_SOCKET, SO_BROADCAST, pack('i', 1));
$| = 1;
print "ready\n";

sub transmit {
  my ($to, $bytes) = @_;
  if ($to =~ /:/) { send($six, $bytes, 0, pack_sockaddr_in6(0, inet_pton(AF_INET6, $to))) }
  else { send($four, $bytes, 0, pack_sockaddr_in(0, inet_aton($to))) }
}

my $pending = '';
for (;;) {
  my $set = '';
  vec($set, fileno(STDIN), 1) = 1;
  vec($set, fileno($tap), 1) = 1;
  next if select($set, undef, undef, undef) < 1;
  if (vec($set, fileno($tap), 1)) {
    my $from = recv($tap, my $bytes, 65535, 0);
    if (defined $from && index($bytes, 'CVYP') >= 0) {
      my (undef, undef, $link, undef, $type) = unpack('S n I S C', $from);
      print(($type == 4 ? 'out' : 'in'), " $link ", unpack('H*', substr($bytes, 0, 300)), "\n");
    }
  }
  if (vec($set, fileno(STDIN), 1)) {
    last unless sysread(STDIN, $pending, 65536, length $pending);
    while ($pending =~ s/^send (\S+) ([0-9a-f]+)\n//) { transmit($1, pack('H*', $2)) }
  }
}
