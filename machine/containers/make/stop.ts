import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { StopOrder } from '../../../reconcilers/host-containers.ts'
import { stopPollMs } from '../limits.ts'
import { lives, type ProcessName, signalProcess, startTicksOf } from '../processes.ts'
import type { ContainersState } from '../state.ts'

const sigkill = 9

/** Signals the process of a container; see `HostContainers.stop`. */
export async function stopProcess(
  state: ContainersState,
  id: string,
  order: StopOrder,
): Promise<boolean> {
  const { signal, waitMs, hadFailed } = order
  const life = state.life(id)
  const known = life?.process ?? null
  const strays = known === null ? state.cgroups.processes(id) : []
  const targets = known === null ? namesOf(strays) : [known]
  if (life !== null) {
    state.setLife(id, { stopping: { signal, atMs: state.clock.now(), hadFailed } })
  }
  for (const target of targets) signalProcess(target, known === null ? sigkill : signal)
  const untilMs = performance.now() + waitMs
  for (;;) {
    const isLiving = targets.some(lives) || (life !== null && lives(life.supervisor) && !isSaid())
    if (!isLiving) return true
    if (performance.now() >= untilMs) return false
    await sleep(stopPollMs)
  }

  /** True if the supervisor has said how it ended. */
  function isSaid(): boolean {
    return targets.some(lives) || existsSync(state.of(id).exit)
  }
}

function namesOf(pids: readonly number[]): readonly ProcessName[] {
  return pids.flatMap((pid) => {
    const startTicks = startTicksOf(pid)
    return startTicks === null ? [] : [{ pid, startTicks }]
  })
}
