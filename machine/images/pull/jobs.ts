import { CoveyError } from '../../../protocol/fault.ts'
import { imagesAtOnceMax, pullsMax, retryMsMax, retryMsMin } from '../limits.ts'
import type { ImageRecord } from '../store/records.ts'
import type { PullProgress } from './pull-image.ts'
import { createSlots } from './slots.ts'

/** State of an incomplete pull; `failure` says why the previous attempt failed. */
export type JobState =
  | { readonly state: 'waiting'; readonly failure: string | null }
  | {
      readonly state: 'pulling'
      readonly progress: PullProgress | null
      readonly failure: string | null
    }
  | { readonly state: 'failed'; readonly reason: string; readonly retryAtMs: number }

/** Work of a job: pulls one image. */
type Work = (
  reference: string,
  signal: AbortSignal,
  onProgress: (ask: () => PullProgress) => void,
) => Promise<ImageRecord>

/** Pulls under way and pulls that failed, by canonical reference. */
export interface Jobs {
  state(reference: string): JobState | null
  /** For the config: begins unless it runs or failed too recently. */
  want(reference: string): void
  /** One that failed may begin again at once. */
  hurry(reference: string): void
  /** The config wants no others any more: what nobody else waits for ends. */
  wantOnly(references: ReadonlySet<string>): void
  /** For a person: begins at once, or joins. Leaving by the signal ends what nobody else wants. */
  follow(reference: string, signal: AbortSignal): Promise<ImageRecord>
  close(): Promise<void>
}

/** End of a pull; `ended` if it was no longer wanted. */
export type PullEnd = 'pulled' | 'ended' | { readonly error: unknown }

/** Dependencies of jobs. */
export interface JobsInit {
  readonly work: Work
  readonly now: () => number
  /** From 0 up to but not including 1. */
  readonly random: () => number
  readonly onEnd: (reference: string, end: PullEnd) => void
}

interface Job {
  readonly ending: AbortController
  readonly outcome: Promise<ImageRecord>
  ask: (() => PullProgress) | null
  hasBegun: boolean
  isWanted: boolean
  followers: number
}

interface FailedPull {
  readonly failures: number
  readonly reason: string
  readonly retryAtMs: number
}

/** See `Jobs`. */
export function createJobs(init: JobsInit): Jobs {
  return new PullJobs(init)
}

/** One line for `covey status`: what is wrong, and what to do about it. */
export function reasonText(error: unknown): string {
  const hint = error instanceof CoveyError && error.hint !== undefined ? `; ${error.hint}` : ''
  const message = error instanceof Error ? error.message : String(error)
  return `${message}${hint}`.replace(/\s+/g, ' ')
}

class PullJobs implements Jobs {
  private readonly init: JobsInit
  private readonly jobs = new Map<string, Job>()
  private readonly failed = new Map<string, FailedPull>()
  private readonly slots = createSlots(imagesAtOnceMax)
  private isClosed = false

  constructor(init: JobsInit) {
    this.init = init
  }

  state(reference: string): JobState | null {
    const job = this.jobs.get(reference)
    const failed = this.failed.get(reference)
    const failure = failed?.reason ?? null
    if (job?.hasBegun) return { state: 'pulling', progress: job.ask?.() ?? null, failure }
    if (job !== undefined) return { state: 'waiting', failure }
    if (failed === undefined) return null
    return { state: 'failed', reason: failed.reason, retryAtMs: failed.retryAtMs }
  }

  want(reference: string): void {
    const job = this.jobs.get(reference)
    if (job !== undefined) {
      job.isWanted = true
      return
    }
    const failed = this.failed.get(reference)
    if (failed !== undefined && this.init.now() < failed.retryAtMs) return
    if (this.isClosed || this.jobs.size >= pullsMax) return
    this.begin(reference).isWanted = true
  }

  hurry(reference: string): void {
    const failed = this.failed.get(reference)
    if (failed !== undefined) this.failed.set(reference, { ...failed, retryAtMs: this.init.now() })
  }

  wantOnly(references: ReadonlySet<string>): void {
    for (const [reference, job] of this.jobs) {
      if (references.has(reference)) continue
      job.isWanted = false
      this.endIfUnwanted(job)
    }
    for (const reference of this.failed.keys()) {
      if (!references.has(reference)) this.failed.delete(reference)
    }
  }

  async follow(reference: string, signal: AbortSignal): Promise<ImageRecord> {
    signal.throwIfAborted()
    const known = this.jobs.get(reference)
    if (known?.ending.signal.aborted) {
      // It ends already: the next one begins after it.
      await known.outcome.catch(() => undefined)
      return await this.follow(reference, signal)
    }
    if (known === undefined && (this.isClosed || this.jobs.size >= pullsMax)) {
      throw new CoveyError('busy', 'too many images are already being pulled')
    }
    const job = known ?? this.begin(reference)
    job.followers++
    const leaving = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    })
    try {
      return await Promise.race([job.outcome, leaving])
    } finally {
      job.followers--
      this.endIfUnwanted(job)
    }
  }

  async close(): Promise<void> {
    this.isClosed = true
    const jobs = [...this.jobs.values()]
    for (const { ending } of jobs) ending.abort(new CoveyError('stopping', 'the agent ends'))
    await Promise.allSettled(jobs.map(({ outcome }) => outcome))
  }

  private endIfUnwanted(job: Job): void {
    if (job.isWanted || job.followers > 0) return
    job.ending.abort(new CoveyError('pull-ended', 'the image is no longer wanted'))
  }

  private begin(reference: string): Job {
    const ending = new AbortController()
    const { signal } = ending
    const outcome = this.slots.within(signal, () => {
      job.hasBegun = true
      return this.init.work(reference, signal, (ask) => {
        job.ask = ask
      })
    })
    const job: Job = {
      ending,
      outcome,
      ask: null,
      hasBegun: false,
      isWanted: false,
      followers: 0,
    }
    this.jobs.set(reference, job)
    outcome.then(
      () => this.ended(reference, null, signal),
      (error) => this.ended(reference, error, signal),
    )
    return job
  }

  private ended(reference: string, error: unknown, signal: AbortSignal): void {
    const isWanted = this.jobs.get(reference)?.isWanted === true
    this.jobs.delete(reference)
    // Somebody wanted it again while it was being ended.
    if (signal.aborted && isWanted) this.want(reference)
    if (error === null) this.failed.delete(reference)
    else if (!signal.aborted) this.failed.set(reference, this.failureOf(reference, error))
    this.init.onEnd(reference, error === null ? 'pulled' : signal.aborted ? 'ended' : { error })
  }

  /** Waits double, with up to a quarter of chance so that hosts do not ask in step. */
  private failureOf(reference: string, error: unknown): FailedPull {
    const failures = (this.failed.get(reference)?.failures ?? 0) + 1
    const waitMs = Math.min(retryMsMax, retryMsMin * 2 ** Math.min(failures - 1, 20))
    const asked = Object(error) as { readonly retryAfterMs?: unknown }
    const askedMs = typeof asked.retryAfterMs === 'number' ? asked.retryAfterMs : 0
    const spreadMs = Math.max(waitMs, Math.min(askedMs, retryMsMax)) * (1 + this.init.random() / 4)
    const retryAtMs = Math.round(this.init.now() + spreadMs)
    return { failures, reason: reasonText(error), retryAtMs }
  }
}
