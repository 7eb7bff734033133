import { isObject } from '../../protocol/documents/canonical-json.ts'
import type { Config } from '../../protocol/documents/config.ts'
import { fieldText } from './field-text.ts'
import { openingLines } from './opening-lines.ts'
import type { ObjectChange, Plan } from './plan-document.ts'
import { volumeWord } from './services.ts'

/** A line of text, and its weight. */
export interface PlanLine {
  readonly tone: 'plain' | 'warning' | 'refusal'
  readonly text: string
}

/** A plan in lines for people, in the layout's words; none for an empty plan. */
export function planLines(plan: Plan, after: Pick<Config, 'hosts'>): readonly PlanLine[] {
  const plain = (text: string): PlanLine => ({ tone: 'plain', text })
  const warning = (text: string): PlanLine => ({ tone: 'warning', text })
  return [
    ...changeLines(plan.changes, after).map(plain),
    ...openingLines(plan.opens).map((text) => warning(`opens: ${text}`)),
    ...openingLines(plan.closes).map((text) => plain(`closes: ${text}`)),
    ...plan.loses.map(({ host, volume }) => warning(`loses: volume ${volume} of ${host}`)),
    ...plan.needs.map(({ host, grant }) => warning(`needs: covey host grant ${host} ${grant}`)),
    ...plan.guards.map(({ message, override }): PlanLine => {
      const way = override === null ? '' : ` (if that is meant: ${override})`
      return { tone: 'refusal', text: `refused: ${message}${way}` }
    }),
  ]
}

/** A line for each service, or object of none; hosts on which the same happens share one. */
function changeLines(
  changes: readonly ObjectChange[],
  after: Pick<Config, 'hosts'>,
): readonly string[] {
  const groups = new Map<string, ObjectChange[]>()
  for (const change of changes) {
    const key = JSON.stringify([change.service, change.host])
    groups.set(key, [...(groups.get(key) ?? []), change])
  }
  const lines = new Map<string, { service: string | null; says: string; hosts: string[] }>()
  for (const group of groups.values()) {
    const [first] = group
    if (first === undefined) continue
    const { service, host } = first
    const says = groupText(group, after)
    const key = JSON.stringify([service, says])
    const line = lines.get(key) ?? { service, says, hosts: [] }
    line.hosts.push(host)
    lines.set(key, line)
  }
  return [...lines.values()].map(({ service, says, hosts }) => {
    const where = hosts.join(', ')
    return service === null ? `${where}: ${says}` : `${service} on ${where}: ${says}`
  })
}

function groupText(group: readonly ObjectChange[], after: Pick<Config, 'hosts'>): string {
  const containers = group.filter(({ type }) => type === 'runc_container')
  const others = group.filter(({ type }) => type !== 'runc_container')
  const own = containers.map((change) => containerText(change, group, after))
  return [...new Set([...own, ...others.map(otherText)])].join('; ')
}

function containerText(
  change: ObjectChange,
  group: readonly ObjectChange[],
  after: Pick<Config, 'hosts'>,
): string {
  const { kind, fields, type } = change
  if (kind === 'add') return 'added'
  if (kind === 'remove') return 'removed'
  const changed = fields.map((field) => fieldText(type, field)).join(', ')
  const cause = changed === '' ? causeText(group) : changed
  return `${cause}; ${effectText(change, after)}`
}

/** The cause for a container that has not changed itself. */
function causeText(group: readonly ObjectChange[]): string {
  const secrets = group.filter(({ type }) => type === 'secret').map(({ object }) => object)
  return secrets.length === 0 ? 'follows another object' : `new content of ${secrets.join(', ')}`
}

function effectText(change: ObjectChange, after: Pick<Config, 'hosts'>): string {
  const { host, object, service, effect, gap } = change
  if (effect === 'none') return 'nothing that runs changes'
  if (effect === 'live') return 'while it runs'
  if (!gap) return 'one host at a time, no gap'
  const container = after.hosts[host]?.[object]
  const grace = container?.['stop_grace_seconds']
  const seconds = typeof grace === 'number' && grace > 0 ? grace : grace === 0 ? 1 : 10
  const volumes = volumesOf(container?.['mounts']).map((name) => volumeWord(name, service ?? ''))
  const stays = volumes.length === 0 ? '' : `, volume ${volumes.join(', ')} stays`
  return `restarts, about ${seconds} s without it${stays}`
}

function volumesOf(mounts: unknown): readonly string[] {
  if (!Array.isArray(mounts)) return []
  const names = mounts.flatMap((mount: unknown) => {
    const volume = isObject(mount) ? mount['volume'] : undefined
    return typeof volume === 'string' ? [volume] : []
  })
  return [...new Set(names)]
}

/** Types in words of people. */
const words: Readonly<Record<string, string>> = {
  nftables_policy: 'policy',
  nftables_publish: 'port',
  nftables_forward: 'way into the mesh',
  nftables_masquerade: 'way out',
  wireguard_network: 'link',
  wireguard_mesh: 'mesh',
  wireguard_peer: 'peer',
  container_network: 'container network',
}

function otherText({ type, object, kind, fields, effect }: ObjectChange): string {
  const name = object === '' ? 'the host' : `${words[type] ?? type} ${object}`
  if (kind === 'add') return `${name} added`
  if (kind === 'remove') return `${name} removed`
  const changed = fields.map((field) => fieldText(type, field)).join(', ')
  const anew = effect === 'restart' ? '; it is made anew, and nothing passes for a moment' : ''
  return `${name}: ${changed}${anew}`
}
