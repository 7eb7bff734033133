import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { VirtualHost } from './host.ts'

/** Folder on a host in which the program lies; it has to come first in PATH. */
export const standInPath: string = '/var/lib/covey-lab/docker-bin'

/**
 * A stand-in for Docker, with what covey and a person ask of it, for projects with one service that
 * publishes one port: it really serves the folder of its volume on that port of the host. Files are
 * merged by Debian's docker-compose. Containers are files below `/var/lib/docker/stand-in`.
 */
const script = `#!/bin/sh
state=/var/lib/docker/stand-in
mkdir -p $state
run() {
  [ -e $state/$1.pid ] && kill -0 "$(cat $state/$1.pid)" 2>/dev/null && return
  . $state/$1
  setsid busybox httpd -f -p $port -h "$data" </dev/null >/dev/null 2>&1 &
  echo $! > $state/$1.pid
}
halt() {
  [ -e $state/$1.pid ] || return 0
  kill "$(cat $state/$1.pid)"
  rm $state/$1.pid
}
ids() { ls $state | grep -v '[.]' || :; }
case "$1 $2" in
"ps --all") ids ;;
"inspect --format")
  for id in $(ids); do
    . $state/$id
    on=false
    [ -e $state/$id.pid ] && on=true
    printf '{"id":"%s","labels":{"com.docker.compose.project":"%s",' $id $project
    printf '"com.docker.compose.service":"web",'
    printf '"com.docker.compose.project.working_dir":"%s"},"running":%s,' "$folder" $on
    printf '"restart":{"Name":"%s"},"mounts":[],' "$restart"
    printf '"ports":{"%s/tcp":[{"HostIp":"","HostPort":"%s"}]}}\\n' $port $port
  done ;;
"volume inspect")
  for name; do
    data=/var/lib/docker/volumes/$name/_data
    [ -d "$data" ] || continue
    printf '{"name":"%s","driver":"local","mountpoint":"%s","options":null}\\n' $name $data
  done ;;
"compose up")
  merged=$(docker-compose config) || exit 1
  project=$(basename "$PWD")
  port=$(echo "$merged" | sed -n 's/.*published: //p' | head -n 1)
  volume=$(echo "$merged" | sed -n '/^volumes:/,$s/^    name: //p' | head -n 1)
  data=/var/lib/docker/volumes/\${volume:-\${project}_store}/_data
  mkdir -p "$data"
  id=$(echo "$project" | sha256sum | cut -c 1-12)
  echo "project=$project port=$port data=$data folder=$PWD restart=always" > $state/$id
  run $id ;;
"compose "*) exit 1 ;;
*)
  verb=$1
  shift
  for id; do
    case $verb in
    start) run $id ;;
    stop) halt $id ;;
    update)
      case $id in
      --restart=*) policy=\${id#--restart=} ;;
      *) sed -i "s/restart=.*/restart=$policy/" $state/$id ;;
      esac ;;
    esac
  done ;;
esac
`

/** Puts the program on a host. */
export function standInDocker(host: VirtualHost): void {
  const folder = join(host.folder, 'var-lib/covey-lab/docker-bin')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'docker'), script)
  chmodSync(join(folder, 'docker'), 0o755)
}
