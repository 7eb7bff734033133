import type { Cluster, SimHost } from './cluster.ts'
import type { Hosts } from './hosts.ts'
import {
  catchUp,
  hand,
  type Operator,
  rotateRoot,
  settleRoots,
  signAt,
  signNext,
} from './operators.ts'
import { identityOf, signDocument } from './signing.ts'

/** Something that the world does to a cluster at a time. Plain data: it can be kept, cut down and replayed. */
export type Stimulus = { readonly at: number } & (
  | { readonly kind: 'sign'; readonly by: number; readonly through: number; readonly note: number }
  /** One operator signs two configs of one version, and each goes to another host. */
  | {
      readonly kind: 'twice'
      readonly by: number
      readonly through: readonly [number, number]
      readonly note: number
    }
  | {
      readonly kind: 'rotate'
      readonly by: number
      readonly through: number
      readonly note: number
    }
  | {
      readonly kind: 'list'
      readonly by: number
      readonly through: number
      readonly host: number
      readonly listed: boolean
      readonly note: number
    }
  | {
      readonly kind: 'rekey'
      readonly by: number
      readonly through: number
      readonly host: number
      readonly note: number
    }
  /** A config with a member and a type that no agent of today knows. */
  | {
      readonly kind: 'future'
      readonly by: number
      readonly through: number
      readonly note: number
    }
  /** An operator who has met both sides of a root fork makes the root that settles it. */
  | { readonly kind: 'settle'; readonly through: number; readonly note: number }
  /** A thief has all of the operator's keys but one of those that it takes, and signs with them. */
  | { readonly kind: 'forge'; readonly through: number; readonly note: number }
  | {
      readonly kind: 'cut'
      readonly from: readonly number[]
      readonly to: readonly number[]
      readonly bothWays: boolean
    }
  | { readonly kind: 'heal' }
  | {
      readonly kind: 'end'
      readonly host: number
      readonly how: 'killed' | 'rebooted'
      readonly downMs: number
    }
  | { readonly kind: 'pause'; readonly host: number; readonly ms: number }
  | { readonly kind: 'skew'; readonly host: number; readonly ms: number }
  | {
      readonly kind: 'damage'
      readonly host: number
      readonly file: 'head' | 'previous' | 'confirmed' | 'floor'
    }
  | { readonly kind: 'snapshot'; readonly host: number; readonly restoreMs: number }
  | {
      readonly kind: 'misbehave'
      readonly host: number
      readonly to: number
      readonly how: BadAct
      readonly note: number
    }
)

/** What a bad member does. */
export type BadAct = 'old-head' | 'bogus-head' | 'forged-document' | 'other-document' | 'garbage'

/** What stimuli act on. */
export interface Stage {
  readonly cluster: Cluster
  readonly hosts: Hosts
  readonly operators: readonly Operator[]
  /** A host's disk was put back to an earlier state: its head may go down with it. */
  readonly rewound: (host: SimHost) => void
}

/** Does one stimulus. What cannot happen (a host that is down, an operator without keys) just does not. */
export function stimulate(stage: Stage, stimulus: Stimulus): void {
  const { cluster, hosts } = stage
  const host = (index: number): SimHost | undefined => cluster.hosts[index]
  switch (stimulus.kind) {
    case 'cut':
      for (const from of stimulus.from) {
        for (const to of stimulus.to) {
          if (from === to) continue
          cluster.cuts.add(`${from}>${to}`)
          if (stimulus.bothWays) cluster.cuts.add(`${to}>${from}`)
        }
      }
      return hosts.network.recheck()
    case 'heal':
      return cluster.cuts.clear()
    case 'end':
      return endFor(stage, host(stimulus.host), stimulus.how, stimulus.downMs)
    case 'pause': {
      const paused = host(stimulus.host)
      if (paused) paused.pausedUntil = cluster.world.now + stimulus.ms
      return
    }
    case 'skew': {
      const skewed = host(stimulus.host)
      if (skewed) skewed.skewMs = stimulus.ms
      return
    }
    case 'damage': {
      const damaged = host(stimulus.host)
      if (!damaged?.disk.files.has(stimulus.file)) return
      endFor(stage, damaged, 'killed', 1_000)
      damaged.disk.files.set(stimulus.file, 'damaged')
      return
    }
    case 'snapshot':
      return snapshot(stage, host(stimulus.host), stimulus.restoreMs)
    case 'misbehave':
      return misbehave(stage, host(stimulus.host), host(stimulus.to), stimulus.how, stimulus.note)
    case 'settle':
      return settle(stage, host(stimulus.through), stimulus.note)
    case 'forge':
      return forge(stage, host(stimulus.through), stimulus.note)
    default:
      return operate(stage, stimulus)
  }
}

type Operation = Extract<Stimulus, { readonly by: number }>

