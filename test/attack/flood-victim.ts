import { createHash, randomBytes } from 'node:crypto'
import { createInterface } from 'node:readline'
import { pino } from 'pino'
import { createGossipPort } from '../../agent/gossip-port.ts'
import { createOverlay } from '../../agent/overlay/index.ts'
import type { HeldConfig } from '../../protocol/node/durable.ts'

/**
 * The network half of an agent in a process of its own, for floods: it admits one peer, listens,
 * and says for each line on stdin how much processor time it has used, in ms.
 * Usage: flood-victim.ts ADDRESS PORT PEER_ID
 */
const [address = '', port = '', peerId = ''] = process.argv.slice(2)
const bodyBytes = 64 * 1024
const seed = createHash('sha256').update('flood victim').digest()
const log = pino({ level: 'silent' })

const place = { host: 'h1', peerId, address, port: Number(port), hasEndpoint: true }
const digest = `sha256:${'0'.repeat(64)}`
const document = { payload: new Uint8Array(randomBytes(bodyBytes)), signatures: [] }
const held = {
  head: { epoch: 1, version: 1, digest },
  document,
  kids: [],
} as unknown as HeldConfig
const gossip = createGossipPort({
  openOverlay: async (events) => {
    const overlay = await createOverlay({ seed, log, events })
    console.log(overlay.peerId)
    return overlay
  },
  seed,
  clock: { now: () => Date.now(), sleep: (ms) => new Promise((done) => setTimeout(done, ms)) },
  log,
  feed: () => undefined,
  find: () => held,
  rootsAfter: () => [],
  wants: () => false,
})
gossip.admit({
  kind: 'admit',
  listed: new Map([[peerId, place]]),
  but: new Set(),
  also: new Set(),
})
gossip.listen(place)
for await (const line of createInterface({ input: process.stdin })) {
  const { user, system } = process.cpuUsage()
  if (line === 'cpu') console.log(Math.round((user + system) / 1_000))
}
process.exit()
