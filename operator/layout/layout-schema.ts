import '../../protocol/schema-words.ts'
import * as z from 'zod'
import type { Fault } from '../../protocol/fault.ts'
import { isName } from '../../protocol/names.ts'

/** The rule for names of a cluster, a host or a stack, for people. */
export const nameRule: string =
  'a name starts with a letter, has 1 to 40 of a-z 0-9 _ - and ends in a letter or digit'
/** Range of the mesh where a layout names none. */
export const networkDefault: string = '10.69.0.0/16'

const listed = 'must be a text, or a list of texts'
const oneOrMore: z.ZodType<string | string[]> = z.union(
  [z.string(), z.array(z.string()).min(1)],
  listed,
)
const labelValue = z.union(
  [z.string(), z.number(), z.boolean()],
  'must be a text, a number or a boolean',
)
const absolutePath = z
  .string()
  .regex(
    /^\/(?!.*(^|\/)\.\.?(\/|$)).*[^/]$/,
    'must be an absolute path of the host, as /opt/immich',
  )

const hostSchema = z.strictObject({
  endpoint: z
    .string()
    .optional()
    .describe('HOST:PORT where others reach its WireGuard from anywhere'),
  site: z.string().optional().describe('where the host is; recorded for a later version'),
  address: z.string().optional().describe('its address in the mesh; allotted if absent'),
  ssh: z
    .string()
    .optional()
    .describe('[USER@]HOST[:PORT] by which the operator reaches it with ssh; in no config'),
  labels: z
    .record(z.string(), labelValue)
    .optional()
    .describe('for placement: "node.labels.disk == ssd" in a Compose file'),
  objects: z
    .record(z.string(), z.looseObject({ type: z.string() }))
    .nullable()
    .optional()
    .describe('objects as a config has them, by name (docs/OBJECTS.md)'),
})

const stackSchema = z.strictObject({
  file: oneOrMore.describe('its Compose file, or several that are merged; paths beside the layout'),
  host: z.string().optional().describe('where it runs; may be left out where there is one host'),
  hosts: z
    .array(z.string())
    .min(1)
    .optional()
    .describe('where it may run: its services are spread over these hosts'),
  dir: absolutePath
    .optional()
    .describe('where relative paths lie on the host, by grant; else below the state of covey'),
  ports: z
    .enum(['mesh', 'lan', 'public'], 'must be mesh, lan or public')
    .optional()
    .describe('who reaches its ports where the port does not say: mesh, lan or public'),
  env_file: oneOrMore.optional().describe('in place of the .env beside its first file'),
  profiles: z.array(z.string()).optional().describe('profiles of Compose that are on'),
  strict: z.boolean().optional().describe('no more rights than covey gives; as in services'),
  volumes: z
    .record(z.string(), absolutePath)
    .optional()
    .describe('volumes of its files that are folders of the host already, by key; by grant'),
})

const secretSourceSchema = z.strictObject({
  command: z.string().min(1).optional().describe('a command that prints it'),
  file: z.string().min(1).optional().describe('a file that holds it'),
  environment: z.string().min(1).optional().describe('a variable of the environment that has it'),
})

const registrySchema = z.strictObject({
  username: z.string().min(1).optional().describe('the user with which hosts pull'),
  password: z.string().optional().describe('name of the secret that holds the password'),
  insecure: z
    .boolean()
    .optional()
    .describe('tags are looked up over plain HTTP too; hosts have this in agent.json'),
})

const anyMap = z.record(z.string(), z.unknown()).nullable()
const record = <T extends z.ZodType>(value: T) => z.record(z.string(), value).nullable().default({})

/** Keys that it lacks are judged by `keyFaults`. */
const layoutSchema = z
  .object({
    cluster: z.string().refine(isName, nameRule).describe('its name'),
    network: z
      .string()
      .default(networkDefault)
      .describe('its range: the first /24 is for hosts, each host has one for containers'),
    network6: z
      .string()
      .optional()
      .describe('IPv6 for containers beside network: a /64 for each host, as fd69:1:2::/48'),
    hosts: record(hostSchema.nullable()).describe('its hosts'),
    stacks: record(stackSchema).describe('Compose projects, one line each'),
    services: anyMap
      .optional()
      .describe('services as a Compose file has them, and host or hosts: a stack without a name'),
    volumes: anyMap.optional().describe('volumes of services, as in a Compose file'),
    networks: anyMap.optional().describe('networks of services, as in a Compose file'),
    configs: anyMap.optional().describe('configs of services, as in a Compose file'),
    secrets: record(secretSourceSchema.nullable()).describe(
      'secrets of the cluster: where each comes from; nothing for covey secret set',
    ),
    registries: record(registrySchema).describe('accounts with which hosts pull, by registry'),
  })
  .catchall(z.unknown())

/** JSON Schema of a layout (draft 2020-12), for editors. */
export function layoutJsonSchema(): object {
  const strict = z.strictObject(layoutSchema.shape)
  return z.toJSONSchema(strict, { io: 'input', unrepresentable: 'any' })
}

const laterKeys = ['proxy', 'notify'] as const

/** The faults that the schema finds: in keys and types, not in the meaning of a text. */
export function shapeFaults(value: Readonly<Record<string, unknown>>): readonly Fault[] {
  const parsed = layoutSchema.safeParse(value)
  const issues = parsed.success ? [] : parsed.error.issues.flatMap(issueFaults)
  return [...keyFaults(value), ...issues]
}

function* keyFaults(value: object): Generator<Fault> {
  const known = Object.keys(layoutSchema.shape)
  for (const [key, content] of Object.entries(value)) {
    if (known.includes(key) || key.startsWith('x-')) continue
    const isEmpty =
      content === null || (typeof content === 'object' && Object.keys(content).length === 0)
    if ((laterKeys as readonly string[]).includes(key)) {
      const message = `"${key}" comes with a later version: take it out until then`
      if (!isEmpty) yield { code: 'not-supported-yet', message, path: key }
    } else if (key === 'include') {
      const message =
        'each Compose file has a line under stacks: blog: { file: apps/blog/compose.yaml }'
      yield { code: 'layout-key', message, path: key }
    } else {
      yield { code: 'layout-key', message: `unknown key (known: ${known.join(', ')})`, path: key }
    }
  }
}

const keysBelow: Readonly<Record<string, readonly string[]>> = {
  hosts: Object.keys(hostSchema.shape),
  stacks: Object.keys(stackSchema.shape),
  secrets: Object.keys(secretSourceSchema.shape),
  registries: Object.keys(registrySchema.shape),
}

/** The faults that zod found, in covey's words. */
function issueFaults(issue: z.core.$ZodIssue): readonly Fault[] {
  const path = issue.path.join('.')
  if (issue.code === 'unrecognized_keys') {
    const known = keysBelow[String(issue.path[0])] ?? []
    const message = `unknown key (known: ${known.join(', ')})`
    return issue.keys.map((key) => ({ code: 'layout-key', message, path: `${path}.${key}` }))
  }
  if (issue.code === 'invalid_type') {
    const isMissing = issue.message === 'is missing'
    const kinds: Readonly<Record<string, string>> = { record: 'map', object: 'map', array: 'list' }
    const kind = kinds[issue.expected] ?? issue.expected
    const message = isMissing ? `is missing (a ${kind})` : `must be a ${kind}`
    return [{ code: 'layout-type', message, path }]
  }
  if (issue.code === 'too_small') {
    return [{ code: 'layout-value', message: 'must not be empty', path }]
  }
  return [{ code: 'layout-value', message: issue.message, path }]
}
