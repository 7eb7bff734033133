import { chmod, chown, mkdir, readFile, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { CoveyError } from '../../protocol/fault.ts'
import { controlConnectionsMax, controlRequestMsMax } from '../limits.ts'
import { Problem } from './problem.ts'
import type { Route } from './routes.ts'

/** The two sockets of an agent. */
export interface ControlServer {
  close(): void
}

/** What the sockets are made from. */
export interface ControlServerInit {
  readonly runDir: string
  /** Reading and injecting: group `covey` where that group exists, else root. */
  readonly routes: ReadonlyMap<string, Route>
  /** What is root's alone. */
  readonly adminRoutes: ReadonlyMap<string, Route>
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
  const { runDir, log } = init
  const group = await groupId('covey')
  // Node makes a socket with the mode that the umask leaves, so nobody can connect before a chmod.
  process.umask(0o027)
  await mkdir(runDir, { recursive: true, mode: 0o750 })
  await chmod(runDir, 0o750)
  if (group !== null) await chown(runDir, 0, group)
  process.umask(0o177)
  const admin = await listen(join(runDir, 'admin.sock'), handler(init.adminRoutes, log))
  const servers = [admin]
  try {
    process.umask(0o117)
    const path = join(runDir, 'covey.sock')
    servers.push(await listen(path, handler(init.routes, log)))
    if (group !== null) await chown(path, 0, group)
  } catch (error) {
    admin.close()
    throw error
  } finally {
    process.umask(0o077)
  }
  return {
    close() {
      for (const server of servers) {
        server.close()
        server.closeAllConnections()
      }
    },
  }
}

async function groupId(name: string): Promise<number | null> {
  const text = await readFile('/etc/group', 'utf8').catch(() => '')
  const line = text.split('\n').find((one) => one.startsWith(`${name}:`))
  const id = Number(line?.split(':')[2])
  return line !== undefined && Number.isInteger(id) ? id : null
}

async function listen(
  path: string,
  handle: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Server> {
  if (Buffer.byteLength(path) > socketPathBytesMax) {
    throw new CoveyError('run-dir', `${path} is too long for a socket`, {
      hint: `choose a --run-dir so that it has at most ${socketPathBytesMax} bytes`,
    })
  }
  await rm(path, { force: true })
  const server = createServer({ requestTimeout: controlRequestMsMax }, handle)
  server.maxConnections = controlConnectionsMax
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, resolve)
  })
  return server
}

function handler(
  routes: ReadonlyMap<string, Route>,
  log: Logger,
): (request: IncomingMessage, response: ServerResponse) => void {
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
  const url = URL.parse(`http://covey${request.url}`)
  if (url === null) throw new Problem(400, 'bad-url', 'the path of the request cannot be read')
  const route = routes.get(`${request.method} ${url.pathname}`)
  if (route !== undefined) return await route(request, response, url)
  const known = [...routes.keys()].some((key) => key.endsWith(` ${url.pathname}`))
  if (known) throw new Problem(405, 'method', `${request.method} is not for ${url.pathname}`)
  throw new Problem(404, 'not-found', `there is nothing at ${url.pathname}`)
}

function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error
  return new Problem(500, 'internal', 'the agent failed to answer; its log says why')
}
