import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Route } from '../../../agent/control/router.ts'
import { type ControlServer, openControl } from '../../../agent/control/server.ts'
import { quietLog } from '../../machine/containers/quiet-log.ts'
import { afterwards } from '../../temporary.ts'

/** The answer to a request: its status, or the code of the error. */
export type Answer = number | string

/** Asks once over a connection of its own. */
export function ask(socketPath: string, path: string = '/v1/hello'): Promise<Answer> {
  return new Promise((resolve) => {
    const outgoing = request({ socketPath, path, agent: false }, (response) => {
      response.resume()
      response.on('end', () => resolve(response.statusCode ?? 0))
      response.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''))
    })
    outgoing.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''))
    outgoing.end()
  })
}

/** Opens a connection and says `text`; resolves once it stands. */
export async function holdOpen(t: TestContext, path: string, text: string = ''): Promise<Socket> {
  const socket = connect(path)
  socket.on('error', () => undefined)
  afterwards(t, async () => void socket.destroy())
  await new Promise((resolve) => socket.once('connect', resolve))
  if (text !== '') socket.write(text)
  return socket
}

/** The sockets of an agent in `folder/run`, with `GET /v1/hello` and further routes. */
export async function serverIn(
  t: TestContext,
  folder: string,
  routes: ReadonlyMap<string, Route> = new Map(),
): Promise<ControlServer & { readonly covey: string; readonly admin: string }> {
  const runDir = join(folder, 'run')
  const hello: Route = (_request, response) => void response.end('hello\n')
  const server = await openControl({
    runDir,
    routes: () => new Map([['GET /v1/hello', hello], ...routes]),
    adminRoutes: new Map(),
    adminUpgrades: new Map(),
    log: quietLog as never,
  })
  afterwards(t, () => server.close())
  return {
    covey: join(runDir, 'covey.sock'),
    admin: join(runDir, 'admin.sock'),
    close: () => server.close(),
  }
}
