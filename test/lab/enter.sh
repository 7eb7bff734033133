#!/bin/sh
# Starts a virtual host: makes it a folder in each hierarchy of control groups, moves into it, and
# goes on as `unshare`, so that the host's cgroup namespace is rooted there.
# Usage: enter.sh CGROUP KEEP COMMAND... (KEEP: `no` ends the host with the process that started it)
set -eu
cgroup=$1 keep=$2
shift 2

# A hierarchy that does not let us is left out: only containers need one.
for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/*; do
  [ -f "$hierarchy/cgroup.procs" ] || continue
  mkdir -p "$hierarchy/$cgroup" 2>/dev/null || continue
  for file in cpuset.cpus cpuset.mems; do
    if [ -f "$hierarchy/$cgroup/$file" ]; then
      cat "$hierarchy/$file" >"$hierarchy/$cgroup/$file" 2>/dev/null || true
    fi
  done
  echo 0 2>/dev/null >"$hierarchy/$cgroup/cgroup.procs" || true
done

set -- unshare --mount --uts --ipc --net --pid --cgroup --fork --kill-child \
  --propagation private -- "$@"
if [ "$keep" = no ]; then set -- setpriv --pdeathsig KILL "$@"; fi
exec "$@"
