import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, normalize } from 'node:path/posix'
import type { ComposeProject, ComposeService } from '../../../operator/compose/project.ts'
import type { ImageSettings } from '../../registry/image.ts'
import type { Seen } from './look.ts'
import { type StandInUser, standInGroups, standInUsers } from './stand-ins.ts'

/** The model that a container is compared with: the Compose file itself, and its image. */
export interface Wanted {
  readonly project: ComposeProject
  readonly service: ComposeService
  readonly image: ImageSettings
}

/** A file that a container must have. */
interface WantedFile {
  readonly path: string
  readonly mode: string
  readonly sha256: string
}

/** Docker's capabilities of a container by number, but MKNOD (27), which covey never gives. */
const dockerNumbers: readonly number[] = [0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 29, 31]
const numbers: Readonly<Record<string, number>> = {
  ...{ CHOWN: 0, DAC_OVERRIDE: 1, FOWNER: 3, FSETID: 4, KILL: 5, SETGID: 6, SETUID: 7, SETPCAP: 8 },
  ...{ NET_BIND_SERVICE: 10, NET_ADMIN: 12, NET_RAW: 13, SYS_CHROOT: 18, SYS_NICE: 23 },
  ...{ SYS_TIME: 25, AUDIT_WRITE: 29, SETFCAP: 31 },
}
const limitNames: Readonly<Record<string, string>> = {
  ...{ nofile: 'Max open files', nproc: 'Max processes', memlock: 'Max locked memory' },
  core: 'Max core file size',
}

/** The files that a service has from beside its Compose file, from configs and from secrets. */
export function wantedFiles({ project, service }: Wanted): readonly WantedFile[] {
  const found: WantedFile[] = []
  for (const { source, target } of service.volumes) {
    if (source === undefined || !source.startsWith('.')) continue
    found.push(...filesBelow(join(project.folder, source), normalize(target).replace(/\/$/, '')))
  }
  const granted = [
    ...service.configs.map((entry) => ({ entry, content: project.configs.get(entry.source) })),
    ...service.secrets.map((entry) => ({ entry, content: project.secrets.get(entry.source) })),
  ]
  for (const { entry, content } of granted) {
    const mode = Number.parseInt(entry.mode ?? '0444', 8).toString(8)
    found.push({ path: entry.target, mode, sha256: sha256(content?.content?.value ?? '') })
  }
  return found
}

function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}

/** Files at a path of this machine, or below it; none where nothing is there. */
function filesBelow(path: string, target: string): readonly WantedFile[] {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats === undefined) return []
  if (stats.isDirectory()) {
    return readdirSync(path).flatMap((name) => filesBelow(join(path, name), join(target, name)))
  }
  const mode = (stats.mode & 0o7777).toString(8)
  return [{ path: target, mode, sha256: sha256(readFileSync(path)) }]
}

/** Whom a `user` of a Compose file or an image means. */
function userOf(text: string): StandInUser {
  const [name = '', group] = text.split(':')
  const known = Object.values(standInUsers).find(({ uid }) => String(uid) === name)
  const { uid, gid, home } = standInUsers[name] ?? known ?? { uid: Number(name), gid: 0, home: '/' }
  return { uid, gid: group === undefined ? gid : Number(group), home }
}

/** Everything in which a running container is not what its Compose file says. */
export function differences(wanted: Wanted, seen: Seen): readonly string[] {
  const found = [
    ...processDifferences(wanted, seen),
    ...rightsDifferences(wanted, seen),
    ...mountDifferences(wanted, seen),
    ...environmentDifferences(wanted, seen),
    ...limitDifferences(wanted, seen),
  ]
  return found.map((text) => `${wanted.service.name}: ${text}`)
}

function differs(what: string, is: unknown, should: unknown): readonly string[] {
  const [a, b] = [JSON.stringify(is), JSON.stringify(should)]
  return a === b ? [] : [`${what} is ${a}, should be ${b}`]
}

function processDifferences({ service, image }: Wanted, seen: Seen): readonly string[] {
  const user = userOf(service.user ?? image.User ?? 'root')
  const ids = (name: string): readonly number[] =>
    (seen.status[name] ?? '').split(/\s+/).map(Number)
  const groups = service.groupAdd.map((name) => standInGroups[name] ?? Number(name))
  const missing = groups.filter((group) => !ids('Groups').includes(group))
  const folder = service.workingDir?.replace(/(?<=.)\/$/, '')
  return [
    ...differs('uid', ids('Uid'), Array(4).fill(user.uid)),
    ...differs('gid', ids('Gid'), Array(4).fill(user.gid)),
    ...differs('missing groups', missing, []),
    ...(folder === undefined ? [] : differs('working folder', seen.workingFolder, folder)),
  ]
}

