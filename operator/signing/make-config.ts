import type { Json } from '../../protocol/documents/canonical-json.ts'
import { type Config, parseConfig } from '../../protocol/documents/config.ts'
import { faultText } from '../../protocol/fault.ts'
import { payloadBytesMax } from '../../protocol/limits.ts'
import { isolatedHosts } from '../../reconcilers/mesh.ts'
import type { OperatorFolder } from '../folder/folder.ts'
import { listHistory, readHistory, recordConfig } from '../folder/history.ts'
import type { RootChain } from '../folder/roots.ts'
import { versionTriesMax } from '../limits.ts'
import { Failure } from '../terminal/failure.ts'
import type { Session } from '../terminal/session.ts'
import { nextPlace } from './next-version.ts'
import { signPayload } from './sign.ts'
import { signersFor } from './signers.ts'
import { type VerifiedConfig, verifyConfig } from './verify.ts'

/** What is to be signed. Claims are the signer's to add. */
export interface ConfigDraft {
  readonly hosts: Config['hosts']
  /** Members of the body that this version does not know; they are kept. */
  readonly others: Readonly<Record<string, Json>>
  /** Hosts that the file itself says are cut off on purpose. */
  readonly allowIsolation: readonly string[]
  readonly version: number | undefined
}

/** How it is to be signed. */
export interface SignOptions {
  readonly allowGap: boolean
  readonly allowIsolation: boolean
  /** Follows this config instead of the newest of the history. */
  readonly base?: VerifiedConfig
}

/**
 * Signs a config and records it in the history, which is durable before this returns. Where another
 * process takes the version meanwhile, everything is judged again for the next one.
 *
 * Throws `Failure` with exit code 4 and `gap`, `older`, `isolation`, `payload-too-large`,
 * `version-out-of-range`, `epoch-older`; with 1 and `key-missing`, `history-damaged`,
 * `cannot-write`.
 */
export async function makeConfig(
  session: Session,
  folder: OperatorFolder,
  draft: ConfigDraft,
  options: SignOptions,
): Promise<VerifiedConfig> {
  const { chain, dir } = folder
  const signers = await signersFor(session, chain.newest.config)
  for (let tries = 0; tries < versionTriesMax; tries++) {
    // One look at the folder decides both: between two looks another process may take a version.
    const history = await listHistory(dir)
    const [newest] = history
    const base = options.base ?? (newest === undefined ? null : await readHistory(folder, newest))
    const taken = history.find((entry) => entry.epoch === chain.newest.epoch)?.version ?? 0
    const payload = payloadFor(session, chain, draft, options, base, taken)
    const envelope = await signPayload('config', payload, signers)
    const verified = await verifyConfig(envelope, chain)
    if (!verified.ok) throw new Failure(1, verified.fault.code, faultText(verified.fault))
    if (await recordConfig(dir, verified.value.head, envelope)) return verified.value
  }
  throw new Failure(1, 'version-contended', 'others take every version as soon as it is free', {
    hint: 'let one of them finish, then run this again',
  })
}

function payloadFor(
  session: Session,
  chain: RootChain,
  draft: ConfigDraft,
  options: SignOptions,
  base: VerifiedConfig | null,
  versionTaken: number,
): string {
  const { epoch } = chain.newest
  const place = nextPlace({
    epoch,
    base: base === null ? null : { head: base.head, ancestors: base.config.ancestors },
    versionTaken,
    versionWanted: draft.version,
    allowGap: options.allowGap,
  })
  if (!place.ok) throw refused(place.fault.code, place.fault.message)
  const claims = { aud: chain.clusterId, epoch, ...place.value }
  const iat = Math.floor(session.io.now() / 1000)
  const text = (allowed: readonly string[]): string => {
    const allowance = allowed.length === 0 ? {} : { allow_isolation: allowed }
    return JSON.stringify({ ...claims, iat, ...allowance, hosts: draft.hosts, ...draft.others })
  }
  const config: Config = {
    ...claims,
    iat,
    allowIsolation: draft.allowIsolation,
    hosts: draft.hosts,
  }
  const isolated = isolatedHosts(base?.config ?? null, config)
  const unsaid = isolated.filter((host) => !draft.allowIsolation.includes(host))
  if (unsaid.length > 0 && !options.allowIsolation) throw isolation(unsaid)
  const payload = text([...draft.allowIsolation, ...unsaid])
  const bytes = Buffer.byteLength(payload)
  if (bytes > payloadBytesMax) {
    throw refused(
      'payload-too-large',
      `the payload has ${bytes} bytes, and ${payloadBytesMax} is the most`,
    )
  }
  const parsed = parseConfig(payload)
  if (!parsed.ok) throw new Failure(2, parsed.fault.code, faultText(parsed.fault))
  return payload
}

function isolation(hosts: readonly string[]): Failure {
  const message = `it cuts off ${hosts.join(', ')}: no tunnel would lead there any more`
  return new Failure(4, 'isolation', message, {
    hint: 'give it a path (an endpoint, a peer), or say that you mean it: --allow-isolation',
  })
}

const hints: Readonly<Record<string, string>> = {
  gap: 'take "version" out of the file to use the next one, or say that you mean it: --allow-gap',
  older: 'take "version" out of the file to use the next one',
  'payload-too-large': 'take large files out of the config',
  'epoch-older': 'bring roots/ of this folder up to date',
}

function refused(code: string, message: string): Failure {
  const hint = hints[code]
  return new Failure(4, code, message, hint === undefined ? {} : { hint })
}
