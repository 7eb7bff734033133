import { readFile } from 'node:fs/promises'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import type { Logger } from 'pino'
import { createServer, statusTexts } from '../../platform/http.ts'
import { CoveyError } from '../../protocol/fault.ts'
import {
  adminRequestMsMax,
  controlConnectionsMax,
  controlHeadMsMax,
  controlRequestMsMax,
  controlTimesCheckMs,
} from '../limits.ts'
import { boundConnections, keepStream } from './connections.ts'
import { claimSocketFolder, expectUnanswered, type Listener, listenAt } from './listener.ts'
import { Problem } from './problem.ts'
import { findRoute, type Route, type UpgradeRoute, upgradeName } from './router.ts'

/** The two sockets of an agent. */
export interface ControlServer {
  close(): Promise<void>
}

/** Dependencies of the sockets. */
export interface ControlServerInit {
  readonly runDir: string
  /**
   * Reading and injecting: group `covey` where that group exists, else root. Called for each of the
   * two, so that what bounds the streams of one socket leaves the other alone.
   */
  readonly routes: () => ReadonlyMap<string, Route>
  /** Routes for root alone; `admin.sock` serves these and all of `routes`. */
  readonly adminRoutes: ReadonlyMap<string, Route>
  /** Also root's alone: what takes a connection over. */
  readonly adminUpgrades: ReadonlyMap<string, UpgradeRoute>
  readonly log: Logger
}

const socketNames = { admin: 'admin.sock', covey: 'covey.sock' } as const

/**
 * Makes or takes the run folder, before anything else is begun. Rejects with `run-dir` if another
 * agent serves it, and with `not-root-owned`.
 */
export async function claimRunDir(runDir: string): Promise<void> {
  for (const name of Object.values(socketNames)) await expectUnanswered(join(runDir, name))
  await claimSocketFolder(runDir, await groupId('covey'))
}

/**
 * Opens `covey.sock` and `admin.sock` in the run folder (0750), and keeps them there. Node cannot
 * read a peer's credentials, so the two differ by their file mode. The caller holds the state lock;
 * what nobody answers at is left over and replaced. Rejects with `run-dir`, `not-root-owned`.
 */
export async function openControl(init: ControlServerInit): Promise<ControlServer> {
  const { runDir: folder, log } = init
  const group = await groupId('covey')
  await claimSocketFolder(folder, group)
  const admin = await open(adminTables(init), { folder, name: socketNames.admin, mode: 0o600, log })
  try {
    const place = { folder, name: socketNames.covey, mode: 0o660, log }
    const covey = await open(openTables(init), place, group)
    return {
      async close() {
        await Promise.all([admin.close(), covey.close()])
      },
    }
  } catch (error) {
    await admin.close()
    throw error
  }
}

/** Routes of one socket. */
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
    routes: new Map([...replies(adminUpgrades, unasked), ...routes(), ...adminRoutes]),
    upgrades: adminUpgrades,
    requestMsMax: adminRequestMsMax,
    log,
  }
}

function openTables({ routes, adminRoutes, adminUpgrades, log }: ControlServerInit): Tables {
  const refuse: Route = () => {
    throw new Problem(403, 'admin-only', 'only root may do this: use admin.sock')
  }
  const refused = [...replies(adminRoutes, refuse), ...replies(adminUpgrades, refuse)]
  return {
    routes: new Map([...refused, ...routes()]),
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

async function open(
  tables: Tables,
  place: Pick<Parameters<typeof listenAt>[0], 'folder' | 'name' | 'mode' | 'log'>,
  folderGroup: number | null = null,
): Promise<Listener> {
  const servers = new Set<Server>()
  const upgraded = new Set<Duplex>()
  const createOne = (): Server => {
    const server = createHttpServer(tables, upgraded)
    servers.add(server)
    // What is left of it after its last connection is a timer, which only this ends.
    server.once('close', () => {
      servers.delete(server)
      server.close()
    })
    return server
  }
  const listener = await listenAt({ ...place, group: folderGroup, createServer: createOne })
  return {
    async close() {
      await listener.close()
      for (const server of servers) server.closeAllConnections()
      for (const socket of upgraded) socket.destroy()
    },
  }
}

function createHttpServer(tables: Tables, upgraded: Set<Duplex>): Server {
  const server = createServer(
    {
      headersTimeout: controlHeadMsMax,
      requestTimeout: tables.requestMsMax,
      connectionsCheckingInterval: controlTimesCheckMs,
      shouldUpgradeCallback: (request) =>
        request.headers.upgrade === upgradeName && tables.upgrades.size > 0,
    },
    handler(tables),
  )
  server.on('upgrade', (request, socket, early) => {
    keepStream(socket)
    upgraded.add(socket)
    socket.on('close', () => upgraded.delete(socket))
    takeOver(tables, request, socket, early)
  })
  boundConnections(server, controlConnectionsMax)
  return server
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
      `HTTP/1.1 ${problem.status} ${statusTexts[problem.status]}`,
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
  if (error instanceof CoveyError) return Problem.of(error, 500)
  return new Problem(500, 'internal', 'the agent failed to answer; its log says why')
}
