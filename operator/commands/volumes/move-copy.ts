import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { keptArchiveSchema } from '../../../protocol/api/volumes.ts'
import { compareHeads, type Head } from '../../../protocol/heads.ts'
import { askLong } from '../../agent-client/ask-long.ts'
import { askStatus } from '../../agent-client/status.ts'
import { askStream } from '../../agent-client/stream.ts'
import { askContainers } from '../../all-hosts/known.ts'
import { lookMs, moveStopMsMax } from '../../limits.ts'
import { Failure } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'
import { progressLine, sizeText } from '../images/progress.ts'
import type { MoveSet } from './move-set.ts'
import { asRefusal } from './name.ts'

const goOn = 'run the same command again: it goes on; until then the service is stopped'

/** One volume on its way from a host to another. */
interface Copy {
  /** Asks the host that has it. */
  readonly from: Session
  readonly target: Session
  readonly volume: string
  readonly id: string
  readonly signal: AbortSignal
}

/** Copies a volume that nothing uses any more; the checksum of what was sent, and has come. */
export async function copyVolume(session: Session, copy: Copy): Promise<string> {
  const { from, target, volume, id, signal } = copy
  const hash = createHash('sha256')
  const progress = progressLine(session)
  let bytes = 0
  let shown = 0
  const sent = async function* (): AsyncGenerator<Uint8Array> {
    const path = `/v1/volumes/${volume}/archive?users=refuse`
    for await (const chunk of askStream(from, { method: 'GET', path, admin: true }, signal)) {
      hash.update(chunk)
      bytes += chunk.length
      if (session.io.errIsTerminal && bytes - shown > 1e6) {
        shown = bytes
        progress.say(`copying ${volume}: ${sizeText(bytes)}`)
      }
      yield chunk
    }
    if (signal.aborted) throw interrupted()
  }
  progress.say(`copying ${volume}`)
  try {
    const path = `/v1/volumes/${volume}/incoming/content?id=${id}`
    const body = sent()
    const question = { method: 'POST', path, admin: true, body } as const
    const asked = { ...question, contentType: 'application/zstd' }
    const document = await askLong(target, asked, signal)
    if (signal.aborted) throw interrupted()
    const taken = keptArchiveSchema.safeParse(document)
    const sha256 = hash.digest('hex')
    if (taken.success && taken.data.sha256 === sha256) return sha256
    throw new Failure(1, 'volume-checksum', `what has come of ${volume} is not what was sent`, {
      hint: goOn,
    })
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    const refusal = asRefusal(error)
    if (!(refusal instanceof Failure) || refusal.hint !== undefined) throw refusal
    throw new Failure(refusal.exit, refusal.code, refusal.message, { hint: goOn, cause: error })
  } finally {
    progress.end()
  }
}

/** Waits until a host has the version that takes the services from it, and has stopped them. */
export async function untilGone(
  session: Session,
  from: Session,
  {
    set,
    head,
    signal,
  }: {
    readonly set: MoveSet
    readonly head: Head | undefined
    readonly signal: AbortSignal
  },
): Promise<void> {
  session.note(`waiting until ${set.from} has stopped ${set.services.join(', ')}`)
  for (const until = performance.now() + moveStopMsMax; ; ) {
    if (signal.aborted) throw interrupted()
    const { status } = await askStatus(from)
    const { applied } = status
    const hasIt = applied !== null && head !== undefined && compareHeads(applied, head) >= 0
    if (hasIt && (await isGone(from, set))) return
    if (performance.now() >= until) {
      const message = `${set.from} has not stopped ${set.services.join(', ')} in time`
      throw new Failure(1, 'still-running', message, { hint: goOn })
    }
    await sleep(lookMs, undefined, { signal }).catch(() => undefined)
  }
}

async function isGone(from: Session, { containers }: MoveSet): Promise<boolean> {
  const { rows } = await askContainers(from)
  return !rows.some(({ name, pid }) => containers.includes(name) && pid !== null)
}

function interrupted(): Failure {
  return new Failure(1, 'interrupted', 'interrupted', { hint: goOn })
}
