import { CoveyError } from '../../protocol/fault.ts'
import type { Command, HostPorts } from '../host-ports.ts'
import { commandMs } from '../limits.ts'
import { StepError } from '../reconciler.ts'
import { type BatchLine, batchCommand, insideCommand, parseBatchFailures } from '../tools/ip.ts'
import { setCommand } from '../tools/sysctl.ts'
import { errorLine } from '../tools/words.ts'
import { batchLineMs, namespacesAtOnceMax } from './limits.ts'
import { type AttachmentLines, type InsideLines, isOptional } from './lines.ts'
import type { AttachStep, ContainerNetworkStep } from './plan.ts'

/**
 * Carries one step out. Rejects with a `CoveyError`, or a `StepError` if part of a batch failed.
 */
export async function applyContainerNetwork(
  step: ContainerNetworkStep,
  host: HostPorts,
  signal: AbortSignal,
): Promise<void> {
  switch (step.kind) {
    case 'forward':
      return runSettings(setCommand(step.settings), host, signal)
    case 'host':
      return throwFailures(await runBatch(step.lines, host, signal))
    case 'attach':
      return attach(step, host, signal)
  }
}

/** The reason why an object failed, by the object's name. */
type Failures = Map<string, string>

function throwFailures(failures: Failures): void {
  if (failures.size === 0) return
  throw new StepError([...failures].map(([object, reason]) => ({ object, reason })))
}

async function runSettings(command: Command, host: HostPorts, signal: AbortSignal): Promise<void> {
  const result = await host.run(command, signal)
  if (result.exitCode === 0) return
  throw new CoveyError('tool-failed', errorLine(result.stderr))
}

/**
 * Both batches are for all containers together; in between is one process for each, in its
 * namespace. What failed for one is not gone on with, so that its alias never says it is whole.
 */
async function attach(step: AttachStep, host: HostPorts, signal: AbortSignal): Promise<void> {
  const all = step.attachments
  const failures = await runBatch(
    all.flatMap(({ make }) => make),
    host,
    signal,
  )
  const settings = all.flatMap((each) => each.settings)
  if (settings.length > 0) await runSettings(setCommand(settings, true), host, signal)
  const inside = all.flatMap((each) => each.inside ?? [])
  await runInside(inside, failures, host, signal)
  const sound = (each: AttachmentLines): readonly BatchLine[] =>
    each.finish.filter(({ object }) => !failures.has(object))
  for (const [object, reason] of await runBatch(all.flatMap(sound), host, signal)) {
    failures.set(object, reason)
  }
  throwFailures(failures)
}

/** Runs the lines of each namespace, several namespaces at a time. */
async function runInside(
  namespaces: readonly InsideLines[],
  failures: Failures,
  host: HostPorts,
  signal: AbortSignal,
): Promise<void> {
  const waiting = namespaces.filter(({ object }) => !failures.has(object)).values()
  const work = async (): Promise<void> => {
    for (const each of waiting) {
      const reason = await insideFailure(each, host, signal).catch((error: unknown) => {
        signal.throwIfAborted()
        return error instanceof Error ? error.message : String(error)
      })
      if (reason !== null) failures.set(each.object, reason)
    }
  }
  await Promise.all(Array.from({ length: namespacesAtOnceMax }, work))
}

async function insideFailure(
  { namespace, lines }: InsideLines,
  host: HostPorts,
  signal: AbortSignal,
): Promise<string | null> {
  const result = await host.run(insideCommand(namespace, lines), signal)
  if (result.exitCode === 0) return null
  const failed = parseBatchFailures(result)
  for (const [index, said] of failed) {
    const words = lines[index]
    if (words !== undefined && !isOptional(words)) return `${words.join(' ')}: ${said}`
  }
  return failed.size > 0 ? null : `ip: ${errorLine(result.stderr)}`
}

/** True if a line failed to remove what is not there any more: then all is as it should be. */
function isGone(words: readonly string[], said: string): boolean {
  const isMissing = /no such process|cannot find device|no such file/i.test(said)
  return words[1] === 'del' && isMissing
}

/** Runs lines, also after one that failed. What fails without an object rejects. */
async function runBatch(
  lines: readonly BatchLine[],
  host: HostPorts,
  signal: AbortSignal,
): Promise<Failures> {
  const failures: Failures = new Map()
  if (lines.length === 0) return failures
  const timeoutMs = commandMs + lines.length * batchLineMs
  const result = await host.run({ ...batchCommand(lines), timeoutMs }, signal)
  if (result.exitCode === 0) return failures
  const failed = parseBatchFailures(result)
  for (const [index, said] of failed) {
    const line = lines[index]
    if (line === undefined || isGone(line.words, said)) continue
    const reason = `${line.words.join(' ')}: ${said}`
    if (line.object === '') throw new CoveyError('tool-failed', reason)
    if (!failures.has(line.object)) failures.set(line.object, reason)
  }
  if (failed.size > 0) return failures
  throw new CoveyError('tool-failed', `ip: ${errorLine(result.stderr)}`)
}
