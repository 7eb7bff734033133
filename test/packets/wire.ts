import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { idOf } from './craft.ts'

/** A packet that was seen. */
export interface Sighting {
  readonly id: number
  /** The direction: it came in, or was sent from here. */
  readonly way: 'in' | 'out'
  /** Number of the link. */
  readonly link: number
}

const program = join(import.meta.dirname, 'wire.pl')

/** Sends crafted packets in a network namespace, and notices those that come there. */
export class Wire {
  readonly #child: ChildProcess
  readonly #noticed: (sighting: Sighting) => void
  readonly #seen = new Set<number>()
  #waiting: (() => void)[] = []

  private constructor(child: ChildProcess, noticed: (sighting: Sighting) => void) {
    this.#child = child
    this.#noticed = noticed
  }

  /** `launcher` leads into the namespace. `noticed` hears of each packet at once. */
  static async open(
    launcher: readonly string[],
    noticed: (sighting: Sighting) => void = () => {},
  ): Promise<Wire> {
    const [file = '', ...args] = [...launcher, 'perl', program]
    const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    child.on('error', () => {})
    child.stdin.on('error', () => {})
    const wire = new Wire(child, noticed)
    const lines = createInterface({ input: child.stdout })
    await Promise.race([
      once(lines, 'line'),
      once(child, 'exit').then(() => Promise.reject(new Error('perl has ended: are you root?'))),
    ])
    lines.on('line', (line) => wire.#take(line))
    return wire
  }

  #take(line: string): void {
    const [way, link, hex] = line.split(' ')
    const id = idOf(Buffer.from(hex ?? '', 'hex'))
    if (id === null) return
    if (way === 'in') this.#seen.add(id)
    this.#noticed({ id, way: way === 'in' ? 'in' : 'out', link: Number(link) })
    const waiting = this.#waiting
    this.#waiting = []
    for (const wake of waiting) wake()
  }

  /** Sends a whole packet to an address. */
  send(to: string, packet: Buffer): void {
    this.#child.stdin?.write(`send ${to} ${packet.toString('hex')}\n`)
  }

  /** True if a packet came in here so far. */
  has(id: number): boolean {
    return this.#seen.has(id)
  }

  /** Waits until a packet has come in; false after `timeoutMs`. */
  async arrives(id: number, timeoutMs: number): Promise<boolean> {
    const late = Promise.withResolvers<void>()
    const timer = setTimeout(late.resolve, timeoutMs)
    const deadline = performance.now() + timeoutMs
    while (!this.has(id) && performance.now() < deadline) {
      await Promise.race([new Promise<void>((wake) => this.#waiting.push(wake)), late.promise])
    }
    clearTimeout(timer)
    return this.has(id)
  }

  /** Ends the child. */
  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    this.#child.kill('SIGKILL')
    await once(this.#child, 'exit')
  }
}
