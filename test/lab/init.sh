#!/bin/sh
# First process of a virtual host, already alone in its namespaces. It gives the host a /proc, /run,
# /sys and /var/lib that nobody else sees, then stays as the parent of orphans: a shell reaps them,
# a bare sleep does not. Everything that it mounts ends with the mount namespace.
# Usage: init.sh NAME FOLDER ROOT CGROUP
# (FOLDER: what the host keeps over a power cut; ROOT: the checkout; CGROUP: name of its own folder)
set -eu
name=$1 folder=$2 root=$3 cgroup=$4

mount -t proc proc /proc
hostname "$name"

mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/netns /run/wireguard /run/lock

case $root in
  /var/lib/*)
    # The checkout would vanish behind the host's own /var/lib.
    inside=$folder/var-lib/${root#/var/lib/}
    mkdir -p "$inside"
    mount --rbind "$root" "$inside"
    ;;
esac
mount --rbind "$folder/var-lib" /var/lib

for file in hosts resolv.conf; do
  # A machine may have no such file, or a link into its own /run; then the host has none either.
  mount --bind "$folder/../$file" "/etc/$file" 2>/dev/null || true
done

# A new /sys shows this host's links, and of the control groups only its own folders.
mkdir -p /run/cgroup
mount --rbind /sys/fs/cgroup /run/cgroup
mount -t sysfs sysfs /sys
mount --rbind /run/cgroup /sys/fs/cgroup
umount -l /run/cgroup
rmdir /run/cgroup
for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/*; do
  if [ -d "$hierarchy/$cgroup" ]; then mount --bind "$hierarchy/$cgroup" "$hierarchy"; fi
done

echo 1 >/proc/sys/net/ipv4/ip_forward
touch /run/covey-lab.ready
while :; do
  sleep 100000 &
  wait $!
done
