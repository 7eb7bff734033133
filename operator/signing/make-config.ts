import type { Json } from '../../protocol/documents/canonical-json.ts'
import { type Config, parseConfig } from '../../protocol/documents/config.ts'
import { faultText } from '../../protocol/fault.ts'
import { payloadBytesMax } from '../../protocol/limits.ts'
import { isolatedHosts } from '../../reconcilers/mesh.ts'
import { whileEditing } from '../folder/edit-lock.ts'
import type { OperatorFolder } from '../folder/folder.ts'
import {
  listHistory,
  listUnfinished,
  readHistory,
  recordConfig,
  recordUnfinished,
} from '../folder/history.ts'
import type { OperatorKey } from '../folder/keys.ts'
import { type RootChain, rootPath } from '../folder/roots.ts'
import { versionTriesMax } from '../limits.ts'
import { Failure } from '../terminal/failure.ts'
import type { Session } from '../terminal/session.ts'
import { shellWord } from '../terminal/shell-word.ts'
import { nextPlace } from './next-version.ts'
import { signPayload } from './sign.ts'
import { signersFor } from './signers.ts'
import { type AssessedConfig, assessConfig, type Trust, type VerifiedConfig } from './verify.ts'

/** A config to sign. Claims are the signer's to add. */
export interface ConfigDraft {
  readonly hosts: Config['hosts']
  /** Members of the body that this version does not know; they are kept. */
  readonly others: Readonly<Record<string, Json>>
  /** Hosts that the file itself says are cut off on purpose. */
  readonly allowIsolation: readonly string[]
  readonly version: number | undefined
}

/** The options for signing it. */
export interface SignOptions {
  readonly allowGap: boolean
  readonly allowIsolation: boolean
  /** Follows this config instead of the newest of the history. */
  readonly base?: VerifiedConfig
  /** Passes over the versions that were signed here since `base`. */
  readonly passesOver?: boolean
  /** The config that the hosts hold, where that is not the base: nobody may be cut off from it. */
  readonly held?: VerifiedConfig
  /** Signs also where this operator's keys are too few, and others must add theirs. */
  readonly withOthers?: boolean
}

/**
 * Signs a config and records it in the history, which is durable before this returns; one that
 * others still have to sign is recorded in `unfinished/`. Where another process takes the version
 * meanwhile, everything is judged again for the next one.
 *
 * Throws `Failure` with exit code 4 and `gap`, `older`, `isolation`, `payload-too-large`,
 * `version-out-of-range`, `epoch-older`; with 1 and `key-missing`, `history-damaged`,
 * `cannot-write`, `root-rotated`.
 */
export async function makeConfig(
  session: Session,
  folder: OperatorFolder,
  draft: ConfigDraft,
  options: SignOptions,
): Promise<AssessedConfig> {
  const { chain } = folder
  const withOthers = options.withOthers ?? false
  const signers = await signersFor(session, chain.newest.config, { withOthers })
  return await whileEditing(session.io, folder, async () => {
    await expectNewestRoot(folder)
    for (let tries = 0; tries < versionTriesMax; tries++) {
      const signed = await makeOnce(session, folder, draft, options, signers)
      if (signed !== undefined) return signed
    }
    throw new Failure(1, 'version-contended', 'other processes keep taking the next version', {
      hint: 'let one of them finish, then run this again',
    })
  })
}

/** Signs under the next free version; undefined where another process took it meanwhile. */
async function makeOnce(
  session: Session,
  folder: OperatorFolder,
  draft: ConfigDraft,
  options: SignOptions,
  signers: readonly OperatorKey[],
): Promise<AssessedConfig | undefined> {
  const { chain } = folder
  // One look at the folder decides both: between two looks another process may take a version.
  const history = await listHistory(folder)
  const unfinished = await listUnfinished(folder)
  const [newest] = history
  const base = options.base ?? (newest === undefined ? null : await readHistory(folder, newest))
  const taken = [...history, ...unfinished]
    .filter((entry) => entry.epoch === chain.newest.epoch)
    .reduce((most, entry) => Math.max(most, entry.version), 0)
  const [waiting] = unfinished
  const payload = payloadFor(session, chain, draft, options, {
    base,
    taken,
    passed:
      options.passesOver === true && newest?.epoch === chain.newest.epoch ? newest.version : 0,
    waiting:
      waiting === undefined
        ? undefined
        : folder.shown(`unfinished/${waiting.epoch}.${waiting.version}.json`),
  })
  const assessed = await signConfig(chain, payload, signers)
  const { head, envelope, missing } = assessed
  const record = missing === 0 ? recordConfig : recordUnfinished
  return (await record(folder, head, envelope)) ? assessed : undefined
}

