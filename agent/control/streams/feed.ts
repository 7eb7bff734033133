import type { ServerResponse } from 'node:http'
import { progressMs } from '../../../machine/images/limits.ts'
import { CoveyError } from '../../../protocol/fault.ts'
import { goneSignal } from './gone.ts'

/** Events of one line each, the last of which is `done` or `failed`. */
export interface Feed {
  readonly signal: AbortSignal
  /** Tells how far something is, whenever that has changed: an event, or null for none. */
  follow(ask: () => object | null): void
  /** Tells the end at once; the connection stays until `after`. */
  end(last: object, after?: Promise<void>): void
}

/** Begins such an answer with its first event. */
export function feedTo(response: ServerResponse): Feed {
  let timer: NodeJS.Timeout | undefined
  let said = ''
  const write = (line: string): void => {
    if (!response.headersSent) {
      response.writeHead(200, {
        'content-type': 'application/x-ndjson',
        'cache-control': 'no-store',
      })
    }
    response.write(`${line}\n`)
  }
  response.on('close', () => clearInterval(timer))
  return {
    signal: goneSignal(response),
    follow(ask) {
      clearInterval(timer)
      timer = setInterval(() => {
        const progress = ask()
        const line = progress === null ? said : JSON.stringify(progress)
        if (line !== said) write(line)
        said = line
      }, progressMs)
    },
    end(last, after = Promise.resolve()) {
      clearInterval(timer)
      if (response.destroyed) return
      write(JSON.stringify(last))
      after.then(() => response.end())
    },
  }
}

/** The last event of something that failed. */
export function failedEvent(error: unknown): object {
  const code = error instanceof CoveyError ? error.code : 'internal'
  const message = error instanceof Error ? error.message : String(error)
  const hint = error instanceof CoveyError ? (error.hint ?? null) : null
  return { event: 'failed', code, message, hint }
}
