import { CoveyError } from '../../protocol/fault.ts'
import type { Place } from '../compose/project.ts'
import { openFolder } from '../folder/folder.ts'
import { lookUpTags } from '../images/resolve.ts'
import type { CompileInput } from '../layout/inputs.ts'
import { factKey, type Lock, withFacts } from '../layout/lock.ts'
import { needsOf } from '../layout/needs.ts'
import { createSecretContents } from '../secrets/content.ts'
import { readRecipients } from '../secrets/operator-cards.ts'
import { sealWishes } from '../secrets/seal-needs.ts'
import { openVault } from '../secrets/vault.ts'
import { Failure, type LocatedFault } from '../terminal/failure.ts'
import type { Session } from '../terminal/session.ts'
import { counted } from '../terminal/style.ts'

/**
 * Adds to a lock what cannot be worked out from files: digests of tags that it does not know yet,
 * and secrets sealed to hosts where content or recipient changed. A digest that is known is never
 * looked up again (`covey pull` does).
 *
 * Throws `Failure` with the place of every image that cannot be looked up (exit code 1), and as
 * `sealWishes` does.
 */
export async function completeLock(session: Session, input: CompileInput): Promise<Lock> {
  const { images } = await needsOf(input)
  const digests = await digestsOf(session, input, images)
  const lock = withFacts(input.lock, digests)
  const { seals } = await needsOf({ ...input, lock })
  if (seals.length === 0) return lock
  const folder = await openFolder(session)
  return withFacts(lock, await sealWishes(session, folder, seals, input.layout.secrets, lock))
}

type LoginOf = Parameters<typeof lookUpTags>[2]['loginOf']

/** A reference, and the services that name it. */
interface ImageNeed {
  readonly reference: string
  readonly places: readonly Place[]
}

async function digestsOf(
  session: Session,
  { layout }: CompileInput,
  needs: readonly ImageNeed[],
): Promise<Readonly<Record<string, string>>> {
  if (needs.length > 0) session.note(`looking up ${counted(needs.length, 'image')}`)
  const references = needs.map(({ reference }) => reference)
  const answers = await lookUpImages(session, layout, references)
  const facts: Record<string, string> = {}
  const faults: LocatedFault[] = []
  for (const [index, { reference, found }] of answers.entries()) {
    if (found instanceof CoveyError) {
      const hint = found.hint === undefined ? '' : ` (${found.hint})`
      const message = `${reference} cannot be looked up: ${found.message}${hint}`
      const { code } = found
      faults.push(...(needs[index]?.places ?? []).map((place) => ({ ...place, code, message })))
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
  layout: CompileInput['layout'],
  references: readonly string[],
): Promise<Awaited<ReturnType<typeof lookUpTags>>> {
  const insecure = [...layout.registries].filter(([, { insecure: is }]) => is).map(([name]) => name)
  return await lookUpTags(session, references, { insecure, loginOf: loginsOf(session, layout) })
}

/** Logins of the layout. The folder is opened only where a registry asks for one. */
function loginsOf(session: Session, { registries, secrets }: CompileInput['layout']): LoginOf {
  return async (registry) => {
    const { username, password } = registries.get(registry) ?? {}
    if (username === undefined || password === undefined) return null
    const folder = await openFolder(session)
    const vault = openVault(folder, await readRecipients(session, folder))
    const bytes = await createSecretContents(session, folder, vault, secrets)(password)
    return {
      username,
      password: Buffer.from(bytes)
        .toString()
        .replace(/\r?\n$/, ''),
    }
  }
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
