import { factKey, type Lock } from '../layout/lock.ts'
import type { SealNeed } from '../layout/needs.ts'
import type { OpenSecrets } from './open-secrets.ts'
import { keyedDigest, type SealTarget, sealToHost } from './seal.ts'

/**
 * Seals what the lock does not hold yet, or holds for other content or another recipient: the
 * `sealed.HOST.OBJECT` facts that are new, `KEYED_DIGEST JWE`. The rest of the lock stays as it is,
 * as the same content sealed twice is never the same text. Throws as `createSecretContents` does.
 */
export async function sealNeeds(
  { clusterId, contentOf, digestKey }: OpenSecrets,
  needs: readonly (SealTarget & Pick<SealNeed, 'content'>)[],
  lock: Lock,
): Promise<Readonly<Record<string, string>>> {
  const key = await digestKey()
  const facts: Record<string, string> = {}
  for (const { content, ...need } of needs) {
    const bytes =
      content.kind === 'text' ? Buffer.from(content.text) : await contentOf(content.name)
    const digest = keyedDigest(key, bytes, need, clusterId)
    const fact = factKey('sealed', need.host, need.object)
    if (lock.facts.get(fact)?.split(' ')[0] === digest) continue
    facts[fact] = `${digest} ${await sealToHost(bytes, need, clusterId)}`
  }
  return facts
}
