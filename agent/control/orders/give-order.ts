import type { ContainerOrdered } from '../../../protocol/api/containers.ts'
import type { Config } from '../../../protocol/documents/config.ts'
import { clusterOf } from '../../../reconcilers/cluster/index.ts'
import type { ContainerOrder, ContainerOrders } from '../../../reconcilers/container-orders.ts'
import { type ContainerSeen, isUp } from '../../../reconcilers/host-containers.ts'
import { judgeRunc } from '../../../reconcilers/runc/resolve.ts'
import { Problem } from '../problem.ts'

/** Something that a person may ask of a container. */
export type Asked = 'start' | 'stop' | 'restart'

/** The facts that an order for one object is judged by. */
export interface OrderFacts {
  readonly object: string
  /** Its containers of any revision. */
  readonly seen: readonly ContainerSeen[]
  readonly known: ContainerOrders
  /** Of the container that the config wants now, or of the one that is kept; null for none. */
  readonly revision: string | null
  /** True for one whose policy says `restart: never`. */
  readonly runsOnce: boolean
  readonly nowMs: number
}

/** Decision about an order: what is to be kept, if anything, and what is said. */
export interface OrderVerdict {
  readonly order: ContainerOrder | null
  readonly answer: ContainerOrdered
}

/**
 * Judges an order. Pure. Throws `Problem` `held` (409) where something else keeps the container
 * stopped, `faulty` (409) where its object cannot be made at all.
 */
export function judgeOrder(asked: Asked, facts: OrderFacts): OrderVerdict {
  const { object, seen, known, revision, nowMs } = facts
  if (revision === null) {
    const hint = 'covey status says what is wrong with its object'
    throw new Problem(409, 'faulty', `${object} has no container, and none can be made`, { hint })
  }
  const given = known.order?.revision === revision ? known.order : null
  const answer = (changed: boolean, note: string | null): ContainerOrdered => {
    return { name: object, changed, note }
  }
  const isRunning = seen.some((each) => isUp(each) && each.stopping === null)
  if (asked === 'stop') {
    const isUpNow = seen.some(isUp)
    if (given?.kind === 'stop') {
      const said = isUpNow ? 'it is being stopped' : 'it is stopped'
      return { order: null, answer: answer(false, said) }
    }
    const note = isUpNow ? null : 'it did not run; it stays stopped'
    return { order: { kind: 'stop', revision, atMs: nowMs }, answer: answer(true, note) }
  }
  expectFree(object, known)
  if (asked === 'start' && isRunning && given?.kind !== 'stop') {
    return { order: null, answer: answer(false, 'it runs') }
  }
  const kind = asked === 'start' ? 'run' : 'restart'
  const note = facts.runsOnce ? 'it runs once more, as its restart is never' : null
  return { order: { kind, revision, atMs: nowMs }, answer: answer(true, note) }
}

function expectFree(object: string, { holds }: ContainerOrders): void {
  const [hold] = holds
  if (hold === undefined) return
  const hint = hold.isDurable
    ? `wait until that has ended; if it never will: covey start --release ${object}`
    : 'it runs again once that has ended'
  const detail = `${object} is held by "${hold.owner}": ${hold.reason}`
  throw new Problem(409, 'held', detail, { hint })
}

/** A container that an order is for. */
type Wanted = Pick<OrderFacts, 'revision' | 'runsOnce'> & {
  /** Reference of its image; null for none. */
  readonly image: string | null
}

/** The container of an object by the adopted config, or as it was kept. */
export function wantedOf(
  config: Config | null,
  host: string,
  object: string,
  seen: readonly ContainerSeen[],
): Wanted {
  const containers = config === null ? [] : judgeRunc(clusterOf(config), host).spec.containers
  const spec = containers.find((each) => each.object === object)
  const kept = seen.find(({ record }) => record !== null)?.record
  return {
    revision: spec?.revision ?? kept?.revision ?? null,
    image: spec?.container.image ?? kept?.image ?? null,
    runsOnce: (spec?.policy ?? kept?.policy)?.restart === 'never',
  }
}
