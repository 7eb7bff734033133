import type { ComposeProject } from '../../../operator/compose/project.ts'
import type { ConfigObject, HostSection } from '../../../protocol/documents/config.ts'

type Value = ConfigObject[string]
type Fields = Readonly<Record<string, Value>>

/** Fields that follow from the names, or that are told in a line of their own. */
const untold: readonly string[] = [
  ...['type', 'image', 'network', 'address', 'labels', 'aliases', 'groups'],
  ...['capabilities', 'no_new_privileges'],
]
/** Docker's rights of a container, but MKNOD; covey gives the others unasked. */
const dockerRights = 'AUDIT_WRITE FSETID NET_RAW SETFCAP SETPCAP SYS_CHROOT'.split(' ')

/**
 * The objects of stacks on a host, in few words, as a person compares it with the Compose file: no
 * digests, no addresses; of files their length. The sealed variables come from the project.
 */
export function outlineOf(section: HostSection, project: ComposeProject): string {
  const objects = Object.entries(section).sort(([a], [b]) => (a < b ? -1 : 1))
  const volumes = objects.filter(([, { type }]) => type === 'volume')
  const lines = objects.flatMap(([name, object]) =>
    object.type === 'runc_container' ? containerLines(name, object, objects, project) : [],
  )
  const volumeLines = volumes.map(([name, { type: _, ...rest }]) => `volume ${name} ${short(rest)}`)
  return `${[...lines, ...volumeLines].join('\n').replaceAll(/ \{\}$/gm, '')}\n`
}

function containerLines(
  name: string,
  object: ConfigObject,
  all: readonly (readonly [string, ConfigObject])[],
  { services }: ComposeProject,
): readonly string[] {
  const service = (object['labels'] as Readonly<Record<string, string>>)['covey.service']
  const names = Object.values((object['groups'] ?? {}) as Record<string, readonly string[]>).flat()
  const image = String(object['image']).replace(/@sha256:.*/, '')
  const fields = Object.entries(object).filter(([key, value]) => {
    const isUsual = key === 'health' && short(value) === '{from_image: true, restart: false}'
    return !untold.includes(key) && !isUsual && !(key === 'restart' && value === 'always')
  })
  const told = fields
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([key, value]) => {
      const isTable = Array.isArray(value) && value.some((item) => typeof item === 'object')
      return (isTable ? value : [value]).map((item) => `${key} ${short(item)}`)
    })
  const variables = services.get(service?.split('/')[1] ?? '')?.environment ?? []
  const sealed = [...variables].flatMap(([key, { value, isSensitive }]) =>
    isSensitive ? [`sealed ${key} ${JSON.stringify(value)}`] : [],
  )
  return [
    `${service} is ${name}: ${image}`,
    `  names ${[...new Set(names)].join(' ')}`,
    `  rights ${rightsOf(object)}`,
    ...portLines(name, all).map((line) => `  ${line}`),
    ...[...told, ...sealed.sort()].map((line) => `  ${line}`),
  ]
}

function rightsOf({ capabilities, no_new_privileges: bound }: ConfigObject): string {
  const { add = [], drop = [] } = (capabilities ?? {}) as Record<string, readonly string[]>
  const usual = drop.includes('ALL') ? [] : dockerRights
  const less = [...drop, ...usual.filter((name) => !add.includes(name))]
  const more = add.filter((name) => !usual.includes(name))
  const changed = [...less.map((name) => `-${name}`), ...more.map((name) => `+${name}`)]
  return ["Docker's", ...changed, ...(bound === false ? [] : ['no-new-privileges'])].join(' ')
}

/** Published ports, ranges in one line. */
function portLines(
  container: string,
  all: readonly (readonly [string, ConfigObject])[],
): readonly string[] {
  const ports = all
    .map(([, object]) => object)
    .filter(({ type, container: own }) => type === 'nftables_publish' && own === container)
    .map((object) => ({
      host: Number(object['host_port']),
      inside: Number(object['container_port']),
      kind: `${object['protocol']} ${object['on']}`,
      count: 1,
    }))
    .sort((a, b) => (a.kind === b.kind ? a.host - b.host : a.kind < b.kind ? -1 : 1))
  const spans: typeof ports = []
  for (const port of ports) {
    const last = spans.at(-1)
    const follows = last !== undefined && last.kind === port.kind
    const isNext = (a: number, b: number): boolean => a + (last?.count ?? 0) === b
    if (follows && isNext(last.host, port.host) && isNext(last.inside, port.inside)) last.count += 1
    else spans.push(port)
  }
  return spans.map(({ host, inside, kind, count }) => {
    const to = count === 1 ? '' : ` and ${count - 1} more`
    return `port ${host} -> ${inside}${to} ${kind}`
  })
}

/** JSON with fewer quotes; texts of several lines by their length. */
function short(value: Value | Fields): string {
  if (typeof value === 'string') {
    if (value.includes('\n')) return `<${value.length} characters>`
    return /^[\w./:@$=%-]+$/.test(value) ? value : JSON.stringify(value)
  }
  if (Array.isArray(value)) return `[${value.map(short).join(', ')}]`
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value)
    return `{${members.map(([key, member]) => `${key}: ${short(member)}`).join(', ')}}`
  }
  return String(value)
}
