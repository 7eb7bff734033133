import type { Stats } from '../../../machine/containers/stats/read-stats.ts'
import type { Route } from '../router.ts'
import { sendJson } from '../send.ts'

/** `GET /v1/stats`: what the running containers have used so far. */
export function statsRoute(stats: Stats): Route {
  return (_request, response) => sendJson(response, 200, stats.sample())
}
