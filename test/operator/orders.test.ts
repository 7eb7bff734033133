import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, type TestContext, test } from 'node:test'
import { Problem } from '../../agent/control/problem.ts'
import type { Route } from '../../agent/control/router.ts'
import { sendJson } from '../../agent/control/send.ts'
import { openControl } from '../../agent/control/server.ts'
import { quietLog } from '../machine/containers/quiet-log.ts'
import { afterwards } from '../temporary.ts'
import { openWorkspace, type Workspace } from './workspace.ts'

interface Row {
  name: string
  state: string
  pid: number | null
  exit_code: number | null
  order: string | null
  service: string | null
}

interface Scene {
  readonly space: Workspace
  readonly rows: Row[]
  /** Orders that were taken, as `stop web`. */
  readonly taken: string[]
  readonly objects: { name: string; type: string; state: string; reason: string | null }[]
  /** Called before each list of containers is answered, with how many there were. */
  onLook: (looks: number) => void
}

/** An operator beside an agent that takes orders, and carries out what the test says. */
async function opened(t: TestContext): Promise<Scene> {
  const space = await openWorkspace(t)
  const row = { exit_code: null, order: null }
  const scene: Scene = {
    ...{ space, taken: [], objects: [], onLook: () => undefined },
    rows: [
      { ...row, name: 'shop-db', state: 'running', pid: 7, service: 'shop/db' },
      { ...row, name: 'shop-web', state: 'running', pid: 8, service: 'shop/web' },
    ],
  }
  let looks = 0
  const order = (verb: string): Route => {
    return (_request, response, url, { name = '' }) => {
      const found = scene.rows.find((each) => each.name === name)
      if (found === undefined) throw new Problem(404, 'no-such-container', `no ${name}`)
      if (found.order === 'held' && verb !== 'stop') {
        throw new Problem(409, 'held', `${name} is held by "backup"`, { hint: 'wait' })
      }
      scene.taken.push(`${verb} ${name}${url.search}`)
      const isDone = verb === 'start' && found.state === 'running'
      if (!isDone) found.order = verb === 'start' ? 'run' : verb
      sendJson(response, 200, { name, changed: !isDone, note: isDone ? 'it runs' : null })
    }
  }
  const server = await openControl({
    runDir: space.runDir,
    routes: () =>
      new Map<string, Route>([
        [
          'GET /v1/containers',
          (_request, response) => {
            scene.onLook(++looks)
            sendJson(response, 200, scene.rows)
          },
        ],
        [
          'GET /v1/status',
          (_request, response) => {
            const { objects } = scene
            sendJson(response, 200, { host: 'h', cluster: 'c', state: 'in-sync', objects })
          },
        ],
      ]),
    adminRoutes: new Map(
      ['start', 'stop', 'restart'].map((verb) => {
        return [`POST /v1/containers/{name}/${verb}`, order(verb)] as const
      }),
    ),
    adminUpgrades: new Map(),
    log: quietLog as never,
  })
  afterwards(t, () => server.close())
  return scene
}

function change(scene: Scene, name: string, members: Partial<Row>): void {
  Object.assign(scene.rows.find((row) => row.name === name) ?? {}, members)
}

