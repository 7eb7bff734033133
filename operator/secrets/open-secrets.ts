import { openFolder } from '../folder/folder.ts'
import type { SecretSource } from '../layout/layout.ts'
import type { Session } from '../terminal/session.ts'
import { createSecretContents, type SecretContents } from './content.ts'
import { readRecipients } from './operator-cards.ts'
import { openVault } from './vault.ts'

/** The secrets of a layout, for one run of a command. */
export interface OpenSecrets {
  readonly clusterId: string
  readonly contentOf: SecretContents
  /** Keeps the content of a secret in the operator's folder. */
  keep(name: string, content: Uint8Array): Promise<void>
  /** 32 bytes for keyed digests; made where there are none. */
  digestKey(): Promise<Uint8Array>
}

/**
 * Makes the opener of a layout's secrets. The folder and its keys are read at the first call, and
 * never where nothing asks. Throws as `openFolder`, `readRecipients` and `createSecretContents`.
 */
export function createSecretsOpener(
  session: Session,
  sources: ReadonlyMap<string, Partial<SecretSource>>,
): () => Promise<OpenSecrets> {
  const open = async (): Promise<OpenSecrets> => {
    const folder = await openFolder(session)
    const vault = openVault(folder, await readRecipients(session, folder))
    return {
      clusterId: folder.chain.clusterId,
      contentOf: createSecretContents(session, folder, vault, sources),
      keep: vault.seal,
      digestKey: vault.digestKey,
    }
  }
  let opened: Promise<OpenSecrets> | undefined
  return () => {
    opened ??= open()
    return opened
  }
}
