import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type AgentStatus, askStatus } from './agent-status.ts'
import { joinInternet, joinSite } from './internet.ts'
import {
  type CommandOptions,
  type CommandResult,
  childrenOf,
  identify,
  isAlive,
  killNow,
  type ProcessId,
  plainEnv,
  run,
  start,
} from './processes.ts'
import { cgroupOf, type HostRecord, type LabRecord, removeCgroups, saveLab } from './record.ts'
import { type Running, startBeside } from './running.ts'
import { until, waitMsMax } from './waiting.ts'

/** The checkout that this file belongs to. */
export const projectRoot: string = join(import.meta.dirname, '../..')
/** The command as it runs from the sources. */
export const sourcesPath: string = join(projectRoot, 'bin/covey')
/**
 * The command under test: the build that `test/run` made, which starts in a third of the time, or
 * the sources where a test file is run by itself.
 */
export const coveyPath: string = process.env['COVEY_TEST_BUILD'] ?? sourcesPath

/**
 * An agent ends within a second of SIGTERM; the lab waits a little longer before it calls it stuck.
 */
const stopMsMax = 10_000
const logLinesMax = 25

/** Settings and variables that every command on a host sees. Nothing of the machine's own covey. */
const hostEnv: Readonly<Record<string, string>> = {
  ...plainEnv,
  PATH: `${dirname(coveyPath)}:${plainEnv['PATH']}`,
  HOME: '/var/lib/covey-lab',
  COVEY_CONFIG: '/var/lib/covey-lab/agent.json',
}

const enter = 'nsenter'

/** Moves into the host's control groups, which entering its namespaces alone does not. */
const joinCgroups = `
for file in /sys/fs/cgroup/cgroup.procs /sys/fs/cgroup/*/cgroup.procs; do
  if [ -w "$file" ]; then echo 0 >"$file"; fi
done 2>/dev/null
exec "$@"
`

/** A host of its own on this machine: own network, processes, mounts, name, /run and /var/lib. */
export class VirtualHost {
  readonly name: string
  readonly #lab: LabRecord
  readonly #keep: boolean
  readonly #covey: string

  /** `covey` is the command under test: that of the checkout, or a build of it. */
  constructor(lab: LabRecord, name: string, keep: boolean, covey: string = coveyPath) {
    this.#lab = lab
    this.name = name
    this.#keep = keep
    this.#covey = covey
  }

  get record(): HostRecord {
    const found = this.#lab.hosts[this.name]
    if (found === undefined) throw new Error(`no host ${this.name} in this lab`)
    return found
  }

  /** Its address in the internet of the lab or, behind a router, in its own network. */
  get address(): string {
    return this.record.address
  }

