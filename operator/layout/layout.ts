import { isObject } from '../../protocol/documents/canonical-json.ts'
import type { ConfigObject } from '../../protocol/documents/config.ts'
import type { Fault } from '../../protocol/fault.ts'
import { isName } from '../../protocol/names.ts'
import type { Cidr } from '../../reconcilers/addresses.ts'
import { parseDestination, type SshDestination } from '../ssh/destination.ts'
import { type Endpoint, parseEndpoint } from './endpoint.ts'
import { nameRule, networkDefault, shapeFaults } from './layout-schema.ts'
import { hostNumberOf, type Network, parseNetwork, parseNetwork6 } from './network.ts'
import { parseStacks, type StackOptions } from './stack-options.ts'

/** A host of a layout. */
export interface LayoutHost {
  readonly endpoint: Endpoint | undefined
  readonly site: string | undefined
  /** Address given in the layout; otherwise the one in the lock is used. */
  readonly address: string | undefined
  /** Where the operator reaches it by ssh; means nothing to the cluster. */
  readonly ssh: SshDestination | undefined
  /** For placement. */
  readonly labels: ReadonlyMap<string, string>
  /** Objects that stand in the layout itself, as a config has them. */
  readonly objects: Readonly<Record<string, ConfigObject>>
}

/** Where a secret of the layout comes from; none of them: `covey secret set`. */
export interface SecretSource {
  readonly command: string | undefined
  readonly file: string | undefined
  readonly environment: string | undefined
}

/** An account with which hosts pull. `password` names a secret of the layout. */
interface RegistryAccount {
  /** Both are undefined where hosts pull without a user. */
  readonly username: string | undefined
  readonly password: string | undefined
  /** Plain HTTP and unproven certificates are good enough to look up tags here. */
  readonly insecure: boolean
}

/** `cluster.yaml`, checked (docs/LAYOUT.md). */
export interface Layout {
  readonly cluster: string
  readonly network: Network
  readonly networkText: string
  /** IPv6 for containers. */
  readonly network6: Cidr | undefined
  readonly hosts: ReadonlyMap<string, LayoutHost>
  readonly stacks: ReadonlyMap<string, StackOptions>
  /** True if it has services of its own: a stack without a name. */
  readonly hasServices: boolean
  readonly secrets: ReadonlyMap<string, SecretSource>
  readonly registries: ReadonlyMap<string, RegistryAccount>
}

/** A layout, or all its faults. */
export type LayoutResult =
  | { readonly layout: Layout; readonly faults: readonly []; readonly partial?: undefined }
  | {
      readonly layout: undefined
      readonly faults: readonly Fault[]
      /** The sound part of it, for faults in the files that it names, and for the ways to hosts. */
      readonly partial?: Layout
    }

/**
 * Checks a layout that was read from YAML. Faults: `layout-*`, `not-supported-yet`, `name`. With
 * `needsHosts` false stacks may name hosts that the layout lacks, as before they are added.
 */
export function parseLayout(value: unknown, needsHosts: boolean = true): LayoutResult {
  if (!isObject(value)) {
    const message = 'a layout is a map with at least "cluster" and "hosts"'
    return { layout: undefined, faults: [{ code: 'layout-shape', message }] }
  }
  const faults: Fault[] = [...shapeFaults(value)]
  const text = typeof value['network'] === 'string' ? value['network'] : networkDefault
  const network = parseNetwork(text)
  if (typeof network === 'string') {
    faults.push({ code: 'layout-network', message: network, path: 'network' })
  }
  const text6 = textIn(value, 'network6')
  const network6 = text6 === undefined ? undefined : parseNetwork6(text6)
  if (typeof network6 === 'string') {
    faults.push({ code: 'layout-network', message: network6, path: 'network6' })
  }
  // Hosts are checked even if something else is wrong, so that all faults are reported at once.
  const hosts = new Map<string, LayoutHost>()
  for (const [name, written] of membersOf(value['hosts'])) {
    const { host, faults: found } = parseHost(name, isObject(written) ? written : {}, network)
    faults.push(...found)
    hosts.set(name, host)
  }
  const stacks = parseStacks(membersOf(value['stacks']), hosts)
  faults.push(...stacks.faults.filter(({ code }) => needsHosts || code !== 'layout-host'))
  const secrets = new Map(membersOf(value['secrets']).map(([name, from]) => [name, sourceOf(from)]))
  faults.push(...secretFaults(secrets))
  const registries = new Map<string, RegistryAccount>()
  for (const [server, written] of membersOf(value['registries'])) {
    const { account, faults: found } = parseRegistry(server, written, secrets)
    faults.push(...found)
    registries.set(server, account)
  }
  const cluster = textIn(value, 'cluster')
  const isBad = typeof network === 'string' || typeof network6 === 'string'
  const hasServices = membersOf(value['services']).length > 0
  const given = { hosts, stacks: stacks.stacks, hasServices, secrets, registries }
  if (cluster !== undefined && !isBad && faults.length === 0) {
    return { layout: { cluster, network, networkText: text, network6, ...given }, faults: [] }
  }
  const usual = parseNetwork(networkDefault)
  if (typeof usual === 'string') return { layout: undefined, faults }
  const filled = { cluster: cluster ?? '', network: usual, networkText: networkDefault }
  return { layout: undefined, faults, partial: { ...filled, network6: undefined, ...given } }
}

