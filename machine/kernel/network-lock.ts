import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { CoveyError } from '../../protocol/fault.ts'
import type { Log } from '../../reconcilers/reconciler.ts'
import type { Lock } from '../files/lock.ts'
import { networkLockMsMax, networkLockPollMs } from '../limits.ts'

/** Name of the lock, an abstract socket: each network namespace has its own of these (unix(7)). */
const lockName: string = 'covey-agent'

/** Dependencies of the lock of a network namespace. */
export interface NetworkLockInit {
  readonly log: Log
  /** Time to wait for an agent that ends, in ms; `networkLockMsMax` if absent. */
  readonly waitMs?: number
  /** `covey-agent` where absent. */
  readonly name?: string
}

/**
 * Takes the one lock of this process's network namespace. Links, routes, rules and marks exist once
 * in it, so two agents would undo each other's. The lock ends with the process, however that ends.
 *
 * A name that somebody holds who could not touch the network here is not an agent's: told, and
 * keeps nobody from starting.
 *
 * Error: `network-locked` after `waitMs`.
 */
export async function lockNetwork(init: NetworkLockInit): Promise<Lock> {
  const { log, waitMs = networkLockMsMax, name = lockName } = init
  const untilMs = performance.now() + waitMs
  for (;;) {
    const server = await bind(name)
    if (server !== null) return releasable(server)
    const holders = holdersOf(name)
    if (holders.length > 0 && !holders.some(mayChangeNetwork)) {
      const said =
        'a process that is not an agent holds the name of the lock of this network namespace'
      log.warn({ pids: holders, name: `@${name}` }, `${said}: a second agent would not be noticed`)
      return { release: async () => {} }
    }
    if (performance.now() >= untilMs) throw refusal(holders.find(mayChangeNetwork))
    await sleep(networkLockPollMs)
  }
}

function refusal(pid: number | undefined): CoveyError {
  const who = pid === undefined ? 'another covey agent' : `another covey agent (process ${pid})`
  return new CoveyError('network-locked', `${who} runs in this network namespace`, {
    hint: 'stop it first; links and rules exist once here, so a second agent needs a network namespace, a --state-dir and a --run-dir of its own',
  })
}

/** Null where the name is taken. */
function bind(name: string): Promise<Server | null> {
  return new Promise((resolve, reject) => {
    // Nobody has anything to say here: only the name counts.
    const server = createServer((socket) => socket.destroy())
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(null)
      else reject(error)
    })
    server.listen({ path: `\0${name}`, backlog: 1 }, () => resolve(server))
  })
}

function releasable(server: Server): Lock {
  server.unref()
  return {
    release: () => new Promise((resolve) => server.close(() => resolve())),
  }
}

/** Processes that hold the name, as far as they are seen from here. */
function holdersOf(name: string): readonly number[] {
  const links = new Set<string>()
  for (const line of readFileSync('/proc/self/net/unix', 'latin1').split('\n')) {
    // Num RefCount Protocol Flags Type St Inode Path (proc(5)).
    const [, , , , , , inode, path] = line.trim().split(/\s+/)
    if (path === `@${name}`) links.add(`socket:[${inode}]`)
  }
  const pids = entriesOf('/proc').filter((each) => /^[0-9]+$/.test(each))
  return pids.filter((pid) => holdsOne(pid, links)).map(Number)
}

function holdsOne(pid: string, links: ReadonlySet<string>): boolean {
  const folder = `/proc/${pid}/fd`
  return entriesOf(folder).some((fd) => links.has(targetOf(`${folder}/${fd}`) ?? ''))
}

/** CAP_NET_ADMIN of capabilities(7), as a bit. */
const networkCapability = 1n << 12n

/** True if a process has power over the network in this process's user namespace. */
function mayChangeNetwork(pid: number): boolean {
  const users = targetOf(`/proc/${pid}/ns/user`)
  if (users === null || users !== targetOf('/proc/self/ns/user')) return false
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1')
    const digits = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'
    return (BigInt(`0x${digits}`) & networkCapability) !== 0n
  } catch {
    return false
  }
}

function entriesOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function targetOf(path: string): string | null {
  try {
    return readlinkSync(path)
  } catch {
    return null
  }
}