  /**
   * The folder that it keeps over a power cut, as the machine sees it; `var-lib/covey` is the
   * agent's.
   */
  get folder(): string {
    return join(this.#lab.folder, this.name)
  }

  get logPath(): string {
    return join(this.folder, 'agent.log')
  }

  /** First process of the host, as the machine numbers it. Throws while the host is off. */
  get pid(): number {
    const { init } = this.record
    if (init === null) throw new Error(`${this.name} is off`)
    return init.pid
  }

  get isOn(): boolean {
    const { init } = this.record
    return init !== null && isAlive(init)
  }

  /** The agent's socket, reached from outside through the host's own mounts. */
  get socketPath(): string {
    return `/proc/${this.pid}/root/run/covey/covey.sock`
  }

  /** Switches it on: new namespaces, new links, the same /var/lib. The agent is not started. */
  async boot(): Promise<void> {
    if (this.isOn) throw new Error(`${this.name} is on already`)
    const { id } = this.#lab
    mkdirSync(join(this.folder, 'var-lib/covey'), { recursive: true, mode: 0o700 })
    mkdirSync(join(this.folder, 'var-lib/covey-lab'), { recursive: true })
    const settings = join(this.folder, 'var-lib/covey-lab/agent.json')
    if (!existsSync(settings)) writeFileSync(settings, '{}\n')
    const here = import.meta.dirname
    const cgroup = cgroupOf(id, this.name)
    const init = ['sh', join(here, 'init.sh'), this.name, this.folder, projectRoot, cgroup]
    const keep = this.#keep ? 'yes' : 'no'
    const holder = start('sh', [join(here, 'enter.sh'), cgroup, keep, ...init])
    this.record.holder = holder
    saveLab(this.#lab)
    this.record.init = await this.#firstProcess(holder)
    saveLab(this.#lab)
    await this.#connect()
  }

  async #firstProcess(holder: ProcessId): Promise<ProcessId> {
    return await until(`${this.name} is up`, () => {
      if (!isAlive(holder)) throw new Error('its first process has died')
      const init = childrenOf(holder.pid).map(identify)[0] ?? null
      if (init === null || !existsSync(`/proc/${init.pid}/root/run/covey-lab.ready`)) return false
      return init
    })
  }

  async #connect(): Promise<void> {
    const { site } = this.record
    if (site === null) {
      await joinInternet(this.#lab, this.record, this.pid, 'eth0')
      return
    }
    const router = this.#lab.routers[site]
    if (router === undefined) throw new Error(`no router for ${site}`)
    await joinSite(router, this.record, this.pid)
  }

  /** Ends everything on it at once, without a word to anyone. What is not on its disk is lost. */
  async powerCut(): Promise<void> {
    const ended = [this.record.init, this.record.holder].filter((each) => each !== null)
    for (const each of ended) killNow(each)
    await until(`${this.name} is off`, () => !ended.some(isAlive))
    removeCgroups(this.#lab, this.name)
    this.record.init = null
    this.record.holder = null
    saveLab(this.#lab)
  }

  #inside(command: string, args: readonly string[]): string[] {
    const namespaces = ['--mount', '--uts', '--ipc', '--net', '--pid', '--cgroup']
    const target = ['--target', String(this.pid), ...namespaces]
    return [...target, '--', 'sh', '-c', joinCgroups, 'sh', command, ...args]
  }

  /** Runs a command on the host to its end. */
  exec(
    command: string,
    args: readonly string[] = [],
    options: CommandOptions = {},
  ): Promise<CommandResult> {
    const env = { ...hostEnv, ...options.env }
    return run(enter, this.#inside(command, args), { ...options, env })
  }

  /** Runs a command on the host that has to succeed; gives its stdout. */
  async must(command: string, args: readonly string[], options?: CommandOptions): Promise<string> {
    const { exitCode, stdout, stderr } = await this.exec(command, args, options)
    if (exitCode === 0) return stdout
    const line = [command, ...args].join(' ')
    throw new Error(`${this.name}: ${line}: exit code ${exitCode}\n${stderr}${stdout}`)
  }

  /** Runs the covey command on the host. */
  covey(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return this.exec(this.#covey, args, options)
  }

  /** Starts a process on the host that goes on until it ends by itself or with the host. */
  spawn(command: string, args: readonly string[] = []): Running {
    return startBeside(enter, this.#inside(command, args), hostEnv)
  }

  /** Hands a command this terminal, for use by hand. Gives its exit code. */
  async attach(command: string, args: readonly string[]): Promise<number> {
    const env = { ...hostEnv, TERM: process.env['TERM'] ?? 'dumb' }
    const child = spawn(enter, this.#inside(command, args), { env, cwd: '/', stdio: 'inherit' })
    return await new Promise((resolve, reject) => {
      child.on('error', reject)
      child.on('close', (code) => resolve(code ?? -1))
    })
  }

  /**
   * Starts the agent, as a process of its own that outlives the lab's, and waits until it answers.
   * `covey` is another build of the command under test.
   */
  async startAgent(covey: string = this.#covey): Promise<void> {
    const { exitCode, stderr } = await this.exec('sh', [
      '-c',
      'setsid "$0" agent >>"$1" 2>&1 </dev/null & echo $! >/run/covey-lab.agent',
      covey,
      this.logPath,
    ])
    if (exitCode !== 0) throw new Error(`${this.name}: the agent could not be started: ${stderr}`)
    await until(`${this.name}'s agent answers`, async () => {
      if (!(await this.agentRuns())) throw new Error(`it ended:\n${this.logTail()}`)
      return await this.status()
    })
  }

  /** Resolves to true if the agent that was last started still runs. */
  async agentRuns(): Promise<boolean> {
    return (await this.#signalAgent('0')).exitCode === 0
  }

  #signalAgent(signal: string): Promise<CommandResult> {
    return this.exec('sh', ['-c', `kill -${signal} "$(cat /run/covey-lab.agent)"`])
  }

  /** Ends the agent by SIGTERM and waits until it is gone. */
  async stopAgent(): Promise<void> {
    await this.#endAgent('TERM')
  }

  /** Ends the agent without giving it a chance to say or write anything. */
  async kill9(): Promise<void> {
    await this.#endAgent('KILL')
  }

  /** Does something while the agent stands still, so that it repairs nothing meanwhile. */
  async whileAgentWaits<T>(act: () => Promise<T>): Promise<T> {
    await this.#signalAgent('STOP')
    try {
      return await act()
    } finally {
      await this.#signalAgent('CONT')
    }
  }

  async #endAgent(signal: string): Promise<void> {
    const { exitCode, stderr } = await this.#signalAgent(signal)
    if (exitCode !== 0) throw new Error(`${this.name}: no agent to end: ${stderr}`)
    const gone = async (): Promise<boolean> => !(await this.agentRuns())
    await until(`${this.name}'s agent is gone after SIG${signal}`, gone, stopMsMax)
  }

  /** The agent's status of itself and the others. */
  status(): Promise<AgentStatus> {
    return askStatus(this.socketPath)
  }

  /**
   * Waits until the agent's status is as wanted; fails with `what`, the last status and the log.
   */
  async waitFor(
    what: string,
    wanted: (status: AgentStatus) => boolean,
    timeoutMs: number = waitMsMax,
  ): Promise<AgentStatus> {
    let last: AgentStatus | undefined
    const probe = async (): Promise<AgentStatus | false> => {
      last = await this.status()
      return wanted(last) && last
    }
    try {
      return await until(`${this.name}: ${what}`, probe, timeoutMs)
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      const shown = JSON.stringify(last, null, 2)
      throw new Error(`${message}\nlast status: ${shown}\n${this.logTail()}`)
    }
  }

  /** The end of the agent's log, for the message of a failure. */
  logTail(): string {
    const text = existsSync(this.logPath) ? readFileSync(this.logPath, 'utf8') : ''
    const lines = text.trimEnd().split('\n').slice(-logLinesMax)
    return [`--- ${this.name}: end of ${this.logPath}`, ...lines, '---'].join('\n')
  }
}
