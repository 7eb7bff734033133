import { createHash, createPrivateKey, sign } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { takeName } from '../../operator/folder/edit-lock.ts'
import { run } from '../../operator/run.ts'
import type { Io } from '../../operator/terminal/io.ts'
import { machineCalls } from '../../platform/files/calls.ts'

/** The result of a command line. */
export interface Outcome {
  readonly exit: number
  readonly out: string
  readonly err: string
}

/** Further settings of a command line. */
export interface RunOptions {
  readonly cwd?: string
  readonly stdin?: string | Uint8Array
  readonly env?: Readonly<Record<string, string>>
  /** The answer of the person at the terminal; nobody is there without it. */
  readonly reply?: string
  readonly terminal?: boolean
  readonly signal?: AbortSignal
  /** Sees everything as it is printed. */
  readonly watch?: (text: string) => void
}

/** An operator's laptop: a folder, a key folder, and nothing of this machine's. */
export interface Workspace {
  readonly dir: string
  readonly keyDir: string
  readonly runDir: string
  covey(argv: readonly string[], options?: RunOptions): Promise<Outcome>
  /** Runs a command that has to succeed; gives its stdout. */
  must(...argv: readonly string[]): Promise<string>
  path(name: string): string
  write(name: string, content: string | object): Promise<string>
  read(name: string): Promise<string>
}

/** Seconds that every command of a workspace takes for now. */
export const nowSeconds = 1_790_000_000

/** A test, or what stands for several that share something. */
export interface Scope {
  after(step: () => Promise<unknown>): void
}

/** A workspace that is gone after the test. */
export async function openWorkspace(context: Scope): Promise<Workspace> {
  const base = await mkdtemp(join(tmpdir(), 'covey-operator-'))
  context.after(() => rm(base, { recursive: true, force: true }))
  const dir = join(base, 'home')
  const keyDir = join(base, 'keys')
  const runDir = join(base, 'run')
  await mkdir(dir)
  await mkdir(runDir)
  const covey = async (argv: readonly string[], options: RunOptions = {}): Promise<Outcome> => {
    const { io, printed } = capture(options.cwd ?? dir, { keyDir, runDir }, options)
    const exit = await run(argv, io)
    return { exit, ...printed() }
  }
  const path = (name: string): string => join(dir, name)
  return {
    dir,
    keyDir,
    runDir,
    covey,
    path,
    must: async (...argv) => {
      const { exit, out, err } = await covey(argv)
      if (exit !== 0) throw new Error(`covey ${argv.join(' ')}: ${exit}\n${err}${out}`)
      return out
    },
    write: async (name, content) => {
      const text = typeof content === 'string' ? content : JSON.stringify(content)
      await writeFile(path(name), text)
      return name
    },
    read: (name) => readFile(path(name), 'utf8'),
  }
}

/** A workspace with a cluster named `home`. */
export async function openCluster(context: Scope): Promise<Workspace> {
  const space = await openWorkspace(context)
  await space.must('init', '.', '--name', 'home')
  return space
}

function capture(
  cwd: string,
  folders: { readonly keyDir: string; readonly runDir: string },
  options: RunOptions,
): { io: Io; printed: () => { out: string; err: string } } {
  let out = ''
  let err = ''
  let waitedMs = 0
  const io: Io = {
    env: { COVEY_KEY_DIR: folders.keyDir, COVEY_RUN_DIR: folders.runDir, ...options.env },
    cwd,
    stdin: bytesOf(options.stdin ?? ''),
    canAsk: options.reply !== undefined,
    outIsTerminal: options.terminal ?? false,
    errIsTerminal: options.terminal ?? false,
    out: (text) => {
      out += text
      options.watch?.(text)
    },
    err: (text) => {
      err += text
      options.watch?.(text)
    },
    write: async (to, bytes) => {
      const text = Buffer.from(bytes).toString('latin1')
      if (to === 'out') out += text
      else err += text
      options.watch?.(text)
    },
    endInput: () => {},
    terminal: null,
    onSignals: () => () => {},
    ask: async (question) => {
      err += question
      return options.reply ?? ''
    },
    interrupted: () => options.signal ?? new AbortController().signal,
    files: machineCalls,
    takeName,
    now: () => nowSeconds * 1000 + waitedMs,
    // Time passes in no time; what else there is to do goes first.
    wait: async (ms, signal) => {
      await setImmediate()
      if (!signal.aborted) waitedMs += ms
    },
  }
  return { io, printed: () => ({ out, err }) }
}

