import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { Problem } from './problem.ts'

/** Name of the protocol that a connection is upgraded to. */
export const upgradeName: string = 'covey-stream'

/** Parts of a path that a route leaves open, by their names; percent-decoded. */
export type PathParts = Readonly<Record<string, string>>

/** Answers one request, or throws a `Problem`. */
export type Route = (
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  parts: PathParts,
) => Promise<void> | void

/**
 * Takes a connection over after `Upgrade: covey-stream` (RFC 9110, section 7.8), or throws a
 * `Problem` before it has written anything. `early` is what the client sent ahead.
 */
export type UpgradeRoute = (
  request: IncomingMessage,
  socket: Duplex,
  early: Buffer,
  parts: PathParts,
) => Promise<void> | void

/**
 * Finds what answers a request in a table whose keys read `GET /v1/containers/{name}/logs`. Throws
 * `Problem`: `bad-url`, `method` (405) where only other methods are known, `not-found`.
 */
export function findRoute<T>(
  routes: ReadonlyMap<string, T>,
  method: string | undefined,
  target: string | undefined,
): { readonly route: T; readonly url: URL; readonly parts: PathParts } {
  const url = URL.parse(`http://covey${target}`)
  if (url === null) throw new Problem(400, 'bad-url', 'the path of the request cannot be read')
  const exact = routes.get(`${method} ${url.pathname}`)
  if (exact !== undefined) return { route: exact, url, parts: {} }
  let known = false
  for (const [key, route] of routes) {
    const [verb, pattern = ''] = key.split(' ')
    const parts = partsOf(pattern, url.pathname)
    if (parts === null) continue
    if (verb === method) return { route, url, parts }
    known = true
  }
  if (known) throw new Problem(405, 'method', `${method} is not for ${url.pathname}`)
  throw new Problem(404, 'not-found', `there is nothing at ${url.pathname}`)
}

function partsOf(pattern: string, pathname: string): PathParts | null {
  const wanted = pattern.split('/')
  const given = pathname.split('/')
  if (wanted.length !== given.length) return null
  const parts: Record<string, string> = {}
  for (const [index, want] of wanted.entries()) {
    const got = given[index] ?? ''
    const name = /^\{(\w+)\}$/.exec(want)?.[1]
    if (name === undefined) {
      if (want !== got) return null
      continue
    }
    const text = decoded(got)
    if (text === null || text === '') return null
    parts[name] = text
  }
  return parts
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text)
  } catch {
    return null
  }
}
