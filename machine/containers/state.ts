import { mkdirSync } from 'node:fs'
import type { ContainerEvent } from '../../protocol/api/events.ts'
import type { Clock } from '../../reconcilers/host-ports.ts'
import type { Log } from '../../reconcilers/reconciler.ts'
import { type Cgroups, openCgroups } from './cgroups.ts'
import { instanceMark } from './instance.ts'
import { type Life, newLife, readLife, writeLife } from './life.ts'
import { adoptLife } from './look/adopt.ts'
import type { LookMemory } from './look/look.ts'
import { type ContainerPlaces, type HostPlaces, hostPlaces, placesOf } from './places.ts'
import { bootId } from './processes.ts'
import { openRecords, type Records } from './records.ts'
import { createVolumeGate, type VolumeGate } from './volume-gate.ts'

/** Dependencies of the containers of a host. */
export interface ContainersInit {
  readonly stateDir: string
  readonly runDir: string
  readonly clock: Clock
  readonly log: Log
  /** Grants in this host's own settings, and the file that holds them. */
  readonly grants: readonly string[]
  readonly settingsFile: string
  /** Prefix of the control group's name below the agent's own; `covey` if absent. */
  readonly cgroup?: string
  /** Something changed that a round should look at. Must not throw. */
  readonly onChange: (reason: string) => void
  readonly onEvent: (event: ContainerEvent) => void
}

/** All that the parts of this room share: where things are, and what is known of each container. */
export interface ContainersState extends ContainersInit {
  readonly places: HostPlaces
  readonly cgroups: Cgroups
  readonly records: Records
  readonly gate: VolumeGate
  readonly boot: string
  /** See `instanceMark`. */
  readonly mark: string
  of(id: string): ContainerPlaces
  life(id: string): Life | null
  /** Changes what is known of a container, in memory and in its run folder. */
  setLife(id: string, change: Partial<Life>): void
  memory(id: string): LookMemory
  forget(id: string): void
  tell(object: string, what: ContainerEvent['what'], detail?: string | null): void
}

/** Reads what an earlier agent left, and makes the folders of this room. */
export async function openState(init: ContainersInit): Promise<ContainersState> {
  const places = hostPlaces(init.stateDir, init.runDir)
  for (const path of [places.records, places.volumes, places.runs, places.exits]) {
    mkdirSync(path, { recursive: true, mode: 0o700 })
  }
  const boot = bootId()
  const lives = new Map<string, Life | null>()
  const memories = new Map<string, LookMemory>()
  const of = (id: string): ContainerPlaces => placesOf(places, id)
  const life = (id: string): Life | null => {
    const known = lives.get(id)
    if (known !== undefined) return known
    const read = adoptLife(readLife(of(id).life, boot), of(id), id)
    lives.set(id, read)
    return read
  }
  const mark = await instanceMark(init.stateDir)
  const records = await openRecords(places)
  const olderName = init.cgroup ?? 'covey'
  const cgroups = await openCgroups({
    ...{ log: init.log, name: `${olderName}-${mark}`, olderName },
    isOwnOlder: (id, group) => records.record(id) !== null && isGroupOf(life(id), group),
  })
  return {
    ...{ ...init, places, boot, mark, cgroups, records },
    gate: createVolumeGate(init.onChange),
    of,
    life,
    setLife(id, change) {
      const next = { ...(life(id) ?? newLife(boot)), ...change }
      lives.set(id, next)
      writeLife(of(id).life, next)
    },
    memory(id) {
      const known = memories.get(id) ?? {
        ...{ exit: null, files: new Map(), isStarted: false, isOomTold: false },
        checkedTicks: null,
        ...{ isMaking: false, brokenTold: null },
      }
      memories.set(id, known)
      return known
    },
    forget(id) {
      lives.delete(id)
      memories.delete(id)
    },
    tell(object, what, detail = null) {
      init.onEvent({ event: 'container', name: object, what, detail })
    },
  }
}

/**
 * True if a group is that of a process: the runtime has noted which it made, by the end of its path
 * at least, for namespaces of control groups hide the rest. True where nothing is noted.
 */
function isGroupOf(life: Life | null, group: string): boolean {
  const noted = Object.values(life?.cgroups ?? {})
  const end = group.split('/').slice(-2).join('/')
  return noted.length === 0 || noted.some((path) => path.endsWith(`/${end}`))
}
