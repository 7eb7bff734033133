import type { Log } from '../../reconcilers/reconciler.ts'
import { createBurst, startMonitor } from './monitor.ts'

/** Dependencies of a watch of the kernel. */
export interface KernelWatchInit {
  /** Called once for each burst of events that concern covey. Must not throw. */
  readonly onChange: (reason: string) => void
  /**
   * Names of the links that matter now; other links' events are passed over. All matter where
   * absent.
   */
  readonly links?: () => ReadonlySet<string>
  readonly log: Log
  /** See `createCommandRunner`; none where absent. */
  readonly launcher?: readonly string[]
}

/** A watch that runs until it is stopped. */
export interface KernelWatch {
  /** Ends the child and waits for that. */
  stop(): Promise<void>
}

/**
 * Watches the kernel's announcements of links, addresses and routes through one long-lived `ip
 * monitor`. What happens while it is not there is found by the periodic round. WireGuard peers are
 * not announced by the kernel.
 */
export function watchKernel(init: KernelWatchInit): KernelWatch {
  const burst = createBurst(init.onChange)
  let starts = 0
  const monitor = startMonitor({
    tool: 'ip',
    args: ['-o', 'monitor', 'link', 'address', 'route'],
    launcher: init.launcher,
    log: init.log,
    onLine(line) {
      if (concerns(line, init.links?.())) burst.add('the kernel announced a change')
    },
    onStart() {
      // Nothing was heard in between, so all of it may have changed.
      if (starts++ > 0) burst.add('the watch of the kernel restarted')
    },
    onBreak() {},
  })
  return {
    async stop() {
      burst.stop()
      await monitor.stop()
    },
  }
}

/** True if a line of `ip -o monitor` is about one of `links`, which may be undefined for all. */
export function concerns(line: string, links: ReadonlySet<string> | undefined): boolean {
  if (links === undefined) return true
  const [, subject] = /^(?:Deleted )?\d+: ([^\s:@]+)/.exec(line) ?? []
  if (subject !== undefined) return links.has(subject)
  // A guard of the mesh's range; some names the device `lo`, which is none of the links.
  if (/^(?:Deleted )?unreachable \S+ .*\bproto 190\b/.test(line)) return true
  const [, device] = /\bdev ([^\s:@]+)/.exec(line) ?? []
  return device !== undefined && links.has(device)
}
