import type { ContainerSeen } from '../../reconcilers/host-containers.ts'
import type { ContainerDirectory, ContainerRow } from '../control/container-view.ts'
import type { MachineContainers } from './containers.ts'

/** What the control API asks about the containers of this host. */
export function containerDirectory({ port, state }: MachineContainers): ContainerDirectory {
  return {
    async rows() {
      const seen = await port.look()
      return seen.map(rowOf).sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
    },
    async running(object) {
      const all = await port.look()
      const own = all.filter((seen) => seen.object === object && seen.process.state === 'running')
      // While one takes another's place, the one that is not on its way out.
      const found = own.find((seen) => seen.stopping === null) ?? own[0]
      if (found?.process.state !== 'running') return null
      const { bundle } = state.of(found.id)
      const { pid } = found.process
      return { id: found.id, runcRoot: state.places.runcRoot, bundle, pid }
    },
  }
}

function rowOf(seen: ContainerSeen): ContainerRow {
  const { process, record, count, lastExit, health } = seen
  const end = process.state === 'exited' ? process.exit : lastExit
  return {
    name: seen.object,
    state: stateOf(seen),
    pid: 'pid' in process ? process.pid : null,
    image: record?.image ?? '',
    restarts: count.restarts,
    exit_code: end?.exitCode ?? null,
    health: health?.state ?? null,
  }
}

/** One word. */
function stateOf({ process, stopping, record }: ContainerSeen): string {
  if (process.state === 'absent') return 'waiting'
  if (process.state === 'running') return stopping === null ? 'running' : 'stopping'
  if (process.state === 'created' || record === null) return process.state
  const { exitCode } = process.exit
  const { restart } = record.policy
  const isOver = restart === 'never' || (restart === 'on-failure' && exitCode === 0)
  return isOver ? 'exited' : 'waiting'
}
