import { chmod, mkdir, open, readdir, rename, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { CoveyError } from '../../protocol/fault.ts'
import type { HostSecrets, SecretFile } from '../../reconcilers/host-secrets.ts'
import { variableLines, wordLines } from '../../reconcilers/runc/bundle/secrets/variables.ts'
import { openSecret, type SealingKey } from './open.ts'

/** Keys and folders for opening secrets. */
export interface SecretsInit {
  /** Folder on a tmpfs; secrets are below `secrets/<container id>` in it. */
  readonly runDir: string
  /** Cluster id: digest of the first root document. */
  readonly clusterId: string
  /** The host, and the key that its secrets are sealed to. */
  readonly identity: { readonly host: string; readonly sealing: SealingKey }
}

const sealAgain = {
  env_all: 'seal a JSON object of texts again, as {"NAME": "text"}',
  words: 'seal a JSON object of texts again, as {"args.1": "text"}',
}

/** Kinds of file systems that are memory only: TMPFS_MAGIC and RAMFS_MAGIC of statfs(2). */
const memoryKinds: ReadonlySet<number> = new Set([0x01021994, 0x858458f6])

/** Secrets of this host as files on a tmpfs, each of the user and mode that its container needs. */
export function createHostSecrets(init: SecretsInit): HostSecrets {
  const root = join(init.runDir, 'secrets')
  return {
    async place(containerId, secrets) {
      const folder = join(root, checkedName(containerId))
      const opened = await Promise.all(secrets.map((secret) => contentOf(secret, init)))
      if (opened.length === 0) {
        await rm(folder, { recursive: true, force: true })
        return
      }
      await makeFolder(root, folder)
      for (const { file, content } of opened) await writeSecret(folder, file, content)
      const wanted = new Set(secrets.map(({ name }) => name))
      for (const name of await readdir(folder)) {
        if (!wanted.has(name)) await rm(join(folder, name), { recursive: true, force: true })
      }
    },
    async remove(containerId) {
      await rm(join(root, checkedName(containerId)), { recursive: true, force: true })
    },
  }
}

async function contentOf(
  file: SecretFile,
  { clusterId, identity }: SecretsInit,
): Promise<{ readonly file: SecretFile; readonly content: Uint8Array }> {
  const expected = { aud: clusterId, host: identity.host, name: file.secret }
  const content = await openSecret(file.jwe, expected, identity.sealing)
  const { words } = file
  if (!file.isVariables && words === undefined) return { file, content }
  const lines = words === undefined ? variableLines(content) : wordLines(content, words)
  if (lines.ok) return { file, content: Buffer.from(lines.value) }
  const { code, message } = lines.fault
  const use = words === undefined ? 'env_all' : 'words'
  throw new CoveyError(code, `secret ${file.secret} (${use}): ${message}`, { hint: sealAgain[use] })
}

/** Makes the folder, and refuses to if what lies in it could reach a disk. */
async function makeFolder(root: string, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await chmod(root, 0o700)
  const { type } = await statfs(folder)
  if (memoryKinds.has(type)) return
  await rm(folder, { recursive: true, force: true })
  const message = `${root} is not on a tmpfs, and secrets are never written to a disk`
  const hint = 'give the agent a --run-dir on a tmpfs, such as /run/covey'
  throw new CoveyError('secret-folder', message, { hint })
}

/** Writes beside and renames, so that nobody ever sees a part, or another mode. */
async function writeSecret(folder: string, file: SecretFile, content: Uint8Array): Promise<void> {
  const path = join(folder, checkedName(file.name))
  const unfinished = join(folder, `.${checkedName(file.name)}`)
  await rm(unfinished, { force: true })
  const handle = await open(unfinished, 'wx', 0o600)
  try {
    await handle.writeFile(content)
    await handle.chown(file.uid, file.gid)
    await handle.chmod(file.mode)
  } finally {
    await handle.close()
  }
  await rename(unfinished, path)
}

/**
 * Names are made by covey from checked ones; this is the second lock on the same door. The `+` is
 * that of containers for one command, as `covey-shop-web+run1-0123456789ab`.
 */
function checkedName(name: string): string {
  if (/^[a-z0-9][a-z0-9_+-]{0,99}$/.test(name)) return name
  throw new CoveyError('unsafe-path', `not a name for a file of a secret: ${name.slice(0, 100)}`)
}
