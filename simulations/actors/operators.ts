import type { Ancestor } from '../../protocol/documents/config.ts'
import type { SignedDocument } from '../../protocol/documents/envelope.ts'
import { compareHeadsOrNone, type Head } from '../../protocol/heads.ts'
import { ancestorsMax } from '../../protocol/limits.ts'
import type { HeldRoot } from '../../protocol/node/durable.ts'
import { type Cluster, hostName, type SimHost } from '../world/cluster.ts'
import type { Hosts } from '../world/hosts.ts'
import {
  identityOf,
  keyNamed,
  makeRoot,
  rootKeyOf,
  type SimKey,
  signDocument,
} from '../world/signing.ts'

/** The content of one operator's folder: a chain, the newest config, and its claims. */
export interface Operator {
  readonly name: string
  readonly roots: HeldRoot[]
  keys: readonly SimKey[]
  /** Those of the root before, worth nothing any more. */
  oldKeys: readonly SimKey[]
  head: Head | null
  ancestors: readonly Ancestor[]
  /** Hosts that the next config lists. */
  listed: ReadonlySet<number>
  /** WireGuard keys by host: a number that a rekey raises. */
  readonly keyOfHost: Map<number, number>
}

/** An operator who has just made, or joined, the cluster. */
export function createOperator(cluster: Cluster, name: string): Operator {
  return {
    name,
    roots: [cluster.firstRoot],
    keys: cluster.firstKeys,
    oldKeys: [],
    head: null,
    ancestors: [],
    listed: new Set(cluster.hosts.map((host) => host.index)),
    keyOfHost: new Map(),
  }
}

/** Body of a config: a mesh of the listed hosts; `note` makes it differ from others. */
function hostsBody(cluster: Cluster, operator: Operator): Record<string, unknown> {
  const body: Record<string, unknown> = {}
  for (const index of operator.listed) {
    const host = cluster.hosts[index]
    if (host === undefined) continue
    const net = {
      type: 'wireguard_network',
      link_name: 'wg_cluster',
      address: `10.${64 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}/8`,
      public_key: `key ${operator.keyOfHost.get(index) ?? 0} of ${host.name}`,
      ...(host.hasEndpoint ? { endpoint: `${host.name}.example:51820` } : {}),
    }
    body[hostName(index)] = { net, agent: { type: 'agent', peer_id: host.peerId, network: 'net' } }
  }
  return body
}

/** The keys for a signature of this operator: as many as the root asks for. */
function signersOf(operator: Operator): readonly SimKey[] {
  const threshold = operator.roots.at(-1)?.root.config.threshold ?? 1
  return operator.keys.slice(0, threshold)
}

/** Signs the operator's next config, durably recorded before anyone sees it. */
export function signNext(
  cluster: Cluster,
  operator: Operator,
  note: number,
  future = false,
): SignedDocument {
  const epoch = operator.roots.length
  const version = operator.head?.epoch === epoch ? operator.head.version + 1 : 1
  return signAt(cluster, operator, version, note, future)
}

/** Signs a config of a given version on top of what the operator holds. */
export function signAt(
  cluster: Cluster,
  operator: Operator,
  version: number,
  note: number,
  future = false,
): SignedDocument {
  const epoch = operator.roots.length
  const below = (one: Ancestor): boolean => one[0] < epoch || one[1] < version
  const text = JSON.stringify({
    aud: cluster.firstRoot.digest,
    epoch,
    version,
    ancestors: operator.ancestors.filter(below).slice(0, ancestorsMax),
    iat: note,
    hosts: hostsBody(cluster, operator),
    ...(cluster.paddingBytes > 0 ? { padding: 'x'.repeat(cluster.paddingBytes) } : {}),
    ...(future ? { future: { of: 'a newer signer' } } : {}),
  })
  const document = signDocument(cluster.book, text, signersOf(operator))
  const head = { epoch, version, digest: identityOf(document.payload).digest }
  cluster.signed.push(document)
  const position = `${epoch}.${version}`
  const signed = cluster.positions.get(position) ?? new Set<string>()
  cluster.positions.set(position, signed.add(head.digest))
  operator.head = head
  const older = operator.ancestors.filter(below)
  operator.ancestors = [[epoch, version, head.digest] as const, ...older].slice(0, ancestorsMax)
  return document
}

/** Takes over what a host holds before signing, as `covey apply` does. */
export function catchUp(operator: Operator, host: SimHost): void {
  const held = host.node?.head
  if (!held || compareHeadsOrNone(held.head, operator.head) <= 0) return
  if (held.head.epoch > operator.roots.length) return
  operator.head = held.head
  const { epoch, version, digest } = held.head
  operator.ancestors = [[epoch, version, digest] as const, ...held.parsed.claims.ancestors].slice(
    0,
    ancestorsMax,
  )
}

/** Makes the next root with new keys, and the first config under it. */
export function rotateRoot(
  cluster: Cluster,
  operator: Operator,
  note: number,
): { readonly root: SignedDocument; readonly config: SignedDocument } {
  const epoch = operator.roots.length + 1
  const before = operator.roots.at(-1) ?? cluster.firstRoot
  const keys = operator.keys.map((_, index) =>
    keyNamed(`${operator.name} ${epoch} ${index} ${note}`),
  )
  const { threshold } = before.root.root
  const signers = [...operator.keys.slice(0, threshold), ...keys.slice(0, threshold)].map(rootKeyOf)
  const root = makeRoot(cluster.book, epoch, before.digest, keys, threshold, signers)
  operator.roots.push(root)
  operator.oldKeys = operator.keys
  operator.keys = keys
  return { root: root.document, config: signNext(cluster, operator, note) }
}

/** Makes the root that both sides of a fork of the chain accept, and the first config under it. */
export function settleRoots(
  cluster: Cluster,
  first: Operator,
  second: Operator,
  note: number,
): { readonly roots: readonly SignedDocument[]; readonly config: SignedDocument } {
  const sides = [first, second].map((operator) => operator.roots.at(-1) ?? cluster.firstRoot)
  const epoch = first.roots.length + 1
  const keys = [keyNamed(`settled ${epoch} ${note}`)]
  const previous = sides.map((side) => side.digest).sort()
  const signers = [...first.keys, ...second.keys, ...keys].map(rootKeyOf)
  const root = makeRoot(cluster.book, epoch, previous, keys, 1, signers)
  first.roots.push(root)
  first.keys = keys
  const roots = [...sides.map((side) => side.document), root.document]
  return { roots, config: signNext(cluster, first, note) }
}

/** Hands a document to a host and forgets about it; the hosts do the rest. */
export function hand(
  hosts: Hosts,
  host: SimHost,
  roots: readonly SignedDocument[],
  config: SignedDocument,
): void {
  hosts.inject(host, { roots, config }, () => undefined)
}
