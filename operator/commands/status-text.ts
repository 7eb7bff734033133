import type { HostStatus, Status } from '../agent-client/status.ts'
import {
  ageText,
  type Cell,
  counted,
  type Paint,
  printable,
  type Tone,
  table,
} from '../terminal/style.ts'
import { remedies } from './alarm-remedies.ts'

/**
 * A host that says nothing for this long is a problem: three rounds of the exchange, and some more.
 */
const silentSeconds = 120

/** States in which nothing is wrong. */
const calm = ['in-sync', 'applying', 'trial']

/** One line of truth, then the hosts, then what is wrong. For people; `--json` is for scripts. */
export function statusText(status: Status, paint: Paint): string {
  const parts = [`${truthLine(status, paint)}\n`]
  if (status.hosts.length > 0) parts.push(`\n${hostsTable(status, paint)}`)
  const objects = restlessObjects(status)
  if (objects.length > 0) {
    const rows = objects.map((object): readonly Cell[] => [
      object.name,
      object.type,
      { text: object.state, tone: object.state === 'pending' ? 'busy' : 'bad' },
      object.reason ?? '',
    ])
    parts.push(
      `\n${table([`OBJECT OF ${status.host ?? '?'}`, 'TYPE', 'STATE', 'REASON'], rows, paint)}`,
    )
  }
  if (status.alarms.length > 0) {
    const rows = status.alarms.map((alarm): readonly Cell[] => [
      { text: alarm.code, tone: 'bad' },
      alarm.host ?? '-',
      alarm.message,
    ])
    parts.push(`\n${table(['ALARM', 'HOST', 'WHAT'], rows, paint)}`)
    const ways = remedies(status.alarms).map(({ code, remedy }) => `${code}: ${remedy}\n`)
    if (ways.length > 0) parts.push(`\n${ways.join('')}`)
  }
  return parts.join('')
}

/** `home: version 4 on 3/3 hosts, 1 problem`. */
function truthLine(status: Status, paint: Paint): string {
  const name = printable(status.cluster || 'no cluster')
  const problems = problemsIn(status)
  const said =
    problems === 0 ? paint('good', 'no problems') : paint('bad', counted(problems, 'problem'))
  if (status.head === null) return `${paint('strong', name)}: no config yet, ${said}`
  const holding = status.hosts.filter((host) => host.head?.digest === status.head?.digest).length
  const hosts = `${holding}/${status.hosts.length} hosts`
  const reason = status.failed?.reason
  const failed = reason == null ? '' : `; ${paint('bad', `failed: ${printable(reason)}`)}`
  return `${paint('strong', name)}: version ${status.head.version} on ${hosts}, ${said}${failed}`
}

/** How many things a person should look at: alarms, objects of this host, and other hosts. */
export function problemsIn(status: Status): number {
  const own = restlessObjects(status)
  const others = status.hosts.filter((host) =>
    host.host === status.host
      ? own.length === 0 && !calm.includes(host.state ?? 'unknown')
      : isProblem(host, status),
  )
  return status.alarms.length + own.length + others.length + (status.failed ? 1 : 0)
}

function isProblem(host: HostStatus, status: Status): boolean {
  const age = host.age_seconds ?? Number.POSITIVE_INFINITY
  const behind = status.head !== null && host.head?.digest !== status.head.digest
  return behind || age > silentSeconds || !calm.includes(host.state ?? 'unknown')
}

function restlessObjects(status: Status): Status['objects'] {
  return status.objects.filter((object) => object.state !== 'converged')
}

function hostsTable(status: Status, paint: Paint): string {
  const linked = new Map(status.peers.map((peer) => [peer.host, peer.connected]))
  const rows = status.hosts.map((host): readonly Cell[] => {
    const state = host.state ?? 'unknown'
    const own = host.host === status.host
    const link = own ? 'this host' : linked.get(host.host) ? 'connected' : '-'
    return [
      host.host,
      { text: state, tone: stateTone(state) },
      versionText(host.head, status.head),
      versionText(host.applied, status.head),
      objectsText(host.objects),
      link,
      host.age_seconds == null ? 'never' : ageText(host.age_seconds),
    ]
  })
  return table(['HOST', 'STATE', 'HOLDS', 'APPLIED', 'OBJECTS', 'LINK', 'AGE'], rows, paint)
}

function stateTone(state: string): Tone {
  if (state === 'in-sync') return 'good'
  return calm.includes(state) || state === 'unknown' ? 'busy' : 'bad'
}

/** The version, with its epoch or digest where that differs from the head's. */
function versionText(head: HostStatus['head'], newest: Status['head']): string {
  if (head == null) return '-'
  if (newest === null || head.digest === newest.digest) return String(head.version)
  if (head.epoch !== newest.epoch) return `${head.version} of epoch ${head.epoch}`
  return head.version === newest.version
    ? `${head.version} (${head.digest.slice(7, 15)})`
    : `${head.version}`
}

function objectsText(counts: HostStatus['objects']): string {
  if (counts == null) return '-'
  const { converged, pending, failed, unsupported } = counts
  const all = converged + pending + failed + unsupported
  const rest = [
    pending > 0 ? `${pending} pending` : '',
    failed > 0 ? `${failed} failed` : '',
    unsupported > 0 ? `${unsupported} unsupported` : '',
  ].filter((text) => text !== '')
  return [`${converged}/${all}`, ...rest].join(', ')
}

/** What changed between two looks, one line each; for output that is no terminal. */
export function changesBetween(
  before: Status | null,
  after: Status,
  paint: Paint,
): readonly string[] {
  const lines: string[] = []
  const truth = truthLine(after, paint)
  if (before === null || truthLine(before, paint) !== truth) lines.push(truth)
  const hostsBefore = new Map(before?.hosts.map((host) => [host.host, hostLine(host)]))
  for (const host of after.hosts) {
    const line = hostLine(host)
    if (hostsBefore.get(host.host) !== line) lines.push(line)
  }
  for (const name of hostsBefore.keys()) {
    if (!after.hosts.some((host) => host.host === name))
      lines.push(`${printable(name)}: no longer listed`)
  }
  const objectsBefore = new Set(before?.objects.map(objectLine))
  const seen = after.objects.map(objectLine).filter((line) => !objectsBefore.has(line))
  lines.push(...(before === null ? seen.filter((line) => !line.endsWith(': converged')) : seen))
  const alarmsBefore = new Set(before?.alarms.map(alarmLine))
  lines.push(...after.alarms.map(alarmLine).filter((line) => !alarmsBefore.has(line)))
  const alarmsAfter = new Set(after.alarms.map(alarmLine))
  for (const line of alarmsBefore) if (!alarmsAfter.has(line)) lines.push(`over: ${line}`)
  return lines
}

function hostLine(host: HostStatus): string {
  const head = host.head == null ? 'no config' : `version ${host.head.version}`
  const applied = host.applied == null ? 'none' : String(host.applied.version)
  const state = printable(host.state ?? 'unknown')
  return `${printable(host.host)}: ${state}, holds ${head}, applied ${applied}`
}

function objectLine(object: Status['objects'][number]): string {
  const reason = object.reason == null ? '' : ` (${printable(object.reason)})`
  const { name, type, state } = object
  return `${printable(name)} (${printable(type)}): ${printable(state)}${reason}`
}

function alarmLine(alarm: Status['alarms'][number]): string {
  const host = alarm.host == null ? '' : `${printable(alarm.host)}: `
  return `alarm ${printable(alarm.code)}: ${host}${printable(alarm.message)}`
}
