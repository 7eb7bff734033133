import type { Status } from '../../../protocol/api/status.ts'
import { isObject } from '../../../protocol/documents/canonical-json.ts'
import { placeOf, sessionAt } from '../../agent-client/place.ts'
import { askStatus } from '../../agent-client/status.ts'
import { restoredHosts } from '../../diff/restore.ts'
import type { OperatorFolder } from '../../folder/folder.ts'
import { lookMs, takeBackMsMax } from '../../limits.ts'
import type { SignOptions } from '../../signing/make-config.ts'
import type { VerifiedConfig } from '../../signing/verify.ts'
import { Failure } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'
import { headOfNode, lookAtNode, type NodeLook } from './look-at-node.ts'
import { propose } from './proposal.ts'
import { type Released, release } from './release.ts'
import { findReplaced, type Replaced, type Stopped, stopAll } from './replace-docker.ts'

/** The configs that an apply replaces, and all that it needs to go back. */
export interface Replacing {
  readonly folder: OperatorFolder
  readonly look: NodeLook
  readonly hosts: VerifiedConfig['config']['hosts']
  readonly switches: SignOptions
  readonly stacks: readonly string[]
}

/**
 * Stops the projects of Docker that stacks take the place of, then runs a release. Where covey's
 * services do not become healthy, the services of before are put back, and the projects are started
 * again. Ctrl-C and every failure leave one of both running, and the failure says which.
 */
export async function replacingDocker(
  session: Session,
  replacing: Replacing,
  run: () => Promise<Released>,
): Promise<Released> {
  const { folder, look, hosts, stacks } = replacing
  const replaced = await findReplaced(session, folder, look, hosts, stacks)
  if (replaced.length === 0) return await run()
  const signal = session.io.interrupted()
  // A second Ctrl-C must not end this between the two.
  const letGo = session.io.onSignals(['SIGINT', 'SIGTERM'], () => undefined)
  try {
    if (signal.aborted) throw stoppedBefore('nothing was stopped')
    const stopped = await stopAll(session, replaced)
    try {
      if (signal.aborted) throw stoppedBefore('nothing was signed')
      await stopped.going()
      const released = await run()
      await stopped.keep().catch(() => undefined)
      session.note(`${stopped.text} stays stopped; covey runs ${stacks.join(', ')}`)
      return released
    } catch (error) {
      throw await afterFailure(
        calm(session, await placeOf(session)),
        replacing,
        replaced,
        stopped,
        error,
      )
    }
  } finally {
    letGo()
  }
}

function stoppedBefore(what: string): Failure {
  return new Failure(1, 'stopped', `you stopped it: ${what}`)
}

/** The same session, for which nobody has pressed Ctrl-C. */
function calm(session: Session, place: Awaited<ReturnType<typeof placeOf>>): Session {
  const io = { ...session.io, interrupted: () => new AbortController().signal }
  return sessionAt({ ...session, io }, place)
}

/** Puts one of both to work after a failure; gives the failure with what runs now. */
async function afterFailure(
  session: Session,
  replacing: Replacing,
  replaced: readonly Replaced[],
  stopped: Stopped,
  error: unknown,
): Promise<unknown> {
  const { folder, look, stacks } = replacing
  const names = stacks.join(', ')
  const now = await headOfNode(session, folder).catch(() => undefined)
  if (now === undefined) {
    await stopped.keep().catch(() => undefined)
    return told(error, `it is not known what runs of ${names}, and ${stopped.text} is stopped`)
  }
  const isInForce = now !== null && now.head.digest !== look.head?.head.digest
  if (!isInForce) return told(error, await startedAgain(stopped))
  if (!isUnwell(error, stacks, replaced)) {
    await stopped.keep().catch(() => undefined)
    return told(error, `covey runs ${names}, and ${stopped.text} stays stopped`)
  }
  try {
    const version = await takeBack(session, replacing, now, replaced)
    const back = `its services were taken back by version ${version}`
    return told(error, `${back}, and ${await startedAgain(stopped)}`)
  } catch (cause) {
    await stopped.keep().catch(() => undefined)
    const why = cause instanceof Error ? cause.message : String(cause)
    return told(
      error,
      `covey's ${names} could not be taken back (${why}), and ${stopped.text} stays stopped`,
    )
  }
}

async function startedAgain(stopped: Stopped): Promise<string> {
  try {
    await stopped.back()
    return `${stopped.text} runs again`
  } catch (error) {
    const why = error instanceof Failure ? error.message : String(error)
    return `${stopped.text} does not start again: ${why}`
  }
}

/** The same failure, with what it left behind. */
function told(error: unknown, what: string): unknown {
  if (!(error instanceof Failure)) return error
  const { exit, code, hint, faults } = error
  const message = `${error.message}; ${what}`
  const { document } = error
  const { error: said } = isObject(document) ? document : { error: undefined }
  return new Failure(exit, code, message, {
    ...(hint === undefined ? {} : { hint }),
    ...(isObject(document) && isObject(said)
      ? { document: { ...document, error: { ...said, message } } }
      : {}),
    faults,
    cause: error,
  })
}

/** True if a failure is about the stacks themselves, and not about others beside them. */
function isUnwell(
  error: unknown,
  stacks: readonly string[],
  replaced: readonly Replaced[],
): boolean {
  if (!(error instanceof Failure) || !['not-well', 'not-arrived'].includes(error.code)) return false
  const rows = (error.document as { unwell?: unknown } | undefined)?.unwell
  if (!Array.isArray(rows)) return true
  const hosts = replaced.map(({ host }) => host)
  return rows.some(({ host, service }: { host: string; service: string | null }) => {
    return service === null
      ? hosts.includes(host)
      : stacks.some((stack) => service.startsWith(`${stack}/`))
  })
}

/** Signs and sends the services of before, and waits until hosts run them; gives the version. */
async function takeBack(
  session: Session,
  { folder, look, switches }: Replacing,
  failed: VerifiedConfig,
  replaced: readonly Replaced[],
): Promise<number> {
  const hosts = restoredHosts(failed.config, look.head?.config ?? { hosts: {} })
  const now = await lookAtNode(session, folder)
  const proposal = propose(now, hosts)
  session.note(`taking the services of version ${failed.head.version} back`)
  const { signed } = await release(session, {
    ...{
      folder,
      look: now,
      proposal,
      switches,
      again: null,
      waits: false,
      timeoutMs: takeBackMsMax,
    },
  })
  const waiting = new Set(replaced.map(({ host }) => host))
  const until = session.io.now() + takeBackMsMax
  for (;;) {
    const { status } = await askStatus(session)
    for (const host of waiting) if (hasApplied(status, host, signed)) waiting.delete(host)
    if (waiting.size === 0) return signed.head.version
    if (session.io.now() >= until) break
    await session.io.wait(lookMs, session.io.interrupted())
  }
  const { status } = await askStatus(session)
  const behind = [...waiting].filter((host) => holds(status, host, failed, signed))
  if (behind.length === 0) return signed.head.version
  throw new Failure(
    1,
    'not-arrived',
    `version ${signed.head.version} is not applied on ${behind.join(', ')}`,
  )
}

function hasApplied({ hosts }: Status, host: string, { head }: VerifiedConfig): boolean {
  const row = hosts.find((each) => each.host === host)
  return row?.applied?.digest === head.digest && row.state !== 'applying'
}

/** True if a host holds one of these configs: it may run services of the first. */
function holds({ hosts }: Status, host: string, ...configs: readonly VerifiedConfig[]): boolean {
  const digest = hosts.find((each) => each.host === host)?.head?.digest
  return configs.some(({ head }) => head.digest === digest)
}
