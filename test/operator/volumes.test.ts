import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, type TestContext, test } from 'node:test'
import { openControl } from '../../agent/control/server.ts'
import { volumeAdminRoutes } from '../../agent/control/volume-routes.ts'
import { createVolumeGate } from '../../machine/containers/volume-gate.ts'
import { openVolumes, type Volumes } from '../../machine/volumes/volumes.ts'
import { CoveyError } from '../../protocol/fault.ts'
import { quietLog } from '../machine/containers/quiet-log.ts'
import { afterwards, temporaryFolder } from '../temporary.ts'
import { openWorkspace, type Workspace } from './workspace.ts'

interface Served {
  readonly space: Workspace
  /** The folder of the volume `data`. */
  readonly data: string
}

/** An operator beside the sockets of an agent that has volumes and nothing else. */
async function served(
  t: TestContext,
  change: (volumes: Volumes) => Volumes = (volumes) => volumes,
): Promise<Served> {
  const space = await openWorkspace(t)
  const stateDir = await temporaryFolder(t)
  const places = { volumes: join(stateDir, 'volumes'), trash: join(stateDir, 'trash') }
  const data = join(places.volumes, 'data')
  mkdirSync(data, { recursive: true })
  writeFileSync(join(data, 'file'), 'kept\n')
  const containers = { look: async () => [] }
  const gate = createVolumeGate(() => undefined)
  const volumes = change(await openVolumes({ stateDir, places, containers, gate }))
  const server = await openControl({
    runDir: space.runDir,
    routes: () => new Map(),
    adminRoutes: volumeAdminRoutes(volumes),
    adminUpgrades: new Map(),
    log: quietLog as never,
  })
  afterwards(t, () => server.close())
  return { space, data }
}

suite('covey volume', () => {
  test('saves a volume and puts it back', async (t) => {
    const { space, data } = await served(t)
    await space.must('volume', 'backup', 'data', '-o', 'data.tar.zst')
    writeFileSync(join(data, 'file'), 'changed\n')
    const refused = await space.covey(['volume', 'restore', 'data', 'data.tar.zst'])
    assert.equal(refused.exit, 4, refused.err)
    await space.must('volume', 'restore', 'data', 'data.tar.zst', '--replace')
    assert.equal(readFileSync(join(data, 'file'), 'utf8'), 'kept\n')
  })

  test('says why an archive that had begun cannot be ended, and leaves no file', async (t) => {
    const { space } = await served(t, (volumes) => ({
      ...volumes,
      async backup(object, live) {
        const archive = await volumes.backup(object, live)
        const source = async function* (): AsyncGenerator<Uint8Array> {
          yield* archive.source()
          throw new CoveyError('volume-unread', 'the volume cannot be saved: tar failed: broken', {
            hint: 'look at the disk',
          })
        }
        return { ...archive, source }
      },
    }))
    const { exit, err } = await space.covey(['volume', 'backup', 'data', '-o', 'data.tar.zst'])
    assert.deepEqual([exit, err.includes('tar failed: broken')], [1, true], err)
    assert.match(err, /hint: look at the disk/)
    assert.deepEqual(readdirSync(space.dir), [])
  })
})
