import type { Findings } from '../findings.ts'
import type { CompileInput } from '../inputs.ts'
import { factKey, hostFact } from '../lock.ts'
import { normalReference } from './image-names.ts'
import type { Member } from './members.ts'

/**
 * Hosts on which a service may run, in the layout's order: those of its stack, narrowed by
 * `x-covey`, by constraints and by what its image is made for. Empty after a fault.
 */
export function candidatesOf(
  member: Member,
  { layout, lock }: CompileInput,
  findings: Findings,
): readonly string[] {
  const { service, stack, covey } = member
  const written = stack.hostsOf.get(service.name)
  const base = written ?? (stack.name === '' ? covey.hosts : undefined) ?? stack.options.hosts
  const known = [...layout.hosts.keys()].join(', ')
  const fault = (path: string, message: string): void => {
    findings.fault(service.placeOf(path), 'stack-placement', message, `services.${service.name}`)
  }
  if (base.length === 0) {
    // A stack without hosts is a fault of the layout itself.
    if (stack.name === '') fault('', `must say where it runs: host: NAME (known: ${known})`)
    return []
  }
  let hosts = base.filter((host) => layout.hosts.has(host))
  const missing = base.find((host) => !layout.hosts.has(host))
  if (missing !== undefined) fault('host', `there is no host "${missing}" (known: ${known})`)
  if (covey.hosts !== undefined) {
    const own = covey.hosts
    const stranger = own.find((host) => !base.includes(host))
    if (stranger !== undefined) {
      fault('x-covey.host', `${stranger} is none of its stack's hosts: ${base.join(', ')}`)
    }
    hosts = hosts.filter((host) => own.includes(host))
  }
  for (const [index, { value }] of service.deploy.constraints.entries()) {
    const path = `deploy.placement.constraints.${index}`
    const constraint = parseConstraint(value)
    if (typeof constraint === 'string') {
      fault(path, constraint)
      continue
    }
    const left = hosts.filter((host) => constraint(factsOf(host, { layout, lock })))
    if (left.length === 0 && hosts.length > 0) {
      fault(
        path,
        `no host is left: ${hosts.join(', ')} ${hosts.length > 1 ? 'do' : 'does'} not fit`,
      )
    }
    hosts = left
  }
  return onPlatform(member, hosts, { layout, lock }, fault)
}

type HostFacts = ReadonlyMap<string, string>

function factsOf(host: string, { layout, lock }: Pick<CompileInput, 'layout' | 'lock'>): HostFacts {
  const [, architecture] = (hostFact(lock, host, 'platform') ?? '').split('/')
  const labels = layout.hosts.get(host)?.labels ?? new Map<string, string>()
  return new Map([
    ['node.hostname', host],
    ['node.platform.os', 'linux'],
    ...(architecture === undefined ? [] : [['node.platform.arch', architecture] as const]),
    ...[...labels].map(([name, value]) => [`node.labels.${name}`, value] as const),
  ])
}

/** A constraint of Compose, or why it is none. */
function parseConstraint(text: string): ((facts: HostFacts) => boolean) | string {
  const [, key = '', operator, value = ''] = /^\s*(\S+?)\s*(==|!=)\s*(.*?)\s*$/.exec(text) ?? []
  if (operator === undefined) return 'must be KEY == VALUE or KEY != VALUE, as node.hostname == pi'
  if (key === 'node.role') {
    return 'covey has no managers and no workers: name hosts, or labels of hosts'
  }
  if (!/^node\.(hostname|platform\.(os|arch)|labels\..+)$/.test(key)) {
    return `${key} is not known: use node.hostname or node.labels.NAME (hosts.NAME.labels)`
  }
  const wanted = key === 'node.platform.arch' ? architectureOf(value) : value
  return (facts) => (facts.get(key) === wanted) === (operator === '==')
}

/** The name of an architecture in images, for that of the kernel. */
function architectureOf(text: string): string {
  const names: Readonly<Record<string, string>> = { x86_64: 'amd64', aarch64: 'arm64' }
  return names[text] ?? text
}

/** Without the hosts for which its image is not made, as far as both are known. */
function onPlatform(
  { service }: Member,
  hosts: readonly string[],
  { lock }: Pick<CompileInput, 'layout' | 'lock'>,
  fault: (path: string, message: string) => void,
): readonly string[] {
  const reference = normalReference(service.image?.value ?? '')
  const fact = reference === undefined ? undefined : lock.facts.get(factKey('image', reference))
  const platforms = fact?.split(' ')[1]?.split(',').map(shortPlatform)
  if (platforms === undefined || platforms.length === 0) return hosts
  const left = hosts.filter((host) => {
    const platform = hostFact(lock, host, 'platform')
    return platform === undefined || platforms.includes(shortPlatform(platform))
  })
  if (left.length === 0 && hosts.length > 0) {
    fault(
      'image',
      `there is no image for ${hosts.join(', ')}: it is made for ${platforms.join(', ')}`,
    )
  }
  return left
}

/** `linux/arm64` of `linux/arm64/v8`. */
function shortPlatform(platform: string): string {
  return platform.split('/').slice(0, 2).join('/')
}
