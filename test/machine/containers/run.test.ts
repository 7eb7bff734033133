import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { createContainerDirectory } from '../../../agent/control/container-directory.ts'
import { openOneOffs } from '../../../agent/control/one-offs/one-offs.ts'
import { openCopies } from '../../../machine/containers/copy/serve.ts'
import { openExecSessions } from '../../../machine/containers/exec/sessions.ts'
import { type Outcome, openWorkspace, type RunOptions } from '../../operator/workspace.ts'
import { openContainerSockets } from './control.ts'
import { openMachine, scriptObject, serving, type TestMachine } from './machine.ts'
import { quietLog } from './quiet-log.ts'

interface Running {
  readonly on: TestMachine
  covey(argv: readonly string[], options?: RunOptions): Promise<Outcome>
}

/** A host with the container `web`, and its sockets. */
async function running(t: TestContext, members: object = {}): Promise<Running> {
  const on = await openMachine(t)
  on.adopt({ web: scriptObject(serving, members), data: { type: 'volume' } })
  await on.running('web')
  const runDir = join(on.folder, 'sockets')
  const { state } = on.machine()
  const execs = openExecSessions({ runDir, log: quietLog, onExec() {} })
  const oneOffs = openOneOffs({
    ...{ stateDir: join(on.folder, 'state'), ports: on.ports(), state, host: 'h', log: quietLog },
    adopted: on.adopted,
  })
  const directory = createContainerDirectory({
    containers: on.machine().port,
    bundleOf: (id) => state.of(id).bundle,
    runcRoot: state.places.runcRoot,
    host: 'h',
    adopted: on.adopted,
  })
  const init = { stateDir: on.folder, directory, execs, copies: openCopies(quietLog), oneOffs }
  await openContainerSockets(t, runDir, init)
  const space = await openWorkspace(t)
  return {
    on,
    covey: (argv, options = {}) => space.covey(['--run-dir', runDir, ...argv], options),
  }
}

/** Everything that is of containers for one command. */
async function left({ on }: Running): Promise<readonly string[]> {
  const seen = (await on.look()).map(({ object }) => object)
  const logs = join(on.folder, 'state/logs')
  const all = [...seen, ...(existsSync(logs) ? readdirSync(logs) : [])]
  return all.filter((name) => name.includes('+run'))
}

/** True once the container of a command waits beside it. */
async function isMade(on: TestMachine): Promise<boolean> {
  return (await on.look()).some(({ object, process }) => {
    return object === 'web+run1' && process.state === 'created'
  })
}

describe('covey run', () => {
  it('runs a command in a container like that of the object, and removes it', async (t) => {
    const env = { GREETING: 'hello' }
    const mounts = [{ volume: 'data', path: '/data' }]
    const host = await running(t, { env, mounts, command: ['/bin/sh', '-c'], args: [serving] })
    const { on, covey } = host
    const web = await on.running('web')
    const script = 'echo $GREETING $MORE; touch /data/from-run /only-here; hostname; exit 7'
    const said = await covey(['run', '--rm', '-e', 'MORE=you', 'web', '--', script])
    assert.deepEqual(said, { exit: 7, out: 'hello you\nweb-run1\n', err: '' })
    const shared = await covey(['exec', 'web', '--', '/bin/ls', '/data', '/only-here'])
    assert.match(`${shared.out}${shared.err}`, /from-run/)
    assert.match(shared.err, /only-here: No such file/)
    assert.deepEqual(await left(host), [])
    // What runs there was not touched.
    assert.equal((await on.running('web')).pid, web.pid)
    const other = await covey(['run', '--entrypoint', '/bin/cat', '-i', 'web'], { stdin: 'typed' })
    assert.deepEqual(other, { exit: 0, out: 'typed', err: '' })
    const none = await covey(['run', '--entrypoint', '/bin/nothing', 'web'])
    assert.match(`${none.exit} ${none.err}`, /^127 .*no command \/bin\/nothing/)
    const unknown = await covey(['run', 'wbe'])
    assert.match(`${unknown.exit} ${unknown.err}`, /^1 .*no container "wbe"/)
    assert.deepEqual(await left(host), [])
  })

  it('is let be by the rounds, is shown, and goes with its client', async (t) => {
    const host = await running(t, { command: ['/bin/sh', '-c'], args: [serving] })
    const { on, covey } = host
    let out = ''
    const watch = (text: string): void => {
      out += text
    }
    const long = covey(['run', 'web', '--', 'echo begun; sleep 1000'], { watch })
    await on.until('it is there', () => out.includes('begun'))
    for (let round = 0; round < 3; round++) await on.loop().plan()
    on.adopt({ web: scriptObject(serving, { env: { A: '2' } }), data: { type: 'volume' } })
    await on.until('the service is replaced', async () => {
      const all = (await on.look()).filter(({ object }) => object === 'web')
      return all.length === 1 && on.said('web').startsWith('converged')
    })
    assert.deepEqual((await left(host)).slice(0, 1), ['web+run1'])
    const listed = await covey(['ps', '--json'])
    const rows = JSON.parse(listed.out).map(({ name, service }: Record<string, unknown>) => {
      return [name, service]
    })
    assert.deepEqual(rows, [
      ['web', null],
      ['web+run1', null],
    ])
    const [seen] = (await on.look()).filter(({ object }) => object === 'web+run1')
    assert.equal(seen?.process.state, 'created')
    if (seen?.process.state === 'created') process.kill(seen.process.pid, 'SIGKILL')
    assert.equal((await long).exit, 137)
    await on.until('nothing of it is left', async () => (await left(host)).length === 0)
  })

  it('is refused while something keeps the containers of the object stopped', async (t) => {
    const host = await running(t, { command: ['/bin/sh', '-c'], args: [serving] })
    const { orders } = host.on.machine()
    const hold = { owner: 'move data', reason: 'it is moving', atMs: 1, isDurable: true }
    await orders.hold('web', hold)
    const held = await host.covey(['run', 'web', '--', 'echo ran'])
    assert.equal(held.out, '')
    assert.match(`${held.exit} ${held.err}`, /^126 .*web is held by "move data": it is moving/)
    assert.deepEqual(await left(host), [])
    await orders.release('web', hold)
    assert.equal((await host.covey(['run', 'web', '--', 'echo ran'])).out, 'ran\n')
  })

  it('is removed by the next agent where one was killed', async (t) => {
    const host = await running(t, { command: ['/bin/sh', '-c'], args: [serving] })
    const { on, covey } = host
    void covey(['run', 'web', '--', 'sleep 1000']).catch(() => undefined)
    await on.until('it is there', () => isMade(on))
    await on.restart()
    openOneOffs({
      ...{ stateDir: join(on.folder, 'state'), ports: on.ports(), host: 'h', log: quietLog },
      ...{ state: on.machine().state, adopted: on.adopted },
    })
    await on.until('nothing of it is left', async () => (await left(host)).length === 0)
  })
})
