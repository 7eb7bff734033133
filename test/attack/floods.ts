import { spawn } from 'node:child_process'
import { sign } from 'node:crypto'
import { connect } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import type { MessageStream, Stream } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { encode } from 'it-length-prefixed'
import { privateKeyOf } from '../../agent/identity/peer-id.ts'
import { documentProtocol } from '../../agent/overlay/document-protocol.ts'
import { gossipProtocol } from '../../agent/overlay/gossip-stream.ts'
import { statusEntriesMax } from '../../protocol/limits.ts'
import { ownAddress, seedOf } from '../agent/overlay/host.ts'
import { peerIdOf, startStranger } from '../agent/overlay/stranger.ts'
import type { Attack, AttackEnd } from './attack.ts'

const victimPort = 4069
/** A permitted burst is over after this time of a flood, and is not counted. */
const burstMs = 8_000
const floodMs = 8_000
/** Share of a core that a flood may cost, in percent, above what the victim uses anyway. */
const shareMax = 20
const attacker = 'flood attacker'

interface Victim {
  readonly address: string
  readonly peerId: string
  /** Processor time so far, in ms. */
  cpuMs(): Promise<number>
  end(): void
}

async function startVictim(): Promise<Victim> {
  const address = ownAddress()
  const script = join(import.meta.dirname, 'flood-victim.ts')
  const args = [script, address, String(victimPort), await peerIdOf(attacker)]
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const line = async (): Promise<string> => String((await lines.next()).value)
  const peerId = await line()
  return {
    address,
    peerId,
    async cpuMs() {
      child.stdin.write('cpu\n')
      return Number(await line())
    },
    end: () => void child.stdin.end(),
  }
}

/** A connection of the attacker, and what it can do on it. */
interface Line {
  readonly gossip: Stream
  readonly raw: MessageStream
  request(): Promise<void>
}

type Flood = (line: Line, isOver: () => boolean) => Promise<void>

/** Sends pieces as long as the other side takes them, and waits where it does not. */
async function pour(to: MessageStream, piece: Uint8Array, isOver: () => boolean): Promise<void> {
  while (!isOver() && to.status === 'open') {
    if (!to.send(piece)) await Promise.race([to.onDrain().catch(() => {}), sleep(100)])
    await sleep(1)
  }
}

function yamux(flags: number, stream: number, type: number): Buffer {
  const head = Buffer.alloc(12)
  head.writeUInt8(type, 1)
  head.writeUInt16BE(flags, 2)
  head.writeUInt32BE(stream, 4)
  return head
}

async function statusFrame(): Promise<Uint8Array> {
  const seed = seedOf(attacker)
  const objects = { converged: 1, pending: 0, failed: 0, unsupported: 0 }
  const record = { host: 'h2', peer_id: await peerIdOf(attacker), sequence: 1, state: 'in-sync' }
  const text = JSON.stringify({ ...record, head: null, applied: null, objects, alarms: [] })
  const signature = sign(null, Buffer.from(text), privateKeyOf(seed)).toString('base64url')
  const records = Array.from({ length: statusEntriesMax }, () => ({ text, signature }))
  return encode.single(Buffer.from(JSON.stringify({ kind: 'status', records }))).subarray()
}

const floods: Readonly<Record<string, Flood>> = {
  'empty frames': ({ gossip }, isOver) => pour(gossip, Buffer.alloc(1_000), isOver),
  'one record 64 times a frame': async ({ gossip }, isOver) =>
    pour(gossip, await statusFrame(), isOver),
  async 'streams opened and reset'({ raw }, isOver) {
    for (let stream = 1_001; !isOver() && raw.status === 'open'; ) {
      const frames: Buffer[] = []
      for (let count = 0; count < 20; count++, stream += 2) {
        frames.push(yamux(1, stream, 1), yamux(8, stream, 1))
      }
      raw.send(Buffer.concat(frames))
      await sleep(2)
    }
  },
  pings: ({ raw }, isOver) =>
    pour(raw, Buffer.concat(Array.from({ length: 300 }, () => yamux(1, 0, 2))), isOver),
  async 'document requests'({ request }, isOver) {
    const ask = async (): Promise<void> => {
      while (!isOver()) await request().catch(() => sleep(20))
    }
    await Promise.all(Array.from({ length: 8 }, ask))
  },
}

