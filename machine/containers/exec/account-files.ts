import { closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs'
import type { AccountFiles } from '../../../reconcilers/runc/bundle/accounts.ts'
import { inFolder, withOpened } from '../mounts/opened.ts'
import { accountFileBytesMax } from './limits.ts'

const none: AccountFiles = { passwd: null, group: null }

/**
 * `/etc/passwd` and `/etc/group` as the processes of a container see them now. Links are not
 * followed: they would lead into the host's own files. Each step goes on from the folder that the
 * one before has opened, so that it makes no difference what a process in there renames meanwhile.
 *
 * `rootfs` is where the host has the container's root file system: `pid` may be another's by now,
 * and then nothing is read.
 */
export function accountFilesOf(pid: number, rootfs: string): AccountFiles {
  return (
    withOpened(`/proc/${pid}/root`, constants.O_DIRECTORY, (root) => {
      const own = statSync(rootfs, { throwIfNoEntry: false })
      const { dev, ino } = fstatSync(root)
      if (own === undefined || own.dev !== dev || own.ino !== ino) return none
      return withOpened(
        inFolder(root, 'etc'),
        constants.O_DIRECTORY | constants.O_NOFOLLOW,
        (etc) => {
          return { passwd: readPlain(etc, 'passwd'), group: readPlain(etc, 'group') }
        },
      )
    }) ?? none
  )
}

function readPlain(folder: number, name: string): string | null {
  return withOpened(inFolder(folder, name), constants.O_NOFOLLOW, (file) => {
    // Only a plain file is opened for good: to open a FIFO or a device does something already.
    const seen = fstatSync(file)
    if (!seen.isFile() || seen.size > accountFileBytesMax) return null
    return readBounded(`/proc/self/fd/${file}`)
  })
}

/** It may grow while it is read. */
function readBounded(path: string): string {
  const file = openSync(path, 'r')
  try {
    const buffer = Buffer.alloc(accountFileBytesMax)
    return buffer.toString('utf8', 0, readSync(file, buffer))
  } finally {
    closeSync(file)
  }
}
