import type { Stats } from 'node:fs'
import { chmod, chown, link, lstat, mkdtemp, readdir, rm } from 'node:fs/promises'
import { connect, Server as NetServer, type Server } from 'node:net'
import { join } from 'node:path'
import { claimFolder } from '../../machine/files/folder.ts'
import { CoveyError } from '../../protocol/fault.ts'
import { systemCode } from '../../protocol/system-reason.ts'
import type { Log } from '../../reconcilers/reconciler.ts'
import { socketCheckMs, socketProbeMsMax } from '../limits.ts'

/** A socket that can be connected to by a path. */
export interface Listener {
  /** Stops listening, and removes the path if it is still this one's. Connections go on. */
  close(): Promise<void>
}

/** Dependencies of a listener. */
export interface ListenerInit {
  readonly folder: string
  readonly name: string
  /** Of the socket: exactly this. */
  readonly mode: number
  /** Group of the socket and the folder, or null for root's. */
  readonly group: number | null
  /** A new server, which is not listening yet: one for each time that the socket is made. */
  readonly createServer: () => Server
  readonly log: Log
}

/** Longest path that fits a socket address, in bytes (unix(7): 108 with the final NUL). */
const socketPathBytesMax = 107
/** Mode of the folder of sockets. */
const folderMode = 0o750
/** Folders in which a socket is made: what mkdtemp(3) makes of a dot. */
const makingPattern = /^\.[A-Za-z0-9]{6}$/

/** Makes or takes the folder of the sockets. Rejects with `not-root-owned`. */
export async function claimSocketFolder(folder: string, group: number | null): Promise<void> {
  await claimFolder(folder, folderMode)
  if (group !== null) await chown(folder, 0, group)
  for (const name of await readdir(folder)) {
    if (makingPattern.test(name)) await rm(join(folder, name), { recursive: true, force: true })
  }
}

/**
 * Listens at `folder/name`, and makes the socket again if it is gone, with its folder if need be: a
 * path can be removed under a running agent, and nobody could ask it anything any more.
 *
 * The socket is made in a folder of mode 0700, gets its mode and its group there, and only then its
 * name: nobody can connect before it has them, whatever the umask, which belongs to the whole
 * process and is left alone. What nobody answers at is left over, and replaced. A path at which
 * another agent answers is never taken: that is `run-dir` at the start, and a warning later.
 */
export async function listenAt(init: ListenerInit): Promise<Listener> {
  const path = join(init.folder, init.name)
  await expectUnanswered(path)
  let current = await make(init, path)
  let said = ''
  let checking: Promise<void> | null = null
  const check = async (): Promise<void> => {
    if (await isAt(path, current.identity)) return
    await expectUnanswered(path)
    await claimFolder(init.folder, folderMode)
    if (init.group !== null) await chown(init.folder, 0, init.group)
    const before = current
    current = await make(init, path)
    before.stop()
    said = ''
    init.log.warn({ path }, 'the socket was gone; created it again')
  }
  const timer = setInterval(() => {
    checking ??= check()
      .catch((error: unknown) => {
        const reason = error instanceof Error ? error.message : String(error)
        if (reason !== said) init.log.error({ path }, `cannot create the socket again: ${reason}`)
        said = reason
      })
      .finally(() => {
        checking = null
      })
  }, socketCheckMs)
  timer.unref()
  return {
    async close() {
      clearInterval(timer)
      await checking
      current.stop()
      if (await isAt(path, current.identity)) await rm(path, { force: true })
    },
  }
}

interface Made {
  readonly identity: Pick<Stats, 'dev' | 'ino'>
  stop(): void
}

async function make(
  { folder, mode, group, createServer }: ListenerInit,
  path: string,
): Promise<Made> {
  // Shorter than the name that it gets, so that it fits an address wherever that does.
  const making = await mkdtemp(join(folder, '.'))
  const server = createServer()
  try {
    await chmod(making, 0o700)
    const unfinished = join(making, 's')
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(unfinished, resolve)
    })
    await chmod(unfinished, mode)
    if (group !== null) await chown(unfinished, 0, group)
    const identity = await lstat(unfinished)
    // What is left over there answers nobody. A name that another agent makes now is not taken from
    // it.
    await rm(path, { force: true })
    await link(unfinished, path)
    // The servers of HTTP would also close the connections that wait for their next request.
    return { identity, stop: () => void NetServer.prototype.close.call(server) }
  } catch (error) {
    NetServer.prototype.close.call(server)
    const code = systemCode(error)
    if (!['EEXIST', 'EISDIR', 'ERR_FS_EISDIR'].includes(code)) throw error
    const what = code === 'EEXIST' ? 'was just created by another process' : 'is a folder'
    const hint = 'remove it, or give this agent another --run-dir'
    throw new CoveyError('run-dir', `${path} ${what}`, { hint })
  } finally {
    await rm(making, { recursive: true, force: true })
  }
}

async function isAt(path: string, { dev, ino }: Made['identity']): Promise<boolean> {
  const found = await lstat(path).catch((error) => {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error))) return null
    throw error
  })
  return found !== null && found.dev === dev && found.ino === ino
}

/** Expects that a path can be a socket's, and that nobody listens at it. Rejects with `run-dir`. */
export async function expectUnanswered(path: string): Promise<void> {
  if (Buffer.byteLength(path) > socketPathBytesMax) {
    throw new CoveyError('run-dir', `${path} is too long for a socket`, {
      hint: `choose a --run-dir so that it has at most ${socketPathBytesMax} bytes`,
    })
  }
  const connection = connect(path)
  const code = await new Promise<string>((resolve) => {
    connection.setTimeout(socketProbeMsMax, () => resolve('ETIMEDOUT'))
    connection.once('connect', () => resolve(''))
    connection.once('error', (error) => resolve(systemCode(error)))
  })
  connection.destroy()
  // Of a socket whose queue is full the kernel says EAGAIN: somebody listens there.
  if (['ENOENT', 'ECONNREFUSED', 'ENOTDIR', 'ENOTSOCK'].includes(code)) return
  throw new CoveyError('run-dir', `another covey agent answers at ${path}`, {
    hint: 'stop it first, or give this one another --run-dir',
  })
}