/** Handshakes that end before they are finished, as fast as they are answered. */
async function handshakes(victim: Victim, isOver: () => boolean): Promise<void> {
  const one = async (): Promise<void> => {
    const { node } = await startStranger({ after: () => {} }, attacker)
    const place = multiaddr(`/ip4/${victim.address}/tcp/${victimPort}/p2p/${victim.peerId}`)
    while (!isOver()) {
      const signal = AbortSignal.timeout(1_000)
      const made = node.dial(place, { force: true, signal })
      await made.then((connection) => connection.abort(new Error('over'))).catch(() => sleep(5))
    }
    await node.stop()
  }
  await Promise.all(Array.from({ length: 4 }, one))
}

async function lineTo(victim: Victim): Promise<{ line: Line; close(): Promise<void> }> {
  const { node, raw } = await startStranger({ after: () => {} }, attacker)
  const place = multiaddr(`/ip4/${victim.address}/tcp/${victimPort}/p2p/${victim.peerId}`)
  const connection = await node.dial(place)
  const gossip = await connection.newStream(gossipProtocol)
  await new Promise((resolve) => gossip.addEventListener('message', resolve, { once: true }))
  const asked = Buffer.from(JSON.stringify({ want: `sha256:${'0'.repeat(64)}`, epoch: 0 }))
  const request = async (): Promise<void> => {
    const signal = AbortSignal.timeout(floodMs)
    const stream = await connection.newStream(documentProtocol, { signal })
    stream.send(encode.single(asked).subarray())
    await new Promise((resolve) => stream.addEventListener('message', resolve, { once: true }))
    stream.abort(new Error('enough'))
  }
  return { line: { gossip, raw: raw(), request }, close: async () => void (await node.stop()) }
}

/** The share of a core, in percent, that the victim uses while something goes on and on. */
async function shareDuring(
  victim: Victim,
  work: (isOver: () => boolean) => Promise<void>,
): Promise<number> {
  let isOver = false
  const working = work(() => isOver).catch(() => undefined)
  await sleep(burstMs)
  const [startedAt, before] = [performance.now(), await victim.cpuMs()]
  await sleep(floodMs)
  const used = (await victim.cpuMs()) - before
  const share = Math.round((100 * used) / (performance.now() - startedAt))
  isOver = true
  await working
  return share
}

/** Whatever is legal, as fast as it can be sent. */
async function run(): Promise<AttackEnd> {
  const shares = new Map<string, number>()
  let idle = 0
  for (const name of [...Object.keys(floods), 'handshakes']) {
    const victim = await startVictim()
    try {
      await new Promise<void>((resolve, reject) => {
        const untilListening = (left: number): void => {
          const socket = connect(victimPort, victim.address, () => resolve(void socket.destroy()))
          socket.on('error', () =>
            left === 0 ? reject(new Error('no victim')) : setTimeout(untilListening, 50, left - 1),
          )
        }
        untilListening(200)
      })
      idle = Math.max(idle, await shareDuring(victim, async () => {}))
      const flood = floods[name]
      if (flood === undefined) {
        shares.set(name, await shareDuring(victim, (isOver) => handshakes(victim, isOver)))
        continue
      }
      const { line, close } = await lineTo(victim)
      shares.set(name, await shareDuring(victim, (isOver) => flood(line, isOver)))
      await close()
    } finally {
      victim.end()
    }
  }
  const numbers = [...shares].map(([name, share]) => `${name} ${share} %`)
  return {
    held: [...shares.values()].every((share) => share <= idle + shareMax),
    seen: `of a core, ${idle} % without: ${numbers.join(', ')}`,
  }
}

/** F8e: floods that are no breach of any rule. */
export const floodsAttack: Attack = {
  name: 'floods',
  from: 'a member',
  wants: 'a core of another host',
  run,
}
