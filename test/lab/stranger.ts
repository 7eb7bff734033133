import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { pino } from 'pino'
import { createOverlay } from '../../agent/overlay/index.ts'

/**
 * Dials an agent's overlay port with a key of one's own, as somebody would who has got into the
 * tunnel. Prints `up` if its gossip stream opens and is open 2 s later still, else why not.
 * Usage: stranger.ts ADDRESS PORT PEER_ID [FILE] (FILE: a host's identity; a new key if absent)
 */
const [address = '', port = '', peerId = '', file] = process.argv.slice(2)
const stayMs = 2_000

function seedIn(path: string): Uint8Array {
  return Buffer.from(JSON.parse(readFileSync(path, 'utf8')).libp2p_seed, 'base64url')
}

const seed = file === undefined ? randomBytes(32) : seedIn(file)

const verdict = Promise.withResolvers<string>()
const overlay = await createOverlay({
  seed,
  log: pino({ level: 'silent' }),
  events: {
    peerUp: () => setTimeout(() => verdict.resolve('up'), stayMs),
    peerDown: (_, reason) => verdict.resolve(`down: ${reason}`),
    dialFailed: (_, reason) => verdict.resolve(`failed: ${reason}`),
    frame: () => undefined,
    flooded: () => undefined,
    serve: () => Promise.reject(new Error('a stranger has nothing to offer')),
  },
})
overlay.admit(new Set([peerId]))
overlay.dial({ peerId, address, port: Number(port) })
console.log(JSON.stringify({ peerId: overlay.peerId, verdict: await verdict.promise }))
await overlay.stop()
process.exit()
