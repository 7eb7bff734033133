import type { HostStatus, Status } from '../../../protocol/api/status.ts'
import { printable } from '../../../protocol/printable.ts'
import { ageText, type Cell, counted, type Paint, type Tone, table } from '../../terminal/style.ts'
import { remedies } from './alarm-remedies.ts'
import { stateLines } from './state-remedies.ts'

/**
 * A host that says nothing for this long is a problem: three rounds of the exchange, and some more.
 */
const silentSeconds = 120

/** States in which nothing is wrong. */
const calm = ['in-sync', 'applying', 'trial']

/** One line of truth, then the hosts, then what is wrong. For people; `--json` is for scripts. */
export function statusText(status: Status, paint: Paint): string {
  const parts = [`${truthLine(status, paint)}\n`]
  const hosts = hostRows(status)
  parts.push(`\n${hostsTable(status, hosts, paint)}`)
  const states = stateLines(status, hosts).map((line) => `${line}\n`)
  if (states.length > 0) parts.push(`\n${states.join('')}`)
  const objects = status.objects.filter(isTold)
  if (objects.length > 0) {
    const rows = objects.map((object): readonly Cell[] => [
      object.name,
      object.type,
      { text: object.state, tone: objectTone(object.state) },
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

/** One that is as it should be is told of where it has a reason, as that it was stopped by hand. */
function isTold({ state, reason }: Status['objects'][number]): boolean {
  return state !== 'converged' || reason !== null
}

function objectTone(state: string): Tone {
  if (state === 'converged') return 'quiet'
  return state === 'pending' ? 'busy' : 'bad'
}

/** Problems that the first line names; the rest is counted. */
const namedMax = 3

/** `home: version 4 on 3/3 hosts, 1 problem (alarm fork)`. */
function truthLine(status: Status, paint: Paint): string {
  const name = printable(status.cluster || 'no cluster')
  const problems = problemsIn(status)
  const named = problems.slice(0, namedMax).map(printable).join(', ')
  const more = problems.length > namedMax ? ', …' : ''
  const said =
    problems.length === 0
      ? paint('good', 'no problems')
      : `${paint('bad', counted(problems.length, 'problem'))} (${named}${more})`
  if (status.head === null) return `${paint('strong', name)}: no config yet, ${said}`
  const holding = status.hosts.filter((host) => host.head?.digest === status.head?.digest).length
  const hosts = `${holding}/${counted(status.hosts.length, 'host')}`
  const reason = status.failed?.reason
  const failed = reason == null ? '' : `; ${paint('bad', `failed: ${printable(reason)}`)}`
  return `${paint('strong', name)}: version ${status.head.version} on ${hosts}, ${said}${failed}`
}

/**
 * The problems that a person should look at, a few words each: the state of this host, its alarms,
 * its objects, then other hosts.
 */
export function problemsIn(status: Status): readonly string[] {
  const objects = restlessObjects(status).map(({ name, state }) => `${name} ${state}`)
  const alarms = status.alarms.map(({ code, host }) =>
    host === null ? `alarm ${code}` : `alarm ${code} of ${host}`,
  )
  const own = ownProblem(status)
  const others = hostRows(status).flatMap((row) => {
    const why = row.host === status.host ? undefined : problemOf(row, status)
    return why === undefined ? [] : [`${row.host} ${why}`]
  })
  return [
    ...(own === undefined ? [] : [`${status.host} ${own}`]),
    ...(status.failed ? ['a config failed'] : []),
    ...alarms,
    ...objects,
    ...others,
  ]
}

/** The problem of this host beyond its objects and alarms, which count by themselves. */
function ownProblem(status: Status): string | undefined {
  const { state } = status
  const told =
    (state === 'degraded' && restlessObjects(status).length > 0) ||
    status.alarms.some(({ code }) => code === state)
  return told || calm.includes(state) ? undefined : state
}

function problemOf(host: HostStatus, status: Status): string | undefined {
  if (!calm.includes(host.state)) return host.state
  const age = host.age_seconds ?? Number.POSITIVE_INFINITY
  if (age > silentSeconds) return 'silent'
  const behind = status.head !== null && host.head?.digest !== status.head.digest
  return behind ? 'behind' : undefined
}

/** The hosts of the config, and this one too where it is not among them. */
function hostRows(status: Status): readonly HostStatus[] {
  const { host, state, head, applied, hosts } = status
  if (hosts.some((row) => row.host === host)) return hosts
  const objects = { converged: 0, pending: 0, failed: 0, unsupported: 0 }
  for (const object of status.objects) {
    if (Object.hasOwn(objects, object.state)) objects[object.state as keyof typeof objects]++
  }
  return [...hosts, { host, state, head, applied, objects, age_seconds: 0 }]
}

function restlessObjects(status: Status): Status['objects'] {
  return status.objects.filter((object) => object.state !== 'converged')
}

function hostsTable(status: Status, hosts: readonly HostStatus[], paint: Paint): string {
  const linked = new Map(status.peers.map((peer) => [peer.host, peer.connected]))
  const rows = hosts.map((host): readonly Cell[] => {
    const { state } = host
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

/** The changes between two looks, one line each; for output that is no terminal. */
export function changesBetween(
  before: Status | null,
  after: Status,
  paint: Paint,
): readonly string[] {
  const lines: string[] = []
  const truth = truthLine(after, paint)
  if (before === null || truthLine(before, paint) !== truth) lines.push(truth)
  const rowsBefore = before === null ? [] : hostRows(before)
  const hostsBefore = new Map(rowsBefore.map((host) => [host.host, hostLine(host)]))
  for (const host of hostRows(after)) {
    const line = hostLine(host)
    if (hostsBefore.get(host.host) !== line) lines.push(line)
  }
  for (const name of hostsBefore.keys()) {
    if (!hostRows(after).some((host) => host.host === name))
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
  const state = printable(host.state)
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
