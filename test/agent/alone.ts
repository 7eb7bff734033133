import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { configText, makeCluster, signEnvelope } from '../protocol/cluster.ts'
import { afterwards, temporaryFolder } from '../temporary.ts'
import { ask } from './control/server-of.ts'

/** The bundle, which starts in a third of the time, or the source where a file is run alone. */
const program = process.env['COVEY_TEST_BUILD']
  ? [process.env['COVEY_TEST_BUILD']]
  : [process.execPath, join(import.meta.dirname, '../../agent/main.ts')]

/** An agent of a process of its own, the only host of its cluster. */
interface AgentAlone {
  readonly stateDir: string
  readonly runDir: string
  readonly agent: { readonly said: () => string; readonly ended: Promise<number | null> }
  /** Runs a shell script among the mounts of the agent; fails if it does. */
  inMounts(script: string): void
}

/** The options for starting an agent. */
interface AloneInit {
  readonly umask?: string
  /** May touch the folders before the agent starts. */
  readonly prepare?: (folder: string) => void
}

/**
 * Enrols a host and runs its agent as `covey` does, in network and mount namespaces of its own, by
 * a shell with this umask. It ends with the test.
 */
export async function startAgentAlone(
  t: TestContext,
  { umask = '0022', prepare = () => undefined }: AloneInit = {},
): Promise<AgentAlone> {
  const folder = await temporaryFolder(t)
  const [stateDir, runDir] = [join(folder, 'state'), join(folder, 'run')]
  const places = ['--state-dir', stateDir, '--run-dir', runDir, '--config', join(folder, 'none')]
  const shell = ['sh', '-c', `umask ${umask}; exec "$@"`, 'sh']
  const command = (...args: readonly string[]): string[] => {
    return ['--net', '--mount', ...shell, ...program, ...args, ...places]
  }
  const cluster = makeCluster()
  const config = signEnvelope(configText(cluster, 1, { hosts: { h0: {} } }), cluster.operators)
  const bundle = { host: 'h0', root_digest: cluster.id, roots: [cluster.rootEnvelope], floor: null }
  writeFileSync(join(folder, 'bundle'), JSON.stringify({ ...bundle, config }))
  for (const args of [
    ['identity', '--host', 'h0'],
    ['enrol', join(folder, 'bundle')],
  ]) {
    const { status, stderr } = spawnSync('unshare', command(...args))
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
  return {
    ...{ stateDir, runDir, agent: { said: () => said, ended } },
    inMounts(script) {
      const target = ['--target', String(child.pid), '--mount', '--']
      const { status, stderr } = spawnSync('nsenter', [...target, 'sh', '-ec', script])
      assert.equal(status, 0, String(stderr))
    },
  }
}

/** Resolves to true if an agent answers over its socket. */
export async function answers(runDir: string): Promise<boolean> {
  return (await ask(join(runDir, 'covey.sock'), '/v1/status')) === 200
}
