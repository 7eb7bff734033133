import type { OperatorFolder } from '../folder/folder.ts'
import { factKey, type Lock } from '../layout/lock.ts'
import type { Session } from '../terminal/session.ts'
import { createSecretContents, type SecretSource } from './content.ts'
import { readRecipients } from './operator-cards.ts'
import { keyedDigest, type SealNeed, sealToHost } from './seal.ts'
import { openVault } from './vault.ts'

/** A sealed secret, and where its content comes from. */
export interface SealWish extends SealNeed {
  readonly content:
    | { readonly kind: 'text'; readonly text: string }
    /** A secret of the layout. */
    | { readonly kind: 'named'; readonly name: string }
}

/**
 * Seals what the lock does not hold yet, or holds for other content or another recipient: the
 * `sealed.HOST.OBJECT` facts that are new, `KEYED_DIGEST JWE`. The rest of the lock stays as it is,
 * as the same content sealed twice is never the same text. Throws as `createSecretContents` does.
 */
export async function sealWishes(
  session: Session,
  folder: OperatorFolder,
  wishes: readonly SealWish[],
  sources: ReadonlyMap<string, SecretSource>,
  lock: Lock,
): Promise<Readonly<Record<string, string>>> {
  if (wishes.length === 0) return {}
  const { clusterId } = folder.chain
  const vault = openVault(folder, await readRecipients(session, folder))
  const contents = createSecretContents(session, folder, vault, sources)
  const digestKey = await vault.digestKey()
  const facts: Record<string, string> = {}
  for (const { content, host, object, sealingKey } of wishes) {
    const need = { host, object, sealingKey }
    const bytes = content.kind === 'text' ? Buffer.from(content.text) : await contents(content.name)
    const digest = keyedDigest(digestKey, bytes, need, clusterId)
    const key = factKey('sealed', host, object)
    if (lock.facts.get(key)?.split(' ')[0] === digest) continue
    facts[key] = `${digest} ${await sealToHost(bytes, need, clusterId)}`
  }
  return facts
}
