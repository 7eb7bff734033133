import { isObject } from '../documents/canonical-json.ts'
import type { Config } from '../documents/config.ts'
import { compareHeads, type Head } from '../heads.ts'
import type { HeldConfig } from './durable.ts'
import type { ObjectReport } from './effects.ts'
import { refreshPeers } from './peers.ts'
import { configOf, type NodeState, type Turn } from './state.ts'

/** The config that a held document means for this host, or null where it says nothing about it. */
function configFor(node: NodeState, held: HeldConfig | null): Config | null {
  const config = configOf(held)
  const { host } = node.self
  if (config === null || !Object.hasOwn(config.hosts, host)) return null
  return isObject(config.hosts[host]) ? config : null
}

/**
 * Makes the head the target of the reconcilers. A head that is not a config, or that does not list
 * this host, changes nothing: what runs goes on (docs/PROTOCOL.md, Which config wins).
 */
export function adoptHead(turn: Turn): void {
  const { node } = turn
  const config = configFor(node, node.head)
  if (config !== null && node.head !== null) adopt(turn, node.head, config)
  node.statusWanted = true
  refreshPeers(turn)
}

/**
 * After a start: the head where it can be applied, else the confirmed config, without which there
 * is no tunnel.
 */
export function adoptAtStart(turn: Turn): void {
  const { node } = turn
  const held =
    [node.head, node.confirmed, node.previous].find((one) => configFor(node, one)) ?? null
  const config = configFor(node, held)
  if (held !== null && config !== null) adopt(turn, held, config)
  refreshPeers(turn)
}

function adopt(turn: Turn, held: HeldConfig, config: Config): void {
  turn.node.adopted = { head: held.head, config }
  turn.node.observed = false
  turn.effects.push({ kind: 'adopt', held, config })
}

/**
 * A full round over a config has ended, whatever its objects then are. Until trials exist, what has
 * been applied counts as confirmed; both are told only once they are durable.
 */
export function onApplyReported(turn: Turn, head: Head, objects: readonly ObjectReport[]): void {
  const { node } = turn
  if (node.adopted === null || compareHeads(node.adopted.head, head) !== 0) return
  node.objects = objects
  node.observed = true
  node.statusWanted = true
  const held = [node.head, node.confirmed].find((one) => one?.head.digest === head.digest)
  if (held && node.confirmed?.head.digest !== head.digest) {
    node.confirmation = held
  }
}
