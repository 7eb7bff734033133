import { createServer, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { encodeFrame } from '../../protocol/exec-frames.ts'
import type { Workspace } from './workspace.ts'

/** The beginning of a line of its own, if a line feed of the agent's is printed. */
export const forged = 'FORGED'

/**
 * The text that a compromised agent adds to its answers: it sets the title, copies to the
 * clipboard, clears the screen, moves up by C1, turns the text around, and begins a line of its
 * own.
 */
export const poison: string =
  '\u001b]0;PWN\u0007\u001b]52;c;cm0=\u0007\u001b[2J\u001b[7m\u009b2J\u009d0;x\u009c\u202e\u2066' +
  `\u200f\u2028\u007f\b\t\r\n${forged}\n${forged}\u001b`

/** The way in which an agent lies. */
export interface Lie {
  readonly name: string
  /** Members whose value decides which form the answer has; they stay as they are. */
  readonly spares: readonly string[]
  readonly how: 'answers' | 'refuses' | 'babbles' | 'breaks-off'
}

/** Every way in which the agent of these tests lies. */
export const lies: readonly Lie[] = [
  { name: 'in every text', spares: [], how: 'answers' },
  {
    name: 'in every text that is free',
    spares: ['event', 'verdict', 'digest', 'state', 'protected', 'payload', 'signature'],
    how: 'answers',
  },
  { name: 'in its reasons to refuse', spares: [], how: 'refuses' },
  { name: 'in what is no JSON', spares: [], how: 'babbles' },
  { name: 'in JSON that has no end', spares: [], how: 'breaks-off' },
]

function poisoned(value: unknown, spares: readonly string[], name = ''): unknown {
  if (typeof value === 'string') return spares.includes(name) ? value : `${value}${poison}`
  if (Array.isArray(value)) return value.map((one) => poisoned(one, spares, name))
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value).map(([key, one]) => [key, poisoned(one, spares, key)])
  return { ...Object.fromEntries(members), [`odd${poison}`]: poison }
}

const problem = { title: 't', detail: 'no', code: 'no-such', hint: 'try', faults: [] }
const reply = {
  verdict: 'refused',
  code: 'no',
  message: 'no',
  head: null,
  faults: [
    { path: 'a', message: 'b' },
    { path: 'c', message: 'd' },
  ],
}

/** An agent on both sockets that answers everything that is asked, and lies. */
export async function hostileAgent(
  context: TestContext,
  space: Workspace,
  lie: Lie,
  answers: Readonly<Record<string, unknown>>,
): Promise<{ readonly asked: readonly string[] }> {
  const asked: string[] = []
  const answerOf = (request: IncomingMessage): { status: number; text: string } => {
    const path = (request.url ?? '').split('?')[0] ?? ''
    asked.push(`${request.method} ${path}`)
    const refusal = path === '/v1/config' && request.method === 'POST' ? reply : problem
    const say = (value: unknown): string => JSON.stringify(poisoned(value, lie.spares))
    if (lie.how === 'refuses') return { status: 422, text: say(refusal) }
    if (lie.how === 'babbles') return { status: 200, text: `data: ${poison}\n\n${poison}\n` }
    const answer = answers[`${request.method} ${path}`] ?? problem
    const stream = Array.isArray(answer) && typeof answer[0] === 'object' && 'line' in answer[0]
    const text = stream
      ? answer.map(({ line, before }) => `${before ?? ''}${streamed(line, say)}\n`).join('')
      : say(answer)
    return { status: 200, text: lie.how === 'breaks-off' ? text.slice(0, -2) : text }
  }
  for (const socket of ['covey.sock', 'admin.sock']) {
    const server = createServer((request, response) => {
      request.resume()
      const { status, text } = answerOf(request)
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(text)
    })
    server.on('upgrade', (request, stream) => {
      asked.push(`${request.method} ${request.url}`)
      stream.on('error', () => {})
      stream.write(
        'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: covey-stream\r\n\r\n',
      )
      const fault = { code: 'no', message: `no${poison}`, hint: poison, exit: 126 }
      stream.end(
        encodeFrame('fault', Buffer.from(lie.how === 'babbles' ? poison : JSON.stringify(fault))),
      )
    })
    await new Promise<void>((listening) => {
      server.listen(join(space.runDir, socket), () => listening())
    })
    context.after(() => {
      server.closeAllConnections()
      server.close()
    })
  }
  return { asked }
}

/** A record of a log is bytes, everything else in a stream is JSON. */
function streamed(line: unknown, say: (value: unknown) => string): string {
  return typeof line === 'string' ? `${line}${poison.replaceAll('\n', '')}` : say(line)
}