async function* bytesOf(content: string | Uint8Array): AsyncGenerator<Uint8Array> {
  if (content.length > 0) yield Buffer.from(content)
}

/** A host's card, as `covey identity --json` prints it. */
export interface CardFile {
  readonly host: string
  readonly peer_id: string
  readonly wireguard_public_key: string
  readonly sealing_public_key: string
  readonly card: string
}

/** Makes a card from a seed, signed without the code under test. */
export async function makeCard(
  host: string,
  seedText: string = host,
  changes: { readonly header?: object; readonly claims?: object } = {},
): Promise<CardFile> {
  const seed = createHash('sha256').update(seedText).digest()
  const key = await generateKeyPairFromSeed('Ed25519', seed)
  const keyed = (use: string): Buffer => createHash('sha256').update(`${seedText}/${use}`).digest()
  const claims = {
    host,
    peer_id: peerIdFromPrivateKey(key).toString(),
    wireguard_public_key: keyed('wireguard').toString('base64'),
    sealing_public_key: keyed('sealing').toString('base64url'),
    ...changes.claims,
  }
  const header = changes.header ?? { alg: 'Ed25519', typ: 'covey-card+jwt' }
  const parts = [header, claims].map((part) =>
    Buffer.from(JSON.stringify(part)).toString('base64url'),
  )
  const input = parts.join('.')
  const signature = sign(null, Buffer.from(input), privateKey(seed)).toString('base64url')
  return { ...claims, card: `${input}.${signature}` }
}

function privateKey(seed: Uint8Array): ReturnType<typeof createPrivateKey> {
  const prefix = Buffer.from('302e020100300506032b657004220420', 'hex')
  return createPrivateKey({ key: Buffer.concat([prefix, seed]), format: 'der', type: 'pkcs8' })
}

/** Adds a host with a card of its own. */
export async function addHost(space: Workspace, host: string, endpoint?: string): Promise<void> {
  await space.write(`${host}.card.json`, await makeCard(host))
  const where = endpoint === undefined ? [] : ['--endpoint', endpoint]
  await space.must('host', 'add', '--card', `${host}.card.json`, ...where)
}

/** Answers one request of a fake agent. */
export type Route = (request: { readonly url: string; readonly body: string }) => {
  readonly status: number
  readonly body: unknown
}

/** An agent's socket that answers as it is told, and remembers what it was asked. */
export async function fakeAgent(
  context: TestContext,
  space: Workspace,
  routes: Readonly<Record<string, Route>>,
): Promise<{ readonly asked: readonly { readonly url: string; readonly body: string }[] }> {
  const asked: { url: string; body: string }[] = []
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const seen = { url: request.url ?? '', body: Buffer.concat(chunks).toString() }
    asked.push(seen)
    const route = routes[`${request.method} ${seen.url.split('?')[0]}`]
    const { status, body } = route?.(seen) ?? { status: 404, body: { code: 'not-found' } }
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(typeof body === 'string' ? body : JSON.stringify(body))
  }
  const server: Server = createServer((request, response) => void answer(request, response))
  await new Promise<void>((listening) => {
    server.listen(join(space.runDir, 'covey.sock'), () => listening())
  })
  context.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { asked }
}

/** The payload of a signed document, as JSON. */
export function payloadOf(signed: string): Record<string, unknown> {
  const { payload } = JSON.parse(signed) as { payload: string }
  return JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>
}
