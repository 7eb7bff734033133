import { type FileCalls, isFull, machineCalls } from '../../../platform/files/calls.ts'
import { CoveyError } from '../../../protocol/fault.ts'
import type {
  ContainerHold,
  ContainerOrder,
  ContainerOrders,
  OrdersByObject,
} from '../../../reconcilers/container-orders.ts'
import type { Log } from '../../../reconcilers/reconciler.ts'
import { createDisk, readText, SyncFailed } from '../../files/disk.ts'
import { holdsMax } from './limits.ts'
import { type KeptOrders, orderText, parseOrders } from './order-file.ts'

const folder = 'containers'
const file = `${folder}/orders.json`

/** A hold by its owner; nobody ends one of the other kind by the same name. */
type HoldKey = Pick<ContainerHold, 'owner' | 'isDurable'>

/**
 * The wishes of persons, and of the agent itself, for containers beyond the config. The one writer
 * of its file. What it tells is durable, but for holds that end with the agent.
 *
 * Errors of everything that writes: `disk-full`, `storage`; nothing that it tells has changed then.
 */
export interface OrderBook {
  look(): OrdersByObject
  /** Puts an order in the place of the one before. */
  give(object: string, order: ContainerOrder): Promise<void>
  /** Forgets an order; nothing where another has taken its place. */
  end(object: string, order: ContainerOrder): Promise<void>
  /** Adds a hold; one of the same owner is replaced. Error: `too-many-holds`. */
  hold(object: string, hold: ContainerHold): Promise<void>
  /** Ends a hold. True if there was one. */
  release(object: string, hold: HoldKey): Promise<boolean>
}

/** Reads the file of an earlier agent; one that is damaged counts as empty, and is told. */
export async function openOrders(
  stateDir: string,
  log: Log,
  calls: FileCalls = machineCalls,
): Promise<OrderBook> {
  const disk = createDisk(stateDir, calls)
  await disk.settle([folder])
  const text = await readText(disk, file)
  const kept = text === null ? null : parseOrders(text)
  if (text !== null && kept === null) {
    log.error({ file }, 'the orders for containers cannot be read: none counts as stopped by hand')
  }
  return new Book(stateDir, calls, kept ?? { orders: new Map(), holds: new Map() })
}

class Book implements OrderBook {
  private readonly stateDir: string
  private readonly calls: FileCalls
  private kept: KeptOrders
  /** Holds that end with this agent, by object. */
  private readonly passing = new Map<string, readonly ContainerHold[]>()
  private writing: Promise<unknown> = Promise.resolve()

  constructor(stateDir: string, calls: FileCalls, kept: KeptOrders) {
    this.stateDir = stateDir
    this.calls = calls
    this.kept = kept
  }

  look(): OrdersByObject {
    const { orders, holds } = this.kept
    const objects = new Set([...orders.keys(), ...holds.keys(), ...this.passing.keys()])
    return new Map([...objects].sort().map((object) => [object, this.of(object)]))
  }

  give(object: string, order: ContainerOrder): Promise<void> {
    return this.write(({ orders, holds }) => ({ orders: withEntry(orders, object, order), holds }))
  }

  end(object: string, order: ContainerOrder): Promise<void> {
    return this.write(({ orders, holds }) => {
      const known = orders.get(object)
      if (known === undefined || !isSame(known, order)) return null
      return { orders: withEntry(orders, object, null), holds }
    })
  }

  async hold(object: string, hold: ContainerHold): Promise<void> {
    const { owner, isDurable } = hold
    const expectRoom = (): void => {
      if (this.of(object).holds.filter((each) => each.owner !== owner).length < holdsMax) return
      throw new CoveyError('too-many-holds', `${object} is held ${holdsMax} times already`)
    }
    if (!isDurable) {
      expectRoom()
      return setHolds(this.passing, object, withHold(this.passing.get(object), hold))
    }
    await this.write(({ orders, holds }) => {
      // Counted in its turn: others may be given while it waits for that.
      expectRoom()
      return { orders, holds: withEntry(holds, object, withHold(holds.get(object), hold)) }
    })
  }

  async release(object: string, { owner, isDurable }: HoldKey): Promise<boolean> {
    const isOther = (hold: ContainerHold): boolean => hold.owner !== owner
    const known = (isDurable ? this.kept.holds : this.passing).get(object) ?? []
    if (known.every(isOther)) return false
    if (!isDurable) {
      setHolds(this.passing, object, known.filter(isOther))
      return true
    }
    await this.write(({ orders, holds }) => {
      const after = (holds.get(object) ?? []).filter(isOther)
      return { orders, holds: withEntry(holds, object, after.length === 0 ? null : after) }
    })
    return true
  }

  private of(object: string): ContainerOrders {
    const { orders, holds } = this.kept
    const all = [...(holds.get(object) ?? []), ...(this.passing.get(object) ?? [])]
    const byAge = all.toSorted((a, b) => a.atMs - b.atMs)
    return { order: orders.get(object) ?? null, holds: byAge }
  }

  /** One write after the other, each on top of the one before; null changes nothing. */
  private async write(change: (kept: KeptOrders) => KeptOrders | null): Promise<void> {
    const written = this.writing.then(async () => {
      const next = change(this.kept)
      if (next === null) return
      try {
        // A disk remembers which folders it has made, and one may have been removed since.
        await createDisk(this.stateDir, this.calls).replace([
          { path: file, content: orderText(next) },
        ])
      } catch (error) {
        throw unwritten(error)
      }
      this.kept = next
    })
    this.writing = written.catch(() => undefined)
    await written
  }
}

function unwritten(error: unknown): CoveyError {
  if (error instanceof SyncFailed) {
    const message = 'the disk failed, and may or may not have kept the order'
    const hint = 'look at the disk; covey ps says what is so once the agent has started again'
    return new CoveyError('storage', message, { hint, cause: error })
  }
  const options = { hint: 'make room, or look at the disk; nothing has changed', cause: error }
  if (isFull(error)) return new CoveyError('disk-full', 'the disk is full', options)
  return new CoveyError('storage', 'the state folder cannot be written', options)
}

function isSame(one: ContainerOrder, other: ContainerOrder): boolean {
  return one.kind === other.kind && one.revision === other.revision && one.atMs === other.atMs
}

function withEntry<T>(
  map: ReadonlyMap<string, T>,
  key: string,
  value: T | null,
): ReadonlyMap<string, T> {
  const next = new Map(map)
  if (value === null) next.delete(key)
  else next.set(key, value)
  return next
}

function withHold(
  holds: readonly ContainerHold[] | undefined,
  hold: ContainerHold,
): readonly ContainerHold[] {
  return [...(holds ?? []).filter(({ owner }) => owner !== hold.owner), hold]
}

function setHolds(
  map: Map<string, readonly ContainerHold[]>,
  object: string,
  holds: readonly ContainerHold[],
): void {
  if (holds.length === 0) map.delete(object)
  else map.set(object, holds)
}