suite('covey start, stop and restart', () => {
  test('wait until the host has done it, and say so', async (t) => {
    const scene = await opened(t)
    scene.onLook = (looks) => {
      if (looks === 2) change(scene, 'shop-web', { state: 'stopping' })
      if (looks === 3) change(scene, 'shop-web', { state: 'stopped', pid: null })
    }
    const stop = await scene.space.covey(['stop', 'shop/web'])
    assert.deepEqual([stop.exit, stop.out], [0, 'shop/web: stopped\n'])
    assert.match(stop.err, /shop\/web: stopping/)
    scene.onLook = () => {
      const isOrdered = scene.rows.some(({ order }) => order === 'run')
      if (isOrdered) change(scene, 'shop-web', { state: 'running', pid: 9, order: null })
    }
    assert.equal(await scene.space.must('start', 'shop-web'), 'shop/web: started\n')
    assert.equal(await scene.space.must('start', 'web'), 'shop/web: it runs\n')
    scene.onLook = () => {
      for (const { name } of scene.rows) change(scene, name, { order: null })
    }
    const all = 'shop/db: restarted\nshop/web: restarted\n'
    assert.equal(await scene.space.must('restart', 'shop'), all)
    assert.deepEqual(scene.taken, [
      ...['stop shop-web', 'start shop-web', 'start shop-web'],
      ...['restart shop-db', 'restart shop-web'],
    ])
  })

  test('print one document with --json', async (t) => {
    const scene = await opened(t)
    change(scene, 'shop-web', { order: 'held' })
    const { exit, out } = await scene.space.covey(['restart', 'shop', '--no-wait', '--json'])
    assert.equal(exit, 4)
    const about = { replica: 1, note: null }
    assert.deepEqual(JSON.parse(out), [
      {
        ...{ name: 'shop-db', service: 'shop/db', ...about },
        ...{ state: 'waiting', changed: true, error: null },
      },
      {
        ...{ name: 'shop-web', service: 'shop/web', ...about },
        ...{ state: 'failed', changed: false },
        error: { code: 'held', message: 'shop-web is held by "backup"' },
      },
    ])
  })

  test('say what is refused, unknown, or not to be done', async (t) => {
    const scene = await opened(t)
    const { space } = scene
    change(scene, 'shop-web', { order: 'held' })
    const held = await space.covey(['start', 'web'])
    assert.equal(held.exit, 4)
    assert.match(held.err, /^covey: start: shop-web is held by "backup"\nhint: wait/)
    await scene.space.must('start', 'db', '--release')
    assert.equal(scene.taken.at(-1), 'start shop-db?release=1')
    const unknown = await space.covey(['stop', 'nobody'])
    assert.deepEqual([unknown.exit, /no nobody/.test(unknown.err)], [1, true])
    for (const [words, what] of [
      [[''], /is empty/],
      [[], /missing/],
      [['web', '--timeout', 'soon'], /no time/],
    ] as const) {
      const { exit, err } = await space.covey(['stop', ...words])
      assert.equal(exit, 2)
      assert.match(err, what)
    }
    assert.deepEqual(scene.taken, ['start shop-db?release=1'])
  })

  test('tell what keeps it from starting, and that the host goes on', async (t) => {
    const scene = await opened(t)
    change(scene, 'shop-web', { state: 'stopped', pid: null, order: 'stop' })
    const about = { name: 'shop-web', type: 'runc_container' }
    scene.objects.push({ ...about, state: 'failed', reason: 'no such image' })
    const failed = await scene.space.covey(['start', 'web'])
    assert.equal(failed.exit, 1)
    assert.match(
      failed.err,
      /shop\/web: no such image\ncovey: start: no such image\nhint: the order/,
    )
    scene.objects.pop()
    scene.objects.push({ ...about, state: 'pending', reason: 'pulling its image: 1 of 2' })
    const late = await scene.space.covey(['start', 'web', '--timeout', '5s'])
    assert.deepEqual([late.exit, late.out], [1, 'shop/web: is to be started\n'])
    assert.match(late.err, /pulling its image: 1 of 2\n.*1 order is not carried out yet/s)
  })

  test('tell of one that ended at once', async (t) => {
    const scene = await opened(t)
    const ended = { state: 'exited', pid: null, order: null }
    scene.onLook = () => change(scene, 'shop-web', { ...ended, exit_code: 3 })
    const failed = await scene.space.covey(['restart', 'web'])
    assert.equal(failed.exit, 1)
    assert.match(failed.err, /ended at once with exit code 3\nhint: covey logs -n 20 shop\/web/)
    scene.onLook = (looks) => looks > 1 && change(scene, 'shop-web', { ...ended, exit_code: 0 })
    const text = 'shop/web: restarted (it ended at once with exit code 0)\n'
    assert.equal(await scene.space.must('restart', 'web'), text)
  })

  test('tell of another order in between', async (t) => {
    const scene = await opened(t)
    scene.onLook = () => change(scene, 'shop-web', { order: null })
    const { exit, err } = await scene.space.covey(['stop', 'web'])
    assert.equal(exit, 1)
    assert.match(err, /another order took the place of this one/)
  })

  test('leave what is ordered when they are interrupted', async (t) => {
    const scene = await opened(t)
    const over = new AbortController()
    scene.onLook = (looks) => looks === 3 && over.abort()
    const { exit, out, err } = await scene.space.covey(['stop', 'web'], { signal: over.signal })
    assert.deepEqual([exit, out], [1, 'shop/web: is to be stopped\n'])
    assert.match(err, /interrupted; the orders that were taken stand\nhint: the hosts go on/)
    assert.deepEqual(scene.taken, ['stop shop-web'])
  })

  test('are documented', () => {
    const page = readFileSync(join(import.meta.dirname, '../../docs/CONTAINERS.md'), 'utf8')
    for (const verb of ['start', 'stop', 'restart']) assert.match(page, new RegExp(`covey ${verb}`))
  })
})
