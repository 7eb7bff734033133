import type * as z from 'zod'
import { capabilityName } from '../bundle/hardening/capabilities.ts'
import { hostPartOf, seesHost } from '../bundle/host-parts.ts'
import { filesBytesMax } from '../bundle/limits.ts'
import { type ContainerObject, contentOf, type MountObject } from './container-object.ts'
import { deviceFaults } from './device-fields.ts'

/** Reports a fault at a place in the object. */
type Report = (path: readonly (string | number)[], message: string) => void

/** Reports contradictions between fields of a container that are valid by themselves. */
export function checkContainer(container: ContainerObject, context: z.RefinementCtx): void {
  const report: Report = (path, message) => {
    context.addIssue({ code: 'custom', message, path: [...path] })
  }
  checkNetwork(container, report)
  checkSources(container, report)
  checkParts(container, report)
  checkShm(container, report)
  checkMemory(container, report)
  checkPlaces(container, report)
  checkVariables(container, report)
  checkWords(container, report)
  checkCapabilities(container, report)
  if (container.privileged && container.user_namespace) {
    report(['user_namespace'], 'cannot be combined with privileged: choose one of them')
  }
}

function checkAddress6({ address, address6 }: ContainerObject, report: Report): void {
  if (address6 === undefined) return
  if (address6.family !== 6) report(['address6'], 'must be an IPv6 address')
  else if (address?.family !== 4) report(['address6'], 'goes beside an IPv4 address')
}

function checkNetwork(container: ContainerObject, report: Report): void {
  const { network_of: owner } = container
  checkAddress6(container, report)
  if (owner !== undefined) {
    for (const field of ['network', 'address', 'host_network'] as const) {
      const value = container[field]
      if (value === undefined || value === false) continue
      report([field], `cannot be set with network_of: the container has the network of ${owner}`)
    }
    return
  }
  for (const field of ['network', 'address'] as const) {
    const isThere = container[field] !== undefined
    if (container.host_network && isThere) {
      report(
        [field],
        'cannot be set with host_network: the container has the addresses of its host',
      )
    } else if (!container.host_network && !isThere) {
      report([field], 'is required, unless host_network or network_of is set')
    }
  }
  if (container.host_network && container.user_namespace && !seesHost(container)) {
    report(
      ['user_namespace'],
      'cannot be combined with host_network: root in it has no rights over that network',
    )
  }
}

/** The one of these members that is set; otherwise reports at `path`. */
function checkOne(
  object: object,
  names: readonly string[],
  path: readonly (string | number)[],
  report: Report,
): void {
  const set = names.filter((name) => (object as Record<string, unknown>)[name] !== undefined)
  if (set.length === 1) return
  const found = set.length === 0 ? 'has none' : `has ${set.join(' and ')}`
  report(path, `must have exactly one of ${names.join(', ')}, but ${found}`)
}

function checkSources(container: ContainerObject, report: Report): void {
  for (const [index, mount] of container.mounts.entries()) {
    checkOne(mount, ['volume', 'host_path'], ['mounts', index], report)
    checkVolumeFields(mount, ['mounts', index], report)
  }
  for (const [index, use] of container.secrets.entries()) {
    const ways = ['path', 'env', 'env_all', 'words'] as const
    checkOne(use, ways, ['secrets', index], report)
    const how = ways.find((way) => way !== 'path' && use[way] !== undefined)
    for (const field of how === undefined ? [] : (['mode', 'uid', 'gid'] as const)) {
      if (use[field] === undefined) continue
      const what = how === 'words' ? 'word' : 'variable'
      report(['secrets', index, field], `cannot be set with ${how}: a ${what} has no ${field}`)
    }
  }
  if (container.health !== undefined) {
    checkOne(container.health, ['command', 'http', 'tcp', 'from_image'], ['health'], report)
  }
  checkHttpHost(container, report)
  const mounted = placesOf(container).map(({ path }) => path)
  for (const { index, message } of deviceFaults(container.devices, mounted)) {
    report(['devices', index], message)
  }
  for (const [index, file] of container.files.entries()) {
    checkOne(file, ['content', 'content_base64'], ['files', index], report)
  }
  const bytes = container.files.reduce((sum, file) => sum + Buffer.byteLength(contentOf(file)), 0)
  if (bytes > filesBytesMax) {
    report(['files'], `hold ${bytes} bytes together, and at most ${filesBytesMax} are allowed`)
  }
}

function checkParts(container: ContainerObject, report: Report): void {
  for (const [index, { host_path: path = '', read_only, create }] of container.mounts.entries()) {
    if (hostPartOf(path) === undefined) continue
    if (!read_only) report(['mounts', index, 'read_only'], `must be true for ${path} of the host`)
    if (create) report(['mounts', index, 'create'], `cannot be set for ${path} of the host`)
  }
  if (!seesHost(container) || container.user_namespace) return
  // Who sees a process of the host may enter its files where it is the same user.
  const message = 'must be true for a container that sees the processes or the root of its host'
  report(['user_namespace'], message)
}

