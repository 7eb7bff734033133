import assert from 'node:assert/strict'
import { chmodSync, chownSync, mkdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import { suite, test } from 'node:test'
import { until } from '../lab/waiting.ts'
import { entriesBelow } from '../live-folder.ts'
import { answers, startAgentAlone } from './alone.ts'

/** Modes of everything below a folder, and its own (`.`), by path, links left out. */
function modesBelow(top: string): Record<string, string> {
  const entries = [...entriesBelow(top)].filter(([, stats]) => !stats.isSymbolicLink())
  return Object.fromEntries(
    entries.map(([path, { mode }]) => [relative(top, path) || '.', (mode & 0o7777).toString(8)]),
  )
}

suite('the folders of an agent', () => {
  for (const umask of ['0000', '0022', '0077', '0177']) {
    test(`have the same modes under umask ${umask}`, { timeout: 120_000 }, async (t) => {
      const started = await startAgentAlone(t, { umask })
      await until(`the agent answers; it said ${started.agent.said()}`, () =>
        answers(started.runDir),
      )
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
    const started = await startAgentAlone(t, {
      prepare(folder) {
        chmodSync(join(folder, 'state'), 0o755)
        mkdirSync(join(folder, 'run'))
        chmodSync(join(folder, 'run'), 0o777)
      },
    })
    await until(`the agent answers; it said ${started.agent.said()}`, () => answers(started.runDir))
    assert.equal(modesBelow(started.stateDir)['.'], '700')
    assert.equal(modesBelow(started.runDir)['.'], '750')
    assert.match(started.agent.said(), /others could look into the state folder; now only root can/)
  })

  for (const name of ['state', 'run']) {
    test(`that are somebody else's are refused: ${name}`, { timeout: 60_000 }, async (t) => {
      const { agent } = await startAgentAlone(t, {
        prepare(folder) {
          mkdirSync(join(folder, name), { recursive: true })
          chownSync(join(folder, name), 65_534, 65_534)
        },
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
