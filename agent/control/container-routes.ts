import { readdir } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { copiesMax } from '../../machine/containers/copy/limits.ts'
import type { Copies } from '../../machine/containers/copy/serve.ts'
import { createExecChannel, type ExecChannel } from '../../machine/containers/exec/channel.ts'
import { execsMax } from '../../machine/containers/exec/limits.ts'
import type { PlaceFor } from '../../machine/containers/exec/serve.ts'
import type { ExecSessions } from '../../machine/containers/exec/sessions.ts'
import type { ExecPlace } from '../../machine/containers/exec/start.ts'
import { logReadersMax } from '../../machine/containers/logs/limits.ts'
import { logFolder, logsFolder } from '../../machine/containers/logs/places.ts'
import { type LogQuery, readLog } from '../../machine/containers/logs/read.ts'
import type { ContainerRow } from '../../protocol/api/containers.ts'
import { isName } from '../../protocol/names.ts'
import { namesShownMax } from '../limits.ts'
import { keepStream } from './connections.ts'
import type { ContainerDirectory } from './container-view.ts'
import type { OneOffs } from './one-offs/one-offs.ts'
import { Problem } from './problem.ts'
import { type PathParts, type Route, type UpgradeRoute, upgradeName } from './router.ts'
import { sendJson } from './send.ts'

/** Dependencies of the routes of containers. */
export interface ContainerRoutesInit {
  readonly stateDir: string
  readonly directory: ContainerDirectory
  readonly execs: ExecSessions
  readonly copies: Copies
  readonly oneOffs: OneOffs
}

/**
 * Routes about containers, for one socket, which has its own limit on readers of logs.
 */
export function containerRoutes(init: ContainerRoutesInit): ReadonlyMap<string, Route> {
  const readers = new Set<AbortController>()
  return new Map<string, Route>([
    [
      'GET /v1/containers',
      async (_request, response) => sendJson(response, 200, await init.directory.rows()),
    ],
    [
      'GET /v1/containers/{name}/logs',
      (request, response, url, parts) => {
        return sendLog(init, readers, request, response, url, parts)
      },
    ],
  ])
}

/** Upgrade routes that run commands in containers, for `admin.sock`; see docs/API.md. */
export function containerUpgrades(init: ContainerRoutesInit): ReadonlyMap<string, UpgradeRoute> {
  return new Map<string, UpgradeRoute>([
    [
      'POST /v1/containers/{name}/exec',
      (_request, socket, early, parts) => exec(init, socket, early, parts),
    ],
    [
      'POST /v1/containers/{name}/run',
      (_request, socket, early, parts) => run(init, socket, early, parts),
    ],
    [
      'POST /v1/containers/{name}/copy',
      (_request, socket, early, parts) => copy(init, socket, early, parts),
    ],
  ])
}

async function sendLog(
  { stateDir, directory }: ContainerRoutesInit,
  readers: Set<AbortController>,
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  { name = '' }: PathParts,
): Promise<void> {
  const query = queryOf(url)
  await expectLog(stateDir, directory, name)
  if (readers.size >= logReadersMax) {
    throw new Problem(503, 'too-many-readers', `${logReadersMax} clients already read logs`)
  }
  const reading = new AbortController()
  readers.add(reading)
  keepStream(request.socket)
  response.on('close', () => reading.abort())
  try {
    response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' })
    // A follower may wait long for the first line; it should not wait for the head.
    response.flushHeaders()
    const sink = async (records: Uint8Array): Promise<void> => {
      if (!response.write(records)) await drained(response, reading.signal)
    }
    await readLog(logFolder(stateDir, name), query, sink, reading.signal)
    response.end()
  } finally {
    readers.delete(reading)
  }
}

function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      response.off('drain', end)
      signal.removeEventListener('abort', end)
      resolve()
    }
    if (signal.aborted) return resolve()
    response.once('drain', end)
    signal.addEventListener('abort', end)
  })
}

function queryOf(url: URL): LogQuery {
  const [since, tail] = ['since', 'tail'].map((name) => url.searchParams.get(name))
  const sinceMs = since == null ? null : Date.parse(since)
  if (Number.isNaN(sinceMs)) {
    throw new Problem(400, 'bad-query', 'since must be a time such as 2026-01-31T12:00:00Z')
  }
  if (tail != null && !/^\d{1,9}$/.test(tail)) {
    throw new Problem(400, 'bad-query', 'tail must be a number of lines')
  }
  const follow = url.searchParams.get('follow') === '1'
  return { sinceMs, tail: tail == null ? null : Number(tail), follow }
}

