import { mkdirSync } from 'node:fs'
import { createServer, type IncomingMessage, request, type Server } from 'node:http'
import { join } from 'node:path'
import { shellWord } from '../../operator/terminal/shell-word.ts'
import { coveyPath } from '../lab/host.ts'
import type { Lab } from '../lab/lab.ts'
import { plainEnv, run as runCommand } from '../lab/processes.ts'
import { poison } from '../operator/hostile-agent.ts'
import type { Attack, AttackEnd } from './attack.ts'
import { inLab } from './in-lab.ts'

/** The operator's commands to a host that was taken over. */
const commands: readonly (readonly string[])[] = [
  ['status'],
  ['firewall', 'show'],
  ['firewall', 'trace', 'host:h1', 'host:h1', '80/tcp', '--live'],
  ['ps'],
  ['doctor'],
  ['image', 'list'],
  ['image', 'prune'],
  ['logs', 'web'],
  ['exec', 'web', '--', 'id'],
  ['config', 'show'],
]

/** Puts the poison into every text of an answer that is no part of a signed document. */
function poisoned(value: unknown): unknown {
  if (typeof value === 'string') return value + poison
  if (Array.isArray(value)) return value.map(poisoned)
  if (typeof value !== 'object' || value === null || 'payload' in value) return value
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, poisoned(one)]))
}

/** Stands in front of one of the agent's sockets, as who has taken the host over can. */
async function standBefore(behind: string, socket: string): Promise<Server> {
  const server = createServer((incoming, response) => {
    const { method, url = '/', headers } = incoming
    const outgoing = request({ socketPath: behind, method, path: url, headers }, async (answer) => {
      const text = await textOf(answer)
      response.writeHead(answer.statusCode ?? 500, { 'content-type': 'application/json' })
      try {
        response.end(JSON.stringify(poisoned(JSON.parse(text))))
      } catch {
        response.end(text + poison)
      }
    })
    outgoing.on('error', () => response.destroy())
    incoming.pipe(outgoing)
  })
  await new Promise<void>((listening) => server.listen(socket, () => listening()))
  return server
}

async function textOf(answer: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of answer) text += String(chunk)
  return text
}

/** The part of the poison that reached a terminal, in words; the program's own colours are none. */
function leaks(text: string): boolean {
  const shown = text.replaceAll('\r\n', '\n').replace(/\p{Cc}\[[\d;]*[mK]/gu, '')
  return /[\p{Cc}\p{Cf}\u2028]/u.test(shown.replaceAll('\n', ''))
}

async function tellAll(lab: Lab): Promise<AttackEnd> {
  const host = await lab.host('h1')
  await lab.enrolAll()
  await host.waitFor('has applied version 1', ({ applied }) => applied?.version === 1)
  const run = `/proc/${host.pid}/root/run`
  mkdirSync(join(run, 'false'), { mode: 0o700 })
  const servers: Server[] = []
  for (const name of ['covey.sock', 'admin.sock']) {
    servers.push(await standBefore(join(run, 'covey', name), join(run, 'false', name)))
  }
  try {
    const leaking: string[] = []
    let poisonedAnswers = 0
    for (const words of commands) {
      const socket = shellWord(join(run, 'false/covey.sock'))
      const line = `${shellWord(coveyPath)} --to ${socket} ${words.join(' ')}`
      // script(1) gives the command a terminal, so that it does what it does for a person.
      const { stdout } = await runCommand('script', ['-qec', line, '/dev/null'], {
        env: { ...plainEnv, TERM: 'xterm', HOME: lab.operator.home },
        cwd: lab.operator.folder,
      })
      if (stdout.includes('PWN') || stdout.includes('?]0;')) poisonedAnswers += 1
      if (leaks(stdout)) leaking.push(words.join(' '))
    }
    const seen = `${poisonedAnswers} of ${commands.length} commands showed the agent's words`
    const through = leaking.length === 0 ? 'no control character among them' : leaking.join(', ')
    if (poisonedAnswers === 0) throw new Error('no command showed what the agent said')
    return { held: leaking.length === 0, seen: `${seen}; let through: ${through}` }
  } finally {
    for (const server of servers) {
      server.closeAllConnections()
      server.close()
    }
  }
}

/** A host that was taken over writes commands for a terminal into everything that it says. */
export const terminalEscapes: Attack = {
  name: 'terminal-escapes',
  from: 'root on a member',
  wants: "to run the operator's terminal",
  run: () => inLab(tellAll),
}
