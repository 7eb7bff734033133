import type { ContainerSeen } from '../../../reconcilers/host-containers.ts'
import { currentLogPath } from '../logs/places.ts'
import { mountPoints } from '../processes.ts'
import { foldersIn } from '../records.ts'
import type { ContainersState } from '../state.ts'
import { lookAt } from './look.ts'

/** Facts of the machine that a look at any container needs, read once for all of them. */
interface Surroundings {
  readonly durable: ReadonlySet<string>
  readonly inGroups: ReadonlySet<string>
  readonly mounts: ReadonlySet<string>
  readonly nowMs: number
}

/** All containers and leftovers, ordered by id. Reads files and /proc, and changes nothing. */
export function lookAtAll(state: ContainersState): readonly ContainerSeen[] {
  const { places } = state
  const around = lookAround(state)
  const runs = [...foldersIn(places.runs), ...foldersIn(places.runcRoot)]
  const ids = new Set([...around.durable, ...around.inGroups, ...runs])
  return [...ids].sort().map((id) => lookAtOne(state, id, around))
}

/** One container, or what is left of it. */
export function lookAtOne(
  state: ContainersState,
  id: string,
  around: Surroundings = lookAround(state),
): ContainerSeen {
  const { durable, inGroups, mounts, nowMs } = around
  const record = durable.has(id) ? state.records.record(id) : null
  const life = state.life(id)
  const isFound = inGroups.has(id) || record !== null
  const isUnknown = life?.process == null && isFound && !state.memory(id).isMaking
  return lookAt({
    id,
    places: state.of(id),
    record,
    ran: durable.has(id) ? state.records.ran(id)?.exit : undefined,
    life,
    log: currentLogPath(state.stateDir, record?.object ?? '', id),
    mounts,
    strays: isUnknown ? state.cgroups.processes(id) : [],
    memory: state.memory(id),
    nowMs,
  })
}

function lookAround({ records, cgroups, clock }: ContainersState): Surroundings {
  return {
    durable: new Set(records.ids()),
    inGroups: new Set(cgroups.ids()),
    mounts: mountPoints(),
    nowMs: clock.now(),
  }
}
