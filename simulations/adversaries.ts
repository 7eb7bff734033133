import type { SignedDocument } from '../protocol/documents/envelope.ts'
import type { Head } from '../protocol/heads.ts'
import type { SimHost } from './cluster.ts'
import { cover } from './coverage.ts'
import { hand } from './operators.ts'
import { identityOf, signDocument } from './signing.ts'
import type { Stage } from './stage.ts'
import type { Stimulus } from './stimulus.ts'

/** A config that removes everyone, signed by one key fewer than the cluster asks for. */
export function forge(
  { cluster, hosts, operators }: Stage,
  host: SimHost | undefined,
  note: number,
): boolean {
  const [operator] = operators
  const root = operator?.roots.at(-1)
  if (host?.node == null || operator === undefined || root === undefined) return false
  const stolen = operator.keys.slice(0, root.root.config.threshold - 1)
  const head = host.node.head
  if (head === null || stolen.length === 0) return false
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
  if (how === 'garbage') {
    hosts.feed(to, { kind: 'misbehaved', peer: bad.peerId, reason: 'garbage' })
  } else if (how === 'bogus-head') say(bogus, null)
  else if (how === 'old-head' && old !== null) say(old.head, old.document)
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
