import { networkToEnter } from '../../machine/containers/make/user-namespace.ts'
import { type ContainerRow, serviceOf } from '../../protocol/api/containers.ts'
import { isObject } from '../../protocol/documents/canonical-json.ts'
import type { Config } from '../../protocol/documents/config.ts'
import type { ContainerOrders } from '../../reconcilers/container-orders.ts'
import type { ContainerSeen, HostContainers } from '../../reconcilers/host-containers.ts'
import type { ContainerDirectory } from './container-view.ts'

/** Dependencies of the container directory. */
export interface ContainerDirectoryInit {
  readonly containers: Pick<HostContainers, 'look' | 'orders'>
  readonly bundleOf: (id: string) => string
  /** `--root` of the runtime. */
  readonly runcRoot: string
  readonly host: string
  /** The config that the host follows, or null. */
  readonly adopted: () => Config | null
}

/** Tells of the containers that are there, and of those that the config lists and that are not. */
export function createContainerDirectory(init: ContainerDirectoryInit): ContainerDirectory {
  const { containers, bundleOf, runcRoot } = init
  return {
    async rows() {
      const rows = new Map(listed(init).map((row) => [row.name, row]))
      const orders = await containers.orders()
      for (const seen of (await containers.look()).toSorted((a, b) => rank(a) - rank(b))) {
        rows.set(seen.object, rowOf(seen, rows.get(seen.object)))
      }
      const ordered = [...rows.values()].map((row) => withOrder(row, orders.get(row.name)))
      return ordered.sort((a, b) => (a.name < b.name ? -1 : 1))
    },
    async running(object) {
      const all = (await containers.look()).filter((seen) => seen.object === object)
      const seen = all.toSorted((a, b) => rank(a) - rank(b)).at(-1)
      if (seen?.process.state !== 'running') return null
      const { id, record } = seen
      const { pid } = seen.process
      // Of one that lost its record nobody knows; in the network of its process it is right.
      const network = record === null ? `/proc/${pid}/ns/net` : networkToEnter(record)
      return { id, runcRoot, network, bundle: bundleOf(id), pid }
    },
  }
}

/**
 * An object has several containers while one takes the place of another: the one that runs is
 * told of, and the younger of two.
 */
function rank({ process }: ContainerSeen): number {
  if (process.state === 'running') return 3e15 + process.startedMs
  if (process.state === 'created') return 2e15
  return process.state === 'exited' ? process.exit.exitedMs : 0
}

function listed({ adopted, host }: ContainerDirectoryInit): readonly ContainerRow[] {
  const objects = Object.entries(adopted()?.hosts[host] ?? {})
  return objects.flatMap(([name, object]) => {
    if (!isObject(object) || object['type'] !== 'runc_container') return []
    const image = String(object['image'])
    const rest = { pid: null, restarts: 0, exit_code: null, health: null, order: null }
    const labels = isObject(object['labels']) ? object['labels'] : {}
    return [{ name, state: 'waiting', image, ...rest, ...serviceOf(labels) }]
  })
}

function rowOf(seen: ContainerSeen, before: ContainerRow | undefined): ContainerRow {
  const { object, process, record, count, health } = seen
  const pid = process.state === 'running' || process.state === 'created' ? process.pid : null
  return {
    name: object,
    state: stateOf(seen),
    pid,
    image: record?.image ?? before?.image ?? '',
    restarts: count.restarts,
    exit_code: process.state === 'exited' ? process.exit.exitCode : null,
    health: health?.state ?? null,
    ...serviceOf(record?.policy.labels ?? {}),
    order: null,
  }
}

/** One that does not run because somebody stopped it says so. */
function withOrder(row: ContainerRow, orders: ContainerOrders | undefined): ContainerRow {
  if (orders === undefined) return row
  const { order, holds } = orders
  const isDown = order?.kind === 'stop' || holds.length > 0
  const isUp = row.pid !== null
  const state = isDown && !isUp ? 'stopped' : row.state
  return { ...row, state, order: holds.length > 0 ? 'held' : (order?.kind ?? null) }
}

function stateOf({ process, stopping, broken }: ContainerSeen): string {
  if (process.state === 'absent') return 'waiting'
  if (process.state !== 'running') return process.state
  if (stopping !== null) return 'stopping'
  return broken === null ? 'running' : 'broken'
}
