import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Hosts } from './config-hosts.ts'
import { coveyPath, type VirtualHost } from './host.ts'
import { type CommandOptions, type CommandResult, plainEnv, run } from './processes.ts'

/** WireGuard's port in the starter layout. */
const wireguardPort = 51820

/** The operator's laptop: a folder, keys, and no agent. It works outside the hosts' namespaces. */
export class Operator {
  /** Everything of the operator's. */
  readonly home: string
  readonly keyFolder: string
  /** The folder with `cluster.yaml`. */
  readonly folder: string

  readonly #coveyPath: string

  /** `covey` is the command under test. */
  constructor(home: string, covey: string = coveyPath) {
    this.#coveyPath = covey
    this.home = home
    this.keyFolder = join(home, 'keys')
    this.folder = join(home, 'home')
    mkdirSync(this.folder, { recursive: true })
  }

  /**
   * Runs the covey command in the operator's folder, out of reach of an agent of the machine's own.
   */
  covey(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    const env = {
      ...plainEnv,
      HOME: this.home,
      COVEY_KEY_DIR: this.keyFolder,
      COVEY_RUN_DIR: join(this.home, 'run'),
      COVEY_STATE_DIR: join(this.home, 'state'),
      ...options.env,
    }
    return run(this.#coveyPath, args, { cwd: this.folder, ...options, env })
  }

  /** Runs a covey command that has to succeed; gives its stdout. */
  async must(...args: readonly string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await this.covey(args)
    if (exitCode === 0) return stdout
    throw new Error(`covey ${args.join(' ')}: exit code ${exitCode}\n${stderr}${stdout}`)
  }

  /** A file in the operator's folder. */
  path(name: string): string {
    return join(this.folder, name)
  }

  /** The documented steps of enrolling by hand (docs/INSTALL.md). Agents are not started. */
  async enrol(hosts: readonly VirtualHost[]): Promise<void> {
    await this.must('init', '.', '--name', 'home')
    for (const host of hosts) await this.addHost(host)
    await this.must('apply', '--offline', '-o', this.path('signed.json'))
    for (const host of hosts) await this.handBundle(host)
  }

  /** Takes a host's card and adds the host to the layout, with an endpoint if it can be reached. */
  async addHost(host: VirtualHost): Promise<void> {
    const card = await host.covey(['identity', '--host', host.name, '--json'])
    if (card.exitCode !== 0) throw new Error(`${host.name}: covey identity: ${card.stderr}`)
    writeFileSync(this.path(`${host.name}.card.json`), card.stdout)
    const endpoint = ['--endpoint', `${host.name}.example.net:${wireguardPort}`]
    const reachable = host.record.site === null ? endpoint : []
    await this.must('host', 'add', '--card', this.path(`${host.name}.card.json`), ...reachable)
  }

  /** Gives a host its bundle, as a person would carry it there. */
  async handBundle(host: VirtualHost): Promise<void> {
    const file = `${host.name}.bundle.json`
    await this.must('bundle', '--host', host.name, '-o', this.path(file))
    const carried = join(host.folder, 'var-lib/covey-lab', file)
    writeFileSync(carried, readFileSync(this.path(file)), { mode: 0o600 })
    const enrolled = await host.covey(['enrol', `/var/lib/covey-lab/${file}`])
    if (enrolled.exitCode === 0) return
    throw new Error(`${host.name}: covey enrol: ${enrolled.stderr}${enrolled.stdout}`)
  }

  /** The hosts that the layout means, for a version by hand. */
  async hosts(): Promise<Hosts> {
    const config = JSON.parse(await this.must('compile'))
    return config.hosts
  }

  /** Signs these hosts as the next version, by the operator's own hand; gives the file. */
  async sign(hosts: Hosts, name = 'next'): Promise<string> {
    writeFileSync(this.path(`${name}.config.json`), JSON.stringify({ hosts }))
    const signed = this.path(`${name}.signed.json`)
    await this.must('sign', this.path(`${name}.config.json`), '--dir', '.', '-o', signed)
    return signed
  }

  /** Signs these hosts and hands them to one node, which has to accept them; gives the version. */
  async release(hosts: Hosts, through: VirtualHost): Promise<number> {
    const result = await this.inject(through, await this.sign(hosts))
    const answer = JSON.parse(result.stdout || '{}')
    if (result.exitCode === 0 && answer.verdict === 'accepted') return answer.head.version
    throw new Error(
      `inject at ${through.name}: ${result.exitCode} ${result.stderr}${result.stdout}`,
    )
  }

  /** Hands a signed config to one node, over its socket. */
  inject(host: VirtualHost, signed: string): Promise<CommandResult> {
    return this.covey(['inject', signed, '--to', host.socketPath, '--json'])
  }
}
