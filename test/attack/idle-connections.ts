import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Route } from '../../agent/control/router.ts'
import { openControl } from '../../agent/control/server.ts'
import { quietLog } from '../machine/containers/quiet-log.ts'
import type { Attack, AttackEnd } from './attack.ts'

const connections = 300
const asks = 20

/** The attacker's first bytes on each connection: nothing, half a head, a body that never comes. */
const openings = [
  '',
  'GET /v1/status HTTP/1.1\r\nhost: ',
  'POST /v1/config HTTP/1.1\r\nhost: covey\r\ncontent-length: 1000\r\n\r\n{',
]

function hold(path: string, text: string): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = connect(path)
    const done = (): void => resolve(socket)
    socket.on('error', done)
    socket.once('connect', () => socket.write(text, done))
    if (text === '') socket.once('connect', done)
  })
}

function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request({ socketPath, path: '/v1/status', agent: false }, (response) => {
      response.resume()
      response.on('end', () => resolve(response.statusCode === 200))
    })
    asked.on('error', () => resolve(false))
    asked.end()
  })
}

async function run(): Promise<AttackEnd> {
  const runDir = mkdtempSync(join(tmpdir(), 'covey-attack-idle-'))
  const status: Route = (_request, response) => void response.end('{}')
  const take: Route = async (incoming, response) => {
    for await (const _ of incoming);
    response.end('{}')
  }
  const table = new Map([
    ['GET /v1/status', status],
    ['POST /v1/config', take],
  ])
  const control = await openControl({
    runDir,
    routes: () => table,
    adminRoutes: new Map(),
    adminUpgrades: new Map(),
    log: quietLog as never,
  })
  const held: Socket[] = []
  let refused = 0
  try {
    for (const text of openings) {
      for (let index = 0; index < connections; index++) {
        held.push(await hold(join(runDir, 'covey.sock'), text))
      }
      for (let index = 0; index < asks; index++) {
        for (const name of ['covey.sock', 'admin.sock']) {
          if (!(await answers(join(runDir, name)))) refused++
        }
      }
    }
    const asked = openings.length * asks * 2
    const seen = `${held.length} connections held, ${refused} of ${asked} others were not answered`
    return { held: refused === 0, seen }
  } finally {
    for (const socket of held) socket.destroy()
    await control.close()
    rmSync(runDir, { recursive: true, force: true })
  }
}

/** A user of the group holds connections of covey.sock (THREATS.md, local users). */
export const idleConnections: Attack = {
  name: 'idle-connections',
  from: 'a user of the group covey',
  wants: 'covey.sock closed to everybody else',
  run,
}
