import { eventSchema, type HeardEvent } from '../../../protocol/api/events.ts'
import { nameOf } from '../../agent-client/client.ts'
import { heard } from '../../agent-client/heard.ts'
import { placeOf } from '../../agent-client/place.ts'
import { askStream, goneFailure } from '../../agent-client/stream.ts'
import { entriesFor } from '../../all-hosts/entries.ts'
import { openHosts } from '../../all-hosts/open.ts'
import { eventBytesMax } from '../../limits.ts'
import { Failure } from '../../terminal/failure.ts'
import { jsonLine, type Session } from '../../terminal/session.ts'
import type { Input } from '../definition.ts'
import { eventText } from './event-text.ts'

/** `covey events`: what happens on the hosts, until Ctrl-C. */
export async function showEvents(session: Session, input: Input): Promise<void> {
  const signal = session.io.interrupted()
  const entries = await entriesFor(session, input)
  if (entries === undefined) return await follow(session, session, '', signal)
  const hosts = openHosts(session, entries)
  const faults: Failure[] = []
  const watched = hosts.map(async (host) => {
    try {
      await follow(session, await host.session(), host.name, signal)
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      session.warn(`${host.name}: ${error.message}`)
      faults.push(error)
    }
  })
  await Promise.all(watched)
  const [first] = faults
  if (first !== undefined && !signal.aborted) throw first
}

/** Tells the events of one node, with the name of its host where that says something. */
async function follow(
  { io, settings, paint }: Session,
  asked: Session,
  host: string,
  signal: AbortSignal,
): Promise<void> {
  const lines = createLines((data) => {
    const event = eventOf(asked, data)
    if (event === null) return
    if (settings.json) io.out(jsonLine(host === '' ? event : { host, ...event }))
    else io.out(`${host === '' ? '' : `${host}  `}${eventText(event, paint)}\n`)
  })
  const question = { method: 'GET', path: '/v1/events' } as const
  for await (const chunk of askStream(asked, question, signal)) lines.add(chunk)
  // The agent never ends the events by itself, but by ending.
  if (signal.aborted) return
  const place = await placeOf(asked)
  throw goneFailure(nameOf(place, place.covey), undefined)
}

/** Null for what is told at the beginning, and for what is no event. */
function eventOf(session: Session, data: string): HeardEvent | null {
  let value: unknown
  try {
    value = heard(session, data)
  } catch {
    throw new Failure(
      1,
      'answer-broken',
      `the agent sent something that is not an event: ${data.slice(0, 200)}`,
    )
  }
  const event = eventSchema.safeParse(value)
  return event.success ? event.data : null
}

/** Cuts a stream of server-sent events into the data of each: the agent writes one line of it. */
function createLines(onData: (data: string) => void): { add(chunk: Buffer): void } {
  let held: Buffer = Buffer.alloc(0)
  return {
    add(chunk) {
      const bytes = Buffer.concat([held, chunk])
      let at = 0
      for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, at)) {
        const line = bytes.toString('utf8', at, end)
        if (line.startsWith('data: ')) onData(line.slice('data: '.length))
        at = end + 1
      }
      held = bytes.subarray(at)
      if (held.length <= eventBytesMax) return
      throw new Failure(1, 'answer-too-large', 'an event of the agent is too large')
    },
  }
}
