import * as z from 'zod'
import type { Fault } from '../../protocol/fault.ts'
import { isName } from '../../protocol/names.ts'
import { type Endpoint, parseEndpoint } from './endpoint.ts'
import { hostNumberOf, type Network, parseNetwork } from './network.ts'

/** A host of a layout. */
export interface LayoutHost {
  readonly endpoint: Endpoint | undefined
  readonly site: string | undefined
  /** Address given in the layout; otherwise the one in the lock is used. */
  readonly address: string | undefined
}

/** `cluster.yaml`, checked (docs/OPERATING.md). */
export interface Layout {
  readonly cluster: string
  readonly network: Network
  readonly networkText: string
  readonly hosts: ReadonlyMap<string, LayoutHost>
}

const nameRule =
  'a name starts with a letter, has 1 to 40 of a-z 0-9 _ - and ends in a letter or digit'
const networkDefault = '10.69.0.0/16'

const hostSchema = z.strictObject({
  endpoint: z
    .string()
    .optional()
    .describe('HOST:PORT where others reach its WireGuard from anywhere'),
  site: z.string().optional().describe('where the host is; recorded for a later version'),
  address: z.string().optional().describe('its address in the mesh; allotted if absent'),
})

const laterKeys = ['include', 'services', 'configs', 'volumes', 'secrets', 'networks'] as const

const layoutSchema = z
  .object({
    cluster: z.string().refine(isName, nameRule),
    network: z.string().default(networkDefault),
    hosts: z.record(z.string(), hostSchema.nullable()).nullable().default({}),
  })
  .catchall(z.unknown())

/** JSON Schema of a layout (draft 2020-12), for editors. */
export function layoutJsonSchema(): object {
  const strict = z.strictObject(layoutSchema.shape)
  return z.toJSONSchema(strict, { io: 'input', unrepresentable: 'any' })
}

/** A layout, or all its faults. */
export type LayoutResult =
  | { readonly layout: Layout; readonly faults: readonly [] }
  | { readonly layout: undefined; readonly faults: readonly Fault[] }

/** Checks a layout that was read from YAML. Faults: `layout-*`, `not-supported-yet`, `name`. */
export function parseLayout(value: unknown): LayoutResult {
  if (!isMap(value)) {
    const message = 'a layout is a map with at least "cluster" and "hosts"'
    return { layout: undefined, faults: [{ code: 'layout-shape', message }] }
  }
  const faults: Fault[] = [...keyFaults(value)]
  const parsed = layoutSchema.safeParse(value)
  if (!parsed.success) faults.push(...parsed.error.issues.flatMap(issueFaults))
  const text = typeof value['network'] === 'string' ? value['network'] : networkDefault
  const network = parseNetwork(text)
  if (typeof network === 'string') {
    faults.push({ code: 'layout-network', message: network, path: 'network' })
  }
  // Hosts are checked even if something else is wrong, so that all faults are reported at once.
  const hosts = new Map<string, LayoutHost>()
  for (const [name, written] of Object.entries(isMap(value['hosts']) ? value['hosts'] : {})) {
    const { host, faults: found } = parseHost(name, isMap(written) ? written : {}, network)
    faults.push(...found)
    hosts.set(name, host)
  }
  if (!parsed.success || typeof network === 'string' || faults.length > 0) {
    return { layout: undefined, faults }
  }
  return { layout: { cluster: parsed.data.cluster, network, networkText: text, hosts }, faults: [] }
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function parseHost(
  name: string,
  written: Readonly<Record<string, unknown>>,
  network: Network | string,
): { readonly host: LayoutHost; readonly faults: readonly Fault[] } {
  const faults: Fault[] = []
  const path = `hosts.${name}`
  if (!isName(name)) faults.push({ code: 'name', message: nameRule, path })
  const { endpoint: endpointText, site, address } = written
  const endpoint = typeof endpointText === 'string' ? parseEndpoint(endpointText) : undefined
  if (typeof endpoint === 'string') {
    faults.push({ code: 'layout-endpoint', message: endpoint, path: `${path}.endpoint` })
  }
  const given = typeof address === 'string' ? address : undefined
  const judged = given !== undefined && typeof network !== 'string'
  if (judged && hostNumberOf(network, given) === undefined) {
    const message = 'must be an address of the first /24 of the network, which is for hosts'
    faults.push({ code: 'layout-address', message, path: `${path}.address` })
  }
  const host: LayoutHost = {
    endpoint: typeof endpoint === 'string' ? undefined : endpoint,
    site: typeof site === 'string' ? site : undefined,
    address: given,
  }
  return { host, faults }
}

function* keyFaults(value: object): Generator<Fault> {
  const known = Object.keys(layoutSchema.shape)
  for (const [key, content] of Object.entries(value)) {
    if (known.includes(key) || key.startsWith('x-')) continue
    const empty =
      content === null || (typeof content === 'object' && Object.keys(content).length === 0)
    if ((laterKeys as readonly string[]).includes(key)) {
      if (empty) continue
      const message = `"${key}" is not supported yet: this version lays out hosts and their mesh`
      yield { code: 'not-supported-yet', message, path: key }
    } else {
      yield { code: 'layout-key', message: `unknown key (known: ${known.join(', ')})`, path: key }
    }
  }
}

function issueFaults(issue: z.core.$ZodIssue): readonly Fault[] {
  const path = issue.path.join('.')
  if (issue.code === 'unrecognized_keys') {
    const known = Object.keys(hostSchema.shape).join(', ')
    const message = `unknown key (known: ${known})`
    return issue.keys.map((key) => ({ code: 'layout-key', message, path: `${path}.${key}` }))
  }
  if (issue.code === 'invalid_type') {
    const missing = issue.message.endsWith('received undefined')
    const kind = issue.expected === 'record' || issue.expected === 'object' ? 'map' : issue.expected
    const message = missing ? `is missing (a ${kind})` : `must be a ${kind}`
    return [{ code: 'layout-type', message, path }]
  }
  return [{ code: 'layout-value', message: issue.message, path }]
}
