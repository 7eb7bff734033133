import { machineClock } from '../../machine/clock.ts'
import { lookUpTag, type TaggedImage } from '../../machine/images/registry/fetch/tag.ts'
import { createRegistries } from '../../machine/images/registry/index.ts'
import type { Login, Registries } from '../../machine/images/registry/types.ts'
import { createNameResolver } from '../../machine/names.ts'
import { CoveyError } from '../../protocol/fault.ts'
import { parseReference } from '../../reconcilers/images/reference.ts'
import { lookUpMsMax, lookUpsAtOnceMax } from '../limits.ts'
import type { Session } from '../terminal/session.ts'
import { dockerLogin } from './docker-logins.ts'

/** A tag and the image that it names now, or the reason why that cannot be said. */
interface LookedUp {
  /** Normal form with its tag, as `docker.io/library/nginx:1.27`. */
  readonly reference: string
  readonly found: TaggedImage | CoveyError
}

/** The registries that are asked. */
interface LookUpSettings {
  /** Names of those where plain HTTP and unproven certificates are good enough. */
  readonly insecure: readonly string[]
  /** The login of the layout for a registry, or null: then that of docker or podman counts. */
  loginOf(registry: string): Promise<Login | null>
}

/**
 * Looks up tags at their registries, with the logins that docker and podman keep on this machine,
 * `lookUpsAtOnceMax` at a time. Answers in the order of `references`.
 */
export async function lookUpTags(
  session: Session,
  references: readonly string[],
  settings: LookUpSettings,
): Promise<readonly LookedUp[]> {
  if (references.length === 0) return []
  const registries = openRegistries(session, settings)
  const stop = session.io.interrupted()
  const answers: LookedUp[] = []
  const waiting = [...references.entries()]
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [index, reference] = next
      const signal = AbortSignal.any([stop, AbortSignal.timeout(lookUpMsMax)])
      answers[index] = { reference, found: await lookUp(registries, reference, signal) }
    }
  }
  try {
    await Promise.all(Array.from({ length: lookUpsAtOnceMax }, work))
    return answers
  } finally {
    await registries.close()
  }
}

async function lookUp(
  registries: Registries,
  reference: string,
  signal: AbortSignal,
): Promise<TaggedImage | CoveyError> {
  const parsed = parseReference(`${reference}@sha256:${'0'.repeat(64)}`)
  if (!parsed.ok) return new CoveyError(parsed.fault.code, parsed.fault.message)
  const { registry, repository, tag } = parsed.value
  try {
    return await lookUpTag(registries, { registry, repository, tag: tag ?? 'latest' }, signal)
  } catch (error) {
    if (error instanceof CoveyError) return error
    if (!signal.aborted) throw error
    const message = `${registry} did not answer within ${lookUpMsMax / 1000} s`
    return new CoveyError('registry-unreachable', message, { hint: 'is it reached from here?' })
  }
}

function openRegistries(session: Session, { insecure, loginOf }: LookUpSettings): Registries {
  const { env } = session.io
  const quiet = { info: () => undefined, debug: () => undefined }
  const own = Object.fromEntries(insecure.map((name) => [name, { insecure: true }]))
  return createRegistries(own, {
    environment: env,
    clock: machineClock,
    resolveName: createNameResolver(),
    log: quiet,
    logins: {
      of: async (registry) => (await loginOf(registry)) ?? dockerLogin(session, registry),
      hint: (registry, used) =>
        used === null
          ? `log in to it here: docker login ${registry}`
          : `log in again: docker login ${registry}`,
    },
  })
}
