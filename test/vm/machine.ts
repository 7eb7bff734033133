import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import { until } from '../lab/waiting.ts'
import type { BaseImage } from './base-image.ts'

/** The end of a script in a virtual machine. */
export interface ScriptResult {
  readonly exitCode: number
  /** Of both outputs, in their order. */
  readonly output: string
}

/** Under emulation a boot takes most of a minute, and on a busy machine several. */
const bootMsMax = 600_000
/** Programs run ten times slower inside. */
const scriptMsMax = 300_000

/**
 * A virtual machine under software emulation: an own kernel, systemd and cgroup v2, no network. It
 * ends with this process; nothing that it writes stays.
 */
export class Machine {
  readonly #folder: string
  readonly #child: ChildProcess
  #socket: Socket | null = null
  #lines: Interface | null = null
  readonly #waiting: ((line: string) => void)[] = []

  private constructor(base: BaseImage, payload: string) {
    this.#folder = mkdtempSync(join(tmpdir(), 'covey-vm-'))
    const drive = (file: string): string => `file=${file},format=raw,if=virtio,snapshot=on`
    const args = [
      ...['-accel', 'tcg,thread=multi', '-cpu', 'max', '-smp', '2', '-m', '1536'],
      ...['-display', 'none', '-monitor', 'none', '-nic', 'none'],
      ...['-kernel', base.kernel, '-initrd', base.initrd],
      ...['-append', 'root=/dev/vda rw console=ttyS0 quiet'],
      ...['-drive', drive(base.disk), '-drive', drive(payload)],
      ...['-serial', `file:${this.#consolePath}`],
      ...['-chardev', `socket,id=commands,path=${this.#socketPath},server=on,wait=off`],
      ...['-device', 'virtio-serial-pci'],
      ...['-device', 'virtserialport,chardev=commands,name=covey'],
    ]
    const command = ['--pdeathsig', 'KILL', 'qemu-system-x86_64', ...args]
    const env = { ...process.env, TMPDIR: this.#folder }
    this.#child = spawn('setpriv', command, { stdio: ['ignore', 'ignore', 'inherit'], env })
    this.#child.on('error', () => undefined)
    process.once('exit', this.close)
  }

  get #consolePath(): string {
    return join(this.#folder, 'console.log')
  }

  get #socketPath(): string {
    return join(this.#folder, 'commands.sock')
  }

  /** Boots a machine whose second disk, mounted on `/payload`, is `payload`. */
  static async boot(base: BaseImage, payload: string): Promise<Machine> {
    const machine = new Machine(base, payload)
    try {
      await machine.#connect()
      await machine.#nextLine('ready', bootMsMax)
      return machine
    } catch (error) {
      machine.close()
      throw error
    }
  }

  async #connect(): Promise<void> {
    await until('the emulator runs', () => {
      if (this.#child.exitCode !== null) throw new Error('qemu-system-x86_64 has ended')
      return existsSync(this.#socketPath)
    })
    const socket = connect(this.#socketPath)
    socket.on('error', () => undefined)
    this.#socket = socket
    this.#lines = createInterface(socket)
    this.#lines.on('line', (line) => this.#waiting.shift()?.(line))
  }

  #nextLine(what: string, timeoutMs: number): Promise<string> {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => {
        reject(new Error(`no answer within ${timeoutMs / 1000} s: ${what}\n${this.consoleTail()}`))
      }, timeoutMs)
      this.#waiting.push((line) => {
        clearTimeout(late)
        resolve(line)
      })
    })
  }

  /** Runs a shell script to its end. */
  async exec(script: string): Promise<ScriptResult> {
    const answer = this.#nextLine(script, scriptMsMax)
    this.#socket?.write(`${Buffer.from(script).toString('base64')}\n`)
    const [code = '', output = ''] = (await answer).split(' ')
    return { exitCode: Number(code), output: Buffer.from(output, 'base64').toString() }
  }

  /** Runs a shell script that has to succeed; gives what it printed. */
  async must(script: string): Promise<string> {
    const { exitCode, output } = await this.exec(script)
    if (exitCode === 0) return output
    throw new Error(`in the machine: ${script}: exit code ${exitCode}\n${output}`)
  }

  /** Boots it anew, as `reboot` does; everything on its disk stays. */
  async reboot(): Promise<void> {
    // Later, so that this answer still comes.
    await this.must('systemd-run --quiet --collect sh -c "sleep 2; systemctl reboot"')
    await this.#nextLine('ready again', bootMsMax)
  }

  /** The end of its console, for the message of a failure. */
  consoleTail(): string {
    if (!existsSync(this.#consolePath)) return ''
    return readFileSync(this.#consolePath, 'utf8').slice(-4_000)
  }

  /** Ends it at once and removes what it wrote. A second call does nothing. */
  readonly close = (): void => {
    process.off('exit', this.close)
    this.#lines?.close()
    this.#socket?.destroy()
    this.#child.kill('SIGKILL')
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
