import { cover } from '../checks/coverage.ts'
import type { SimHost } from '../world/cluster.ts'
import type { Stage } from '../world/stage.ts'
import {
  catchUp,
  hand,
  type Operator,
  rotateRoot,
  settleRoots,
  signAt,
  signNext,
} from './operators.ts'
import type { Stimulus } from './stimulus.ts'

type Operation = Extract<Stimulus, { readonly by: number }>

/** An operator catches up with one host, signs, and hands the document to it. */
export function operate(stage: Stage, stimulus: Operation): boolean {
  const { cluster, hosts, operators } = stage
  const operator = operators[stimulus.by % operators.length]
  const [first, second] = Array.isArray(stimulus.through) ? stimulus.through : [stimulus.through]
  const through = cluster.hosts[first]
  if (operator === undefined || through?.node == null) return false
  catchUp(operator, through)
  // A folder that has not heard of a rotation cannot sign in the new epoch.
  if (through.node.roots.length > operator.roots.length) return false
  if (stimulus.kind === 'rotate') {
    const { root, config } = rotateRoot(cluster, operator, stimulus.note)
    hand(hosts, through, [root], config)
    return true
  }
  edit(stage, operator, stimulus)
  const roots = operator.roots.slice(1).map((root) => root.document)
  const version = operator.head?.epoch === operator.roots.length ? operator.head.version + 1 : 1
  const future = stimulus.kind === 'future'
  hand(hosts, through, roots, signNext(cluster, operator, stimulus.note, future))
  const other = second === undefined ? undefined : cluster.hosts[second]
  if (stimulus.kind === 'twice' && other !== undefined) {
    hand(hosts, other, roots, signAt(cluster, operator, version, stimulus.note + 1))
  }
  return true
}

/** Changes the layout before signing, as the operator does. */
function edit({ cluster }: Stage, operator: Operator, stimulus: Operation): void {
  if (stimulus.kind === 'list') {
    const listed = new Set(operator.listed)
    const wasListed = listed.has(stimulus.host)
    if (stimulus.listed) listed.add(stimulus.host)
    else listed.delete(stimulus.host)
    operator.listed = listed
    if (wasListed !== stimulus.listed) {
      cover(cluster, stimulus.listed ? 'host listed again' : 'host removed')
    }
  }
  if (stimulus.kind === 'rekey') {
    operator.keyOfHost.set(stimulus.host, (operator.keyOfHost.get(stimulus.host) ?? 0) + 1)
  }
}

/** The two operators, who have met, make the root that both sides of the fork can prove. */
export function settle(
  { cluster, hosts, operators }: Stage,
  host: SimHost | undefined,
  note: number,
): boolean {
  const [first, second] = operators
  if (host?.node == null || !first || !second) return false
  const [own, other] = [first.roots.at(-1), second.roots.at(-1)]
  if (!own || !other || own.digest === other.digest) return false
  if (own.root.epoch !== other.root.epoch) return false
  const { roots, config } = settleRoots(cluster, first, second, note)
  hand(hosts, host, roots, config)
  return true
}
