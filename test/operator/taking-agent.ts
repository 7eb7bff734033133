import { createHash } from 'node:crypto'
import type { Head } from '../../protocol/heads.ts'
import { payloadOf, type Route } from './workspace.ts'

/** An agent that takes what a node would take, as far as versions go (docs/PROTOCOL.md). */
export interface TakingAgent {
  /** The head, as it was sent; empty for none. */
  held: string
  /** Codes of the alarms that its status tells of. */
  alarms: string[]
  /** Members of the status that are not as usual. */
  changes: object
  /** Counts of objects by state, and other members of a host's row. */
  objects: Record<string, object>
  rows: Record<string, object>
  /** Every config that was taken. */
  readonly taken: string[]
  readonly routes: Readonly<Record<string, Route>>
}

/** The kind of cluster that the agent tells of. */
export interface TakingOptions {
  /** The number of looks at the status before the other hosts hold the head. */
  readonly looks?: number
  /** Hosts that nobody has heard of. */
  readonly unseen?: readonly string[]
  readonly held?: string
}

/** Hosts that the fake cluster has; the agent is that of the first. */
const hostNames = ['cloud01', 'local01']

/** Makes such an agent. */
export function takingAgent(options: TakingOptions = {}): TakingAgent {
  let left = options.looks ?? 0
  const unseen = options.unseen ?? []
  const rowOf = (host: string, arrived: boolean): object => {
    if (unseen.includes(host)) return { host, state: 'unknown', head: null }
    const head = arrived || host === 'cloud01' ? headIn(agent) : null
    const objects = agent.objects[host] ?? { converged: 3 }
    return { host, state: 'in-sync', head, applied: head, objects, ...agent.rows[host] }
  }
  const status = (): { status: number; body: object } => {
    const arrived = left-- <= 0
    const hosts = hostNames.map((host) => rowOf(host, arrived))
    const alarms = agent.alarms.map((code) => ({ code, message: 'm', host: null }))
    const own = { host: 'cloud01', cluster: 'home', head: headIn(agent), state: 'in-sync' }
    return { status: 200, body: { ...own, hosts, alarms, ...agent.changes } }
  }
  const agent: TakingAgent = {
    held: options.held ?? '',
    alarms: [],
    changes: {},
    objects: {},
    rows: {},
    taken: [],
    routes: {
      'GET /v1/status': status,
      'GET /v1/config': () =>
        agent.held === '' ? { status: 404, body: {} } : { status: 200, body: agent.held },
      'POST /v1/config': ({ url, body }) => take(agent, body, url.includes('allow_gap=1')),
    },
  }
  return agent
}

function take(
  agent: TakingAgent,
  body: string,
  allowGap: boolean,
): { readonly status: number; readonly body: object } {
  const [now, next] = [headIn(agent), headOf(body)]
  const verdict = (status: number, name: string, code: string = name): ReturnType<typeof take> => {
    return { status, body: { verdict: name, code, message: 'm', head: headIn(agent) } }
  }
  if (now?.digest === next.digest) return verdict(200, 'already-head')
  if (now !== null && next.version === now.version) return verdict(409, 'fork')
  if (now !== null && next.version < now.version) return verdict(409, 'older')
  if (now !== null && next.version > now.version + 1 && !allowGap)
    return verdict(422, 'refused', 'gap')
  agent.held = body
  agent.taken.push(body)
  agent.alarms = []
  return verdict(200, 'accepted')
}

function headIn(agent: TakingAgent): Head | null {
  return agent.held === '' ? null : headOf(agent.held)
}

function headOf(signed: string): Head {
  const { payload } = JSON.parse(signed)
  const hex = createHash('sha256').update(Buffer.from(payload, 'base64url')).digest('hex')
  const { epoch, version } = payloadOf(signed)
  return { epoch: Number(epoch), version: Number(version), digest: `sha256:${hex}` }
}
