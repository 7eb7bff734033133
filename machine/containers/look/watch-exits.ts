import { type FSWatcher, mkdirSync, statSync, watch } from 'node:fs'
import { idPrefix } from '../places.ts'
import type { ContainersState } from '../state.ts'

/** Watches until it is closed. */
export interface ExitWatch {
  /** Watches the folder that is there now, if it is another one than before. */
  renew(): void
  close(): void
}

/**
 * Hears of the end of a container at once: its supervisor writes a file into one folder for all of
 * them. Where the folder is removed by somebody, `renew` begins again.
 */
export function watchExits({ places, onChange, log }: ContainersState): ExitWatch {
  let watcher: FSWatcher | null = null
  let inode = 0
  let isOver = false
  const close = (): void => {
    watcher?.close()
    watcher = null
  }
  const renew = (): void => {
    if (isOver) return
    const now = statSync(places.exits, { throwIfNoEntry: false })?.ino
    if (watcher !== null && now === inode) return
    close()
    mkdirSync(places.exits, { recursive: true, mode: 0o700 })
    inode = statSync(places.exits).ino
    watcher = watch(places.exits, (_event, name) => {
      if (name?.startsWith(idPrefix)) onChange('a container ended')
    })
    watcher.on('error', (error) => {
      log.warn({ error }, 'ends of containers are noticed late: their folder cannot be watched')
      close()
    })
  }
  renew()
  return {
    renew,
    close() {
      isOver = true
      close()
    },
  }
}
