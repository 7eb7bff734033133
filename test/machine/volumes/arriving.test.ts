import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readlinkSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, type TestContext, test } from 'node:test'
import { createVolumeGate, type VolumeGate } from '../../../machine/containers/volume-gate.ts'
import { openVolumes, type Volumes } from '../../../machine/volumes/volumes.ts'
import type { ContainerSeen } from '../../../reconcilers/host-containers.ts'
import { temporaryFolder } from '../../temporary.ts'

const sha256 = 'c'.repeat(64)

interface Place {
  readonly stateDir: string
  readonly volumes: Volumes
  readonly gate: VolumeGate
  /** Containers as the host sees them. */
  readonly containers: ContainerSeen[]
}

async function place(t: TestContext): Promise<Place> {
  const stateDir = await temporaryFolder(t)
  const folder = join(stateDir, 'volumes')
  mkdirSync(join(folder, 'data'), { recursive: true })
  const gate = createVolumeGate(() => undefined)
  const containers: ContainerSeen[] = []
  const volumes = await openVolumes({
    ...{ stateDir, gate, places: { volumes: folder, trash: join(stateDir, 'trash') } },
    containers: { look: async () => containers },
    held: (_order, _signal, work) => work(),
  })
  return { stateDir, volumes, gate, containers }
}

/** A container of the object `db` with a volume, in whatever state. */
function userOf(volume: string): ContainerSeen {
  const record = { object: 'db', volumes: [volume] }
  return { object: 'db', record, process: { state: 'running' } } as unknown as ContainerSeen
}

/** Files of a folder that this process has open. */
function openBelow(folder: string): readonly string[] {
  const ids = readdirSync('/proc/self/fd')
  const paths = ids.map((id) => {
    try {
      return readlinkSync(`/proc/self/fd/${id}`)
    } catch {
      return ''
    }
  })
  return paths.filter((path) => path.startsWith(`${folder}/`))
}

suite('volumes and archives that arrive', () => {
  const order = { id: 'a'.repeat(32), from: 'cloud01', replace: false }

  test('a volume that other work has is not noted as awaited', async (t) => {
    const { stateDir, volumes, gate } = await place(t)
    await gate.close('data', { owner: 'backup', reason: 'is being saved' })
    await assert.rejects(volumes.incoming.begin('data', order), { code: 'volume-busy' })
    gate.open('data')
    assert.equal(volumes.incoming.look('data'), null)
    assert.equal(existsSync(join(stateDir, 'volumes', '.incoming-data')), false)
    // Asked again, it is nobody else's from then on.
    await volumes.incoming.begin('data', order)
    assert.deepEqual([...gate.closed.keys()], ['data'])
  })

  test('one of two moves that begin at once is refused', async (t) => {
    const { volumes } = await place(t)
    const ids = [order.id, 'b'.repeat(32)]
    const begun = await Promise.allSettled(
      ids.map((id) => volumes.incoming.begin('next', { ...order, id })),
    )
    assert.deepEqual(
      begun.map(({ status }) => status),
      ['fulfilled', 'rejected'],
    )
    assert.equal(volumes.incoming.look('next')?.id, order.id)
  })

  test('a container that was made meanwhile keeps its volume', async (t) => {
    const { stateDir, volumes, gate, containers } = await place(t)
    let made = (): void => undefined
    const making = gate.using(['next'], async () => {
      await new Promise<void>((resolve) => {
        made = resolve
      })
      containers.push(userOf('next'))
    })
    const begun = assert.rejects(volumes.incoming.begin('next', order), { code: 'volume-in-use' })
    // It waits for whoever makes a process with the volume.
    while (!gate.closed.has('next')) await new Promise(setImmediate)
    made()
    await Promise.all([making, begun])
    assert.equal(gate.closed.size, 0)
    assert.equal(volumes.incoming.look('next'), null)
    assert.deepEqual(readdirSync(join(stateDir, 'volumes')), ['data'])
  })

  test('an upload that could not begin may begin again', async (t) => {
    const { stateDir, volumes } = await place(t)
    const inTheWay = join(stateDir, 'volume-archives', `sent~data~${sha256}`)
    mkdirSync(inTheWay)
    const { size } = statSync(inTheWay)
    const none = async function* (): AsyncGenerator<Uint8Array> {}
    for (const turn of [1, 2]) {
      const taking = volumes.spool.receive('data', sha256, size, none())
      await assert.rejects(taking, { code: 'EISDIR' }, `turn ${turn}`)
    }
  })

  test('a refused restore leaves the upload closed', async (t) => {
    const { stateDir, volumes, containers } = await place(t)
    const folder = join(stateDir, 'volume-archives')
    writeFileSync(join(folder, `sent~data~${sha256}`), 'archive')
    containers.push(userOf('data'))
    const restore = {
      ...{ replace: true, stop: false, sha256 },
      signal: AbortSignal.timeout(9_000),
    }
    const archive = volumes.spool.uploaded('data', sha256)
    await assert.rejects(volumes.restore('data', archive, restore), { code: 'volume-in-use' })
    await new Promise((resolve) => setTimeout(resolve, 100))
    assert.deepEqual(openBelow(folder), [])
  })
})
