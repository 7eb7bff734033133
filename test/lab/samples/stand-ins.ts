import { createHash } from 'node:crypto'
import {
  appendFileSync,
  chmodSync,
  chownSync,
  mkdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { makeBusyboxTree } from '../../registry/busybox.ts'
import { buildLayout, type ImageSettings, writeTree } from '../../registry/image.ts'

/** A person of the stand-in images, as their /etc/passwd has it. */
export interface StandInUser {
  readonly uid: number
  readonly gid: number
  readonly home: string
}

/** Users that the images have, by name, as popular images have them. */
export const standInUsers: Readonly<Record<string, StandInUser>> = {
  root: { uid: 0, gid: 0, home: '/root' },
  app: { uid: 1000, gid: 1001, home: '/app' },
  kong: { uid: 100, gid: 65533, home: '/usr/local/kong' },
  appuser: { uid: 1001, gid: 1002, home: '/data' },
  social: { uid: 991, gid: 991, home: '/social' },
}

/** Groups that the images have besides. */
export const standInGroups: Readonly<Record<string, number>> = { extra: 1500, dialout: 20 }

/** Listens where the program would, or runs a command that is there, as entrypoints do. */
const standIn = `#!/bin/sh
if [ $# -gt 0 ] && [ "\${1#-}" = "$1" ] && command -v "$1" >/dev/null; then exec "$@"; fi
for port in $STAND_IN_PORTS; do httpd -p "$port" -h /www; done
trap "exit 0" TERM INT
while :; do sleep 3600 & wait $!; done
`
const listens = '#!/bin/sh\nexec /stand-in\n'
const says = (text: string): string => `#!/bin/sh\necho '${text}'\n`

/** Programs of the real images that commands, entrypoints and health checks of the samples name. */
const programs: Readonly<Record<string, string>> = {
  'stand-in': standIn,
  'entrypoint.sh': '#!/bin/sh\nif [ "$1" = db ]; then exit 0; fi\nexec /stand-in\n',
  'docker-entrypoint.sh': listens,
  'cron.sh': listens,
  'bin/ui': listens,
  'usr/local/bin/bash': '#!/bin/sh\nexec /bin/sh "$@"\n',
  'usr/local/bin/node': '#!/bin/sh\nif [ "$1" = -e ]; then exit 0; fi\nexec /stand-in\n',
  'usr/local/bin/redis-server': listens,
  'usr/local/bin/turnserver': listens,
  'usr/local/bin/redis-cli': says('PONG'),
  'usr/local/bin/curl': says('OK missing authentication credentials'),
  'usr/local/bin/wget':
    '#!/bin/sh\nfor each; do :; done\n' +
    'exec /bin/wget -q -O - "$(echo "$each" | sed s/localhost/127.0.0.1/)"\n',
  'usr/local/bin/ps': says('sidekiq 6'),
  'usr/local/bin/ss': says('LISTEN 0 100 *:smtp'),
  'usr/local/bin/grep':
    '#!/bin/sh\nif [ "$1" = -P ]; then shift; set -- -E "$@"; fi\nexec /bin/grep "$@"\n',
  ...Object.fromEntries(
    ['pg_isready', 'mc', 'nc', 'drill', 'psql', 'apk'].map((name) => [
      `usr/local/bin/${name}`,
      '#!/bin/sh\nexit 0\n',
    ]),
  ),
  'usr/bin/mc': '#!/bin/sh\nexit 0\n',
  'usr/bin/feeds': '#!/bin/sh\nexit 0\n',
}

/** Folders of the real images that volumes are mounted over, with what is in them. */
const content: Readonly<Record<string, string>> = {
  'www/index.html': 'stand-in\n',
  'www/ping': 'Ok.\n',
  'www/health': 'OK\n',
  'var/lib/mysql/seeded': 'by the image\n',
  'data/seeded': 'by the image\n',
  'var/spool/cron/crontabs/root': '# none\n',
  'app/keep': '',
  'usr/local/kong/keep': '',
  'usr/share/search/config/certs/keep': '',
}

/** An OCI layout with the base of all stand-in images. */
export async function buildStandIn(layout: string): Promise<void> {
  const tree = `${layout}-tree`
  await makeBusyboxTree(tree)
  await writeTree(tree, { ...programs, ...content })
  for (const path of Object.keys(programs)) chmodSync(join(tree, path), 0o755)
  const users = Object.entries(standInUsers).slice(2)
  const passwd = users.map(
    ([name, { uid, gid, home }]) => `${name}:x:${uid}:${gid}::${home}:/bin/sh`,
  )
  appendFileSync(join(tree, 'etc/passwd'), `${passwd.join('\n')}\n`)
  const groups = users.map(([name, { gid }]) => `${name}:x:${gid}:`)
  const more = Object.entries(standInGroups).map(([name, gid]) => `${name}:x:${gid}:`)
  writeFileSync(
    join(tree, 'etc/group'),
    `root:x:0:\napp:x:1001:\n${[...groups, ...more].join('\n')}\n`,
  )
  chownSync(join(tree, 'usr/local/kong'), 100, 65533)
  chownSync(join(tree, 'data'), 1001, 1002)
  mkdirSync(dirname(layout), { recursive: true })
  await buildLayout(layout, { layers: [tree], config: {} })
}

/** The settings of a stand-in, besides its files. */
export interface StandInImage {
  /** Normal form with its tag: `docker.io/library/redis:7`. */
  readonly reference: string
  readonly config: ImageSettings
}

/**
 * Puts images into the storage of a registry of which nothing has been asked yet, as files: layers
 * once, and for each image a config and a manifest.
 */
export function storeImages(
  layout: string,
  storage: string,
  images: readonly StandInImage[],
): void {
  const root = join(storage, 'docker/registry/v2')
  const write = (path: string, bytes: string | Uint8Array): void => {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, bytes)
  }
  const readBlob = (digest: string): Buffer =>
    readFileSync(join(layout, 'blobs', digest.replace(':', '/')))
  const addBlob = (bytes: Uint8Array): string => {
    const hex = createHash('sha256').update(bytes).digest('hex')
    write(join(root, 'blobs/sha256', hex.slice(0, 2), hex, 'data'), bytes)
    return hex
  }
  const index = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8'))
  const base = JSON.parse(readBlob(index.manifests[0].digest).toString())
  const baseConfig = JSON.parse(readBlob(base.config.digest).toString())
  const layers: readonly string[] = base.layers.map(({ digest }: { digest: string }) =>
    addBlob(readBlob(digest)),
  )
  for (const { reference, config } of images) {
    const [, name = '', tag = ''] = /^[^/]+\/(.+):([^:]+)$/.exec(reference) ?? []
    const link = (path: string, hex: string): void =>
      write(join(root, 'repositories', name, path, 'link'), `sha256:${hex}`)
    const own = Buffer.from(JSON.stringify({ ...baseConfig, config }))
    const configHex = addBlob(own)
    const described = { ...base.config, digest: `sha256:${configHex}`, size: own.length }
    const manifest = addBlob(Buffer.from(JSON.stringify({ ...base, config: described })))
    for (const hex of [configHex, ...layers]) link(`_layers/sha256/${hex}`, hex)
    link(`_manifests/revisions/sha256/${manifest}`, manifest)
    link(`_manifests/tags/${tag}/current`, manifest)
    link(`_manifests/tags/${tag}/index/sha256/${manifest}`, manifest)
  }
}
