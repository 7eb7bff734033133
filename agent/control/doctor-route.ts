import { type DoctorInit, examine } from '../doctor/doctor.ts'
import type { Route } from './router.ts'
import { sendJson } from './send.ts'

/** `GET /v1/doctor`: what around covey on this host may keep it from working. */
export function doctorRoute(init: DoctorInit): Route {
  return async (_request, response) => {
    sendJson(response, 200, { host: init.host, checks: await examine(init) })
  }
}
