import { sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { pino } from 'pino'
import { privateKeyOf } from '../../agent/identity/peer-id.ts'
import { createOverlay } from '../../agent/overlay/index.ts'
import { encodeFrame } from '../../agent/state/wire.ts'
import type { Message } from '../../protocol/messages.ts'

/**
 * Speaks to an agent as the member whose identity it has, and says what it is told to: somebody has
 * taken a host over, and its agent is stopped. Prints what became of it once all is said and the
 * agent has had time to answer.
 * Usage: member.ts ADDRESS PORT PEER_ID CLUSTER_ID FILE MESSAGES STAY (FILE: the host's identity;
 * MESSAGES: a list in JSON, said after a hello; STAY: how long it stays then, in ms)
 */
const [address = '', port = '', peerId = '', cluster = '', file = '', said = '[]', stay = '2000'] =
  process.argv.slice(2)
const stayMs = Number(stay)
const seed = Buffer.from(JSON.parse(readFileSync(file, 'utf8')).libp2p_seed, 'base64url')
const key = privateKeyOf(seed)
const messages = (JSON.parse(said) as readonly Message[]).map(signed)

/** Records without a signature are signed with the member's own key. */
function signed(message: Message): Message {
  if (message.kind !== 'status') return message
  const records = message.records.map(({ text }) => {
    return { text, signature: sign(null, Buffer.from(text), key).toString('base64url') }
  })
  return { kind: 'status', records }
}

const over = Promise.withResolvers<string>()
const overlay = await createOverlay({
  seed,
  log: pino({ level: 'silent' }),
  events: {
    peerUp() {
      const hello: Message = { kind: 'hello', gossip: 1, cluster, agent_version: 'x', head: null }
      for (const message of [hello, ...messages]) overlay.send(peerId, encodeFrame(message, null))
      setTimeout(() => over.resolve('said'), stayMs)
    },
    peerDown: (_, reason) => over.resolve(`down: ${reason}`),
    dialFailed: (_, reason) => over.resolve(`failed: ${reason}`),
    frame: () => undefined,
    flooded: () => undefined,
    serve: () => Promise.reject(new Error('it serves nothing')),
  },
})
overlay.admit(new Set([peerId]))
overlay.dial({ peerId, address, port: Number(port) })
console.log(JSON.stringify({ end: await over.promise }))
await overlay.stop()
process.exit()
