import { isObject } from '../../../protocol/documents/canonical-json.ts'
import type { ComposeService, Place } from '../../compose/project.ts'
import type { Findings } from '../findings.ts'
import type { PortScope } from '../stack-options.ts'

/** Who may ask a service, or whom it may ask, besides the members of its networks. */
export interface Allowed {
  /** Ends as written: `shop/api`, `host:pi`, `192.0.2.0/24`. */
  readonly ends: readonly { readonly text: string; readonly place: Place }[]
  /** As policies have them; undefined for all. */
  readonly ports: readonly string[] | undefined
}

/** `x-covey` of a service, checked. */
export interface CoveyKeys {
  /** Undefined where it says nothing. */
  readonly hosts: readonly string[] | undefined
  readonly from: readonly Allowed[]
  readonly to: readonly Allowed[]
  /** PortScope of a published port, by the port of the container. */
  readonly publish: ReadonlyMap<number, PortScope>
  readonly restartsUnhealthy: boolean
}

const laterKeys: readonly string[] = [
  ...['acme_dns', 'basic_auth', 'before', 'caddy', 'catch_up', 'domain', 'forward_auth', 'headers'],
  ...['job', 'path', 'port', 'redirect', 'reload', 'schedule', 'singleton', 'timeout', 'tls'],
]
const knownKeys: readonly string[] = ['host', 'hosts', 'allow', 'publish', 'restart_unhealthy']

/** Reads `x-covey` of a service. Faults: `stack-covey`, `not-supported-yet`. */
export function readCoveyKeys(service: ComposeService, findings: Findings): CoveyKeys {
  const written = service.covey
  const fault = (key: string, message: string, code = 'stack-covey'): void => {
    const path = key === '' ? 'x-covey' : `x-covey.${key}`
    findings.fault(service.placeOf(path), code, message, `services.${service.name}.${path}`)
  }
  const keys: Record<string, unknown> = isObject(written) ? written : {}
  if (written !== undefined && !isObject(written)) fault('', 'must be a map')
  for (const key of Object.keys(keys)) {
    if (knownKeys.includes(key)) continue
    if (laterKeys.includes(key)) {
      fault(key, `"${key}" comes with a later version: take it out until then`, 'not-supported-yet')
    } else fault(key, `unknown key (known: ${knownKeys.join(', ')})`)
  }
  const restarts = keys['restart_unhealthy']
  if (restarts !== undefined && typeof restarts !== 'boolean') {
    fault('restart_unhealthy', 'must be true or false')
  }
  const allowed = readAllowed(keys['allow'], service, fault)
  return {
    hosts: readHosts(keys, fault),
    from: allowed.from,
    to: allowed.to,
    publish: readPublish(keys['publish'], fault),
    restartsUnhealthy: restarts === true,
  }
}

type Fault = (key: string, message: string) => void

function readHosts(
  keys: Readonly<Record<string, unknown>>,
  fault: Fault,
): readonly string[] | undefined {
  const { host, hosts } = keys
  if (host === undefined && hosts === undefined) return undefined
  const list = textList(hosts ?? host)
  if (list === undefined || list.length === 0 || (host !== undefined && hosts !== undefined)) {
    fault(hosts === undefined ? 'host' : 'hosts', 'must be one host, or hosts a list of them')
    return undefined
  }
  return list
}

function textList(value: unknown): readonly string[] | undefined {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value]
  return list.every((item) => typeof item === 'string') ? list : undefined
}

function readAllowed(
  value: unknown,
  service: ComposeService,
  fault: Fault,
): { readonly from: readonly Allowed[]; readonly to: readonly Allowed[] } {
  const from: Allowed[] = []
  const to: Allowed[] = []
  if (value === undefined) return { from, to }
  const isList = Array.isArray(value)
  const list: readonly unknown[] = isList ? value : [value]
  for (const [index, each] of list.entries()) {
    const path = isList ? `allow.${index}` : 'allow'
    const known = ['from', 'to', 'ports']
    if (!isObject(each) || Object.keys(each).some((key) => !known.includes(key))) {
      fault(path, 'must be a map of from, to and ports')
      continue
    }
    const ports = readPorts(each['ports'], `${path}.ports`, fault)
    for (const [key, found] of [
      ['from', from],
      ['to', to],
    ] as const) {
      if (each[key] === undefined) continue
      const texts = textList(each[key])
      if (texts === undefined) fault(`${path}.${key}`, 'must be a text, or a list of texts')
      const ends = (texts ?? []).map((text, at) => {
        const own = Array.isArray(each[key]) ? `${path}.${key}.${at}` : `${path}.${key}`
        return { text, place: service.placeOf(`x-covey.${own}`) }
      })
      found.push({ ends, ports })
    }
  }
  return { from, to }
}

function readPorts(value: unknown, path: string, fault: Fault): readonly string[] | undefined {
  if (value === undefined) return undefined
  const list: readonly unknown[] = Array.isArray(value) ? value : [value]
  return list.flatMap((port, index) => {
    const text = typeof port === 'number' ? String(port) : port
    const [, first = '', second = first, protocol = 'tcp'] =
      /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp))?$/.exec(typeof text === 'string' ? text : '') ?? []
    const isSound = Number(first) >= 1 && Number(first) <= Number(second) && Number(second) <= 65535
    if (isSound) return [`${first}${first === second ? '' : `-${second}`}/${protocol}`]
    if (text === 'icmp') return ['icmp']
    fault(Array.isArray(value) ? `${path}.${index}` : path, 'must be as 80, 80/tcp, 8000-8010/udp')
    return []
  })
}

function readPublish(value: unknown, fault: Fault): ReadonlyMap<number, PortScope> {
  const found = new Map<number, PortScope>()
  if (value === undefined) return found
  if (!isObject(value)) fault('publish', 'must be a map of ports to mesh, lan or public')
  for (const [port, scope] of Object.entries(isObject(value) ? value : {})) {
    const number = /^\d{1,5}$/.test(port) ? Number(port) : 0
    if (number < 1 || number > 65535) fault(`publish.${port}`, 'a port is 1 to 65535')
    else if (scope === 'mesh' || scope === 'lan' || scope === 'public') found.set(number, scope)
    else fault(`publish.${port}`, 'must be mesh, lan or public')
  }
  return found
}