function checkVolumeFields(
  { volume, subpath, seed }: MountObject,
  at: readonly (string | number)[],
  report: Report,
): void {
  if (volume === undefined && subpath !== undefined) {
    report([...at, 'subpath'], 'is for a volume: write it into host_path')
  }
  if (volume === undefined && seed) report([...at, 'seed'], 'is for a volume')
  if (subpath !== undefined && seed) {
    report([...at, 'seed'], 'is for a whole volume and cannot be set with subpath')
  }
}

function checkHttpHost({ health }: ContainerObject, report: Report): void {
  if (health === undefined || 'from_image' in health) return
  const { host, headers = {} } = health.http ?? {}
  const name = Object.keys(headers).find((each) => each.toLowerCase() === 'host')
  if (host === undefined || name === undefined) return
  report(['health', 'http', 'headers', name], 'is already set by host')
}

function checkShm({ shm_bytes, mounts, tmpfs }: ContainerObject, report: Report): void {
  const memory = tmpfs.map((place) => (typeof place === 'string' ? place : place.path))
  const isTaken = [...memory, ...mounts.map(({ path }) => path)].includes('/dev/shm')
  if (shm_bytes === undefined || !isTaken) return
  report(['shm_bytes'], 'cannot be set with a mount at /dev/shm')
}

function checkMemory({ resources }: ContainerObject, report: Report): void {
  const { memory_bytes: bytes, memory_swap_bytes: both } = resources
  if (both === undefined) return
  if (bytes === undefined) {
    report(['resources', 'memory_swap_bytes'], 'needs memory_bytes, which is a part of it')
  } else if (both !== -1 && both < bytes) {
    const message = 'is memory and swap together, so not below memory_bytes; -1 is no limit'
    report(['resources', 'memory_swap_bytes'], message)
  }
}

/** A mount point, and its field in the object. */
interface Place {
  readonly path: string
  readonly at: readonly (string | number)[]
  readonly isFile: boolean
}

function placesOf(container: ContainerObject): readonly Place[] {
  return [
    ...container.mounts.map(({ path }, index) => {
      return { path, at: ['mounts', index, 'path'], isFile: false }
    }),
    ...container.tmpfs.map((place, index) => {
      if (typeof place === 'string') return { path: place, at: ['tmpfs', index], isFile: false }
      return { path: place.path, at: ['tmpfs', index, 'path'], isFile: false }
    }),
    ...container.files.map(({ path }, index) => {
      return { path, at: ['files', index, 'path'], isFile: true }
    }),
    ...container.secrets.flatMap(({ path }, index) => {
      return path === undefined ? [] : [{ path, at: ['secrets', index, 'path'], isFile: true }]
    }),
  ]
}

function checkPlaces(container: ContainerObject, report: Report): void {
  const known = new Map<string, Place>()
  const places = placesOf(container)
  for (const place of places) {
    const other = known.get(place.path)
    if (other === undefined) known.set(place.path, place)
    else report(place.at, `${place.path} is already used by ${other.at.join('.')}`)
  }
  for (const place of places) {
    const above = parentsOf(place.path).find((parent) => known.get(parent)?.isFile)
    if (above === undefined) continue
    report(place.at, `lies below ${above}, which is a file (${known.get(above)?.at.join('.')})`)
  }
}

function parentsOf(path: string): readonly string[] {
  const parts = path.split('/').slice(1, -1)
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join('/')}`)
}

function checkVariables(container: ContainerObject, report: Report): void {
  const known = new Map(Object.keys(container.env).map((name) => [name, `env.${name}`]))
  for (const [index, { env }] of container.secrets.entries()) {
    if (env === undefined) continue
    const other = known.get(env)
    if (other === undefined) known.set(env, `secrets.${index}.env`)
    else report(['secrets', index, 'env'], `${env} is already set by ${other}`)
  }
}

/** Each word of a secret has a place in a command that the object writes, and no other has it. */
function checkWords(container: ContainerObject, report: Report): void {
  const { command, args, health, runtime_config: patch } = container
  const asked = health !== undefined && 'command' in health ? health.command : undefined
  const commands = new Map(Object.entries({ command, args, health: asked }))
  const isPatched = Object.hasOwn(Object(patch['process'] ?? {}), 'args')
  const known = new Map<string, string>()
  for (const [index, { words = [] }] of container.secrets.entries()) {
    for (const [at, place] of words.entries()) {
      const path = ['secrets', index, 'words', at]
      const [field = '', number] = place.split('.')
      const other = known.get(place)
      if (other !== undefined) report(path, `${place} is already set by ${other}`)
      else if (!commands.has(field)) continue
      else if (commands.get(field)?.[Number(number)] === undefined) {
        const name = field === 'health' ? 'health.command' : field
        report(path, `${name} has no word ${number}`)
      } else if (isPatched && field !== 'health') {
        report(path, 'cannot be set with runtime_config.process.args, which takes its place')
      }
      known.set(place, `secrets.${index}.words.${at}`)
    }
  }
}

function checkCapabilities(container: ContainerObject, report: Report): void {
  const { add, drop } = container.capabilities
  const added = add.map(capabilityName)
  for (const [index, name] of drop.entries()) {
    if (!added.includes(capabilityName(name)) || name === 'ALL') continue
    report(['capabilities', 'drop', index], `${name} is also in add`)
  }
}
