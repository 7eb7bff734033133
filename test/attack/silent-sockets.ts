import { join } from 'node:path'
import type { VirtualHost } from '../lab/host.ts'
import type { Running } from '../lab/running.ts'
import type { Attack, AttackEnd } from './attack.ts'
import { nodePath, type OverlayCluster, placeOf, startOverlayCluster } from './overlay-cluster.ts'

const dialler = join(import.meta.dirname, '../lab/member.ts')
const identity = '/var/lib/covey/identity.json'
const dials = 10

/** Keeps 150 sockets open to a place, each again once it is closed; prints how many were opened. */
const sitter = `
const { connect } = require('node:net')
let opened = 0
const open = () => {
  const socket = connect(Number(process.argv[2]), process.argv[1])
  socket.on('connect', () => console.log(++opened))
  socket.on('error', () => {})
  socket.resume()
  socket.once('close', () => setTimeout(open, 20))
}
for (let index = 0; index < 150; index++) open()
`

/** The number of ten dials of a member that come up. */
async function comeUp(
  cluster: OverlayCluster,
  from: VirtualHost,
  to: VirtualHost,
): Promise<number> {
  const { address, port, peerId } = placeOf(cluster, to)
  const args = [dialler, address, port, peerId, cluster.clusterId, identity, '[]', '100']
  let up = 0
  for (let round = 0; round < dials; round++) {
    const { end } = JSON.parse(await from.must(nodePath, args))
    if (end === 'said') up += 1
  }
  return up
}

async function opened(sitting: Running): Promise<number> {
  return Number(sitting.output().trim().split('\n').at(-1) ?? 0)
}

/** Sockets that never speak, from inside the mesh, while another member dials. */
async function run(): Promise<AttackEnd> {
  const cluster = await startOverlayCluster(3)
  try {
    const [victim, attacker, member] = cluster.hosts as [VirtualHost, VirtualHost, VirtualHost]
    await member.stopAgent()
    const { address, port } = placeOf(cluster, victim)
    const before = await comeUp(cluster, member, victim)
    const sitting = attacker.spawn(nodePath, ['-e', sitter, address, port])
    const up = await comeUp(cluster, member, victim)
    const sockets = await opened(sitting)
    sitting.signal('SIGKILL')
    await sitting.ended
    if (before < dials) throw new Error(`only ${before} of ${dials} dials came up without it`)
    if (sockets < 150) throw new Error(`only ${sockets} sockets were opened`)
    const seen = `${up} of ${dials} dials of a member came up beside ${sockets} silent sockets`
    return { held: up === dials, seen }
  } finally {
    cluster.lab.close()
  }
}

/** F3b: handshakes that are never ended keep members out. */
export const silentSockets: Attack = {
  name: 'silent-sockets',
  from: 'a member, or whoever reaches the port',
  wants: 'other members to be kept out',
  run,
}