function membersOf(value: unknown): readonly (readonly [string, unknown])[] {
  return isObject(value) ? Object.entries(value) : []
}

function textIn(value: unknown, key: string): string | undefined {
  const member = isObject(value) ? value[key] : undefined
  return typeof member === 'string' ? member : undefined
}

function sourceOf(written: unknown): SecretSource {
  return {
    command: textIn(written, 'command'),
    file: textIn(written, 'file'),
    environment: textIn(written, 'environment'),
  }
}

function* secretFaults(secrets: ReadonlyMap<string, SecretSource>): Generator<Fault> {
  for (const [name, source] of secrets) {
    const path = `secrets.${name}`
    if (!/^[a-zA-Z0-9][a-zA-Z0-9._-]{0,127}$/.test(name)) {
      const message = 'a secret is named by at most 128 letters, digits, . _ and -'
      yield { code: 'layout-secret', message, path }
    }
    const given = Object.entries(source).filter(([, from]) => from !== undefined)
    if (given.length < 2) continue
    const message = `has ${given.map(([key]) => key).join(' and ')}: it comes from one place`
    yield { code: 'layout-secret', message, path }
  }
}

function parseRegistry(
  server: string,
  written: unknown,
  secrets: ReadonlyMap<string, SecretSource>,
): { readonly account: RegistryAccount; readonly faults: readonly Fault[] } {
  const account = {
    username: textIn(written, 'username'),
    password: textIn(written, 'password'),
    insecure: isObject(written) && written['insecure'] === true,
  }
  const path = `registries.${server}`
  if ((account.username === undefined) !== (account.password === undefined)) {
    const message = 'username and password are given together or not at all'
    return { account, faults: [{ code: 'layout-value', message, path }] }
  }
  if (account.password === undefined || secrets.has(account.password)) {
    return { account, faults: [] }
  }
  const message = `is no secret of the layout: secrets: { ${account.password}: {} }`
  return { account, faults: [{ code: 'layout-secret', message, path: `${path}.password` }] }
}

function parseHost(
  name: string,
  written: Readonly<Record<string, unknown>>,
  network: Network | string,
): { readonly host: LayoutHost; readonly faults: readonly Fault[] } {
  const faults: Fault[] = []
  const path = `hosts.${name}`
  if (!isName(name)) faults.push({ code: 'name', message: nameRule, path })
  const { endpoint: endpointText, site, address, ssh: sshText } = written
  const endpoint = typeof endpointText === 'string' ? parseEndpoint(endpointText) : undefined
  if (typeof endpoint === 'string') {
    faults.push({ code: 'layout-endpoint', message: endpoint, path: `${path}.endpoint` })
  }
  const given = typeof address === 'string' ? address : undefined
  const isJudged = given !== undefined && typeof network !== 'string'
  if (isJudged && hostNumberOf(network, given) === undefined) {
    const message = 'must be an address of the first /24 of the network, which is for hosts'
    faults.push({ code: 'layout-address', message, path: `${path}.address` })
  }
  const objects = membersOf(written['objects'])
  for (const [object] of objects) {
    if (isName(object)) continue
    faults.push({ code: 'name', message: nameRule, path: `${path}.objects.${object}` })
  }
  const ssh = typeof sshText === 'string' ? parseDestination(sshText) : undefined
  if (typeof ssh === 'string') {
    faults.push({ code: 'layout-ssh', message: ssh, path: `${path}.ssh` })
  }
  const labels = membersOf(written['labels']).map(([key, label]) => [key, String(label)] as const)
  const host: LayoutHost = {
    endpoint: typeof endpoint === 'string' ? undefined : endpoint,
    site: typeof site === 'string' ? site : undefined,
    ssh: typeof ssh === 'string' ? undefined : ssh,
    address: given,
    labels: new Map(labels),
    objects: Object.fromEntries(objects) as LayoutHost['objects'],
  }
  return { host, faults }
}
