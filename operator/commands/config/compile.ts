import { isDeepStrictEqual } from 'node:util'
import type { Config } from '../../../protocol/documents/config.ts'
import type { Fault } from '../../../protocol/fault.ts'
import { payloadBytesMax } from '../../../protocol/limits.ts'
import { writeWhole } from '../../files/write-file.ts'
import { openFolder } from '../../folder/folder.ts'
import { type LayoutFiles, readLayout } from '../../folder/layout-files.ts'
import {
  type Compiled,
  cardlessFaults,
  compileLayout,
  withoutUnready,
} from '../../layout/compile.ts'
import { type Lock, lockText } from '../../layout/lock.ts'
import { prunedLock } from '../../layout/prune.ts'
import { createSecretsOpener } from '../../secrets/open-secrets.ts'
import { configFaults } from '../../signing/draft.ts'
import { located as inOrder } from '../../sources/located.ts'
import { completeLock } from '../../stacks/complete-lock.ts'
import { readStacks, type StackFiles, shownFault, shownText } from '../../stacks/read-stacks.ts'
import { readVariables } from '../../stacks/variables.ts'
import { Failure, faultsFailure, type LocatedFault, locatedText } from '../../terminal/failure.ts'
import { jsonText, type Session } from '../../terminal/session.ts'
import { counted } from '../../terminal/style.ts'
import type { Input } from '../definition.ts'

/** `covey compile`. */
export async function compileFile(session: Session, input: Input): Promise<void> {
  const named = input.text('file')
  const path = named ?? (await openFolder(session)).shown('cluster.yaml')
  const lock = input.is('frozen') ? 'frozen' : input.is('prune') ? 'pruned' : 'completed'
  const given = readVariables(input.list('env'))
  const { hosts, warnings } = await compileChecked(session, path, lock, given)
  const text = jsonText({ hosts })
  const output = input.text('output')
  if (output === undefined || output === '-') session.io.out(text)
  else {
    await writeWhole(session.io.files, session.path(output), text)
    const names = Object.keys(hosts)
    session.result(
      { file: output, hosts: names, warnings },
      `${output}: ${counted(names.length, 'host')}\n`,
    )
  }
}

/** The lock gains facts; it must not change; or it also loses facts that nothing uses. */
export type LockUse = 'completed' | 'frozen' | 'pruned'

/** A layout, compiled without a fault. */
export interface CheckedLayout {
  readonly hosts: Config['hosts']
  readonly warnings: readonly string[]
  readonly cluster: string
  readonly lock: Lock
}

/**
 * Compiles a layout, prints its warnings, and writes the lock if it gained facts. Throws `Failure`
 * with all faults; `lock-frozen`, `config-too-large`.
 */
export async function compileChecked(
  session: Session,
  path: string,
  use: LockUse = 'completed',
  given: ReadonlyMap<string, string> = new Map(),
): Promise<CheckedLayout> {
  const completes = use !== 'frozen'
  const { files, compiled, keep } = await compileStacks(session, path, 'ready', completes, given)
  for (const warning of compiled.warnings) session.warn(warning)
  const lock = use === 'pruned' ? prunedLock(compiled) : compiled.lock
  if (!isDeepStrictEqual(files.lock.facts, lock.facts)) {
    if (use === 'frozen') throw frozen(files, lock)
    await keep()
    await writeWhole(session.io.files, session.path(files.lockPath), lockText(lock))
  }
  const { hosts, warnings } = compiled
  return { hosts, warnings, cluster: files.layout.cluster, lock }
}

/** A layout and its stacks, compiled. */
interface CompiledStacks {
  readonly files: LayoutFiles
  readonly compiled: Compiled
  /** Keeps variables that are secrets in the operator's folder. */
  keep(): Promise<void>
}

/**
 * Reads and compiles a layout and its stacks; writes nothing. A `draft` may lack cards of hosts,
 * digests of images and sealed secrets; `completes` looks up and seals what the lock lacks.
 */
export async function compileStacks(
  session: Session,
  path: string,
  readiness: 'ready' | 'draft',
  completes: boolean = false,
  given: ReadonlyMap<string, string> = new Map(),
): Promise<CompiledStacks> {
  const files = await readLayout(session, path, true, (partial) => stackFaults(session, partial))
  const opener = createSecretsOpener(session, files.layout.secrets)
  const open = readiness === 'draft' ? undefined : opener
  const read = await readStacks(session, files, { given, open })
  try {
    const compiled = await compileRead(session, files, read, { readiness, completes })
    const keep = async (): Promise<void> => {
      for (const [name, value] of read.secrets) {
        await (await opener()).keep(name, Buffer.from(value))
      }
    }
    return { files, compiled, keep }
  } catch (error) {
    if (error instanceof Failure && error.faults.length > 0) tellUnset(session, read)
    throw error
  }
}

