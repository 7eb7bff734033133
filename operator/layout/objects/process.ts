import type { Member } from '../services/members.ts'
import { containerPath } from './container-path.ts'
import type { Fields } from './hardening.ts'
import type { HiddenWords } from './secret-words.ts'

/** The process of a container: its command, user and limits. */
export function processOf({ service }: Member, words: HiddenWords): Fields {
  const { hostname, domainname, hostname: name } = service
  const full = name !== undefined && domainname !== undefined ? `${name}.${domainname}` : hostname
  return withoutUndefined({
    command: service.entrypoint && words.shown(service.entrypoint),
    args: service.command && words.shown(service.command),
    working_dir: service.workingDir && containerPath(service.workingDir),
    user: service.user,
    group_add: listOf(service.groupAdd),
    hostname: full,
    init: service.init === true ? true : undefined,
    tty: service.tty ? true : undefined,
    stdin_open: service.stdinOpen ? true : undefined,
    shm_bytes: service.shmBytes,
    ulimits: tableOf(service.ulimits),
    sysctls: tableOf(service.sysctls),
    resources: resourcesOf(service),
    stop_signal: service.stopSignal,
    stop_grace_seconds:
      service.stopGraceSeconds === undefined
        ? undefined
        : Math.min(3600, Math.ceil(service.stopGraceSeconds)),
  })
}

function resourcesOf(service: Member['service']): Fields | undefined {
  const resources = withoutUndefined({
    memory_bytes: service.memoryBytes,
    memory_swap_bytes: service.memorySwapBytes,
    cpu_milli: service.cpuMilli,
    pids: service.pids,
  })
  return Object.keys(resources).length === 0 ? undefined : resources
}

/** The members that are there, in their order. */
export function withoutUndefined(
  fields: Readonly<Record<string, Fields[string] | undefined>>,
): Fields {
  const there = Object.entries(fields).filter(([, value]) => value !== undefined)
  return Object.fromEntries(there) as Fields
}

function listOf<T extends Fields[string]>(list: readonly T[]): readonly T[] | undefined {
  return list.length === 0 ? undefined : list
}

/** A table, by name. */
function tableOf<T extends Fields[string]>(
  map: ReadonlyMap<string, T>,
): Readonly<Record<string, T>> | undefined {
  if (map.size === 0) return undefined
  return Object.fromEntries([...map].sort(([a], [b]) => (a < b ? -1 : 1)))
}
