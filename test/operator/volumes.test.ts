import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { suite, type TestContext, test } from 'node:test'
import { openControl } from '../../agent/control/server.ts'
import { volumeAdminRoutes } from '../../agent/control/volumes/volume-routes.ts'
import { createVolumeGate } from '../../machine/containers/volume-gate.ts'
import { openVolumes, type Volumes, type VolumesInit } from '../../machine/volumes/volumes.ts'
import { sessionAt } from '../../operator/agent-client/place.ts'
import { copyVolume } from '../../operator/commands/volumes/move-copy.ts'
import { answerBytesMax } from '../../operator/limits.ts'
import { Failure } from '../../operator/terminal/failure.ts'
import type { Session } from '../../operator/terminal/session.ts'
import { CoveyError } from '../../protocol/fault.ts'
import { quietLog } from '../machine/containers/quiet-log.ts'
import { afterwards, temporaryFolder } from '../temporary.ts'
import { openWorkspace, type Workspace } from './workspace.ts'

interface Served {
  readonly space: Workspace
  /** The folder of the volume `data`. */
  readonly data: string
  readonly spool: () => Volumes['spool']
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
  const held: VolumesInit['held'] = (_order, _signal, work) => work()
  const volumes = change(await openVolumes({ stateDir, places, containers, gate, held }))
  const server = await openControl({
    runDir: space.runDir,
    routes: () => new Map(),
    adminRoutes: volumeAdminRoutes(volumes),
    adminUpgrades: new Map(),
    log: quietLog as never,
  })
  afterwards(t, () => server.close())
  return { space, data, spool: () => volumes.spool }
}

