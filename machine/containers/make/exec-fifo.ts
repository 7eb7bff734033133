import { constants } from 'node:fs'
import { type FileHandle, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fifoMsMax, fifoPollMs } from '../limits.ts'
import type { ContainerPlaces } from '../places.ts'
import { lives, type ProcessName, programOf } from '../processes.ts'

/**
 * Starts a created process without running the runtime, by what `runc start` does: the process
 * waits to write one byte into `exec.fifo`; whoever reads it removes the file, and the container
 * counts as running from then on. Saves the start of one program. Whether that was possible: where
 * it was not, nothing has changed, and `runc start` says why.
 */
export async function startByFifo(places: ContainerPlaces, name: ProcessName): Promise<boolean> {
  const path = join(places.runtime, 'exec.fifo')
  // Read and write: the open does not wait for the other side (fifo(7)).
  const flags = constants.O_RDWR | constants.O_NONBLOCK | constants.O_NOFOLLOW
  const fifo = await open(path, flags).catch(() => null)
  if (fifo === null) return false
  try {
    if (!(await fifo.stat()).isFIFO() || !(await readByte(fifo, name))) return false
    await rm(path, { force: true })
    return true
  } finally {
    await fifo.close()
  }
}

async function readByte(fifo: FileHandle, name: ProcessName): Promise<boolean> {
  const byte = Buffer.alloc(1)
  for (let leftMs = fifoMsMax; leftMs > 0; leftMs -= fifoPollMs) {
    const read = await fifo.read(byte, 0, 1, null).catch((error) => {
      if (error.code === 'EAGAIN') return null
      throw error
    })
    if (read !== null) return read.bytesRead === 1
    if (!lives(name)) return false
    await sleep(fifoPollMs)
  }
  return false
}

/**
 * Waits until a process runs another program than `before` (of `programOf`), has ended, or
 * `fifoMsMax` is over: what the runtime lets go becomes the container's program a moment later.
 */
export async function runsAnother(name: ProcessName, before: string | null): Promise<void> {
  const untilMs = performance.now() + fifoMsMax
  while (lives(name) && programOf(name.pid) === before && performance.now() < untilMs) {
    await sleep(fifoPollMs)
  }
}
