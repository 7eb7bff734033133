import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { coveyPath, type VirtualHost } from '../lab/host.ts'
import type { Lab } from '../lab/lab.ts'
import { until } from '../lab/waiting.ts'
import type { Attack, AttackEnd } from './attack.ts'
import { inLab } from './in-lab.ts'

/** A debugger that is to open does so within this time, in ms, after it was asked to. */
const openMsMax = 1_500
const lookMs = 100

/** Asks the debugger of Node on its usual port who it is, as every user of the host can. */
const question = `
fetch('http://127.0.0.1:9229/json/list').then((answer) => answer.text()).then(
  (text) => process.stdout.write(text),
  () => process.stdout.write('closed'),
)`

async function opens(host: VirtualHost): Promise<boolean> {
  const until = performance.now() + openMsMax
  while (performance.now() < until) {
    if ((await host.must(process.execPath, ['-e', question])) !== 'closed') return true
    await sleep(lookMs)
  }
  return false
}

/** An agent in whose environment somebody has put a debugger. */
async function byEnvironment(host: VirtualHost): Promise<boolean> {
  const script = `#!/bin/sh\nNODE_OPTIONS=--inspect exec ${coveyPath} "$@"\n`
  writeFileSync(join(host.folder, 'var-lib/covey-lab/inspected'), script, { mode: 0o755 })
  await host.startAgent('/var/lib/covey-lab/inspected')
  const opened = await opens(host)
  await host.stopAgent()
  return opened
}

/** The signals after which the agent's debugger was open. */
async function bySignals(host: VirtualHost): Promise<readonly string[]> {
  const opened: string[] = []
  for (const signal of ['USR1', 'USR2', 'HUP']) {
    await host.exec('sh', ['-c', `kill -${signal} "$(cat /run/covey-lab.agent)"`])
    if (await opens(host)) opened.push(signal)
  }
  return opened
}

async function byCommand(host: VirtualHost): Promise<boolean> {
  const watch = host.spawn(coveyPath, ['status', '--watch'])
  await until('the command runs', () => watch.output() !== '')
  watch.signal('SIGUSR1')
  return await opens(host)
}

async function lookForDebuggers(lab: Lab): Promise<AttackEnd> {
  const host = await lab.host('h1')
  await lab.operator.enrol([host])
  const environment = await byEnvironment(host)
  await host.startAgent()
  const signals = await bySignals(host)
  const runs = await host.agentRuns()
  const command = runs && (await byCommand(host))
  const words = (isOpen: boolean): string => (isOpen ? 'OPEN' : 'closed')
  return {
    held: !environment && signals.length === 0 && !command && runs,
    seen:
      `debugger of the agent by NODE_OPTIONS: ${words(environment)}; by USR1, USR2, HUP: ` +
      `${signals.length === 0 ? 'closed' : `OPEN after ${signals.join(', ')}`}, and the agent ` +
      `${runs ? 'goes on' : 'has ENDED'}; of a command by USR1: ${words(command)}`,
  }
}

/** Whoever reaches the debugger of a process of root's is root; every user of the host does. */
export const nodeDebugger: Attack = {
  name: 'debugger',
  from: 'a local user, where somebody sends a signal by mistake',
  wants: 'the debugger of Node in the agent, which is root, or in a command beside keys',
  run: () => inLab(lookForDebuggers),
}
