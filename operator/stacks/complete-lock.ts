import { passwordText } from '../../machine/images/registry/auth/password-text.ts'
import type { Login } from '../../machine/images/registry/types.ts'
import { CoveyError } from '../../protocol/fault.ts'
import { lookUpTags } from '../images/resolve.ts'
import type { CompileInput } from '../layout/inputs.ts'
import type { Layout } from '../layout/layout.ts'
import { factKey, type Lock, withFacts } from '../layout/lock.ts'
import { type Needs, needsOf } from '../layout/needs.ts'
import { createSecretsOpener } from '../secrets/open-secrets.ts'
import { sealNeeds } from '../secrets/seal-needs.ts'
import { Failure, type LocatedFault } from '../terminal/failure.ts'
import type { Session } from '../terminal/session.ts'
import { counted } from '../terminal/style.ts'
import { shownFault } from './read-stacks.ts'

/**
 * Adds to a lock what cannot be worked out from files: digests of tags that it does not know yet,
 * and secrets sealed to hosts where content or recipient changed. A digest that is known is never
 * looked up again (`covey pull` does).
 *
 * Throws `Failure` with the place of every image that cannot be looked up (exit code 1), and as
 * `sealNeeds` does.
 */
export async function completeLock(session: Session, input: CompileInput): Promise<Lock> {
  const { layout } = input
  const openSecrets = createSecretsOpener(session, layout.secrets)
  const first = await needsOf(input)
  const digests = await digestsOf(session, layout, openSecrets, first.images)
  const lock = withFacts(input.lock, digests)
  // A platform that has become known may move a service, and its secrets with it.
  const { seals } = first.images.length === 0 ? first : await needsOf({ ...input, lock })
  if (seals.length === 0) return lock
  return withFacts(lock, await sealNeeds(await openSecrets(), seals, lock))
}

type SecretsOpener = ReturnType<typeof createSecretsOpener>

async function digestsOf(
  session: Session,
  layout: Layout,
  openSecrets: SecretsOpener,
  needs: Needs['images'],
): Promise<Readonly<Record<string, string>>> {
  if (needs.length > 0) session.note(`looking up ${counted(needs.length, 'image')}`)
  const references = needs.map(({ reference }) => reference)
  const answers = await lookUpImages(session, layout, openSecrets, references)
  const facts: Record<string, string> = {}
  const faults: LocatedFault[] = []
  for (const [index, { reference, found }] of answers.entries()) {
    if (found instanceof CoveyError) {
      const hint = found.hint === undefined ? '' : ` (${found.hint})`
      const message = `${reference} cannot be looked up: ${found.message}${hint}`
      const { code } = found
      for (const place of needs[index]?.places ?? []) {
        faults.push(shownFault(session, { ...place, code, message }))
      }
    } else {
      facts[factKey('image', reference)] = imageFact(found)
    }
  }
  if (faults.length === 0) return facts
  const message = `${counted(faults.length, 'image')} cannot be looked up`
  throw new Failure(1, faults[0]?.code ?? 'faults', message, { faults })
}

/** Looks up tags, with what the layout says of registries. Answers in the order of `references`. */
export async function lookUpImages(
  session: Session,
  { registries }: Layout,
  openSecrets: SecretsOpener,
  references: readonly string[],
): Promise<Awaited<ReturnType<typeof lookUpTags>>> {
  const insecure = [...registries].filter(([, { insecure: is }]) => is).map(([name]) => name)
  const loginOf = async (registry: string): Promise<Login | null> => {
    const { username, password } = registries.get(registry) ?? {}
    if (username === undefined || password === undefined) return null
    const { contentOf } = await openSecrets()
    return { username, password: passwordText(await contentOf(password)) }
  }
  return await lookUpTags(session, references, { insecure, loginOf })
}

/** A fact of an image: its digest, then its platforms. */
export function imageFact({
  digest,
  platforms,
}: {
  readonly digest: string
  readonly platforms: readonly string[]
}): string {
  return platforms.length === 0 ? digest : `${digest} ${platforms.join(',')}`
}
