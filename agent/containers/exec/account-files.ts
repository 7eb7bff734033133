import { constants } from 'node:fs'
import { lstat, open } from 'node:fs/promises'
import type { AccountFiles } from '../../../reconcilers/runc/bundle/accounts.ts'
import { accountFileBytesMax } from './limits.ts'

/**
 * `/etc/passwd` and `/etc/group` as the processes of a container see them now. Links are not
 * followed: they would lead into the host's own files.
 */
export async function accountFilesOf(pid: number): Promise<AccountFiles> {
  const etc = `/proc/${pid}/root/etc`
  const isFolder = await lstat(etc).then(
    (seen) => seen.isDirectory(),
    () => false,
  )
  if (!isFolder) return { passwd: null, group: null }
  return { passwd: await readPlain(`${etc}/passwd`), group: await readPlain(`${etc}/group`) }
}

async function readPlain(path: string): Promise<string | null> {
  // Not to wait keeps a FIFO that somebody has put there from holding the agent up.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
  const handle = await open(path, flags).catch(() => null)
  if (handle === null) return null
  try {
    const seen = await handle.stat()
    if (!seen.isFile() || seen.size > accountFileBytesMax) return null
    return await handle.readFile('utf8')
  } finally {
    await handle.close()
  }
}
