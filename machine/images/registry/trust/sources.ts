import type { Logger } from 'pino'
import type { Clock } from '../../../../reconcilers/host-ports.ts'
import type { Session } from '../auth/session.ts'
import { attemptsMax, mirrorAttemptsMax, mirrorRestMs } from '../limits.ts'
import { RegistryError } from '../transport/errors.ts'

/** One place to get an image from. */
export interface Source {
  readonly session: Session
  /** Attempts of one request. */
  readonly attemptsMax: number
  /** True if it is a mirror, with the registry itself to follow. */
  readonly isMirror: boolean
}

/** Mirrors that failed are left out for a while; what they hold is never trusted anyway. */
export interface Sources {
  /** Mirrors that are not left out, then the registry itself. */
  of(sessions: readonly Session[]): readonly Source[]
  /** Notes that a mirror gave nothing, or something wrong. One that only lacks a thing stays. */
  giveUp(source: Source, error: RegistryError): void
}

/** Makes the memory of mirrors. */
export function createSources(clock: Clock, log: Pick<Logger, 'info'>): Sources {
  const restingUntilMs = new Map<string, number>()
  return {
    of(sessions) {
      const own = sessions.length - 1
      return sessions.flatMap((session, at) => {
        const isMirror = at < own
        const resting = (restingUntilMs.get(session.endpoint.name) ?? 0) > clock.now()
        if (isMirror && resting) return []
        return [{ session, isMirror, attemptsMax: isMirror ? mirrorAttemptsMax : attemptsMax }]
      })
    },
    giveUp({ session }, error) {
      const mirror = session.endpoint.name
      log.info({ mirror, code: error.code, reason: error.message }, 'a mirror failed')
      if (error.code === 'image-missing' || error.code === 'blob-missing') return
      restingUntilMs.set(mirror, clock.now() + mirrorRestMs)
    },
  }
}

/** The registry's own error, and beside it what its mirrors said. */
export function withMirrors(error: unknown, mirrors: readonly RegistryError[]): unknown {
  if (!(error instanceof RegistryError) || mirrors.length === 0) return error
  const said = mirrors.map(({ message }) => message).join('; ')
  const { hint, transient, retryAfterMs } = error
  return new RegistryError(error.code, `${error.message}; mirrors: ${said}`, {
    ...(hint === undefined ? {} : { hint }),
    transient,
    retryAfterMs,
    cause: error,
  })
}
