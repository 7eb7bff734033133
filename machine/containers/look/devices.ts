import type { DeviceNode } from '../../../reconcilers/container-facts.ts'
import type { HostContainers } from '../../../reconcilers/host-containers.ts'
import { deviceCheckMs, deviceSettleMs } from '../limits.ts'
import { nodesAt } from '../make/device-nodes.ts'
import type { ContainersState } from '../state.ts'

/** Devices of this host that somebody asked for last. */
export interface DeviceWatch {
  readonly look: HostContainers['lookDevices']
  close(): void
}

/**
 * Looks for devices, and once a second for the same ones again, so that one that comes is noticed
 * without waiting for a round. inotify is no way: the kernel tells a watcher of `/dev` of every
 * write to `/dev/null`, and Node cannot ask for less.
 */
export function watchDevices({ clock, onChange }: ContainersState): DeviceWatch {
  let asked: readonly string[] = []
  let known = ''
  const look = (): ReadonlyMap<string, readonly DeviceNode[]> =>
    new Map(asked.map((path) => [path, settledNodes(path, clock.now())]))
  const check = (): void => {
    if (asked.length === 0) return
    const now = textOf(look())
    if (now === known) return
    known = now
    onChange('a device of this host came or went')
  }
  const timer = setInterval(check, deviceCheckMs)
  timer.unref()
  return {
    async look(paths) {
      asked = paths
      const found = look()
      known = textOf(found)
      return found
    },
    close: () => clearInterval(timer),
  }
}

function textOf(found: ReadonlyMap<string, readonly DeviceNode[]>): string {
  return JSON.stringify([...found])
}

/** Nodes whose owner and mode nobody is still setting, as udev does when a device has come. */
function settledNodes(path: string, nowMs: number): readonly DeviceNode[] {
  return nodesAt(path).flatMap(({ changedMs, ...node }) => {
    const ageMs = nowMs - changedMs
    return ageMs >= 0 && ageMs < deviceSettleMs ? [] : [node]
  })
}
