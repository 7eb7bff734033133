import { request } from 'node:http'
import type { Head } from '../../protocol/heads.ts'

/** The verdict of an agent on a config that was handed to it. */
export interface ShownVerdict {
  readonly verdict?: string
  readonly code?: string
  readonly head?: Head | null
}

const answerMsMax = 10_000

/** Hands a signed config to an agent over its socket; jumps of versions are allowed. */
export function postConfig(socketPath: string, text: string): Promise<ShownVerdict> {
  const path = '/v1/config?allow_gap=1'
  const options = { socketPath, path, method: 'POST', timeout: answerMsMax }
  return new Promise((resolve, reject) => {
    const asked = request(options, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        try {
          resolve(JSON.parse(Buffer.concat(chunks).toString()))
        } catch (error) {
          reject(error)
        }
      })
    })
    asked.on('timeout', () => asked.destroy(new Error('no answer to POST /v1/config')))
    asked.on('error', reject)
    asked.end(text)
  })
}

/** An event of `GET /v1/events`, as it is told. */
export interface ShownEvent {
  readonly event: string
  readonly head?: Head | null
  readonly applied?: Head | null
  readonly alarm?: { readonly code: string }
  readonly raised?: boolean
}

/** A watch over an agent's events. */
export interface EventWatch {
  /** Everything so far, oldest first; the first is the status. */
  readonly events: readonly ShownEvent[]
  stop(): void
}

/** Watches an agent's events until it ends or the watch is stopped. */
export function watchEvents(socketPath: string): EventWatch {
  const events: ShownEvent[] = []
  let rest = ''
  const asked = request({ socketPath, path: '/v1/events' }, (response) => {
    response.on('data', (chunk: Buffer) => {
      const parts = (rest + chunk.toString()).split('\n\n')
      rest = parts.pop() ?? ''
      for (const part of parts) {
        const [, name = '', data = ''] = /^event: (.*)\ndata: (.*)$/.exec(part) ?? []
        events.push({ ...JSON.parse(data), event: name })
      }
    })
    response.on('error', () => undefined)
  })
  asked.on('error', () => undefined)
  asked.end()
  return { events, stop: () => void asked.destroy() }
}
