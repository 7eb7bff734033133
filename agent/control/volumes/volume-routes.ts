import type { IncomingMessage, ServerResponse } from 'node:http'
import { packedChunks } from '../../../machine/volumes/archive.ts'
import type { Volumes } from '../../../machine/volumes/volumes.ts'
import { CoveyError } from '../../../protocol/fault.ts'
import { keepStream } from '../connections.ts'
import type { PathParts, Route } from '../router.ts'
import { sendJson } from '../send.ts'
import { failedEvent, feedTo } from '../streams/feed.ts'
import { goneSignal } from '../streams/gone.ts'
import { sendPacked } from '../streams/send-packed.ts'
import { incomingRoutes } from './incoming-routes.ts'
import { spoolRoutes } from './spool-routes.ts'
import { bodyOf, checksumIn, refused, usersIn } from './volume-queries.ts'

/** Routes of `admin.sock` about volumes: their content is root's alone. */
export function volumeAdminRoutes(volumes: Volumes): ReadonlyMap<string, Route> {
  return new Map<string, Route>([
    [
      'GET /v1/volumes',
      async (_request, response) => sendJson(response, 200, { volumes: await volumes.list() }),
    ],
    [
      'GET /v1/volumes/{name}/archive',
      (_request, response, url, parts) => stream(volumes, response, url, parts),
    ],
    [
      'POST /v1/volumes/{name}/archives',
      (_request, response, url, parts) => keep(volumes, response, url, parts),
    ],
    [
      'DELETE /v1/volumes/{name}',
      async (_request, response, _url, { name = '' }) => {
        await volumes.remove(name).catch(refused)
        sendJson(response, 200, {})
      },
    ],
    ...spoolRoutes(volumes.spool),
    ...incomingRoutes(volumes.incoming),
    [
      'POST /v1/volumes/{name}/restore',
      (request, response, url, parts) => restore(volumes, request, response, url, parts),
    ],
  ])
}

/** The archive itself, as it is made. */
async function stream(
  volumes: Volumes,
  response: ServerResponse,
  url: URL,
  { name = '' }: PathParts,
): Promise<void> {
  const signal = goneSignal(response)
  const order = { users: usersIn(url), signal }
  await volumes
    .save(name, order, (archive) => sendPacked(response, archive, signal))
    .catch((error: unknown) => {
      if (response.headersSent) throw error
      return refused(error)
    })
}

/** Makes an archive that stays on the host for a while; events tell how far it is. */
async function keep(
  volumes: Volumes,
  response: ServerResponse,
  url: URL,
  { name = '' }: PathParts,
): Promise<void> {
  const users = usersIn(url)
  const feed = feedTo(response)
  if (response.socket !== null) keepStream(response.socket)
  let bytes = 0
  feed.follow(() => ({ event: 'progress', bytes }))
  try {
    const kept = await volumes.save(name, { users, signal: feed.signal }, (archive) => {
      const chunks = packedChunks(archive, feed.signal)
      return volumes.spool.keep(name, chunks, (count) => {
        bytes = count
      })
    })
    feed.end({ event: 'done', ...kept })
  } catch (error) {
    feed.end(failedEvent(error))
  }
}

async function restore(
  volumes: Volumes,
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  { name = '' }: PathParts,
): Promise<void> {
  const sha256 = checksumIn(url.searchParams.get('sha256'))
  const [replace, stop, isUploaded] = ['replace', 'stop', 'uploaded'].map(
    (each) => url.searchParams.get(each) === '1',
  )
  const order = { replace: replace === true, stop: stop === true, sha256 }
  const signal = goneSignal(response)
  try {
    const archive = isUploaded === true ? volumes.spool.uploaded(name, sha256) : bodyOf(request)
    const restored = await volumes.restore(name, archive, { ...order, signal })
    volumes.spool.removeUpload(name, sha256)
    sendJson(response, 200, { volume: name, ...restored })
  } catch (error) {
    // What is not what was announced is of no use to anybody.
    const isBroken = error instanceof CoveyError && /^volume-(checksum|archive)$/.test(error.code)
    if (isBroken) volumes.spool.removeUpload(name, sha256)
    if (response.destroyed) return
    refused(error)
  } finally {
    request.resume()
  }
}
