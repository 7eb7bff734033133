import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { loadState, readEnrolment } from '../../agent/state/store.ts'
import { decodeFrame, encodeFrame, packDelivery, unpackDelivery } from '../../agent/state/wire.ts'
import { createDisk } from '../../machine/files/disk.ts'
import type { Config } from '../../protocol/documents/config.ts'
import { CoveyError } from '../../protocol/fault.ts'
import { parseMessage, parseRequest } from '../../protocol/messages.ts'
import { readStatus } from '../../protocol/status-record.ts'
import { clusterOf } from '../../reconcilers/cluster/index.ts'
import { lintConfig } from '../../reconcilers/lint.ts'
import { isolatedHosts } from '../../reconcilers/mesh.ts'
import { resolveWireguard, wireguardLinkNames } from '../../reconcilers/wireguard/resolve.ts'
import { makeCases, stateFolder } from '../crash/cases.ts'
import { signWorld } from '../crash/documents.ts'
import { createModelDisk } from '../crash/model-disk.ts'
import { meshSection } from '../protocol/cluster.ts'
import { sizeOf } from '../sizes.ts'
import { jsonChange } from './mutations.ts'

const numRuns = sizeOf('COVEY_FUZZ', 150, 1500)
const world = await signWorld()
const cases = await makeCases(world)
/** The fullest folder: two roots, a rival, a confirmed config, evidence. */
const files = new Map([
  ...cases.flatMap((one) => [...one.files]),
  ...[...(cases.at(-1)?.files ?? [])],
])
const known = [world.one, world.two, world.three, world.twoToo, world.branch, world.next]
const digests = known.map((held) => held.head.digest)

type Damage = (bytes: Buffer) => Buffer
const damage: fc.Arbitrary<Damage> = fc.oneof(
  fc.nat().map(
    (at): Damage =>
      (bytes) =>
        bytes.subarray(0, at % (bytes.length + 1)),
  ),
  fc.tuple(fc.nat(), fc.nat(255)).map(([at, byte]): Damage => {
    return (bytes) =>
      Buffer.from(bytes.map((old, index) => (index === at % bytes.length ? byte : old)))
  }),
  fc.uint8Array({ maxLength: 64 }).map(
    (bytes): Damage =>
      () =>
        Buffer.from(bytes),
  ),
  jsonChange.map(
    (change): Damage =>
      (bytes) =>
        Buffer.from(change(bytes.toString())),
  ),
  fc.json().map(
    (text): Damage =>
      () =>
        Buffer.from(text),
  ),
  // One document in the place of another.
  fc.constantFrom(...files.values()).map(
    (other): Damage =>
      () =>
        other,
  ),
)

test('fuzz: a damaged state folder gives proven documents, or says that it cannot', async () => {
  const paths = [...files.keys()].filter((path) => path.startsWith(stateFolder))
  const hurt = fc.array(fc.tuple(fc.constantFrom(...paths), damage), { minLength: 1, maxLength: 3 })
  let starts = 0
  await fc.assert(
    fc.asyncProperty(hurt, async (damages) => {
      const now = new Map(files)
      for (const [path, change] of damages) now.set(path, change(now.get(path) ?? Buffer.alloc(0)))
      const disk = createDisk(stateFolder, createModelDisk(now).calls)
      try {
        await readEnrolment(disk)
        const self = { host: 'h0', peerId: 'p', agentVersion: 'x' }
        const start = await loadState(disk, self, world.cluster.id)
        const { head, previous, confirmed, evidence, roots } = start
        for (const held of [head, previous, confirmed, ...evidence]) {
          assert.ok(held === null || digests.includes(held.head.digest))
        }
        assert.equal(roots[0]?.digest, world.cluster.id)
        starts += 1
      } catch (error) {
        assert.ok(error instanceof CoveyError, String(error))
      }
    }),
    { numRuns },
  )
  assert.ok(starts > numRuns / 4, `${starts} starts`)
})

test('fuzz: no frame, packed delivery, request or status makes a reader throw', async () => {
  const { one } = world
  const packed = await packDelivery({ roots: [world.root2.document], config: one.document })
  const head = encodeFrame({ kind: 'head', head: one.head }, packed)
  const messages = [
    '{"kind":"hello","gossip":1,"cluster":"x","agent_version":"1","head":null}',
    JSON.stringify({ kind: 'fork', heads: [one.head] }),
    '{"kind":"status-digest","known":[["h1",7]]}',
    '{"kind":"status-want","hosts":["h1"]}',
    '{"kind":"status","records":[{"text":"{}","signature":"AA"}]}',
    JSON.stringify({ want: one.head.digest, epoch: 1 }),
  ]
  const text = fc.oneof(
    fc.tuple(fc.constantFrom(...messages), jsonChange).map(([message, change]) => change(message)),
    fc.json(),
    fc.string(),
  )
  const bytes = fc.oneof(
    damage.map((change) => change(Buffer.from(head))),
    damage.map((change) => change(Buffer.from(packed))),
    text.map((line) => Buffer.from(line)),
    fc.uint8Array({ maxLength: 300 }),
  )
  await fc.assert(
    fc.asyncProperty(text, bytes, async (line, frame) => {
      parseMessage(line)
      parseRequest(line)
      readStatus({ text: line, signature: '' })
      await decodeFrame(frame)
      await unpackDelivery(frame)
    }),
    { numRuns },
  )
})

const field = fc.constantFrom(
  ...['type', 'network', 'address', 'endpoint', 'peer_id', 'listen_port', 'link_name', 'peers'],
  ...['hosts', 'port', 'networks', 'keepalive', 'mtu', 'public_key', 'constructor', 'toString'],
)
const scalar = fc.oneof(
  fc.constantFrom('agent', 'wireguard_network', 'wireguard_mesh', 'wireguard_peer', 'wg_network'),
  fc.constantFrom('10.69.0.1/16', 'fd00::1/64', '203.0.113.1:51820', '0.0.0.0/0', 'h1', ''),
  fc.integer(),
  fc.jsonValue({ maxDepth: 2 }),
)
const object = fc.oneof(
  fc.dictionary(field, scalar, { maxKeys: 6 }),
  fc.nat(4).chain((index) => {
    const objects = Object.values(meshSection(index))
    const [usual] = objects
    return fc
      .tuple(fc.constantFrom(usual, ...objects), fc.dictionary(field, scalar, { maxKeys: 2 }))
      .map(([sound, change]) => ({ ...sound, ...change }))
  }),
  fc.jsonValue({ maxDepth: 2 }),
)
const name = fc.constantFrom('wg_network', 'mesh', 'agent', 'h1', 'h2', 'Bad name', 'constructor')
const hosts = fc.dictionary(name, fc.oneof(fc.dictionary(name, object), fc.jsonValue()), {
  maxKeys: 4,
})

test('fuzz: no config makes the lint or a resolve throw', () => {
  fc.assert(
    fc.property(hosts, hosts, (some, others) => {
      const claims = { aud: world.cluster.id, epoch: 1, version: 1, ancestors: [] }
      const rest = { ...claims, iat: null, allowIsolation: [] }
      const config = { ...rest, hosts: some } as unknown as Config
      const next = { ...rest, hosts: others } as unknown as Config
      lintConfig(config)
      isolatedHosts(config, next)
      isolatedHosts(null, next)
      for (const host of [...Object.keys(some), 'nobody', 'constructor']) {
        resolveWireguard(clusterOf(config), host)
        wireguardLinkNames(clusterOf(config), host)
      }
    }),
    { numRuns: 2 * numRuns },
  )
})
