import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { GeneralEncrypt, generalDecrypt } from 'jose'
import { isName } from '../../protocol/names.ts'
import { makeFolder, writeWhole } from '../files/write-file.ts'
import type { OperatorFolder } from '../folder/folder.ts'
import { secretBytesMax, smallFileBytesMax } from '../limits.ts'
import { Failure, systemReason } from '../terminal/failure.ts'
import type { Recipients } from './operator-cards.ts'

/** Key of the keyed digests in the lock, kept beside the secrets; no secret can have this name. */
const digestKeyName = '.digest-key'
const typ = 'covey-operator-secret+jwe'

/**
 * Secrets that the operator's folder keeps as `secrets/NAME.jwe`: JWE in general JSON form (RFC
 * 7516 section 7.2.1), ECDH-ES+A256KW with X25519 and A256GCM, one recipient an operator; name and
 * cluster stand in the protected header.
 */
export interface Vault {
  /** Names, sorted. */
  list(): Promise<readonly string[]>
  /** Content of a secret; undefined where there is none. Throws `Failure` `secret-locked`. */
  open(name: string): Promise<Uint8Array | undefined>
  /** Names of operators who cannot read a secret that is there. */
  lockedOut(name: string): Promise<readonly string[]>
  seal(name: string, content: Uint8Array): Promise<void>
  /** False where there was none. */
  remove(name: string): Promise<boolean>
  /** 32 bytes for keyed digests; made where there are none. */
  digestKey(): Promise<Uint8Array>
}

/** Opens the secrets of a folder for the operator who runs this. */
export function openVault(folder: OperatorFolder, who: Recipients): Vault {
  const { files, dir } = folder
  const { clusterId } = folder.chain
  const pathOf = (name: string): string => join(dir, 'secrets', `${name}.jwe`)
  const shown = (name: string): string => folder.shown(`secrets/${name}.jwe`)

  const read = async (name: string): Promise<string | undefined> => {
    if ((await files.look(pathOf(name))) === null) return undefined
    try {
      return Buffer.from(await files.read(pathOf(name), smallFileBytesMax)).toString()
    } catch (error) {
      throw new Failure(2, 'file-unreadable', `cannot read ${shown(name)}: ${systemReason(error)}`)
    }
  }
  const vault: Vault = {
    async list() {
      const found = (await files.look(join(dir, 'secrets')))
        ? await files.list(join(dir, 'secrets'))
        : []
      const names = found.flatMap((file) => (file.endsWith('.jwe') ? [file.slice(0, -4)] : []))
      return names.filter(isName).sort()
    },
    async open(name) {
      const text = await read(name)
      if (text === undefined) return undefined
      for (const { jwk, d } of who.own) {
        const content = await decrypt(text, { ...jwk, d }, { name, aud: clusterId })
        if (content !== undefined) return content
      }
      throw new Failure(1, 'secret-locked', `${shown(name)} is not sealed to any key of yours`, {
        hint: 'let an operator who can read it run: covey secret reseal',
      })
    },
    async lockedOut(name) {
      const kids = kidsIn((await read(name)) ?? '')
      return who.all.filter(({ kid }) => !kids.has(kid)).map((each) => each.name)
    },
    async seal(name, content) {
      const text = await encrypt(content, { name, aud: clusterId }, who)
      await makeFolder(files, join(dir, 'secrets'))
      await writeWhole(files, pathOf(name), text)
    },
    async remove(name) {
      if ((await files.look(pathOf(name))) === null) return false
      await files.remove(pathOf(name))
      return true
    },
    async digestKey() {
      const kept = await vault.open(digestKeyName)
      if (kept !== undefined) return kept
      const made = randomBytes(32)
      await vault.seal(digestKeyName, made)
      return made
    },
  }
  return vault
}

interface Bound {
  readonly name: string
  readonly aud: string
}

async function encrypt(content: Uint8Array, bound: Bound, { all }: Recipients): Promise<string> {
  if (content.length > secretBytesMax) {
    const message = `secret ${bound.name} has ${content.length} bytes, and ${secretBytesMax} is the most`
    throw new Failure(2, 'secret-too-large', message, { hint: 'keep large files elsewhere' })
  }
  const sealed = new GeneralEncrypt(content).setProtectedHeader({ enc: 'A256GCM', typ, ...bound })
  for (const { sealing, kid } of all) {
    sealed.addRecipient({ ...sealing }).setUnprotectedHeader({ alg: 'ECDH-ES+A256KW', kid })
  }
  return `${JSON.stringify(await sealed.encrypt(), null, 1)}\n`
}

async function decrypt(
  text: string,
  key: object,
  { name, aud }: Bound,
): Promise<Uint8Array | undefined> {
  try {
    const { plaintext, protectedHeader } = await generalDecrypt(JSON.parse(text), key, {
      keyManagementAlgorithms: ['ECDH-ES+A256KW'],
      contentEncryptionAlgorithms: ['A256GCM'],
      maxDecompressedLength: 0,
    })
    const header: Readonly<Record<string, unknown>> = { ...protectedHeader }
    const isOwn = header['typ'] === typ && header['name'] === name && header['aud'] === aud
    return isOwn ? plaintext : undefined
  } catch {
    // What went wrong in there could tell about the content.
    return undefined
  }
}

function kidsIn(text: string): ReadonlySet<string> {
  try {
    const { recipients } = JSON.parse(text) as { recipients?: { header?: { kid?: string } }[] }
    return new Set((recipients ?? []).flatMap(({ header }) => header?.kid ?? []))
  } catch {
    return new Set()
  }
}