/** A variable that is not set is often the reason of a fault, which does not name it. */
function tellUnset(session: Session, { stacks }: StackFiles): void {
  const notes = stacks.flatMap(({ project }) => project.notes)
  for (const note of notes.filter(({ code }) => code === 'compose-unset')) {
    session.warn(locatedText(shownFault(session, note)))
  }
}

interface CompileOrder {
  readonly readiness: 'ready' | 'draft'
  readonly completes: boolean
}

/** Throws as `compileStacks`. */
async function compileRead(
  session: Session,
  files: LayoutFiles,
  { stacks, faults }: StackFiles,
  { readiness, completes }: CompileOrder,
): Promise<Compiled> {
  if (faults.length > 0) throw faultsFailure(faults)
  const { layout } = files
  const input = { layout, lock: files.lock, stacks }
  const lock = completes ? await completeLock(session, input) : files.lock
  const compiled = await compileLayout({ ...input, lock })
  const isDraft = readiness === 'draft'
  const own = isDraft ? withoutUnready(compiled.faults) : compiled.faults
  const located = isDraft ? withoutUnready(compiled.located) : compiled.located
  expectSound(session, files, [...own, ...(isDraft ? [] : cardlessFaults(compiled))], located)
  const hosts = isDraft ? { ...compiled.hosts, ...compiled.drafts } : compiled.hosts
  expectSize(compiled, hosts)
  const placed = compiled.placed(configFaults({ hosts }))
  expectSound(session, files, placed.faults, placed.located)
  const warnings = compiled.warnings.map((warning) => shownText(session, warning))
  return { ...compiled, warnings }
}

/** Faults of the Compose files that a faulty layout names. */
async function stackFaults(session: Session, files: LayoutFiles): Promise<readonly LocatedFault[]> {
  const { stacks: all } = files.layout
  const stacks = new Map([...all].filter(([, { files: named }]) => named.length > 0))
  try {
    return (await readStacks(session, { ...files, layout: { ...files.layout, stacks } })).faults
  } catch (error) {
    // What cannot be read at all is told when the layout is sound.
    if (error instanceof Failure) return []
    throw error
  }
}

/** Throws all faults: those of the layout first, then those of the Compose files. */
function expectSound(
  session: Session,
  { yaml }: LayoutFiles,
  faults: readonly Fault[],
  located: readonly LocatedFault[],
): void {
  const placed = located.map((fault) => shownFault(session, fault)).sort(byPlace)
  const all = [...inOrder(yaml, faults), ...placed]
  if (all.length > 0) throw faultsFailure(all)
}

function byPlace(a: LocatedFault, b: LocatedFault): number {
  if (a.file !== b.file) return a.file < b.file ? -1 : 1
  return a.line - b.line || a.column - b.column
}

/** Room for the claims that the signer adds. */
const claimsBytes = 64 * 1024

function expectSize(compiled: Compiled, hosts: Config['hosts']): void {
  const bytes = Buffer.byteLength(JSON.stringify({ hosts }))
  if (bytes <= payloadBytesMax - claimsBytes) return
  const largest = compiled.sizes().slice(0, 3)
  const named = largest.map(({ stack, bytes: own }) => {
    return `${stack === '' ? 'services' : stack} ${Math.ceil(own / 1024)} KiB`
  })
  const message = `the config has ${Math.ceil(bytes / 1024)} KiB, and ${payloadBytesMax / 2 ** 20} MiB is the most; largest: ${named.join(', ')}`
  throw new Failure(4, 'config-too-large', message, {
    hint: 'put large files on the hosts and name their paths, or make two clusters',
  })
}

function frozen({ lock, lockPath }: LayoutFiles, next: Lock): Failure {
  const keys = new Set([...lock.facts.keys(), ...next.facts.keys()])
  const changed = [...keys].filter((key) => lock.facts.get(key) !== next.facts.get(key)).sort()
  const more = changed.length > 5 ? ` and ${changed.length - 5} more` : ''
  const message = `${lockPath} would change: ${changed.slice(0, 5).join(', ')}${more}`
  return new Failure(4, 'lock-frozen', message, {
    hint: 'run covey compile without --frozen, and commit the lock',
  })
}
