import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { suite, type TestContext, test } from 'node:test'
import { until } from '../lab/waiting.ts'
import { entriesBelow } from '../live-folder.ts'
import { configText, makeCluster, signEnvelope } from '../protocol/cluster.ts'
import { afterwards, temporaryFolder } from '../temporary.ts'
import { ask } from './control/server-of.ts'

const main = join(import.meta.dirname, '../../agent/main.ts')

/** Modes of everything below a folder, and its own (`.`), by path, links left out. */
function modesBelow(top: string): Record<string, string> {
  const entries = [...entriesBelow(top)].filter(([, stats]) => !stats.isSymbolicLink())
  return Object.fromEntries(
    entries.map(([path, { mode }]) => [relative(top, path) || '.', (mode & 0o7777).toString(8)]),
  )
}

interface Started {
  readonly stateDir: string
  readonly runDir: string
  readonly agent: { readonly said: () => string; readonly ended: Promise<number | null> }
}

/**
 * Enrols a host and runs its agent as `covey` does, in a network namespace of its own, by a shell
 * with this umask. `prepare` may touch the folders before the agent starts.
 */
async function startUnder(
  t: TestContext,
  umask: string,
  prepare: (folder: string) => void = () => undefined,
): Promise<Started> {
  const folder = await temporaryFolder(t)
  const [stateDir, runDir] = [join(folder, 'state'), join(folder, 'run')]
  const places = ['--state-dir', stateDir, '--run-dir', runDir, '--config', join(folder, 'none')]
  const shell = `umask ${umask}; exec "$@"`
  const command = (...args: readonly string[]): string[] => {
    return ['--net', 'sh', '-c', shell, 'sh', process.execPath, main, ...args, ...places]
  }
  const cluster = makeCluster()
  const config = signEnvelope(configText(cluster, 1, { hosts: { h0: {} } }), cluster.operators)
  const bundle = { host: 'h0', root_digest: cluster.id, roots: [cluster.rootEnvelope], floor: null }
  writeFileSync(join(folder, 'bundle'), JSON.stringify({ ...bundle, config }))
  for (const args of [
    ['identity', '--host', 'h0'],
    ['enrol', join(folder, 'bundle')],
  ]) {
    const { status, stderr } = spawnSync('unshare', command(...args.slice(0, 1), ...args.slice(1)))
    assert.equal(status, 0, String(stderr))
  }
  prepare(folder)
  const child = spawn('unshare', command('agent'))
  let said = ''
  child.stdout.on('data', (text) => (said += text))
  child.stderr.on('data', (text) => (said += text))
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
  afterwards(t, async () => {
    child.kill('SIGTERM')
    await ended
  })
  return { stateDir, runDir, agent: { said: () => said, ended } }
}

async function runs({ runDir, agent }: Started): Promise<void> {
  await until(`the agent answers; it said ${agent.said()}`, async () => {
    return (await ask(join(runDir, 'covey.sock'), '/v1/status')) === 200
  })
}

suite('the folders of an agent', () => {
  for (const umask of ['0000', '0022', '0077', '0177']) {
    test(`have the same modes under umask ${umask}`, { timeout: 120_000 }, async (t) => {
      const started = await startUnder(t, umask)
      await runs(started)
      const state = modesBelow(started.stateDir)
      const run = modesBelow(started.runDir)
      assert.equal(state['.'], '700')
      assert.equal(state['identity.json'], '600')
      assert.equal(state['roots'], '700')
      assert.equal(state['images/blobs'], '700')
      const { '.': top, 'covey.sock': covey, 'admin.sock': admin, ...below } = run
      assert.deepEqual([top, covey, admin], ['750', '660', '600'])
      for (const [name, mode] of Object.entries({ ...state, ...below })) {
        assert.match(mode, /^(700|600)$/, `${name} has mode ${mode}`)
      }
    })
  }

  test('that stood open before are closed, and it is said', { timeout: 60_000 }, async (t) => {
    const started = await startUnder(t, '0022', (folder) => {
      chmodSync(join(folder, 'state'), 0o755)
      mkdirSync(join(folder, 'run'))
      chmodSync(join(folder, 'run'), 0o777)
    })
    await runs(started)
    assert.equal(modesBelow(started.stateDir)['.'], '700')
    assert.equal(modesBelow(started.runDir)['.'], '750')
    assert.match(started.agent.said(), /others could look into the state folder; now only root can/)
  })

  for (const name of ['state', 'run']) {
    test(`that are somebody else's are refused: ${name}`, { timeout: 60_000 }, async (t) => {
      const { agent } = await startUnder(t, '0022', (folder) => {
        mkdirSync(join(folder, name), { recursive: true })
        chownSync(join(folder, name), 65_534, 65_534)
      })
      assert.equal(await agent.ended, 2)
      const line = new RegExp(
        `^covey: agent: .*/${name} can be written by others than root: .*$`,
        'm',
      )
      assert.match(agent.said(), line)
      assert.match(agent.said(), /^hint: chown -h root /m)
    })
  }
})
