import { createDisk, type Disk, type FileWrite } from '../../machine/files/disk.ts'
import { decodedText, expectWrittenJson } from '../../machine/files/host-json.ts'
import { lockState } from '../../machine/files/lock.ts'
import { parseBundle } from '../../protocol/documents/bundle.ts'
import { bad, type Checked, CoveyError, type Fault, faultText, good } from '../../protocol/fault.ts'
import { compareHeadsOrNone, type Head, headText } from '../../protocol/heads.ts'
import type { HeldConfig, HeldRoot } from '../../protocol/node/durable.ts'
import { readIdentity } from '../identity/identity.ts'
import { documentOf } from '../state/documents.ts'
import {
  checkConfig,
  checkRoot,
  filesOf,
  loadState,
  readEnrolment,
  stateFiles,
} from '../state/store.ts'

/** Result of an enrolment. */
export interface Enrolled {
  readonly host: string
  readonly cluster: string
  readonly root_digest: string
  readonly epoch: number
  /** Head that the host holds now. */
  readonly head: Head | null
}

/** A bundle that may be taken: its faults have been looked for, its documents verified. */
interface Admission {
  readonly host: string
  readonly digest: string
  readonly roots: readonly HeldRoot[]
  readonly rivals: readonly HeldRoot[]
  readonly config: HeldConfig | null
  readonly floor: Head | null
}

const bundleHint = 'ask the operator for a new one: `covey bundle --host NAME -o FILE`'

/** Roots, digests, config: everything that a bundle says, proven or refused. */
async function admit(text: string): Promise<Checked<Admission>> {
  const parsed = parseBundle(text)
  if (!parsed.ok) return parsed
  const { host, root_digest: digest, floor } = parsed.value
  const roots: HeldRoot[] = []
  const rivals: HeldRoot[] = []
  for (const [index, envelope] of parsed.value.roots.entries()) {
    const root = await checkRoot(JSON.stringify(envelope), roots, rivals, digest)
    if (!root.ok) return bad(root.fault.code, faultText(root.fault), `roots.${index}`)
    const isNext = root.value.root.epoch === roots.length + 1
    if (isNext) roots.push(root.value)
    else rivals.push(root.value)
  }
  if (parsed.value.config === null)
    return good({ host, digest, roots, rivals, config: null, floor })
  const config = await checkConfig(documentOf(parsed.value.config), roots)
  if (!config.ok) return bad(config.fault.code, faultText(config.fault), 'config')
  return good({ host, digest, roots, rivals, config: config.value, floor })
}

/** Faults of form are wrong input (exit 2); everything else is a refusal (exit 4). */
const formCodes: readonly string[] = [
  'bundle-shape',
  'envelope-not-json',
  'envelope-shape',
  'base64url-not-canonical',
  'no-signatures',
]

function refusal(fault: Fault): CoveyError {
  const code = formCodes.includes(fault.code) ? 'invalid-input' : 'refused'
  return new CoveyError(code, faultText(fault), {
    hint: bundleHint,
  })
}

/**
 * Makes this host a member of the cluster that a bundle describes. Again with a newer bundle is
 * harmless: nothing that the host holds is ever replaced by something older. `file` is the bundle's
 * name for messages. Errors: `invalid-input`, `refused`, `no-identity`, `state-locked`.
 */
export async function enrolHost(
  stateDir: string,
  bundle: string | Uint8Array,
  file: string = '<bundle>',
): Promise<Enrolled> {
  const words = { code: 'invalid-input', hint: bundleHint }
  const text = typeof bundle === 'string' ? bundle : decodedText(file, bundle, words)
  expectWrittenJson(file, text, words)
  const admission = await admit(text)
  if (!admission.ok) throw refusal(admission.fault)
  const disk = createDisk(stateDir)
  const identity = await readIdentity(disk)
  if (identity === null) {
    throw new CoveyError('no-identity', 'this host has no keys yet', {
      hint: `run \`covey identity --host ${admission.value.host} --json\` and give its card to the operator`,
    })
  }
  if (identity.host !== admission.value.host) {
    const message = `the bundle is for host ${admission.value.host}, and this is ${identity.host}`
    throw refusal({ code: 'other-host', message })
  }
  const lock = await lockState(stateDir, 0)
  try {
    return await enrolLocked(disk, admission.value, identity.peer_id)
  } finally {
    await lock.release()
  }
}

async function enrolLocked(disk: Disk, admission: Admission, peerId: string): Promise<Enrolled> {
  const { host, digest, roots } = admission
  // What is damaged is what enrolling again is for; what is sound must not be overruled.
  const enrolment = await readEnrolment(disk).catch(unlessDamaged)
  if (enrolment !== null && enrolment.cluster_id !== digest) {
    const message = `this host belongs to another cluster (${enrolment.cluster_id.slice(0, 19)})`
    throw refusal({ code: 'other-cluster', message })
  }
  const self = { host, peerId, agentVersion: '' }
  const held = enrolment === null ? null : await loadState(disk, self, digest).catch(unlessDamaged)
  if (held !== null && held.roots.length > roots.length) {
    const message = `this host already holds root ${held.roots.length}, the bundle ends at ${roots.length}`
    throw refusal({ code: 'older', message })
  }
  const known = higher(held?.head?.head ?? null, held?.floor ?? null)
  const takes = admission.config !== null && compareHeadsOrNone(admission.config.head, known) >= 0
  const head = takes ? (admission.config?.head ?? null) : (held?.head?.head ?? null)
  const floor = higher(higher(admission.floor, head), known)
  const files: FileWrite[] = [...filesOf({ roots, rivals: admission.rivals })]
  files.push({ path: stateFiles.floor, content: `${JSON.stringify(floor)}\n` })
  if (takes && admission.config !== null) files.push(...filesOf({ head: admission.config }))
  await disk.replace(files)
  // Last and alone, so that a partial enrolment does not count.
  const content = `${JSON.stringify({ host, cluster_id: digest }, null, 2)}\n`
  await disk.replace([{ path: stateFiles.enrolment, content }])
  const cluster = roots[0]?.root.cluster ?? ''
  return { host, cluster, root_digest: digest, epoch: roots.length, head }
}

function unlessDamaged(error: unknown): null {
  if (error instanceof CoveyError && error.code === 'state-damaged') return null
  throw error
}

function higher(a: Head | null, b: Head | null): Head | null {
  return compareHeadsOrNone(a, b) >= 0 ? a : b
}

/** For people. */
export function enrolledText(enrolled: Enrolled): string {
  const holds = enrolled.head === null ? 'no config yet' : headText(enrolled.head)
  return [
    `${enrolled.host} is now a member of ${enrolled.cluster}, and holds ${holds}.`,
    `root digest: ${enrolled.root_digest} (compare it with the operator's)`,
  ].join('\n')
}
