import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Authority, createAuthority } from './certificates.ts'
import { type Credentials, startTokenServer, type TokenServer } from './token-server.ts'

/** The way to a registry, and the users that it lets in. */
export interface RegistryOptions {
  /** HTTPS with an authority of its own. */
  readonly tls?: boolean
  /** Absent: everybody. `basic`: with the credentials only. */
  readonly auth?: 'basic' | 'token'
  /** With `token`: whether anybody gets a token for pulling. */
  readonly anonymousPull?: boolean
  /** Where it listens; 127.0.0.1 where absent. */
  readonly address?: string
  /** Its name in references and certificates; the address where absent. */
  readonly name?: string
  /** One that is free where absent. */
  readonly port?: number
}

/** Debian's `docker-registry`, the reference implementation, in a folder of its own. */
export interface Registry {
  /** `name:port`, for references. It stays over `stop` and `start`. */
  readonly host: string
  /** `http://…` or `https://…`. */
  readonly url: string
  /** The authority's certificate, or null without TLS. */
  readonly caFile: string | null
  /** The credentials that `basic` and `token` accept; null for a registry that takes everybody. */
  readonly credentials: Credentials | null
  /** Where the registry's content lies: `docker/registry/v2/…`. */
  readonly storage: string
  /** `name:port` of the token server, which `realm_hosts` must name; none where there is none. */
  readonly realmHosts: readonly string[]
  /** Present with `auth: 'token'`. */
  readonly tokens: TokenServer | null
  /** Takes the registry down, as a crash would; its content stays. */
  stop(): Promise<void>
  /** Starts it again on the same port. */
  start(): Promise<void>
  /** Ends it and removes everything. A second call does nothing. */
  close(): Promise<void>
}

const credentials: Credentials = { username: 'covey', password: 'let-me-in' }
/** bcrypt of that password, the only form that the registry takes. */
const htpasswd = 'covey:$2y$05$6ZOYYC2ngHRS.0avq9n/J.CMrXVoGKs.mo9bkOymK28JEkGHLl1qC\n'

/** Where bin/setup puts the registry, if the machine has none. */
const ownTools = join(import.meta.dirname, '../../.build/tools/usr/bin')

const issuer = 'covey tests'
const service = 'covey test registry'
const startMsMax = 20_000
const logBytesMax = 4 * 1024

/** Starts a registry; it ends with this process, however that ends. */
export async function startRegistry(options: RegistryOptions = {}): Promise<Registry> {
  const folder = mkdtempSync(join(tmpdir(), 'covey-registry-'))
  const remove = (): void => rmSync(folder, { recursive: true, force: true })
  process.once('exit', remove)
  const forget = (): void => {
    process.off('exit', remove)
    remove()
  }
  try {
    const registry = new RunningRegistry(folder, options, forget)
    await registry.begin()
    return registry
  } catch (error) {
    forget()
    throw error
  }
}

class RunningRegistry implements Registry {
  readonly #folder: string
  readonly #options: RegistryOptions
  readonly #forget: () => void
  readonly #authority: Authority | null
  #port = 0
  #child: ChildProcess | null = null
  #tokens: TokenServer | null = null

  constructor(folder: string, options: RegistryOptions, forget: () => void) {
    this.#folder = folder
    this.#options = options
    this.#forget = forget
    this.#port = options.port ?? 0
    const needed = options.tls === true || options.auth === 'token'
    this.#authority = needed ? createAuthority(folder) : null
    mkdirSync(this.storage)
  }