/** About the first half of so many bytes, and then an error. */
async function* half(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  bytes: number,
): AsyncGenerator<Uint8Array> {
  let count = 0
  for await (const chunk of chunks) {
    yield chunk
    count += chunk.length
    if (count >= bytes / 2 && bytes > 2) throw new Error('broken off')
  }
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

  test('is saved beside a link in the place of its part, not by way of it', async (t) => {
    const { space } = await served(t)
    await space.write('precious', 'theirs')
    symlinkSync(space.path('precious'), space.path('data.tar.zst.covey-part'))
    await space.must('volume', 'backup', 'data', '-o', 'data.tar.zst', '--direct')
    assert.equal(await space.read('precious'), 'theirs')
    assert.equal(lstatSync(space.path('data.tar.zst')).isSymbolicLink(), false)
  })

  test('says why an archive that had begun cannot be ended, and leaves no file', async (t) => {
    const { space } = await served(t, (volumes) => {
      const { save } = volumes
      const broken = <T>(...[object, order, take]: Parameters<typeof save<T>>): Promise<T> =>
        save.call<Volumes, Parameters<typeof save<T>>, Promise<T>>(
          volumes,
          object,
          order,
          (archive) => {
            const source = async function* (): AsyncGenerator<Uint8Array> {
              yield* archive.source()
              throw new CoveyError('volume-unread', 'the volume cannot be saved: tar: broken', {
                hint: 'look at the disk',
              })
            }
            return take({ ...archive, source })
          },
        )
      Object.assign(volumes, { save: broken })
      return volumes
    })
    for (const way of [[], ['--direct']]) {
      const command = ['volume', 'backup', 'data', '-o', 'data.tar.zst', ...way]
      const { exit, err } = await space.covey(command)
      assert.deepEqual([exit, err.includes('tar: broken')], [1, true], err)
      assert.match(err, /hint: look at the disk/)
      assert.deepEqual(readdirSync(space.dir), [])
    }
  })

  test('goes on with a copy that broke off, and hands no half of it over', async (t) => {
    let saves = 0
    const { space, data } = await served(t, (volumes) => {
      const { spool } = volumes
      const read = spool.read.bind(spool)
      const save = volumes.save.bind(volumes)
      Object.assign(volumes, {
        save: (...order: Parameters<typeof save>) => {
          saves += 1
          return save(...order)
        },
      })
      spool.read = async (object, sha256, from) => {
        const { bytes, chunks } = await read(object, sha256, from)
        return { bytes, chunks: from === 0 ? half(chunks, bytes) : chunks }
      }
      return volumes
    })
    writeFileSync(join(data, 'random'), randomBytes(2_000_000))
    const backup = ['volume', 'backup', 'data', '-o', 'data.tar.zst']
    const broken = await space.covey(backup)
    assert.equal(broken.exit, 5, broken.err)
    assert.match(broken.err, /hint: covey volume backup data -o data.tar.zst --resume/)
    assert.equal(existsSync(space.path('data.tar.zst')), false)
    await space.must(...backup, '--resume')
    assert.equal(saves, 1)
    assert.deepEqual(readdirSync(space.dir).sort(), ['data.tar.zst', 'data.tar.zst.sha256'])
    rmSync(join(data, 'random'))
    await space.must('volume', 'restore', 'data', 'data.tar.zst', '--replace')
    assert.equal(readFileSync(join(data, 'random')).length, 2_000_000)
    const late = await space.covey(backup)
    assert.equal(late.exit, 5, 'a new archive is made without --resume')
    assert.equal(saves, 2)
  })

  test('goes on with an upload that broke off', async (t) => {
    const offsets: number[] = []
    const { space, data } = await served(t, (volumes) => {
      const { spool } = volumes
      const receive = spool.receive.bind(spool)
      spool.receive = async (object, sha256, from, chunks) => {
        offsets.push(from)
        return await receive(object, sha256, from, from === 0 ? half(chunks, 2_000_000) : chunks)
      }
      return volumes
    })
    writeFileSync(join(data, 'random'), randomBytes(2_000_000))
    await space.must('volume', 'backup', 'data', '-o', 'data.tar.zst')
    writeFileSync(join(data, 'file'), 'changed\n')
    const restore = ['volume', 'restore', 'data', 'data.tar.zst', '--replace']
    assert.notEqual((await space.covey(restore)).exit, 0)
    assert.equal(readFileSync(join(data, 'file'), 'utf8'), 'changed\n')
    await space.must(...restore)
    assert.equal(readFileSync(join(data, 'file'), 'utf8'), 'kept\n')
    const [first, second = 0, ...more] = offsets
    assert.deepEqual([first, more], [0, []])
    assert.ok(second >= 1_000_000, `it went on at ${second}`)
  })

  test('puts back what it has judged, whatever takes its name', async (t) => {
    const { space, data, spool } = await served(t)
    await space.must('volume', 'backup', 'data', '-o', 'data.tar.zst')
    writeFileSync(join(data, 'file'), 'changed\n')
    const received = spool().received.bind(spool())
    spool().received = (...asked) => {
      writeFileSync(space.path('other'), 'another archive')
      renameSync(space.path('other'), space.path('data.tar.zst'))
      return received(...asked)
    }
    await space.must('volume', 'restore', 'data', 'data.tar.zst', '--replace')
    assert.equal(readFileSync(join(data, 'file'), 'utf8'), 'kept\n')
  })

  test('keeps no upload that is not what was announced', async (t) => {
    const { space, spool } = await served(t)
    await space.must('volume', 'backup', 'data', '-o', 'data.tar.zst')
    const [sha256 = ''] = (await space.read('data.tar.zst.sha256')).split(' ')
    await spool().receive('data', sha256, 0, half([Buffer.alloc(9)], 2))
    const refused = await space.covey(['volume', 'restore', 'data', 'data.tar.zst', '--replace'])
    assert.equal(refused.exit, 1, refused.err)
    assert.equal(spool().received('data', sha256), 0)
    await space.must('volume', 'restore', 'data', 'data.tar.zst', '--replace')
  })

  test('refuses what does not go together', async (t) => {
    const { space } = await served(t)
    const cases = [
      [['data'], /the archive needs a file/],
      [['data', '-o', 'a', '--direct', '--resume'], /could be resumed/],
      [['data', '-o', 'a', '--before', 'db'], /--before needs a command/],
      [['../data', '-o', 'a'], /not the name of a volume/],
    ] as const
    for (const [words, why] of cases) {
      const { exit, err } = await space.covey(['volume', 'backup', ...words])
      assert.equal(exit, 2, err)
      assert.match(err, why)
    }
    assert.deepEqual(readdirSync(space.dir), [])
  })

  test('moves by no answer that is too long, and by none that is no JSON', async (t) => {
    const { space } = await served(t)
    const socket = space.path('node.sock')
    const whole = JSON.stringify({
      bytes: 4,
      sha256: createHash('sha256').update('data').digest('hex'),
    })
    for (const [answer, code] of [
      [whole, undefined],
      [' '.repeat(answerBytesMax) + whole, 'answer-broken'],
      ['{', 'answer-broken'],
    ] as const) {
      const server = createServer((request, response) => {
        if (request.method === 'GET') return response.end('data')
        return request.resume().on('end', () => response.end(answer))
      })
      await new Promise<void>((listening) => server.listen(socket, listening))
      const session = { settings: { json: true }, io: { errIsTerminal: false } } as Session
      const node = sessionAt(session, { covey: socket, admin: socket, remote: undefined })
      const { signal } = new AbortController()
      const copy = { from: node, target: node, volume: 'data', id: 'a', signal }
      const copied = copyVolume(session, copy).then(
        () => undefined,
        (error: unknown) => (error instanceof Failure ? error.code : error),
      )
      const ended = await copied
      server.closeAllConnections()
      await new Promise((closed) => server.close(closed))
      assert.equal(ended, code)
    }
  })
})
