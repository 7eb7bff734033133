import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connectFailure } from '../../agent-client/client.ts'
import { localPlace } from '../../agent-client/sockets.ts'
import { Failure } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'

/**
 * `covey dial-stdio`: joins stdin and stdout with the agent's `admin.sock`, or with `covey.sock`
 * where the user may only look. Ends when either side does.
 */
export async function dialStdio(session: Session): Promise<void> {
  const { io } = session
  const { covey, admin } = localPlace(session)
  const socket = await dial(admin).catch((error: unknown) => {
    if (error instanceof Failure && error.code === 'socket-denied') return dial(covey)
    throw error
  })
  const ended = once(socket, 'close').catch(() => undefined)
  void send(session, socket)
  try {
    for await (const chunk of socket) await io.write('out', chunk)
  } catch {
    // The agent broke off: whoever speaks to it sees the end.
  }
  await ended
  io.endInput()
}

async function dial(path: string): Promise<Socket> {
  const socket = connect({ path, allowHalfOpen: true })
  try {
    await once(socket, 'connect')
    return socket
  } catch (error) {
    throw connectFailure(path, error)
  }
}

async function send({ io }: Session, socket: Socket): Promise<void> {
  socket.on('error', () => undefined)
  try {
    for await (const chunk of io.stdin) {
      if (!socket.write(chunk)) await once(socket, 'drain')
    }
    socket.end()
  } catch {
    socket.destroy()
  }
}
