import { normalize } from 'node:path/posix'
import { pathFrom, pathIn } from '../texts/paths.ts'
import type { Leaf } from '../yaml/tree.ts'
import type { Cursor } from './cursor.ts'

const home = /^\$\{?(HOME|PWD)\b/
const engineSocket = /(^|\/)(docker|podman|containerd|balena-engine)\.sock$/

/** Programs that are known to use the socket of the engine, and what covey has in its place. */
const socketUsers: readonly (readonly [RegExp, string])[] = [
  [
    /traefik|caddy-docker-proxy|nginx-proxy|jwilder|swag|docker-gen|acme-companion/,
    'let the proxy read its routes from a file, in which a service is http://NAME:PORT, and drop this line',
  ],
  [/watchtower|diun|ouroboros/, 'drop it: "covey pull" looks for newer images'],
  [
    /ofelia|cronicle|chadburn|swarm-cronjob/,
    'drop it: let cron on the host run its jobs: covey exec SERVICE -- COMMAND',
  ],
  [
    /portainer|dockge|yacht|dozzle|lazydocker/,
    'drop it: "covey ps", "covey logs" and "covey status" show what runs',
  ],
  [
    /runner|woodpecker|drone|jenkins|pipeline\/agent|buildkite/,
    'leave this service out: it starts containers by an engine; run it on a host that has one',
  ],
  [/autoheal/, 'drop it, and write "x-covey: { restart_unhealthy: true }" at the services'],
]

/** Tells a path from the name of a volume. */
export function isPathSource(source: string): boolean {
  return /^[./~\\]/.test(source) || /^[A-Za-z]:[\\/]/.test(source)
}

/**
 * The path of a bind: absolute, or relative to the project's folder with `./` or `../` in front.
 * Undefined, and said, where it is one of the laptop, or the socket of an engine.
 */
export function bindSource(
  item: Cursor,
  leaf: Leaf,
  source: string,
  project: { readonly folder: string; readonly image: string },
): string | undefined {
  const isHome = home.test(leaf.written) && !source.startsWith(leafHome(leaf))
  if (source.startsWith('~') || isHome) {
    return item.fault(
      `covey does not know the home folder of a host: write the whole path: ${leaf.written}`,
      'compose-refused',
    )
  }
  if (/^[A-Za-z]:[\\/]|^\\/.test(source)) {
    return item.fault(
      `covey runs on Linux only: write the path of a host: ${leaf.written}`,
      'compose-refused',
    )
  }
  if (engineSocket.test(source)) {
    const [, way] = socketUsers.find(([image]) => image.test(project.image)) ?? []
    const message = `there is no engine whose socket could be used: ${way ?? 'drop this line'}`
    return item.fault(message, 'compose-refused')
  }
  if (source.startsWith('/')) return withoutSlash(normalize(source))
  return pathFrom(project.folder, pathIn(leaf.home?.folder ?? project.folder, source))
}

/** The value that a variable HOME or PWD of the project has; else what no source begins with. */
function leafHome(leaf: Leaf): string {
  const [first] = leaf.variables.filter(({ name }) => name === 'HOME' || name === 'PWD')
  return first === undefined || first.value === '' ? '\0' : first.value
}

/** Without the slash at the end. */
export function withoutSlash(path: string): string {
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path
}
