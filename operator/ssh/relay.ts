import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { oneLine } from '../../protocol/printable.ts'
import { Failure } from '../terminal/failure.ts'
import { destinationText, type SshDestination } from './destination.ts'
import { probe } from './probe.ts'
import { type SshEnd, type SshEnv, startSsh } from './program.ts'
import { overLine, type SshLine } from './ssh-line.ts'

/**
 * Joins the sockets of a line to the agent by `covey dial-stdio`, run on the host once for each
 * connection: this needs no forwarding, and works by sudo where the user is not root. Throws
 * `Failure` where it does not work either, with the reason that was said there.
 */
export async function openRelay(line: SshLine, env: SshEnv): Promise<void> {
  let last: Promise<SshEnd> | undefined
  const servers: Server[] = []
  for (const path of [line.covey, line.admin]) {
    const server = createServer((socket) => {
      last = relay(socket, line, env)
    })
    server.listen(path)
    await once(server, 'listening')
    // Nobody waits for further connections when the command is done.
    server.unref()
    servers.push(server)
  }
  if (await probe(line.admin)) return
  for (const server of servers) server.close()
  const end = await last
  throw dialFailure(line.destination, end ?? { code: null, words: '' })
}

function relay(socket: Socket, { control, destination }: SshLine, env: SshEnv): Promise<SshEnd> {
  const { child, end } = startSsh(
    [...overLine(control), '-T', 'x', '--', remoteCommand(destination)],
    env,
    'pipe',
  )
  const { stdin, stdout } = child
  if (stdin === null || stdout === null) return end
  socket.on('error', () => undefined)
  stdin.on('error', () => undefined)
  socket.pipe(stdin)
  stdout.pipe(socket)
  socket.on('close', () => child.kill('SIGTERM'))
  end.then(
    () => stdout.readableEnded || stdout.once('end', () => socket.end()),
    () => socket.destroy(),
  )
  return end
}

/** One word for a POSIX shell, whatever shell the user has. */
function remoteCommand({ runDir }: SshDestination): string {
  const dial = `covey dial-stdio --run-dir ${runDir}`
  const sudo = `[ "$(id -u)" = 0 ] || ! sudo -n true 2>/dev/null || exec sudo -n ${dial}`
  return `exec sh -c '${sudo}; exec ${dial}'`
}

/** 127 is the shell's for a program that is not there; the rest is what covey there says. */
function dialFailure(to: SshDestination, { code, words }: SshEnd): Failure {
  const name = destinationText(to)
  const cause = new Error(words.trim())
  if (code === 5) {
    const hint = 'start it there: systemctl start covey'
    return new Failure(5, 'no-agent', `no agent answers at ${name}`, { hint, cause })
  }
  if (code === 127) {
    const hint = 'install it there, so that it is in the PATH of ssh'
    return new Failure(5, 'no-covey', `there is no covey at ${name}`, { hint, cause })
  }
  const said = /^covey: dial-stdio: (.*)$/m.exec(words)?.[1]
  const why = said === undefined ? 'covey there does not answer' : oneLine(said)
  return new Failure(1, 'dial-failed', `${name}: ${why}`, {
    hint: 'log in as root or as a member of the group covey, or let sudo run covey',
    cause,
  })
}
