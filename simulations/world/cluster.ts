import type { Runner } from '../../agent/runner.ts'
import type { Config } from '../../protocol/documents/config.ts'
import type { SignedDocument } from '../../protocol/documents/envelope.ts'
import type { HeldRoot } from '../../protocol/node/durable.ts'
import type { Effect, Input } from '../../protocol/node/effects.ts'
import type { NodeState } from '../../protocol/node/state.ts'
import type { SignedStatus } from '../../protocol/status-record.ts'
import type { Coverage } from '../checks/coverage.ts'
import type { SimDisk } from './disk.ts'
import type { SignatureBook, SimKey } from './signing.ts'
import type { JoinedWatch } from './watch.ts'
import type { World } from './world.ts'

/** One simulated host. What is on its disk outlives it; everything else is of its present life. */
export interface SimHost {
  readonly index: number
  readonly name: string
  readonly peerId: string
  readonly disk: SimDisk
  /** True if others can dial it from anywhere; two hosts without have no tunnel. */
  readonly hasEndpoint: boolean
  /** It runs an agent of a later release, which says more than those of today know. */
  readonly isNewer: boolean
  /** Null while the host or its agent is down. */
  node: NodeState | null
  runner: Runner | null
  /** Counts lives, so that what a former one started does not reach this one. */
  life: number
  /** While it lasts, nothing of the process runs (SIGSTOP, a stalled machine). */
  pausedUntil: number
  /** Inputs that came during a pause, in their order. */
  readonly waiting: { readonly life: number; readonly input: Input }[]
  /** By how much its clock is off, in ms. */
  skewMs: number
  /** The config whose links are up in its kernel; null after a reboot until it is applied again. */
  kernel: Config | null
  /** It says and serves what it likes; its own state is not judged. */
  isBad: boolean
  /** Who may connect, as the node last said; null before it has. */
  admitted: Extract<Effect, { kind: 'admit' }> | null
}

/** The faults that messages meet on their way. */
export interface NetworkFaults {
  /** One way, in ms: the least, and how much more it can be. */
  latencyMs: number
  jitterMs: number
  /** Bytes a millisecond between two hosts. */
  bytesPerMs: number
  /**
   * Probabilities for each message; a stream would break where one is lost, a hostile one may do
   * worse.
   */
  lost: number
  doubled: number
  reordered: number
}

/** Everything that one run is made of. */
export interface Cluster {
  readonly world: World
  readonly book: SignatureBook
  readonly hosts: readonly SimHost[]
  readonly byPeer: ReadonlyMap<string, SimHost>
  readonly firstRoot: HeldRoot
  readonly firstKeys: readonly SimKey[]
  readonly faults: NetworkFaults
  /** Bytes that a config has beside its hosts. */
  readonly paddingBytes: number
  /** Directed pairs `from>to` whose packets do not arrive. */
  readonly cuts: Set<string>
  /** Digests of properly signed configs by position, `epoch.version`. */
  readonly positions: Map<string, Set<string>>
  /** Properly signed configs, oldest first. */
  readonly signed: SignedDocument[]
  /** Digests of documents that nobody may ever take. */
  readonly forged: Set<string>
  /** The statuses that hosts have sent of themselves, by name, the newest last; a few of each. */
  readonly said: Map<string, SignedStatus[]>
  /** Set once those that watch exist. */
  watch: JoinedWatch
  readonly counts: Counts
  readonly coverage: Coverage
}

/** The costs of a run. */
interface Counts {
  messages: number
  documents: number
  bytes: number
  dials: number
  kills: number
}

/** True if packets get from one host to the other. */
function packetsArrive(cluster: Cluster, from: SimHost, to: SimHost): boolean {
  return cluster.cuts.size === 0 || !cluster.cuts.has(`${from.index}>${to.index}`)
}

/**
 * True if a tunnel between two hosts carries traffic: each lists the other in what its kernel has
 * applied, with the key that the other uses, one of them can be dialled, and packets pass both
 * ways.
 */
export function hasTunnel(cluster: Cluster, a: SimHost, b: SimHost): boolean {
  if (a.kernel === null || b.kernel === null || !(a.hasEndpoint || b.hasEndpoint)) return false
  if (!packetsArrive(cluster, a, b) || !packetsArrive(cluster, b, a)) return false
  if (a.kernel === b.kernel)
    return Object.hasOwn(a.kernel.hosts, a.name) && Object.hasOwn(a.kernel.hosts, b.name)
  return (
    keyIn(a.kernel, b.name) === keyIn(b.kernel, b.name) &&
    keyIn(b.kernel, a.name) === keyIn(a.kernel, a.name)
  )
}

/** The WireGuard key that a config gives a host, or something that equals no key. */
export function keyIn(config: Config, host: string): unknown {
  const section = Object.hasOwn(config.hosts, host) ? config.hosts[host] : undefined
  return section?.['net']?.['public_key'] ?? `no tunnel to ${host}`
}

/**
 * The time on a host's clock: a day in 2026, the time that has passed, and by how much it is off.
 */
export function clockOf(cluster: Cluster, host: SimHost): number {
  return 1_790_000_000_000 + cluster.world.now + host.skewMs
}

/** Name of host number `index`; names sort like numbers. */
export function hostName(index: number): string {
  return `h${String(index).padStart(5, '0')}`
}

/** A peer id of the right form for host number `index`. */
export function peerIdOf(index: number): string {
  const alphabet = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
  let text = ''
  for (let rest = index, place = 0; place < 4; place++, rest = Math.floor(rest / 58)) {
    text = alphabet.charAt(rest % 58) + text
  }
  return `12D3KooW${'1'.repeat(40)}${text}`
}