  get #address(): string {
    return this.#options.address ?? '127.0.0.1'
  }

  get #name(): string {
    return this.#options.name ?? this.#address
  }

  get host(): string {
    return `${this.#name}:${this.#port}`
  }

  get url(): string {
    return `${this.#options.tls === true ? 'https' : 'http'}://${this.host}`
  }

  get caFile(): string | null {
    return this.#options.tls === true ? (this.#authority?.certFile ?? null) : null
  }

  get credentials(): Credentials | null {
    return this.#options.auth === undefined ? null : credentials
  }

  get storage(): string {
    return join(this.#folder, 'storage')
  }

  get realmHosts(): readonly string[] {
    return this.#tokens === null ? [] : [new URL(this.#tokens.realm).host]
  }

  get tokens(): TokenServer | null {
    return this.#tokens
  }

  async begin(): Promise<void> {
    const { tls, auth, anonymousPull = false } = this.#options
    const subjects = [...new Set([this.#name, this.#address])]
    if (tls === true) this.#authority?.issue('server', subjects)
    if (auth === 'basic') writeFileSync(join(this.#folder, 'htpasswd'), htpasswd)
    if (auth === 'token' && this.#authority !== null) {
      const signer = this.#authority.issue('tokens', ['tokens'])
      const server = tls === true ? this.#authority.issue('token-server', subjects) : null
      const who = { credentials, anonymousPull, issuer, signer, tls: server }
      const place = { address: this.#address, name: this.#name }
      this.#tokens = await startTokenServer({ ...place, ...who })
    }
    await this.start()
  }

  #config(): object {
    const { tls, auth } = this.#options
    const file = (name: string): string => join(this.#folder, name)
    const certificates = { certificate: file('server.crt'), key: file('server.key') }
    const basic = { htpasswd: { realm: service, path: file('htpasswd') } }
    const realm = this.#tokens?.realm ?? ''
    const token = { token: { realm, service, issuer, rootcertbundle: file('ca.crt') } }
    return {
      version: '0.1',
      log: { level: 'info', accesslog: { disabled: true } },
      storage: { filesystem: { rootdirectory: this.storage }, delete: { enabled: true } },
      http: {
        addr: `${this.#address}:${this.#port}`,
        secret: 'tests',
        ...(tls === true ? { tls: certificates } : {}),
      },
      ...(auth === 'basic' ? { auth: basic } : auth === 'token' ? { auth: token } : {}),
    }
  }

  async start(): Promise<void> {
    if (this.#child !== null) return
    // JSON is YAML.
    const path = join(this.#folder, 'config.yml')
    writeFileSync(path, JSON.stringify(this.#config()))
    // With this process the registry ends, even if it is killed.
    const args = ['--pdeathsig', 'KILL', 'docker-registry', 'serve', path]
    const env = { PATH: `${process.env['PATH']}:${ownTools}` }
    const child = spawn('setpriv', args, { env, stdio: ['ignore', 'ignore', 'pipe'] })
    this.#child = child
    this.#port = await listening(child)
  }

  async stop(): Promise<void> {
    const child = this.#child
    this.#child = null
    if (child === null || child.exitCode !== null || child.signalCode !== null) return
    const exited = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await exited
  }

  async close(): Promise<void> {
    await this.stop()
    await this.#tokens?.close()
    this.#tokens = null
    this.#forget()
  }
}

/** The port on which it says that it listens. */
function listening(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let text = ''
    const settle = (): void => {
      clearTimeout(late)
      child.off('error', notStarted)
      child.off('exit', ended)
      child.stderr?.off('data', take)
      // What it says from now on is of no interest, and must not fill the pipe.
      child.stderr?.resume()
    }
    const fail = (why: string): void => {
      settle()
      child.kill('SIGKILL')
      const hint = 'Is it installed? Run bin/setup --tests'
      reject(new Error(`docker-registry ${why}. ${hint}\n${text}`))
    }
    const late = setTimeout(fail, startMsMax, `does not listen after ${startMsMax} ms`)
    const notStarted = (error: Error): void => fail(`could not be started: ${error.message}`)
    const ended = (): void => fail('has ended')
    const take = (chunk: Buffer): void => {
      text = (text + chunk.toString()).slice(-logBytesMax)
      const port = /listening on [^"]*:(\d+)/.exec(text)?.[1]
      if (port === undefined) return
      settle()
      resolve(Number(port))
    }
    child.once('error', notStarted)
    child.once('exit', ended)
    child.stderr?.on('data', take)
  })
}
