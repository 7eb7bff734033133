import type { ChangeCount } from '../../reconcilers/nftables/observe.ts'
import type { Log } from '../../reconcilers/reconciler.ts'
import { monitorReadyMs } from '../limits.ts'
import { type Burst, createBurst, type Monitor, startMonitor } from './monitor.ts'

/** Dependencies of a watch of the rules. */
export interface RulesetWatchInit {
  readonly log: Log
  /** See `createCommandRunner`; none where absent. */
  readonly launcher?: readonly string[]
}

/** A watch that begins when the firewall is first needed, and runs until it is stopped. */
export interface RulesetWatch {
  readonly changes: ChangeCount
  /**
   * Begins to watch; a second call does nothing. `onChange` is called once for each burst of
   * changes of covey's own table, and must not throw.
   */
  start(onChange: (reason: string) => void): void
  /** Ends the child and waits for that. */
  stop(): Promise<void>
}

/**
 * Makes a watch for changes of covey's table through one long-lived `nft monitor`, whoever makes
 * them. While nothing listens there is no count, so every look is a full one.
 */
export function createRulesetWatch(init: RulesetWatchInit): RulesetWatch {
  let count = 0
  let readyAtMs = Number.POSITIVE_INFINITY
  let monitor: Monitor | null = null
  let burst: Burst | null = null
  const begin = (onChange: (reason: string) => void): Monitor => {
    const told = createBurst(onChange)
    burst = told
    return startMonitor({
      tool: 'nft',
      args: ['monitor'],
      launcher: init.launcher,
      log: init.log,
      onLine(line) {
        if (!line.includes(' inet covey')) return
        count++
        told.add('the kernel announced a change of the firewall')
      },
      onStart() {
        count++
        // It does not say when it has begun to listen.
        readyAtMs = performance.now() + monitorReadyMs
        told.add('the watch of the firewall started')
      },
      // It breaks off where much happens at once: some versions of nft end over an element of a set
      // that they have missed.
      onBreak() {
        readyAtMs = Number.POSITIVE_INFINITY
        told.add('the watch of the firewall stopped')
      },
    })
  }
  return {
    changes: () => (performance.now() < readyAtMs ? null : count),
    start(onChange) {
      monitor ??= begin(onChange)
    },
    async stop() {
      burst?.stop()
      await monitor?.stop()
    },
  }
}
