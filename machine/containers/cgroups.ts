import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statfsSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Log } from '../../reconcilers/reconciler.ts'
import { unitMs, unitStopSeconds } from './limits.ts'
import { idPrefix } from './places.ts'
import { runSound } from './spawn.ts'

const root = '/sys/fs/cgroup'
/** Magic number of cgroup2 (statfs(2)). */
const unifiedMagic = 0x63677270

/** Paths of the control groups of containers on this machine. */
export interface Cgroups {
  readonly version: 1 | 2
  /** For `linux.cgroupsPath`. */
  path(id: string): string
  /**
   * Group that supervisors are put into, so that what befalls the agent's unit does not befall
   * them; null where they stay in the agent's own.
   */
  readonly supervisors: string | null
  /** Absolute paths of the folders that containers' groups lie in; no other agent's do. */
  readonly parents: readonly string[]
  readonly limitsSwap: boolean
  /** Ids that have a group in the first of the parents. */
  ids(): readonly string[]
  /** Processes in the groups of a container, those of groups below them too. */
  processes(id: string): readonly number[]
  /** Removes the empty groups of a container; whether none is left. Those with processes stay. */
  remove(id: string): boolean
  /** Removes the empty folders that containers' groups lay in; only while none is being made. */
  removeParents(): void
}

/** Dependencies of the search for the control groups of an agent's containers. */
export interface CgroupsInit {
  readonly log: Log
  /** Name of the folder for all of them, below the agent's own group where that can be. */
  readonly name: string
  /**
   * The name that an older agent gave that folder. Other agents may have containers in it as well,
   * so only those that `isOwnOlder` knows for this one's count.
   */
  readonly olderName: string
  readonly isOwnOlder: (id: string, group: string) => boolean
}

/**
 * Finds the control groups for containers. On version 2 a group has either processes or
 * controllers, see `unifiedParent`.
 */
export async function openCgroups(init: CgroupsInit): Promise<Cgroups> {
  const { log, name, olderName, isOwnOlder } = init
  const isUnified = statfsSync(root).type === unifiedMagic
  const unified = isUnified ? await unifiedParent(log) : null
  const above = unified === null ? legacyGroups() : [unified.parent]
  const parents = above.map((group) => join(group, name))
  const older = above.map((group) => join(group, olderName))
  const [first = root] = parents
  const group = (id: string): string => join(first, id)
  const olderOf = (id: string): readonly string[] =>
    older.map((parent) => join(parent, id)).filter((each) => isOwnOlder(id, each))
  return {
    version: isUnified ? 2 : 1,
    path: (id) => (isUnified ? group(id).slice(root.length) : `${name}/${id}`),
    parents,
    supervisors: unified?.supervisors ?? null,
    limitsSwap: isUnified ? existsUnifiedSwap(dirname(first)) : existsLegacySwap(),
    ids: () => names(first).filter((each) => each.startsWith(idPrefix)),
    processes: (id) => [group(id), ...olderOf(id).slice(0, 1)].flatMap(processesIn),
    remove(id) {
      const groups = [...parents.map((parent) => join(parent, id)), ...olderOf(id)]
      for (const each of groups) removeGroup(each)
      return !groups.some((each) => existsSync(each))
    },
    removeParents() {
      // Version 2 has its one folder in a group that is covey's own.
      if (!isUnified) for (const parent of [...parents, ...older]) removeEmpty(parent)
    },
  }
}

/** The agent's own group in each hierarchy of version 1. */
function legacyGroups(): readonly string[] {
  const groups: string[] = []
  for (const line of readFileSync('/proc/self/cgroup', 'utf8').split('\n')) {
    const [, controllers, ...own] = line.split(':')
    if (controllers === undefined) continue
    const folder = controllers === '' ? 'unified' : controllers.replace(/^name=/, '')
    const hierarchy = join(root, folder)
    // The group of freezer comes first: nothing but runc ever moves a process in it.
    const group = join(hierarchy, own.join(':'))
    if (!existsSync(hierarchy)) continue
    if (controllers === 'freezer') groups.unshift(group)
    else groups.push(group)
  }
  return groups
}