/** Signs the payload of a config and verifies what came of it. */
export async function signConfig(
  trust: Trust,
  payload: string,
  signers: readonly OperatorKey[],
): Promise<AssessedConfig> {
  const envelope = await signPayload('config', payload, signers)
  const assessed = await assessConfig(envelope, trust)
  if (assessed.ok) return assessed.value
  throw new Failure(1, assessed.fault.code, faultText(assessed.fault))
}

/** Throws `root-rotated` where another process has rotated the root since the folder was opened. */
export async function expectNewestRoot({ dir, files, chain }: OperatorFolder): Promise<void> {
  const { epoch } = chain.newest
  if ((await files.look(rootPath(dir, epoch + 1))) === null) return
  throw new Failure(1, 'root-rotated', 'the root was rotated meanwhile; nothing was signed', {
    hint: 'run this again',
  })
}

/** The state of the folder around the place that a config is to take. */
export interface Standing {
  readonly base: VerifiedConfig | null
  /** Highest version of the epoch that was given to any config; 0 for none. */
  readonly taken: number
  /** Highest version of the epoch that is passed over on purpose; 0 for none. */
  readonly passed?: number
  /** Path of a config that waits for signatures. */
  readonly waiting?: string | undefined
}

/** The payload of a config with its claims. Throws as `makeConfig` does. */
export function payloadFor(
  session: Session,
  chain: RootChain,
  draft: ConfigDraft,
  options: SignOptions,
  { base, taken, passed = 0, waiting }: Standing,
): string {
  const { epoch } = chain.newest
  const place = nextPlace({
    epoch,
    base: base === null ? null : { head: base.head, ancestors: base.config.ancestors },
    versionTaken: taken,
    versionPassed: passed,
    versionWanted: draft.version,
    allowGap: options.allowGap,
  })
  if (!place.ok && place.fault.code === 'gap' && waiting !== undefined) throw unsigned(waiting)
  if (!place.ok && place.fault.code === 'gap' && draft.version === undefined) {
    const hint = 'follow a newer config with --base, or allow the gap: --allow-gap'
    throw new Failure(4, 'gap', place.fault.message, { hint })
  }
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
  const unsaid = cutOff(config, base, options.held)
  if (unsaid.length > 0 && !options.allowIsolation) throw isolation(unsaid)
  const payload = text([...draft.allowIsolation, ...unsaid])
  const bytes = Buffer.byteLength(payload)
  if (bytes > payloadBytesMax) {
    throw refused(
      'payload-too-large',
      `the payload has ${bytes} bytes, more than the limit of ${payloadBytesMax}`,
    )
  }
  const parsed = parseConfig(payload)
  if (!parsed.ok) throw new Failure(2, parsed.fault.code, faultText(parsed.fault))
  return payload
}

/** Hosts that the config cuts off from what either of two others gave them, and does not say so. */
function cutOff(
  config: Config,
  base: VerifiedConfig | null,
  held: VerifiedConfig | undefined,
): readonly string[] {
  const hosts = [base, held ?? null].flatMap((before) => {
    return isolatedHosts(before?.config ?? null, config)
  })
  return [...new Set(hosts)].filter((host) => !config.allowIsolation.includes(host)).sort()
}

function unsigned(waiting: string): Failure {
  return new Failure(4, 'gap', `${waiting} still waits for the signatures of others`, {
    hint: `add them: covey sign --add ${shellWord(waiting)} -o FILE; or leave it out: --allow-gap`,
  })
}

function isolation(hosts: readonly string[]): Failure {
  const message = `it cuts off ${hosts.join(', ')}: no tunnel would lead there`
  return new Failure(4, 'isolation', message, {
    hint: 'give it a path (an endpoint, a peer), or allow it: --allow-isolation',
  })
}

const hints: Readonly<Record<string, string>> = {
  gap: 'remove "version" from the file to use the next one, or allow the gap: --allow-gap',
  older: 'remove "version" from the file to use the next one',
  'payload-too-large': 'remove large files from the config',
  'epoch-older': 'bring roots/ of this folder up to date',
}

function refused(code: string, message: string): Failure {
  const hint = hints[code]
  return new Failure(4, code, message, hint === undefined ? {} : { hint })
}