function operate(stage: Stage, stimulus: Operation): void {
  const { cluster, hosts, operators } = stage
  const operator = operators[stimulus.by % operators.length]
  const [first, second] = Array.isArray(stimulus.through) ? stimulus.through : [stimulus.through]
  const through = cluster.hosts[first]
  if (operator === undefined || through?.node == null) return
  catchUp(operator, through)
  // A folder that has not heard of a rotation cannot sign in the new epoch.
  if (through.node.roots.length > operator.roots.length) return
  if (stimulus.kind === 'rotate') {
    const { root, config } = rotateRoot(cluster, operator, stimulus.note)
    return hand(hosts, through, [root], config)
  }
  if (stimulus.kind === 'list') {
    const listed = new Set(operator.listed)
    if (stimulus.listed) listed.add(stimulus.host)
    else listed.delete(stimulus.host)
    operator.listed = listed
  }
  if (stimulus.kind === 'rekey') {
    operator.keyOfHost.set(stimulus.host, (operator.keyOfHost.get(stimulus.host) ?? 0) + 1)
  }
  const roots = operator.roots.slice(1).map((root) => root.document)
  const version = operator.head?.epoch === operator.roots.length ? operator.head.version + 1 : 1
  const future = stimulus.kind === 'future'
  hand(hosts, through, roots, signNext(cluster, operator, stimulus.note, future))
  const other = second === undefined ? undefined : cluster.hosts[second]
  if (stimulus.kind === 'twice' && other !== undefined) {
    hand(hosts, other, roots, signAt(cluster, operator, version, stimulus.note + 1))
  }
}

function settle(
  { cluster, hosts, operators }: Stage,
  host: SimHost | undefined,
  note: number,
): void {
  const [first, second] = operators
  if (host?.node == null || !first || !second) return
  const [own, other] = [first.roots.at(-1), second.roots.at(-1)]
  if (!own || !other || own.digest === other.digest || own.root.epoch !== other.root.epoch) return
  const { roots, config } = settleRoots(cluster, first, second, note)
  hand(hosts, host, roots, config)
}

function endFor(
  { cluster, hosts }: Stage,
  host: SimHost | undefined,
  how: 'killed' | 'rebooted',
  downMs: number,
): void {
  if (host === undefined || host.node === null) return
  hosts.end(host, how)
  cluster.world.after(downMs, () => hosts.start(host))
}

function snapshot(stage: Stage, host: SimHost | undefined, restoreMs: number): void {
  if (host === undefined) return
  const files = new Map(host.disk.files)
  stage.cluster.world.after(restoreMs, () => {
    if (host.node === null) return
    stage.hosts.end(host, 'rebooted')
    host.disk.files.clear()
    for (const [path, content] of files) host.disk.files.set(path, content)
    stage.rewound(host)
    stage.hosts.start(host)
  })
}

/** A config, and a root, signed by one key fewer than the cluster asks for. */
function forge(
  { cluster, hosts, operators }: Stage,
  host: SimHost | undefined,
  note: number,
): void {
  const [operator] = operators
  const root = operator?.roots.at(-1)
  if (host?.node == null || operator === undefined || root === undefined) return
  const stolen = operator.keys.slice(0, root.root.config.threshold - 1)
  const head = host.node.head
  if (head === null || stolen.length === 0) return
  const claims = {
    ...head.parsed.claims,
    version: head.head.version + 1,
    ancestors: [],
    iat: note,
    hosts: {},
  }
  const config = signDocument(cluster.book, JSON.stringify(claims), stolen)
  cluster.forged.add(identityOf(config.payload).digest)
  hand(hosts, host, [], config)
}

function misbehave(
  { cluster, hosts, operators }: Stage,
  bad: SimHost | undefined,
  to: SimHost | undefined,
  how: BadAct,
  note: number,
): void {
  if (!bad || !to?.node || bad === to || !to.node.peers.has(bad.peerId)) return
  bad.isBad = true
  const own = to.node.head?.head ?? { epoch: 1, version: 1, digest: `sha256:${'0'.repeat(64)}` }
  const bogus = {
    epoch: own.epoch,
    version: own.version + 5,
    digest: `sha256:${note.toString(16).padStart(64, '0')}`,
  }
  const say = (head: typeof own, config: ReturnType<typeof signDocument> | null): void => {
    const delivery = config === null ? null : { roots: [], config }
    hosts.feed(to, {
      kind: 'received',
      peer: bad.peerId,
      message: { kind: 'head', head },
      delivery,
    })
  }
  if (how === 'garbage')
    return hosts.feed(to, { kind: 'misbehaved', peer: bad.peerId, reason: 'garbage' })
  if (how === 'bogus-head') return say(bogus, null)
  const old = to.node.previous
  if (how === 'old-head') return old === null ? undefined : say(old.head, old.document)
  if (how === 'other-document') return old === null ? undefined : say(bogus, old.document)
  const text = JSON.stringify({ aud: cluster.firstRoot.digest, ...bogus, hosts: {} })
  const forged = signDocument(cluster.book, text, [])
  const kid = operators[0]?.keys[0]?.kid ?? ''
  const document = { ...forged, signatures: [{ protected: kid, signature: 'forged' }] }
  const { digest } = identityOf(document.payload)
  cluster.forged.add(digest)
  say({ ...bogus, digest }, document)
}

/** Order in which two stimuli happen. */
export function byTime(a: Stimulus, b: Stimulus): number {
  return a.at - b.at
}
