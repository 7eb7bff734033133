import { serviceLabels } from '../../../protocol/api/containers.ts'
import { isObject } from '../../../protocol/documents/canonical-json.ts'
import type { Config, ConfigObject } from '../../../protocol/documents/config.ts'
import { oneLine } from '../../../protocol/printable.ts'
import { serviceOfContainer } from '../../diff/services.ts'
import { Failure } from '../../terminal/failure.ts'

/** All that goes to another host together. */
export interface MoveSet {
  /** The host that it is on. */
  readonly from: string
  /** As `shop/db`, sorted. */
  readonly services: readonly string[]
  /** Objects of the volumes, sorted. */
  readonly volumes: readonly string[]
  /** Objects of the containers, sorted. */
  readonly containers: readonly string[]
}

type Section = Readonly<Record<string, ConfigObject>>

/**
 * The set that moves with a volume or a service: the services that share a volume or a network, and
 * all of their volumes. Pure. Throws `Failure` `no-such-volume`, `ambiguous-name` (2), `move-path`,
 * `move-not-service`, `move-delete` (4).
 */
export function moveSetOf(hosts: Config['hosts'], word: string): MoveSet {
  const found = Object.keys(hosts)
    .sort()
    .flatMap((host) => {
      const seeds = seedsOf(hosts[host] ?? {}, word)
      return seeds.length === 0 ? [] : [{ host, seeds }]
    })
  const [first, second] = found
  if (first === undefined) {
    throw new Failure(2, 'no-such-volume', `the layout has no volume or service ${oneLine(word)}`, {
      hint: 'name a volume or a service with its stack, as shop/pgdata or shop/db',
    })
  }
  if (second !== undefined) {
    const names = found.map(({ host }) => host).join(', ')
    throw new Failure(2, 'ambiguous-name', `${oneLine(word)} is on ${names}: it cannot be moved`)
  }
  const section = hosts[first.host] ?? {}
  const containers = togetherWith(section, first.seeds)
  const volumes = unique(containers.flatMap((name) => volumesOf(section[name])))
  for (const name of containers) expectMovable(name, section[name])
  for (const name of volumes) expectMovableVolume(name, section[name])
  if (volumes.length === 0) {
    throw new Failure(2, 'no-such-volume', `${oneLine(word)} has no volume`, {
      hint: 'change its host in cluster.yaml, and run covey apply',
    })
  }
  const services = unique(containers.map((name) => serviceOfContainer(name, section[name])))
  return { from: first.host, services, volumes, containers }
}

/** Containers that a word means: those of a service, those that use a volume, or one by name. */
function seedsOf(section: Section, word: string): readonly string[] {
  const all = containersIn(section)
  const own = all.filter((name) => serviceOfContainer(name, section[name]) === word)
  if (own.length > 0) return own
  const [stack = '', name] = word.split('/')
  const volume = name === undefined ? word : `${stack}-${name}_v`
  return all.filter((each) => each === word || volumesOf(section[each]).includes(volume))
}

function containersIn(section: Section): readonly string[] {
  return Object.keys(section).filter((name) => section[name]?.type === 'runc_container')
}

/** With all that share a volume or a network with one that is in already. */
function togetherWith(section: Section, seeds: readonly string[]): readonly string[] {
  const all = containersIn(section)
  let inside = new Set(seeds)
  for (let size = 0; size !== inside.size; ) {
    size = inside.size
    const volumes = new Set([...inside].flatMap((name) => volumesOf(section[name])))
    const owners = new Set([...inside].map((name) => section[name]?.['network_of']))
    const isTied = (name: string): boolean =>
      volumesOf(section[name]).some((each) => volumes.has(each)) ||
      owners.has(name) ||
      inside.has(String(section[name]?.['network_of']))
    inside = new Set([...inside, ...all.filter(isTied)])
  }
  return [...inside].sort()
}

function mountsOf(object: ConfigObject | undefined): readonly Readonly<Record<string, unknown>>[] {
  const mounts: unknown = object?.['mounts']
  return Array.isArray(mounts) ? mounts.filter(isObject) : []
}

function volumesOf(object: ConfigObject | undefined): readonly string[] {
  return mountsOf(object).flatMap(({ volume }) => (typeof volume === 'string' ? [volume] : []))
}

function expectMovable(name: string, object: ConfigObject | undefined): void {
  if (serviceOfContainer(name, object) === name && !isService(object)) {
    throw new Failure(4, 'move-not-service', `${name} is an object of its host, and no service`, {
      hint: 'move it by hand: covey volume backup, write it for the other host, restore',
    })
  }
  const path = mountsOf(object).find((mount) => {
    return typeof mount['host_path'] === 'string' && mount['read_only'] !== true
  })?.['host_path']
  if (path === undefined) return
  const service = serviceOfContainer(name, object)
  throw new Failure(4, 'move-path', `${service} writes to ${oneLine(String(path))} of its host`, {
    hint: 'covey moves volumes only: copy that path by hand, and change the host in cluster.yaml',
  })
}

function isService(object: ConfigObject | undefined): boolean {
  const labels: unknown = object?.['labels']
  return isObject(labels) && typeof labels[serviceLabels.service] === 'string'
}

function expectMovableVolume(name: string, object: ConfigObject | undefined): void {
  if (object?.['path'] !== undefined) {
    throw new Failure(4, 'move-path', `the volume ${name} is a path of its host`, {
      hint: 'covey moves its own volumes only: copy that path by hand',
    })
  }
  if (object?.['on_remove'] !== 'delete') return
  throw new Failure(4, 'move-delete', `the volume ${name} is deleted where it leaves its host`, {
    hint: 'apply it with on_remove: keep first, so that nothing is lost on the way',
  })
}

function unique(names: readonly string[]): readonly string[] {
  return [...new Set(names)].sort()
}
