import { readFileSync } from 'node:fs'

/** Ids of a container and of the host, each by the other. */
export interface Owners {
  /** Id of the container for one of the host; 65534 where it has none. */
  toContainer(id: number, kind: 'uid' | 'gid'): number
  /** Id of the host for one of the container; that of 65534 where it has none. */
  toHost(id: number, kind: 'uid' | 'gid'): number
}

const nobody = 65_534

interface Range {
  readonly inside: number
  readonly outside: number
  readonly count: number
}

/** Mapping of ids in the user namespace of a process. Throws if that is gone. */
export function ownersOf(pid: number): Owners {
  const maps = {
    uid: rangesOf(readFileSync(`/proc/${pid}/uid_map`, 'latin1')),
    gid: rangesOf(readFileSync(`/proc/${pid}/gid_map`, 'latin1')),
  }
  return {
    toContainer: (id, kind) => moved(maps[kind], id, 'outside', 'inside') ?? nobody,
    toHost: (id, kind) =>
      moved(maps[kind], id, 'inside', 'outside') ??
      moved(maps[kind], nobody, 'inside', 'outside') ??
      nobody,
  }
}

function rangesOf(text: string): readonly Range[] {
  return text
    .trim()
    .split('\n')
    .map((line) => {
      const [inside = 0, outside = 0, count = 0] = line.trim().split(/\s+/).map(Number)
      return { inside, outside, count }
    })
}

function moved(
  ranges: readonly Range[],
  id: number,
  from: 'inside' | 'outside',
  to: 'inside' | 'outside',
): number | null {
  const range = ranges.find((each) => id >= each[from] && id < each[from] + each.count)
  return range === undefined ? null : id - range[from] + range[to]
}