function rightsDifferences({ service, image }: Wanted, { status }: Seen): readonly string[] {
  const bare = (name: string): string => name.toUpperCase().replace(/^CAP_/, '')
  const dropped = service.capDrop.map(bare)
  const added = service.capAdd.map((name) => numbers[bare(name)] ?? -1)
  const usual = dropped.includes('ALL') ? [] : dockerNumbers
  const kept = usual.filter((number) => !dropped.some((name) => numbers[name] === number))
  const bits = [...new Set([...kept, ...added])].reduce((sum, bit) => sum + 2 ** bit, 0)
  const set = bits.toString(16).padStart(16, '0')
  const isRoot = userOf(service.user ?? image.User ?? 'root').uid === 0
  const isBound = service.securityOpt.some((text) => text.startsWith('no-new-privileges'))
  return [
    ...differs('CapBnd', status['CapBnd'], set),
    ...differs('CapEff', status['CapEff'], isRoot ? set : '0'.repeat(16)),
    ...differs('NoNewPrivs', status['NoNewPrivs'], isBound ? '1' : '0'),
    ...differs('Seccomp', status['Seccomp'], '2'),
  ]
}

function mountDifferences(wanted: Wanted, seen: Seen): readonly string[] {
  const { service, project } = wanted
  const found: string[] = []
  const isReadOnly = (path: string): boolean | undefined => {
    const options = seen.mounts[path]
    return options === undefined ? undefined : /(^|,)ro(,|$)/.test(options)
  }
  for (const { source, target, isReadOnly: readOnly, kind } of service.volumes) {
    const path = normalize(target).replace(/(?<=.)\/$/, '')
    const real = path.replace(/^\/var\/run\//, '/run/')
    const isBeside =
      kind === 'bind' &&
      source?.startsWith('.') &&
      filesBelow(join(project.folder, source), '/').length > 0
    if (isBeside) continue
    const isFact = source === '/etc/localtime' || source === '/etc/timezone'
    const is = isReadOnly(path) ?? isReadOnly(real)
    found.push(...differs(`read-only at ${path}`, is, readOnly || isFact))
  }
  for (const { path } of service.tmpfs) {
    found.push(
      ...differs(
        `read-only at ${path}`,
        isReadOnly(path) ?? isReadOnly(path.replace(/^\/var\/run/, '/run')),
        false,
      ),
    )
  }
  found.push(...differs('read-only at /', isReadOnly('/'), service.isReadOnly))
  for (const { path, mode, sha256: digest } of wantedFiles(wanted)) {
    found.push(...differs(`mode of ${path}`, seen.files[path]?.mode, mode))
    if (seen.files[path]?.sha256 !== digest) found.push(`content of ${path} differs`)
  }
  return found
}

function environmentDifferences({ service, image }: Wanted, seen: Seen): readonly string[] {
  const found: string[] = []
  for (const [name, { value }] of service.environment) {
    found.push(...differs(`variable ${name}`, seen.environment[name], value))
  }
  const home = userOf(service.user ?? image.User ?? 'root').home
  const usual = ['PATH', 'HOME', 'HOSTNAME', 'TERM']
  // Shells add these where they start the program.
  const ofShells = ['SHLVL', 'PWD', 'OLDPWD', '_']
  const known = new Set([...service.environment.keys(), ...usual, ...ofShells])
  const own = (image.Env ?? []).map((entry) => entry.slice(0, entry.indexOf('=')))
  const more = Object.keys(seen.environment).filter(
    (name) => !known.has(name) && !own.includes(name),
  )
  if (!service.environment.has('HOME'))
    found.push(...differs('HOME', seen.environment['HOME'], home))
  return [...found, ...differs('more variables', more, [])]
}

function limitDifferences({ service }: Wanted, seen: Seen): readonly string[] {
  const text = (value: number): string => (value === -1 ? 'unlimited' : String(value))
  const found = [...service.ulimits].flatMap(([name, { soft, hard }]) =>
    differs(`limit ${name}`, seen.limits[limitNames[name] ?? name], [text(soft), text(hard)]),
  )
  const { memoryBytes, pids } = service
  if (memoryBytes !== undefined) {
    found.push(...differs('memory.max', seen.limitBytes, String(memoryBytes)))
  }
  if (pids !== undefined) found.push(...differs('pids.max', seen.limitPids, String(pids)))
  return found
}
