import type { IncomingMessage, ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import type { Spool } from '../../../machine/volumes/spool.ts'
import { isName } from '../../../protocol/names.ts'
import { keepStream } from '../connections.ts'
import { Problem } from '../problem.ts'
import type { PathParts, Route } from '../router.ts'
import { sendJson } from '../send.ts'
import { bodyOf, checksumIn, offsetIn, refused } from './volume-queries.ts'

/** Routes of archives that are on their way, by volume and checksum. */
export function spoolRoutes(spool: Spool): readonly (readonly [string, Route])[] {
  return [
    [
      'GET /v1/volumes/{name}/archives/{sha256}',
      (_request, response, url, parts) => read(spool, response, url, parts),
    ],
    [
      'DELETE /v1/volumes/{name}/archives/{sha256}',
      async (_request, response, _url, parts) => {
        const { name, sha256 } = placeIn(parts)
        spool.remove(name, sha256)
        sendJson(response, 200, {})
      },
    ],
    [
      'GET /v1/volumes/{name}/uploads/{sha256}',
      async (_request, response, _url, parts) => {
        const { name, sha256 } = placeIn(parts)
        sendJson(response, 200, { bytes: spool.received(name, sha256) })
      },
    ],
    [
      'POST /v1/volumes/{name}/uploads/{sha256}',
      (request, response, url, parts) => receive(spool, request, response, url, parts),
    ],
  ]
}

/** Both become parts of a path. */
function placeIn({ name = '', sha256 }: PathParts): {
  readonly name: string
  readonly sha256: string
} {
  if (!isName(name)) throw new Problem(404, 'no-such-volume', `${name} is not the name of a volume`)
  return { name, sha256: checksumIn(sha256) }
}

async function read(
  spool: Spool,
  response: ServerResponse,
  url: URL,
  parts: PathParts,
): Promise<void> {
  const { name, sha256 } = placeIn(parts)
  const { bytes, chunks } = await spool.read(name, sha256, offsetIn(url)).catch(refused)
  if (response.socket !== null) keepStream(response.socket)
  response.writeHead(200, {
    ...{ 'content-type': 'application/zstd', 'cache-control': 'no-store' },
    'content-length': String(bytes),
  })
  await pipeline(chunks, response)
}

async function receive(
  spool: Spool,
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  parts: PathParts,
): Promise<void> {
  const { name, sha256 } = placeIn(parts)
  try {
    const bytes = await spool.receive(name, sha256, offsetIn(url), bodyOf(request))
    sendJson(response, 200, { bytes })
  } catch (error) {
    if (!response.destroyed) refused(error)
  } finally {
    request.resume()
  }
}
