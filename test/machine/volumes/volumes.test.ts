import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import {
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { suite, type TestContext, test } from 'node:test'
import { createVolumeGate, type VolumeGate } from '../../../machine/containers/volume-gate.ts'
import { packedChunks } from '../../../machine/volumes/archive.ts'
import {
  openVolumes,
  type RestoreOrder,
  type Volumes,
  type VolumesInit,
} from '../../../machine/volumes/volumes.ts'
import type { ContainerSeen } from '../../../reconcilers/host-containers.ts'
import { until } from '../../lab/waiting.ts'
import { temporaryFolder } from '../../temporary.ts'

interface Place {
  readonly stateDir: string
  readonly volumes: string
  readonly gate: VolumeGate
  /** Containers as the host sees them. */
  readonly processes: ContainerSeen[]
  open(): Promise<Volumes>
}

async function place(t: TestContext): Promise<Place> {
  const stateDir = await temporaryFolder(t)
  const volumes = join(stateDir, 'volumes')
  mkdirSync(join(volumes, 'data'), { recursive: true })
  const places = { volumes, trash: join(stateDir, 'trash') }
  const processes: ContainerSeen[] = []
  const containers = { look: async () => processes }
  const gate = createVolumeGate(() => undefined)
  const held: VolumesInit['held'] = (_order, _signal, work) => work()
  return {
    stateDir,
    volumes,
    gate,
    processes,
    open: () => openVolumes({ stateDir, places, containers, gate, held }),
  }
}

/** A running container of the object `db` with a volume. */
function userOf(volume: string): ContainerSeen {
  const record = { object: 'db', volumes: [volume] }
  return { object: 'db', record, process: { state: 'running' } } as unknown as ContainerSeen
}

function fill(folder: string): void {
  writeFileSync(join(folder, 'file'), 'kept\n', { mode: 0o640 })
  chownSync(join(folder, 'file'), 1234, 4321)
  linkSync(join(folder, 'file'), join(folder, 'second'))
  symlinkSync('/etc/passwd', join(folder, 'link'))
  writeFileSync(join(folder, 'sparse'), '')
  truncateSync(join(folder, 'sparse'), 64 * 1024 * 1024)
  chownSync(folder, 70, 70)
}

async function archiveOf(volumes: Volumes): Promise<Buffer> {
  const signal = new AbortController().signal
  return await volumes.save('data', { users: 'refuse', signal }, async (archive) => {
    const chunks: Uint8Array[] = []
    for await (const chunk of packedChunks(archive, signal)) chunks.push(chunk)
    return Buffer.concat(chunks)
  })
}

async function* sent(bytes: Buffer): AsyncGenerator<Uint8Array> {
  yield bytes
}

function orderFor(bytes: Buffer, replace: boolean): RestoreOrder {
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  return { replace, stop: false, sha256, signal: new AbortController().signal }
}

suite('volumes', () => {
  test('a restored volume has owners, modes, links and holes of the one saved', async (t) => {
    const { volumes, open } = await place(t)
    const data = join(volumes, 'data')
    fill(data)
    const host = await open()
    const archive = await archiveOf(host)
    writeFileSync(join(data, 'later'), 'goes')
    await host.restore('data', sent(archive), orderFor(archive, true))
    assert.deepEqual(readdirSync(data).sort(), ['file', 'link', 'second', 'sparse'])
    const file = statSync(join(data, 'file'))
    assert.deepEqual([file.uid, file.gid, file.mode & 0o7777], [1234, 4321, 0o640])
    assert.equal(file.ino, statSync(join(data, 'second')).ino)
    assert.equal(readFileSync(join(data, 'file'), 'utf8'), 'kept\n')
    const sparse = statSync(join(data, 'sparse'))
    assert.deepEqual([sparse.size, sparse.blocks < 100], [64 * 1024 * 1024, true])
    assert.equal(statSync(data).uid, 70)
    assert.deepEqual(readdirSync(volumes), ['data'])
  })

  test('an archive that is cut off or altered changes nothing', async (t) => {
    const { volumes, open } = await place(t)
    fill(join(volumes, 'data'))
    const host = await open()
    const archive = await archiveOf(host)
    const cut = archive.subarray(0, archive.length - 20)
    const restoring = host.restore('data', sent(cut), orderFor(cut, true))
    await assert.rejects(restoring, { code: 'volume-archive' })
    const other = orderFor(Buffer.from('another'), true)
    const unlike = host.restore('data', sent(archive), other)
    await assert.rejects(unlike, { code: 'volume-checksum' })
    const full = host.restore('data', sent(archive), orderFor(archive, false))
    await assert.rejects(full, { code: 'volume-not-empty' })
    assert.equal(readFileSync(join(volumes, 'data', 'file'), 'utf8'), 'kept\n')
    assert.deepEqual(readdirSync(volumes), ['data'])
  })

  test('nothing comes to use a volume while its content is exchanged', async (t) => {
    const { volumes, gate, open } = await place(t)
    fill(join(volumes, 'data'))
    const host = await open()
    const archive = await archiveOf(host)
    const making = Promise.withResolvers<void>()
    const made = gate.using(['data'], () => making.promise)
    const restoring = host.restore('data', sent(archive), orderFor(archive, true))
    await until('the volume is closed', () => gate.closed.has('data'))
    const late = gate.using(['other', 'data'], async () => assert.fail('it has the old folder'))
    await assert.rejects(late, {
      code: 'volume-closed',
      message: 'the volume data is being put back',
    })
    const old = statSync(join(volumes, 'data')).ino
    making.resolve()
    await Promise.all([made, restoring])
    assert.notEqual(statSync(join(volumes, 'data')).ino, old)
    await gate.using(['data'], async () => undefined)
  })

  test('a process that was made meanwhile keeps the folder that it has', async (t) => {
    const { volumes, open, processes } = await place(t)
    fill(join(volumes, 'data'))
    const host = await open()
    const archive = await archiveOf(host)
    const old = statSync(join(volumes, 'data')).ino
    const body = async function* (): AsyncGenerator<Uint8Array> {
      yield archive
      processes.push(userOf('data'))
    }
    const restoring = host.restore('data', body(), orderFor(archive, true))
    await assert.rejects(restoring, { code: 'volume-in-use', message: /in use by db$/ })
    assert.equal(statSync(join(volumes, 'data')).ino, old)
    assert.deepEqual(readdirSync(volumes), ['data'])
  })

  test('a start puts back what a restore had moved away', async (t) => {
    const { volumes, open } = await place(t)
    fill(join(volumes, 'data'))
    renameSync(join(volumes, 'data'), join(volumes, '.replaced-data'))
    mkdirSync(join(volumes, '.restored-data'))
    await open()
    assert.equal(existsSync(join(volumes, 'data', 'file')), true)
    assert.deepEqual(readdirSync(volumes), ['data'])
  })

  test('a volume that comes from another host is nobody’s before all of it is there', async (t) => {
    const { volumes, gate, open } = await place(t)
    fill(join(volumes, 'data'))
    const archive = await archiveOf(await open())
    const { sha256 } = orderFor(archive, true)
    const [id, other] = ['a'.repeat(32), 'b'.repeat(32)]
    const signal = new AbortController().signal
    const { incoming } = await open()
    const order = { id, from: 'cloud01', replace: false }
    await assert.rejects(incoming.begin('data', order), { code: 'volume-not-empty' })
    assert.equal(gate.closed.size, 0)
    await incoming.begin('next', order)
    await assert.rejects(incoming.begin('next', { ...order, id: other }), { code: 'volume-busy' })
    const cut = sent(archive.subarray(0, archive.length - 20))
    await assert.rejects(incoming.receive('next', id, cut, signal), { code: 'volume-archive' })
    await assert.rejects(incoming.finish('next', id, sha256), { code: 'volume-checksum' })
    await incoming.receive('next', id, sent(archive), signal)
    await assert.rejects(incoming.finish('next', id, other), { code: 'volume-checksum' })
    await assert.rejects(
      gate.using(['next'], async () => undefined),
      { message: 'the volume next waits for its data from cloud01' },
    )
    assert.equal(existsSync(join(volumes, 'next')), false)
    await incoming.finish('next', id, sha256)
    assert.equal(readFileSync(join(volumes, 'next', 'file'), 'utf8'), 'kept\n')
    assert.equal(gate.closed.size, 0)
    assert.deepEqual(readdirSync(volumes).sort(), ['data', 'next'])
  })

  test('a start goes on waiting, and ends what was whole', async (t) => {
    const { volumes, gate, open } = await place(t)
    const folder = join(volumes, '.incoming-next')
    mkdirSync(join(folder, 'content'), { recursive: true })
    writeFileSync(join(folder, 'content', 'file'), 'new')
    const note = { id: 'a'.repeat(32), from: 'cloud01', sha256: 'c'.repeat(64), isWhole: false }
    writeFileSync(join(folder, 'move.json'), JSON.stringify(note))
    await open()
    assert.deepEqual([...gate.closed.keys()], ['next'])
    gate.open('next')
    writeFileSync(join(folder, 'move.json'), JSON.stringify({ ...note, isWhole: true }))
    const { incoming } = await open()
    assert.equal(gate.closed.size, 0)
    assert.equal(incoming.look('next'), null)
    assert.equal(readFileSync(join(volumes, 'next', 'file'), 'utf8'), 'new')
    assert.deepEqual(readdirSync(volumes).sort(), ['data', 'next'])
  })
})