const containersUnit = 'covey-containers'

interface UnifiedPlaces {
  readonly parent: string
  readonly supervisors: string | null
}

/**
 * The group of version 2 that containers go into.
 *
 * An agent that runs as a unit of systemd has one made for them, delegated as its own is: systemd
 * puts the first process of a unit into the unit's group itself, and could not start an agent again
 * while that group has controllers for containers. Elsewhere they go below the top: of the machine,
 * which may have both, or of a namespace, whose processes move into a group of their own.
 */
async function unifiedParent(log: Log): Promise<UnifiedPlaces> {
  const own = readFileSync('/proc/self/cgroup', 'utf8').trim().replace(/^0::/, '')
  if (own.endsWith('.service')) {
    const unit = join(root, dirname(own), `${containersUnit}.service`)
    try {
      if (!existsSync(unit)) await makeUnit(basename(dirname(own)))
      const supervisors = join(unit, 'holder')
      leaveFor(unit, supervisors)
      return { parent: unit, supervisors }
    } catch (error) {
      log.warn({ error }, 'systemd created no unit for containers; they go below the top group')
    }
  }
  // The machine's own top has no type.
  if (existsSync(join(root, 'cgroup.type'))) leaveFor(root, join(root, 'agent'))
  return { parent: root, supervisors: null }
}

/** One process holds the unit for good; the unit has no limits, those of containers hold. */
async function makeUnit(slice: string): Promise<void> {
  const timeout = `TimeoutStopSec=${unitStopSeconds}s`
  const properties = ['Delegate=yes', 'OOMPolicy=continue', 'TasksMax=infinity', timeout]
  await runSound({
    tool: 'systemd-run',
    args: [
      ...['--quiet', '--collect', `--unit=${containersUnit}`, `--slice=${slice}`],
      ...['--description=Control groups of the containers of covey'],
      ...properties.map((each) => `--property=${each}`),
      ...['--', '/usr/bin/sleep', 'infinity'],
    ],
    timeoutMs: unitMs,
  })
}

/** Moves every process of a group into one below it. */
function leaveFor(group: string, leaf: string): void {
  const staying = pidsIn(group)
  if (staying.length === 0) return
  mkdirSync(leaf, { recursive: true })
  for (const pid of staying) {
    try {
      writeFileSync(join(leaf, 'cgroup.procs'), String(pid))
    } catch {
      // It has ended, or is not ours to move: runc says so if that stands in a limit's way.
    }
  }
}

function existsUnifiedSwap(parent: string): boolean {
  return existsSync(join(parent, 'memory.swap.max')) || existsSync('/proc/swaps')
}

function existsLegacySwap(): boolean {
  return existsSync(join(root, 'memory', 'memory.memsw.limit_in_bytes'))
}

function processesIn(group: string): readonly number[] {
  const below = names(group).map((name) => join(group, name))
  return [...pidsIn(group), ...below.filter(isGroup).flatMap(processesIn)]
}

function isGroup(path: string): boolean {
  return existsSync(join(path, 'cgroup.procs'))
}

function pidsIn(group: string): readonly number[] {
  try {
    const text = readFileSync(join(group, 'cgroup.procs'), 'latin1')
    return text.split('\n').filter(Boolean).map(Number)
  } catch {
    return []
  }
}

function removeGroup(path: string): void {
  for (const name of names(path)) if (isGroup(join(path, name))) removeGroup(join(path, name))
  removeEmpty(path)
}

function removeEmpty(path: string): void {
  try {
    rmdirSync(path)
  } catch {
    // There is none, or something is still ending in it: the next sweep finds it.
  }
}

function names(path: string): readonly string[] {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}
