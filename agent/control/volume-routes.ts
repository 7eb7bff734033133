import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Volumes } from '../../machine/volumes/volumes.ts'
import { CoveyError } from '../../protocol/fault.ts'
import { Problem } from './problem.ts'
import type { PathParts, Route } from './router.ts'
import { sendJson } from './send.ts'
import { sendPacked } from './send-stream.ts'

/** Routes of `admin.sock` about volumes: their content is root's alone. */
export function volumeAdminRoutes(volumes: Volumes): ReadonlyMap<string, Route> {
  return new Map<string, Route>([
    [
      'GET /v1/volumes',
      async (_request, response) => sendJson(response, 200, { volumes: await volumes.list() }),
    ],
    [
      'GET /v1/volumes/{name}/archive',
      (_request, response, url, parts) => backup(volumes, response, url, parts),
    ],
    [
      'POST /v1/volumes/{name}/restore',
      (request, response, url, parts) => restore(volumes, request, response, url, parts),
    ],
  ])
}

function refused(error: unknown): never {
  if (!(error instanceof CoveyError)) throw error
  const members = error.hint === undefined ? {} : { hint: error.hint }
  const status = error.code === 'no-such-volume' ? 404 : 409
  throw new Problem(status, error.code, error.message, members)
}

async function backup(
  volumes: Volumes,
  response: ServerResponse,
  url: URL,
  { name = '' }: PathParts,
): Promise<void> {
  const isLive = url.searchParams.get('live') === '1'
  const archive = await volumes.backup(name, isLive).catch(refused)
  try {
    await sendPacked(response, 'application/zstd', archive)
  } finally {
    archive.close()
  }
}

async function restore(
  volumes: Volumes,
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  { name = '' }: PathParts,
): Promise<void> {
  const sha256 = url.searchParams.get('sha256') ?? ''
  if (!/^[0-9a-f]{64}$/.test(sha256)) {
    throw new Problem(400, 'bad-query', 'sha256 must be the checksum of the archive')
  }
  const replace = url.searchParams.get('replace') === '1'
  // Whoever stops reading early must not cut the sender off: it would hear no answer.
  const archive: AsyncIterable<Uint8Array> = request.iterator({ destroyOnReturn: false })
  try {
    const restored = await volumes.restore(name, archive, { replace, sha256 }).catch(refused)
    sendJson(response, 200, { volume: name, ...restored })
  } finally {
    request.resume()
  }
}
