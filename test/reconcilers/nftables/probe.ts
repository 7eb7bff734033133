import { createSocket } from 'node:dgram'
import { connect, createServer } from 'node:net'
import { createInterface } from 'node:readline'

/**
 * Sends and answers packets in whatever network namespace it is started in. One JSON command a
 * line on stdin, one answer a line on stdout: `{id, isReached}`.
 */
interface Ask {
  readonly id: number
  readonly kind: 'listen' | 'tcp' | 'udp' | 'hold' | 'speak'
  readonly address: string
  readonly port: number
  readonly timeoutMs: number
  /** Address to send from; the namespace's own where absent. */
  readonly from?: string
}

const held = new Map<number, ReturnType<typeof connect>>()

function listen({ address, port }: Ask): Promise<boolean> {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy())
    socket.pipe(socket)
  })
  const datagrams = createSocket(address.includes(':') ? 'udp6' : 'udp4')
  datagrams.on('message', (message, peer) => datagrams.send(message, peer.port, peer.address))
  return new Promise((resolve) => {
    server.listen(port, address, () => datagrams.bind(port, address, () => resolve(true)))
  })
}

function askTcp({ address, port, timeoutMs, from, id, kind }: Ask): Promise<boolean> {
  return new Promise((resolve) => {
    const local = from === undefined ? {} : { localAddress: from }
    const socket = connect({ host: address, port, ...local })
    const end = (isReached: boolean): void => {
      clearTimeout(timer)
      if (kind === 'hold' && isReached) held.set(id, socket)
      else socket.destroy()
      resolve(isReached)
    }
    const timer = setTimeout(() => end(false), timeoutMs)
    socket.on('error', () => end(false))
    socket.on('connect', () => socket.write('x'))
    socket.once('data', () => end(true))
  })
}

/** Says something on a connection that is held; whether it is answered. */
function speak({ port, timeoutMs }: Ask): Promise<boolean> {
  const socket = held.get(port)
  return new Promise((resolve) => {
    if (socket === undefined) return resolve(false)
    const timer = setTimeout(() => resolve(false), timeoutMs)
    socket.once('data', () => {
      clearTimeout(timer)
      resolve(true)
    })
    socket.write('y')
  })
}

function askUdp({ address, port, timeoutMs, from }: Ask): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
    const end = (isReached: boolean): void => {
      clearTimeout(timer)
      socket.close()
      resolve(isReached)
    }
    const timer = setTimeout(() => end(false), timeoutMs)
    socket.on('error', () => end(false))
    socket.on('message', () => end(true))
    const send = (): void => socket.send('x', port, address)
    if (from === undefined) send()
    else socket.bind(0, from, send)
  })
}

const answers = { listen, tcp: askTcp, hold: askTcp, udp: askUdp, speak }

for await (const line of createInterface({ input: process.stdin })) {
  const ask: Ask = JSON.parse(line)
  answers[ask.kind](ask).then(
    (isReached) => process.stdout.write(`${JSON.stringify({ id: ask.id, isReached })}\n`),
    () => process.stdout.write(`${JSON.stringify({ id: ask.id, isReached: false })}\n`),
  )
}
process.exit(0)
