import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { CoveyError } from '../../../protocol/fault.ts'
import { toolEnvironment, toolPath } from '../../tools.ts'
import { syncAheadBytes } from '../limits.ts'

const run = promisify(execFile)

/** Makes what is written below a folder durable. */
export interface Durability {
  /**
   * One call for the whole file system: an fsync of each of ten thousand files takes far longer.
   * Error: `image-sync`.
   */
  sync(): Promise<void>
  /** So much was written: the disk begins early what has to be durable in the end. */
  wrote(bytes: number): void
}

/** For the file system of `folder`. */
export function createDurability(folder: string): Durability {
  let bytesSince = 0
  let isAhead = false
  const sync = async (): Promise<void> => {
    try {
      await run(toolPath('sync'), ['-f', folder], { env: { ...toolEnvironment } })
    } catch (cause) {
      const message = 'the image could not be made durable on the disk'
      throw new CoveyError('image-sync', message, { cause, hint: 'check the disk of the host' })
    }
  }
  return {
    sync,
    wrote(bytes) {
      bytesSince += bytes
      if (bytesSince < syncAheadBytes || isAhead) return
      bytesSince = 0
      isAhead = true
      // The sync that counts comes with the record, and tells of errors.
      sync()
        .catch(() => undefined)
        .finally(() => {
          isAhead = false
        })
    },
  }
}
