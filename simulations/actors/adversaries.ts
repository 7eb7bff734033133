import type { SignedDocument } from '../../protocol/documents/envelope.ts'
import type { Head } from '../../protocol/heads.ts'
import type { HeldConfig } from '../../protocol/node/durable.ts'
import { cover } from '../checks/coverage.ts'
import type { SimHost } from '../world/cluster.ts'
import {
  identityOf,
  keyNamed,
  makeRoot,
  rootKeyOf,
  type SimKey,
  signDocument,
} from '../world/signing.ts'
import type { Stage } from '../world/stage.ts'
import { isLie, lieOf } from './liars.ts'
import { hand, type Operator } from './operators.ts'
import type { Stimulus } from './stimulus.ts'

/** Who has signed a forgery, and how. */
interface Forgery {
  readonly roots: readonly SignedDocument[]
  readonly config: SignedDocument
}

/** A config that removes everyone, signed as the way of forging has it; null if it cannot be. */
function forged(
  stage: Stage,
  operator: Operator,
  held: HeldConfig,
  { how, note }: Forge,
): Forgery | null {
  const { cluster } = stage
  const { book, firstRoot } = cluster
  const root = operator.roots.at(-1) ?? firstRoot
  const { threshold } = root.root.config
  const few = operator.keys.slice(0, threshold - 1)
  const claims = {
    ...held.parsed.claims,
    epoch: operator.roots.length,
    version: held.head.version + 1,
    ancestors: [],
    iat: note,
    hosts: {},
  }
  const config = (keys: readonly SimKey[], changed: object = {}): SignedDocument =>
    signDocument(book, JSON.stringify({ ...claims, ...changed }), keys)
  const fresh = operator.keys.map((_, index) => keyNamed(`thief ${index} ${note}`))
  const next = (signers: readonly SimKey[]): Forgery => {
    const epoch = operator.roots.length + 1
    const forgedRoot = makeRoot(book, epoch, root.digest, fresh, threshold, signers)
    return { roots: [forgedRoot.document], config: config(fresh, { epoch, version: 1 }) }
  }
  const alone = (document: SignedDocument): Forgery => ({ roots: [], config: document })
  switch (how) {
    case 'too-few':
      return few.length > 0 ? alone(config(few)) : null
    case 'one-twice': {
      const { payload, signatures } = config(few.slice(0, 1))
      return few.length > 0 ? alone({ payload, signatures: [...signatures, ...signatures] }) : null
    }
    case 'root-keys':
      return alone(config(operator.keys.map(rootKeyOf)))
    case 'old-keys':
      return operator.oldKeys.length > 0 ? alone(config(operator.oldKeys)) : null
    case 'other-cluster':
      return alone(config(operator.keys, { aud: `sha256:${'5'.repeat(64)}` }))
    case 'root-too-few':
      return next([...few, ...fresh].map(rootKeyOf))
    case 'root-unproven':
      return next([...operator.keys, ...fresh.slice(0, threshold - 1)].map(rootKeyOf))
  }
}

/** A thief tries what can be done with the keys that were stolen, or were never meant for it. */
export function forge(stage: Stage, host: SimHost | undefined, stimulus: Forge): boolean {
  const [operator] = stage.operators
  const held = host?.node?.head
  if (!host?.node || !held || operator === undefined) return false
  // A thief who knows less of the chain than the host is refused for that alone.
  if (host.node.roots.length !== operator.roots.length) return false
  const forgery = forged(stage, operator, held, stimulus)
  if (forgery === null) return false
  cover(stage.cluster, `forges ${stimulus.how}`)
  stage.cluster.forged.add(identityOf(forgery.config.payload).digest)
  hand(stage.hosts, host, forgery.roots, forgery.config)
  return true
}

/** A config that was properly signed some versions ago is handed in once more. */
export function replay(
  { cluster, hosts }: Stage,
  host: SimHost | undefined,
  back: number,
): boolean {
  const old = cluster.signed.at(-1 - back)
  if (host?.node == null || old === undefined) return false
  hand(hosts, host, [], old)
  return true
}

type Forge = Extract<Stimulus, { readonly kind: 'forge' }>
type Misbehaviour = Extract<Stimulus, { readonly kind: 'misbehave' }>

/** A member says something that it must not say, to a host that it is connected to. */
export function misbehave(
  { cluster, hosts, operators }: Stage,
  { host, to: target, how, note }: Misbehaviour,
): boolean {
  const [bad, to] = [cluster.hosts[host], cluster.hosts[target]]
  if (!bad || !to?.node || bad === to || !to.node.peers.has(bad.peerId)) return false
  bad.isBad = true
  const own = to.node.head?.head ?? { epoch: 1, version: 1, digest: `sha256:${'0'.repeat(64)}` }
  const digest = `sha256:${note.toString(16).padStart(64, '0')}`
  const bogus = { epoch: own.epoch, version: own.version + 5, digest }
  const old = to.node.previous
  if (old === null && (how === 'old-head' || how === 'other-document')) return false
  cover(cluster, `misbehaves ${how}`)
  const say = (head: Head, config: SignedDocument | null): void => {
    const message = { kind: 'head', head } as const
    const delivery = config === null ? null : { roots: [], config }
    hosts.feed(to, { kind: 'received', peer: bad.peerId, message, delivery })
  }
  if (isLie(how)) {
    hosts.feed(to, {
      kind: 'received',
      peer: bad.peerId,
      message: lieOf(cluster, bad, how, note),
      delivery: null,
    })
  } else if (how === 'garbage') {
    hosts.feed(to, { kind: 'misbehaved', peer: bad.peerId, reason: 'garbage' })
  } else if (how === 'bogus-head') say(bogus, null)
  else if (how === 'flood') {
    for (let index = 0; index < 80; index++) {
      const text = JSON.stringify({
        aud: cluster.firstRoot.digest,
        ...bogus,
        flood: index,
        hosts: {},
      })
      const document = signDocument(cluster.book, text, [])
      const flooding = identityOf(document.payload).digest
      cluster.forged.add(flooding)
      say({ ...bogus, digest: flooding }, document)
    }
  } else if (how === 'old-head' && old !== null) say(old.head, old.document)
  else if (how === 'other-document' && old !== null) say(bogus, old.document)
  else {
    const text = JSON.stringify({ aud: cluster.firstRoot.digest, ...bogus, hosts: {} })
    const forged = signDocument(cluster.book, text, [])
    const kid = operators[0]?.keys[0]?.kid ?? ''
    const document = { ...forged, signatures: [{ protected: kid, signature: 'forged' }] }
    const identity = identityOf(document.payload)
    cluster.forged.add(identity.digest)
    say({ ...bogus, digest: identity.digest }, document)
  }
  return true
}
