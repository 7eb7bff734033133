import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Status } from '../../protocol/api/status.ts'
import { envelopeBytesMax } from '../../protocol/limits.ts'
import type { PlannedStep } from '../../reconcilers/loop/index.ts'
import { watcherBytesMax, watchersMax } from '../limits.ts'
import type { Shell } from '../shell.ts'
import { keepStream } from './connections.ts'
import { metricsText } from './metrics.ts'
import { Problem } from './problem.ts'
import type { Route } from './router.ts'
import { sendJson } from './send.ts'
import { readBody } from './streams/read-body.ts'

/** Dependencies of the control API. */
export interface ControlInit {
  readonly shell: Shell
  /** Steps that a round would take now. */
  readonly plan: () => Promise<readonly PlannedStep[]>
}

/**
 * Routes by method and path, for one socket: its watchers are bounded by themselves.
 * docs/API.md lists them.
 */
export function controlRoutes(init: ControlInit): ReadonlyMap<string, Route> {
  const { shell } = init
  const watchers = new Set<ServerResponse>()
  return new Map<string, Route>([
    ['GET /v1/status', (_request, response) => sendStatus(shell, response)],
    ['GET /v1/config', (_request, response) => sendConfig(shell, response)],
    ['POST /v1/config', (request, response, url) => takeConfig(shell, request, response, url)],
    [
      'GET /v1/plan',
      async (_request, response) => {
        const steps = await init.plan().catch((error) => {
          throw new Problem(
            500,
            'plan-failed',
            error instanceof Error ? error.message : String(error),
          )
        })
        sendJson(response, 200, { steps })
      },
    ],
    ['GET /v1/events', (request, response) => sendEvents(shell, watchers, request, response)],
    [
      'GET /metrics',
      (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' })
        response.end(metricsText(shell.status(), shell.traffic(), process.memoryUsage.rss()))
      },
    ],
  ])
}

function sendStatus(shell: Shell, response: ServerResponse): void {
  const status: Status = shell.status()
  sendJson(response, 200, status)
}

function sendConfig(shell: Shell, response: ServerResponse): void {
  const envelope = shell.head()
  if (envelope === null) throw new Problem(404, 'no-config', 'this host holds no config yet')
  response.writeHead(200, { 'content-type': 'application/jose+json' })
  response.end(envelope)
}

async function takeConfig(
  shell: Shell,
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
): Promise<void> {
  const text = await readEnvelope(request, shell)
  const verdict = await shell.inject(text, {
    allowGap: url.searchParams.get('allow_gap') === '1',
    allowIsolation: url.searchParams.get('allow_isolation') === '1',
  })
  const holds = ['accepted', 'already-head', 'fork-won'].includes(verdict.code)
  if (holds) return sendJson(response, 200, verdict)
  const later = ['disk-full', 'storage', 'busy'].includes(verdict.code)
  const status = later ? 503 : verdict.verdict === 'refused' ? 422 : 409
  throw new Problem(status, verdict.code, verdict.message, { ...verdict })
}

async function readEnvelope(request: IncomingMessage, shell: Shell): Promise<string> {
  const body = await readBody(request, envelopeBytesMax)
  if (body !== null) return body.toString('utf8')
  const { head } = shell.status()
  const detail = `the document is larger than ${envelopeBytesMax} bytes`
  throw new Problem(413, 'payload-too-large', detail, {
    verdict: 'refused',
    message: detail,
    head,
  })
}

/**
 * Server-sent events: the status first, then what happens. A watcher that reads too slowly is let
 * go.
 */
function sendEvents(
  shell: Shell,
  watchers: Set<ServerResponse>,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  if (watchers.size >= watchersMax) {
    throw new Problem(503, 'too-many-watchers', 'too many clients already watch the events')
  }
  const unwatch = shell.events.watch((event) => {
    response.write(`event: ${event.event}\ndata: ${JSON.stringify(event)}\n\n`)
    if (response.writableLength > watcherBytesMax) response.destroy()
  })
  watchers.add(response)
  keepStream(request.socket)
  response.on('close', () => {
    watchers.delete(response)
    unwatch()
  })
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
  response.write(`event: status\ndata: ${JSON.stringify(shell.status())}\n\n`)
}
