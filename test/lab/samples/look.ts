import { createHash } from 'node:crypto'
import { existsSync, lstatSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'

/** The targets of a program on the host that looks: a process, and files in its container. */
export interface LookOrder {
  readonly pid: number
  readonly hasInit: boolean
  readonly files: readonly string[]
}

/** The facts of the kernel about a running container. */
export interface Seen {
  /** `NAME: value` of /proc/PID/status. */
  readonly status: Readonly<Record<string, string>>
  readonly environment: Readonly<Record<string, string>>
  /** Options of the last mount at a path. */
  readonly mounts: Readonly<Record<string, string>>
  /** Mode in octal and sha256 of the content; absent where there is none. */
  readonly files: Readonly<Record<string, { readonly mode: string; readonly sha256: string }>>
  /** Soft and hard, by the kernel's name. */
  readonly limits: Readonly<Record<string, readonly [string, string]>>
  /** Clock ticks from boot to its start. */
  readonly startTicks: number
  readonly workingFolder: string
  /** Which network it has. */
  readonly network: string
  /** Names in its /etc/hosts. */
  readonly names: readonly string[]
  /** Of its control group; empty where it has none. */
  readonly limitBytes: string
  readonly limitPids: string
}

/** A limit of a process's control group, of version 2 or of a controller of version 1. */
function limitOf(pid: number, controller: string, files: readonly string[]): string {
  const lines = readFileSync(`/proc/${pid}/cgroup`, 'utf8').trim().split('\n')
  for (const line of lines) {
    const [, controllers = '', path = ''] = line.split(':')
    if (controllers !== '' && !controllers.split(',').includes(controller)) continue
    for (const file of files) {
      const at = join('/sys/fs/cgroup', controllers === '' ? '' : controllers, path, file)
      if (existsSync(at)) return readFileSync(at, 'utf8').trim()
    }
  }
  return ''
}

/** The program itself, where the first process is an init that starts it. */
function programOf(pid: number, hasInit: boolean): number {
  if (!hasInit) return pid
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ')[0])
}

/** Reads what the kernel says of a process and its container. Runs on a host, as root. */
export function lookAtContainer({ pid: first, hasInit, files }: LookOrder): Seen {
  const pid = programOf(first, hasInit)
  const text = (name: string): string => readFileSync(`/proc/${pid}/${name}`, 'utf8')
  const root = `/proc/${pid}/root`
  const stat = text('stat')
  return {
    status: Object.fromEntries(
      text('status')
        .split('\n')
        .map((line) => line.split(/:\s*/, 2) as [string, string]),
    ),
    environment: Object.fromEntries(
      text('environ')
        .split('\0')
        .filter((entry) => entry !== '')
        .map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]),
    ),
    mounts: Object.fromEntries(
      text('mountinfo')
        .trim()
        .split('\n')
        .map((line) => {
          const [, , , , at = '', options = ''] = line.split(' ')
          return [at, options]
        }),
    ),
    files: Object.fromEntries(
      files.flatMap((path) => {
        const at = join(root, path)
        const stats = lstatSync(at, { throwIfNoEntry: false })
        if (stats === undefined || !stats.isFile()) return []
        const sha256 = createHash('sha256').update(readFileSync(at)).digest('hex')
        return [[path, { mode: (stats.mode & 0o7777).toString(8), sha256 }]]
      }),
    ),
    limits: Object.fromEntries(
      text('limits')
        .trim()
        .split('\n')
        .slice(1)
        .map((line) => {
          const [, name = '', soft = '', hard = ''] =
            /^(\S+(?: \S+)*)\s{2,}(\S+)\s+(\S+)/.exec(line) ?? []
          return [name, [soft, hard] as const]
        }),
    ),
    startTicks: Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]),
    workingFolder: readlinkSync(`/proc/${pid}/cwd`),
    network: readlinkSync(`/proc/${pid}/ns/net`),
    names: readFileSync(join(root, 'etc/hosts'), 'utf8')
      .split('\n')
      .flatMap((line) => line.split('#')[0]?.trim().split(/\s+/).slice(1) ?? []),
    limitBytes: limitOf(pid, 'memory', ['memory.max', 'memory.limit_in_bytes']),
    limitPids: limitOf(pid, 'pids', ['pids.max']),
  }
}

if (process.argv[1] === import.meta.filename) {
  const orders: readonly LookOrder[] = JSON.parse(readFileSync(0, 'utf8'))
  console.log(JSON.stringify(orders.map(lookAtContainer)))
}
