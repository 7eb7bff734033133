import { type FSWatcher, watch } from 'node:fs'
import { followMsMax } from './limits.ts'

/** Changes of a folder's files. */
export interface FolderChanges {
  /** Resolves once something has changed since it was last asked, or might have. */
  next(signal: AbortSignal): Promise<void>
  stop(): void
}

/** Changes as the kernel announces them, and once in `followMsMax` where it does not. */
export function watchFolder(folder: string): FolderChanges {
  let watcher: FSWatcher | null = null
  let changed = false
  let wake = (): void => {}
  const notice = (): void => {
    changed = true
    wake()
  }
  const start = (): void => {
    try {
      watcher = watch(folder, { persistent: false }, notice)
      watcher.on('error', () => {
        watcher?.close()
        watcher = null
      })
    } catch {
      // The folder is not there yet, or the kernel has no watch left: looking again finds it too.
      watcher = null
    }
  }
  start()
  return {
    async next(signal) {
      if (!changed && !signal.aborted) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, followMsMax)
          wake = () => {
            clearTimeout(timer)
            resolve()
          }
          signal.addEventListener('abort', wake, { once: true })
        })
        signal.removeEventListener('abort', wake)
      }
      wake = () => {}
      changed = false
      if (watcher === null) start()
    },
    stop: () => watcher?.close(),
  }
}