/** Names that have a container, or had one whose log is still there. */
async function expectLog(
  stateDir: string,
  directory: ContainerDirectory,
  name: string,
): Promise<void> {
  const rows = (await directory.rows()).map((row) => row.name)
  const kept = (await readdir(logsFolder(stateDir)).catch(() => [])).filter(isName)
  if (rows.includes(name) || kept.includes(name)) return
  throw unknownContainer(name, [...new Set([...rows, ...kept])].sort())
}

/** The row of a container. Throws `no-such-container` (404). */
export async function expectRow(
  directory: ContainerDirectory,
  name: string,
): Promise<ContainerRow> {
  const rows = await directory.rows()
  const row = rows.find((one) => one.name === name)
  if (row !== undefined) return row
  const known = rows.map((one) => one.name)
  throw unknownContainer(name, known)
}

/** `no-such-container`, with some of the names that there are. */
function unknownContainer(name: string, known: readonly string[]): Problem {
  const detail = `this host has no container ${JSON.stringify(name)}`
  const more = known.length > namesShownMax ? ` and ${known.length - namesShownMax} more` : ''
  const shown = `it has: ${known.slice(0, namesShownMax).join(', ')}${more}`
  const hint = known.length === 0 ? 'it has none' : shown
  return new Problem(404, 'no-such-container', detail, { hint })
}

async function exec(
  { directory, execs }: ContainerRoutesInit,
  socket: Duplex,
  early: Buffer,
  { name = '' }: PathParts,
): Promise<void> {
  const place = await runningPlace(directory, name)
  await runIn(execs, name, place, () => takeOver(socket, early))
}

async function run(
  { directory, execs, oneOffs }: ContainerRoutesInit,
  socket: Duplex,
  early: Buffer,
  { name = '' }: PathParts,
): Promise<void> {
  await expectRow(directory, name)
  const oneOff = oneOffs.reserve(name)
  if (oneOff === null) {
    const message = 'too many commands have containers of their own'
    throw new Problem(503, 'too-many-runs', message, { hint: untilOneEnds })
  }
  try {
    await runIn(execs, name, oneOff.place, () => takeOver(socket, early))
  } finally {
    await oneOff.end()
  }
}

/** Serves the command of one client. Throws `too-many-execs`. */
async function runIn(
  execs: ExecSessions,
  name: string,
  place: ExecPlace | PlaceFor,
  connect: () => ExecChannel,
): Promise<void> {
  const release = execs.reserve()
  if (release === null) {
    const message = `${execsMax} commands are already running`
    throw new Problem(503, 'too-many-execs', message, { hint: untilOneEnds })
  }
  try {
    await execs.serve(connect(), name, place)
  } finally {
    release()
  }
}

const untilOneEnds = 'wait until one of them ends'

async function copy(
  { directory, copies }: ContainerRoutesInit,
  socket: Duplex,
  early: Buffer,
  { name = '' }: PathParts,
): Promise<void> {
  const place = await runningPlace(directory, name)
  const release = copies.reserve()
  if (release === null) {
    const message = `${copiesMax} copies are already under way`
    throw new Problem(503, 'too-many-copies', message, { hint: untilOneEnds })
  }
  try {
    await copies.serve(takeOver(socket, early), name, place)
  } finally {
    release()
  }
}

/** The running container of an object. Throws `no-such-container`, `not-running`. */
async function runningPlace(directory: ContainerDirectory, name: string): Promise<ExecPlace> {
  const { state } = await expectRow(directory, name)
  const place = await directory.running(name)
  if (place !== null) return place
  const hint = 'covey status says why; covey logs shows what it wrote'
  throw new Problem(409, 'not-running', `${name} is not running (${state})`, { hint })
}

/** From here on the connection speaks frames. */
function takeOver(socket: Duplex, early: Buffer): ExecChannel {
  const head = [
    'HTTP/1.1 101 Switching Protocols',
    `upgrade: ${upgradeName}`,
    'connection: upgrade',
  ]
  socket.write(`${head.join('\r\n')}\r\n\r\n`)
  return createExecChannel(socket, early)
}
