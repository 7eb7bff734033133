import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { describe, it, type TestContext } from 'node:test'
import { programFile } from '../programs.ts'
import { takingAgent } from './taking-agent.ts'
import { addHost, fakeAgent, openCluster, openWorkspace, type Workspace } from './workspace.ts'

/** Runs a program as its users do, and gives its exit code and what it says on stderr. */
async function ended(
  context: TestContext,
  space: Workspace,
  [program, ...argv]: readonly ['agent' | 'operator', ...string[]],
  stdout: number | 'pipe',
): Promise<readonly [code: number, err: string]> {
  const env = { ...process.env, COVEY_KEY_DIR: space.keyDir, COVEY_RUN_DIR: space.runDir }
  const child = spawn(process.execPath, [programFile(program), ...argv], {
    ...{ cwd: space.dir, env },
    stdio: ['ignore', stdout, 'pipe'],
  })
  context.after(() => child.kill('SIGKILL'))
  const exit = once(child, 'exit')
  child.stdout?.destroy()
  let err = ''
  if (stdout === 'pipe') child.stderr?.destroy()
  else for await (const chunk of child.stderr ?? []) err += String(chunk)
  const [code] = await exit
  return [code, err]
}

describe('a folder that is gone', () => {
  it('is one line and exit code 1', async (context) => {
    const space = await openWorkspace(context)
    const script = 'rmdir "$PWD" && exec "$0" "$@"'
    const main = programFile('operator')
    const child = spawn('sh', ['-c', script, process.execPath, main, 'history'], {
      ...{ cwd: space.dir, stdio: ['ignore', 'ignore', 'pipe'] },
    })
    let err = ''
    for await (const chunk of child.stderr ?? []) err += String(chunk)
    assert.equal(err, 'covey: the current folder is gone: it was removed\nhint: cd elsewhere\n')
    assert.equal(child.exitCode ?? (await once(child, 'exit'))[0], 1)
  })
})

describe('output that goes nowhere', () => {
  for (const line of [
    ['operator', 'schema'],
    ['operator', '--help'],
    ['agent', 'identity', '--host', 'a1', '--state-dir', 'state'],
  ] as const) {
    it(`is one line and exit code 1 on a full disk: ${line.join(' ')}`, async (context) => {
      const space = await openWorkspace(context)
      const full = openSync('/dev/full', 'w')
      const [code, err] = await ended(context, space, line, full)
      closeSync(full)
      assert.equal(code, 1)
      const hint = 'hint: make room, or write elsewhere'
      assert.equal(err, `covey: cannot write the output: the disk is full\n${hint}\n`)
    })
  }

  it('leaves nothing half done: apply sends what it has signed', async (context) => {
    const space = await openCluster(context)
    await addHost(space, 'cloud01', '203.0.113.7:51820')
    await addHost(space, 'local01')
    const agent = takingAgent()
    await fakeAgent(context, space, agent.routes)
    const [code] = await ended(context, space, ['operator', 'apply', '--yes'], 'pipe')
    assert.equal(code, 0)
    assert.notEqual(agent.held, '')
  })
})
