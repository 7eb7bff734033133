import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

interface Use {
  /** The request whose answer is not sent yet; null before the first, and between two. */
  request: IncomingMessage | null
  /** Counts up over all connections, so that the oldest can be told. */
  since: number
}

/** Connections that stay open for as long as the client likes; their routes bound their number. */
const streams = new WeakSet<Duplex>()

/** Says that a connection is a stream: it is never closed in favour of another. */
export function keepStream(connection: Duplex): void {
  streams.add(connection)
}

/**
 * Keeps at most `connectionsMax` connections of a server. One more takes the place of another one,
 * so that nobody can close a socket to others by holding connections: of the oldest that is idle,
 * or else of the oldest whose request has not arrived whole, or else of the oldest whose answer has
 * not been taken. Streams are not given up; if there is nothing else, the new one is closed.
 */
export function boundConnections(server: Server, connectionsMax: number): void {
  const uses = new Map<Duplex, Use>()
  let clock = 0
  server.on('connection', (connection) => {
    if (uses.size >= connectionsMax) {
      const last = oldest(uses)
      if (last === null) {
        connection.destroy()
        return
      }
      // Its place is free at once, and not only when its end is told.
      uses.delete(last)
      last.destroy()
    }
    uses.set(connection, { request: null, since: clock++ })
    connection.once('close', () => uses.delete(connection))
  })
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const use = uses.get(request.socket)
    if (use === undefined) return
    use.request = request
    use.since = clock++
    response.once('finish', () => {
      if (use.request === request) use.request = null
      use.since = clock++
    })
  })
}

/** Worth of a connection; the lowest is closed first. */
function worth({ request }: Use): number {
  if (request === null) return 0
  return request.complete ? 2 : 1
}

function oldest(uses: ReadonlyMap<Duplex, Use>): Duplex | null {
  const candidates = [...uses].filter(([connection]) => !streams.has(connection))
  candidates.sort(([, a], [, b]) => worth(a) - worth(b) || a.since - b.since)
  return candidates[0]?.[0] ?? null
}
