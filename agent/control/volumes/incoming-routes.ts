import type { Incoming } from '../../../machine/volumes/incoming.ts'
import { isName } from '../../../protocol/names.ts'
import { Problem } from '../problem.ts'
import type { PathParts, Route } from '../router.ts'
import { sendJson } from '../send.ts'
import { goneSignal } from '../streams/gone.ts'
import { bodyOf, checksumIn, refused } from './volume-queries.ts'

/** Routes of volumes that come from another host. */
export function incomingRoutes(incoming: Incoming): readonly (readonly [string, Route])[] {
  return [
    [
      'GET /v1/volumes/{name}/incoming',
      async (_request, response, _url, parts) => {
        const name = nameIn(parts)
        const found = incoming.look(name)
        if (found !== null) return sendJson(response, 200, found)
        throw new Problem(404, 'no-such-move', `this host does not wait for a volume ${name}`)
      },
    ],
    [
      'POST /v1/volumes/{name}/incoming',
      async (_request, response, url, parts) => {
        const from = url.searchParams.get('from') ?? ''
        if (!isName(from)) throw new Problem(400, 'bad-query', 'from must be the name of a host')
        const replace = url.searchParams.get('replace') === '1'
        const order = { id: idIn(url), from, replace }
        await incoming.begin(nameIn(parts), order).catch(refused)
        sendJson(response, 200, {})
      },
    ],
    [
      'POST /v1/volumes/{name}/incoming/content',
      async (request, response, url, parts) => {
        const signal = goneSignal(response)
        const name = nameIn(parts)
        try {
          const taken = await incoming.receive(name, idIn(url), bodyOf(request), signal)
          sendJson(response, 200, { volume: name, ...taken })
        } catch (error) {
          if (!response.destroyed) refused(error)
        } finally {
          request.resume()
        }
      },
    ],
    [
      'POST /v1/volumes/{name}/incoming/finish',
      async (_request, response, url, parts) => {
        const sha256 = checksumIn(url.searchParams.get('sha256'))
        await incoming.finish(nameIn(parts), idIn(url), sha256).catch(refused)
        sendJson(response, 200, {})
      },
    ],
    [
      'DELETE /v1/volumes/{name}/incoming',
      async (_request, response, _url, parts) => {
        await incoming.abort(nameIn(parts)).catch(refused)
        sendJson(response, 200, {})
      },
    ],
  ]
}

function nameIn({ name = '' }: PathParts): string {
  if (isName(name)) return name
  throw new Problem(404, 'no-such-volume', `${name} is not the name of a volume`)
}

function idIn(url: URL): string {
  const id = url.searchParams.get('id') ?? ''
  if (/^[0-9a-f]{32}$/.test(id)) return id
  throw new Problem(400, 'bad-query', 'id must be 32 hexadecimal digits')
}
