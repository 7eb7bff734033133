import { chmod, chown, mkdir, readFile, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import type { Logger } from 'pino'
import { CoveyError } from '../../protocol/fault.ts'
import { adminRequestMsMax, controlConnectionsMax, controlRequestMsMax } from '../limits.ts'
import { Problem } from './problem.ts'
import { findRoute, type Route, type UpgradeRoute, upgradeName } from './router.ts'

/** The two sockets of an agent. */
export interface ControlServer {
  close(): void
}

/** What the sockets are made from. */
export interface ControlServerInit {
  readonly runDir: string
  /** Reading and injecting: group `covey` where that group exists, else root. */
  readonly routes: ReadonlyMap<string, Route>
  /** What is root's alone; `admin.sock` serves these and all of `routes`. */
  readonly adminRoutes: ReadonlyMap<string, Route>
  /** Also root's alone: what takes a connection over. */
  readonly adminUpgrades: ReadonlyMap<string, UpgradeRoute>
  readonly log: Logger
}

/** Longest path that fits a socket address, in bytes (unix(7): 108 with the final NUL). */
const socketPathBytesMax = 107

/**
 * Opens `covey.sock` and `admin.sock` in the run folder (0750). Node cannot read a peer's
 * credentials, so the two differ by their file mode. The caller holds the state lock; what lies
 * there is left over and replaced.
 */
export async function openControl(init: ControlServerInit): Promise<ControlServer> {
  const { runDir } = init
  const group = await groupId('covey')
  // Node makes a socket with the mode that the umask leaves, so nobody can connect before a chmod.
  process.umask(0o027)
  await mkdir(runDir, { recursive: true, mode: 0o750 })
  await chmod(runDir, 0o750)
  if (group !== null) await chown(runDir, 0, group)
  process.umask(0o177)
  const admin = await listen(join(runDir, 'admin.sock'), adminTables(init))
  const sockets = [admin]
  try {
    process.umask(0o117)
    const path = join(runDir, 'covey.sock')
    sockets.push(await listen(path, openTables(init)))
    if (group !== null) await chown(path, 0, group)
  } catch (error) {
    admin.close()
    throw error
  } finally {
    process.umask(0o077)
  }
  return {
    close() {
      for (const socket of sockets) socket.close()
    },
  }
}

/** What one socket serves. */
interface Tables {
  readonly routes: ReadonlyMap<string, Route>
  readonly upgrades: ReadonlyMap<string, UpgradeRoute>
  readonly requestMsMax: number
  readonly log: Logger
}

function adminTables({ routes, adminRoutes, adminUpgrades, log }: ControlServerInit): Tables {
  const unasked: Route = (_request, response) => {
    response.setHeader('upgrade', upgradeName)
    throw new Problem(426, 'upgrade', `this needs "Connection: Upgrade" to ${upgradeName}`)
  }
  return {
    routes: new Map([...replies(adminUpgrades, unasked), ...routes, ...adminRoutes]),
    upgrades: adminUpgrades,
    requestMsMax: adminRequestMsMax,
    log,
  }
}

function openTables({ routes, adminRoutes, adminUpgrades, log }: ControlServerInit): Tables {
  const refuse: Route = () => {
    throw new Problem(403, 'admin-only', 'this is for root alone: ask on admin.sock')
  }
  const refused = [...replies(adminRoutes, refuse), ...replies(adminUpgrades, refuse)]
  return {
    routes: new Map([...refused, ...routes]),
    upgrades: new Map(),
    requestMsMax: controlRequestMsMax,
    log,
  }
}

/** One answer for each route of a table. */
function replies(table: ReadonlyMap<string, unknown>, route: Route): [string, Route][] {
  return [...table.keys()].map((key) => [key, route])
}

async function groupId(name: string): Promise<number | null> {
  const text = await readFile('/etc/group', 'utf8').catch(() => '')
  const line = text.split('\n').find((one) => one.startsWith(`${name}:`))
  const id = Number(line?.split(':')[2])
  return line !== undefined && Number.isInteger(id) ? id : null
}

async function listen(path: string, tables: Tables): Promise<ControlServer> {
  if (Buffer.byteLength(path) > socketPathBytesMax) {
    throw new CoveyError('run-dir', `${path} is too long for a socket`, {
      hint: `choose a --run-dir so that it has at most ${socketPathBytesMax} bytes`,
    })
  }
  await rm(path, { force: true })
  const isUpgrade = (request: IncomingMessage): boolean =>
    request.headers.upgrade === upgradeName && tables.upgrades.size > 0
  const options = { requestTimeout: tables.requestMsMax, shouldUpgradeCallback: isUpgrade }
  const server = createServer(options, handler(tables))
  const upgraded = new Set<Duplex>()
  server.on('upgrade', (request, socket, early) => {
    upgraded.add(socket)
    socket.on('close', () => upgraded.delete(socket))
    takeOver(tables, request, socket, early)
  })
  server.maxConnections = controlConnectionsMax
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, resolve)
  })
  return {
    close() {
      server.close()
      server.closeAllConnections()
      for (const socket of upgraded) socket.destroy()
    },
  }
}

function handler({
  routes,
  log,
}: Tables): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    response.on('error', () => response.destroy())
    answer(routes, request, response).catch((error) => {
      const problem = problemOf(error)
      if (problem.status === 500) log.error({ err: error, url: request.url }, 'request failed')
      if (response.headersSent) {
        response.destroy()
        return
      }
      response.writeHead(problem.status, { 'content-type': 'application/problem+json' })
      response.end(`${JSON.stringify(problem.body())}\n`)
    })
  }
}

async function answer(
  routes: ReadonlyMap<string, Route>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { route, url, parts } = findRoute(routes, request.method, request.url)
  await route(request, response, url, parts)
}

/** Hands a connection to the route that takes it over; a problem is still an HTTP answer. */
function takeOver(
  { upgrades, log }: Tables,
  request: IncomingMessage,
  socket: Duplex,
  early: Buffer,
): void {
  socket.on('error', () => socket.destroy())
  const answered = async (): Promise<void> => {
    const { route, parts } = findRoute(upgrades, request.method, request.url)
    await route(request, socket, early, parts)
  }
  answered().catch((error) => {
    const problem = problemOf(error)
    if (problem.status === 500) log.error({ err: error, url: request.url }, 'request failed')
    const body = `${JSON.stringify(problem.body())}\n`
    const head = [
      `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
      'content-type: application/problem+json',
      `content-length: ${Buffer.byteLength(body)}`,
      'connection: close',
    ]
    socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
  })
}

/** Errors that are meant to be read are told; others stay in the log. */
function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error
  if (error instanceof CoveyError) {
    const hint = error.hint === undefined ? {} : { hint: error.hint }
    return new Problem(500, error.code, error.message, hint)
  }
  return new Problem(500, 'internal', 'the agent failed to answer; its log says why')
}
