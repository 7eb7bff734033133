import type { Logger } from 'pino'
import type { HostPorts } from '../../../reconcilers/host-ports.ts'
import type { ImageReference } from '../../../reconcilers/images/reference.ts'
import type { ProxyEnvironment } from '../formats/proxy.ts'
import { createSession, type Session } from './auth/session.ts'
import { download } from './fetch/download.ts'
import { fetchManifest, fetchTagged } from './fetch/fetch-manifest.ts'
import { type RegistryLimits, registryLimits, sessionsMax } from './limits.ts'
import { RegistryError } from './transport/errors.ts'
import { patiently } from './transport/patience.ts'
import { type Endpoint, readEndpoints } from './trust/endpoints.ts'
import type { RegistrySettings } from './trust/settings.ts'
import { createSources, withMirrors } from './trust/sources.ts'
import type { Logins, ManifestBytes, ManifestTarget, Registries } from './types.ts'

/** Dependencies of the registries of a host. */
export interface RegistriesInit {
  /** Variables that may name proxies: HTTPS_PROXY, HTTP_PROXY, NO_PROXY. */
  readonly environment: ProxyEnvironment
  readonly clock: HostPorts['clock']
  readonly resolveName: HostPorts['resolveName']
  readonly log: Pick<Logger, 'info' | 'debug'>
  /** From 0 up to but not including 1; `Math.random` where absent. */
  readonly random?: () => number
  /** Logins besides those of `agent.json`. */
  readonly logins?: Logins
  /** Bounds that differ from the usual ones. */
  readonly limits?: Partial<RegistryLimits>
}

interface Sessions {
  readonly of: (endpoint: Endpoint) => Session
  close(): Promise<void>
}

/** Keeps the sessions used last; one that has to go ends what is under way first. */
function createSessions(open: (endpoint: Endpoint) => Session): Sessions {
  const sessions = new Map<string, Session>()
  return {
    of(endpoint) {
      const session = sessions.get(endpoint.name) ?? open(endpoint)
      sessions.delete(endpoint.name)
      const [oldest] = sessions
      if (sessions.size >= sessionsMax && oldest !== undefined) {
        sessions.delete(oldest[0])
        oldest[1].retire()
      }
      sessions.set(endpoint.name, session)
      return session
    },
    async close() {
      await Promise.all([...sessions.values()].map((session) => session.close()))
      sessions.clear()
    },
  }
}

/**
 * Makes the client for all registries; nothing is asked before it is needed. `settings` is
 * `registries` of `agent.json`; throws a `CoveyError` `settings` for what cannot be right in it.
 */
export function createRegistries(
  settings: Readonly<Record<string, RegistrySettings>>,
  init: RegistriesInit,
): Registries {
  const { clock, log, random = Math.random } = init
  const endpoints = readEndpoints(settings)
  const limits = { ...registryLimits, ...init.limits }
  const patience = { clock, random, limits }
  const sources = createSources(clock, log)
  const sessions = createSessions((endpoint) => {
    return createSession({ ...init, endpoint, endpoints, limits })
  })
  const sourcesOf = ({ registry }: Pick<ImageReference, 'registry'>) => {
    return sources.of(endpoints.sourcesOf(registry).map(sessions.of))
  }
  const manifest = async (
    reference: ImageReference,
    target: ManifestTarget,
    signal: AbortSignal,
  ): Promise<ManifestBytes> => {
    const mirrorErrors: RegistryError[] = []
    for (const source of sourcesOf(reference)) {
      const { session, attemptsMax } = source
      try {
        return await patiently(patience, attemptsMax, signal, () => {
          return fetchManifest(session, reference.repository, target, limits, signal)
        })
      } catch (error) {
        signal.throwIfAborted()
        if (!source.isMirror || !(error instanceof RegistryError)) {
          throw withMirrors(error, mirrorErrors)
        }
        sources.giveUp(source, error)
        mirrorErrors.push(error)
      }
    }
    throw new Error('the registry itself is always the last source')
  }

  return {
    manifest,
    tagged({ registry, repository, tag }, signal) {
      // A mirror may be behind: only the registry itself says what a tag means now.
      const source = sourcesOf({ registry }).findLast(({ isMirror }) => !isMirror)
      if (source === undefined) throw new Error('the registry itself is always the last source')
      return patiently(patience, source.attemptsMax, signal, () => {
        return fetchTagged(source.session, repository, tag, limits, signal)
      })
    },
    blob(reference, descriptor, signal) {
      const { repository } = reference
      const from = sourcesOf(reference)
      return download({ repository, descriptor, from, sources, patience }, signal)
    },
    close: () => sessions.close(),
  }
}
