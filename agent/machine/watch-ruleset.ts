import type { ChangeCount } from '../../reconcilers/nftables/observe.ts'
import type { Log } from '../../reconcilers/reconciler.ts'
import { monitorReadyMs } from './limits.ts'
import { createBurst, startMonitor } from './monitor.ts'

/** What a watch of the rules is made from. */
export interface RulesetWatchInit {
  /** Called once for each burst of changes of covey's own table. Must not throw. */
  readonly onChange: (reason: string) => void
  readonly log: Log
  /** See `createCommandRunner`; none where absent. */
  readonly launcher?: readonly string[]
}

/** A watch that runs until it is stopped. */
export interface RulesetWatch {
  readonly changes: ChangeCount
  /** Ends the child and waits for that. */
  stop(): Promise<void>
}

/**
 * Watches changes of covey's table through one long-lived `nft monitor`, whoever makes them. While
 * nobody listens there is no count, so every look is a full one.
 */
export function watchRuleset(init: RulesetWatchInit): RulesetWatch {
  const burst = createBurst(init.onChange)
  let count = 0
  let readyAtMs = Number.POSITIVE_INFINITY
  const monitor = startMonitor({
    tool: 'nft',
    args: ['monitor'],
    launcher: init.launcher,
    log: init.log,
    onLine(line) {
      if (!line.includes(' inet covey')) return
      count++
      burst.add('the kernel announced a change of the firewall')
    },
    onStart() {
      count++
      // It does not say when it has begun to listen.
      readyAtMs = performance.now() + monitorReadyMs
    },
    onBreak() {
      readyAtMs = Number.POSITIVE_INFINITY
    },
  })
  return {
    changes: () => (performance.now() < readyAtMs ? null : count),
    async stop() {
      burst.stop()
      await monitor.stop()
    },
  }
}
