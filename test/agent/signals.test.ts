import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, it, type TestContext } from 'node:test'
import { enrolHost } from '../../agent/commands/enrol.ts'
import { showIdentity } from '../../agent/commands/identity.ts'
import { makeCluster } from '../protocol/cluster.ts'
import { afterwards, temporaryFolder } from '../temporary.ts'

const root = join(import.meta.dirname, '../..')
const launcher = [join(root, 'bin/covey')]
const withoutLauncher = [process.execPath, join(root, 'agent/main.ts')]

interface AgentProcess {
  readonly child: ChildProcess
  /** Resolves with the first line of its log, past or to come, that holds this. */
  line(part: string): Promise<string>
  errors(): string
}

/** An agent as its users start it, in a network of its own, in a cluster without a config. */
async function startProcess(
  t: TestContext,
  command: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<AgentProcess> {
  const folder = await temporaryFolder(t)
  const [stateDir, runDir] = [join(folder, 'state'), join(folder, 'run')]
  const cluster = makeCluster()
  await showIdentity({ stateDir, host: 'h0', newWireguardKey: false })
  const roots = [cluster.rootEnvelope]
  const bundle = { host: 'h0', root_digest: cluster.id, roots, floor: null, config: null }
  await enrolHost(stateDir, JSON.stringify(bundle))
  const places = ['--state-dir', stateDir, '--run-dir', runDir, '--config', join(folder, 'none')]
  const child = spawn('unshare', ['--net', ...command, 'agent', ...places], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  afterwards(t, async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  })
  let errors = ''
  child.stderr.on('data', (chunk) => {
    errors += String(chunk)
  })
  const lines: string[] = []
  const ended = once(child, 'exit')
  const reader = createInterface(child.stdout).on('line', (line) => lines.push(line))
  const line = async (part: string): Promise<string> => {
    for (;;) {
      const found = lines.find((one) => one.includes(part))
      if (found !== undefined) return found
      const end = await Promise.race([once(reader, 'line').then(() => null), ended])
      if (end !== null) throw new Error(`no line with ${part}; it ended: ${end} ${errors}`)
    }
  }
  await line('agent runs')
  return { child, line, errors: () => errors }
}

/** True if a signal is in one of the masks of a process, as `SigBlk`. */
function isIn(child: ChildProcess, mask: string, signal: NodeJS.Signals): boolean {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8')
  const bits = BigInt(`0x${new RegExp(`^${mask}:\\s*([0-9a-f]+)$`, 'm').exec(status)?.[1] ?? ''}`)
  return ((bits >> BigInt(constants.signals[signal] - 1)) & 1n) === 1n
}

describe('signals to an agent', () => {
  it('open no debugger: SIGUSR1 never arrives at all', async (t) => {
    const { child, line, errors } = await startProcess(t, launcher)
    assert.ok(isIn(child, 'SigBlk', 'SIGUSR1'), 'Node listens to SIGUSR1')
    child.kill('SIGUSR1')
    child.kill('SIGUSR2')
    await line('"signal":"SIGUSR2"')
    assert.equal(errors(), '')
  })

  it('open none either where somebody starts it without the launcher', async (t) => {
    const { child, line, errors } = await startProcess(t, withoutLauncher)
    child.kill('SIGUSR1')
    assert.match(await line('"signal":"SIGUSR1"'), /this signal is ignored/)
    assert.equal(errors(), '')
  })

  it('nor does the environment', async (t) => {
    const env = { NODE_OPTIONS: '--inspect=127.0.0.1:0', NODE_V8_COVERAGE: '/nowhere' }
    const { errors } = await startProcess(t, launcher, env)
    assert.equal(errors(), '')
  })

  it('end it only where they are meant to: it says what others do not do', async (t) => {
    const { child, line } = await startProcess(t, launcher)
    child.kill('SIGUSR2')
    assert.match(await line('"signal":"SIGUSR2"'), /systemctl restart covey/)
    child.kill('SIGHUP')
    await line('the grants of this host were read again')
    for (const signal of ['SIGPIPE', 'SIGWINCH', 'SIGCONT', 'SIGURG'] as const) child.kill(signal)
    const ended = once(child, 'exit')
    // By default this one leaves a core file, which holds the keys of the host.
    child.kill('SIGQUIT')
    assert.deepEqual(await ended, [0, null])
    await line('"signal":"SIGQUIT"')
  })
})
