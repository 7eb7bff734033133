import type { ContainerSeen } from '../../../reconcilers/host-containers.ts'
import { currentLogPath } from '../logs/places.ts'
import { mountPoints } from '../processes.ts'
import { foldersIn } from '../records.ts'
import type { ContainersState } from '../state.ts'
import { lookAt } from './look.ts'

/** All containers and leftovers, ordered by id. Reads files and /proc, and changes nothing. */
export function lookAtAll(state: ContainersState): readonly ContainerSeen[] {
  const { places, records, cgroups, clock } = state
  const durable = new Set(records.ids())
  const inGroups = new Set(cgroups.ids())
  const runs = [...foldersIn(places.runs), ...foldersIn(places.runcRoot)]
  const ids = new Set([...durable, ...inGroups, ...runs])
  const mounts = mountPoints()
  const nowMs = clock.now()
  return [...ids].sort().map((id) => {
    const record = durable.has(id) ? records.record(id) : null
    const life = state.life(id)
    const isFound = inGroups.has(id) || record !== null
    const isUnknown = life?.process == null && isFound && !state.memory(id).isMaking
    return lookAt({
      id,
      places: state.of(id),
      record,
      ran: durable.has(id) ? records.ran(id)?.exit : undefined,
      life,
      log: currentLogPath(state.stateDir, record?.object ?? '', id),
      mounts,
      strays: isUnknown ? cgroups.processes(id) : [],
      memory: state.memory(id),
      nowMs,
    })
  })
}
