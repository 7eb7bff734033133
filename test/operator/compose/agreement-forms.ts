import type { ComposeService } from '../../../operator/compose/project.ts'
import { splitCommand } from '../../../operator/compose/texts/command-words.ts'
import type { OracleService } from './compose-v1.ts'

/** A service in a form that both readers can be brought to. */
export type Comparable = Readonly<Record<string, unknown>>

type Texts = Readonly<Record<string, string>>

/** The form of what covey reads. */
export function oursOf(service: ComposeService): Comparable {
  const { healthcheck } = service
  const test = healthcheck?.kind === 'check' ? healthcheck.command?.map(({ value }) => value) : null
  return {
    user: service.user ?? '',
    environment: sorted([...service.environment].map(([name, { value }]) => [name, value])),
    labels: sorted([...service.labels].map(([name, { value }]) => [name, value])),
    command: service.command?.map(({ value }) => value),
    entrypoint: service.entrypoint?.map(({ value }) => value),
    ports: service.ports
      .map((port) =>
        portText(port.hostAddress, port.hostPort ?? '', port.containerPort, port.protocol),
      )
      .sort(),
    volumes: service.volumes
      .map(({ source, target, isReadOnly }) => `${source}:${target}:${isReadOnly ? 'ro' : 'rw'}`)
      .sort(),
    networks: sorted([...service.networks].map(([key, { aliases }]) => [key, aliases.join()])),
    dependsOn: sorted([...service.dependsOn].map(([name, { condition }]) => [name, condition])),
    dns: service.dns,
    capAdd: [...service.capAdd].sort(),
    extraHosts: sorted([...service.extraHosts].map(([name, all]) => [name, all.join()])),
    sysctls: sorted([...service.sysctls]),
    tmpfs: service.tmpfs.map(({ path }) => path).sort(),
    health: [test?.join(' ') ?? '', (healthcheck?.kind === 'check' && healthcheck.retries) || 0],
    devices: service.devices.map(
      ({ source, target, permissions }) => `${source}:${target}:${permissions}`,
    ),
    ulimits: sorted(
      [...service.ulimits].map(([name, { soft, hard }]) => [name, `${soft}:${hard}`]),
    ),
    limits: [service.memoryBytes ?? 0, service.cpuMilli ?? 0, service.restart ?? ''],
    flags: [service.tty, service.privileged, service.isReadOnly, service.init ?? false],
  }
}

/** The form of what docker-compose 1.29 prints; paths below the folder begin with a dot. */
export function theirsOf(printed: OracleService, folder: string): Comparable {
  const health = mapOf(printed['healthcheck'])
  const dependsOn = Object.entries(mapOf(printed['depends_on'])).map(
    ([name, value]) => [name, String(mapOf(value)['condition']).replace('service_', '')] as const,
  )
  return {
    user: printed['user'] ?? '',
    environment: texts(printed['environment']),
    labels: texts(printed['labels'], ''),
    command: wordsOf(printed['command']),
    entrypoint: wordsOf(printed['entrypoint']),
    ports: listOf(printed['ports']).map(oraclePort).sort(),
    volumes: listOf(printed['volumes'])
      .map((text) => String(text).replace(folder, '.'))
      .sort(),
    networks: networksOf(printed['networks']),
    dependsOn: sorted(dependsOn),
    dns: listOf(printed['dns']),
    capAdd: listOf(printed['cap_add'])
      .map((name) => `CAP_${name}`)
      .sort(),
    extraHosts: texts(printed['extra_hosts']),
    sysctls: texts(printed['sysctls']),
    tmpfs: listOf(printed['tmpfs']).map(String).sort(),
    health: [testOf(health['test']), health['retries'] ?? 0],
    devices: listOf(printed['devices']).map((text) =>
      String(text).split(':').length < 3 ? `${text}:rwm` : text,
    ),
    ulimits: sorted(
      Object.entries(mapOf(printed['ulimits'])).map(([name, value]) => [name, limitOf(value)]),
    ),
    limits: [
      bytesOf(printed['mem_limit']),
      Number(printed['cpus'] ?? 0) * 1000,
      printed['restart'] ?? '',
    ],
    flags: ['tty', 'privileged', 'read_only', 'init'].map((key) => printed[key] ?? false),
  }
}

function sorted(entries: readonly (readonly [string, string])[]): Texts {
  return Object.fromEntries([...entries].sort(([a], [b]) => (a < b ? -1 : 1)))
}

function portText(
  address: string,
  host: number | string,
  target: number,
  protocol: string,
): string {
  return `${address}:${host}:${target}/${protocol}`
}

function mapOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : value === undefined ? [] : [value]
}

/** A map of texts; members without a value are left out, or have the value for them. */
function texts(value: unknown, nothing?: string): Texts {
  const entries = Object.entries(mapOf(value)).flatMap(([name, text]) => {
    if (text !== null) return [[name, String(text)] as const]
    return nothing === undefined ? [] : [[name, nothing] as const]
  })
  return sorted(entries)
}

function wordsOf(value: unknown): readonly unknown[] | undefined {
  if (typeof value === 'string') return splitCommand(value)?.words
  return Array.isArray(value) ? value : undefined
}

function oraclePort(value: unknown): string {
  if (typeof value !== 'string') {
    const { published, target, protocol } = mapOf(value)
    return portText('', String(published ?? ''), Number(target), String(protocol ?? 'tcp'))
  }
  const [ports = '', protocol = 'tcp'] = value.split('/')
  const parts = ports.split(':')
  const target = Number(parts.pop())
  const host = parts.pop() ?? ''
  return portText(parts.join(':'), host, target, protocol)
}

function networksOf(value: unknown): Texts {
  const entries = Object.entries(mapOf(value)).map(
    ([key, network]) => [key, listOf(mapOf(network)['aliases']).join()] as const,
  )
  return entries.length === 0 ? { default: '' } : sorted(entries)
}

function testOf(value: unknown): string {
  if (typeof value === 'string') return `/bin/sh -c ${value}`
  return Array.isArray(value) ? value.slice(1).join(' ') : ''
}

function limitOf(value: unknown): string {
  const { soft, hard } = mapOf(value)
  return soft === undefined ? `${value}:${value}` : `${soft}:${hard}`
}

function bytesOf(value: unknown): number {
  if (value === '1g') return 1024 ** 3
  return Number(value ?? 0)
}
