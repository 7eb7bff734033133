import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { lstat, mkdir, readlink, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { CoveyError } from '../../../protocol/fault.ts'
import { systemCode } from '../../../protocol/system-reason.ts'
import { errorLine } from '../../../reconcilers/tools/words.ts'
import { toolEnvironment, toolPath } from '../../tools.ts'
import { sandboxStallMs, sandboxStderrBytesMax } from '../limits.ts'

/** A place in which a program sees the host's programs, one folder, and nothing else. */
export interface Sandbox {
  /** Starts `command`, whose first word is an allow-listed tool. See `SandboxRun`. */
  start(run: SandboxRun): SandboxChild
}

/** One run of a program in a sandbox. */
interface SandboxRun {
  /** The folder that it sees as `/target`. */
  readonly target: string
  readonly access: 'read' | 'write'
  /** True if it may set the attributes of overlayfs; only for what covey itself has written. */
  readonly mayMarkOverlay: boolean
  readonly command: readonly [tool: string, ...args: string[]]
  /** Exit codes that are no failure; 0 alone by default. */
  readonly soundExits?: readonly number[]
}

/** A running child. Its stdin and stdout are the caller's. */
interface SandboxChild {
  readonly process: ChildProcessWithoutNullStreams
  /** Resolves at a sound exit code and an empty stderr; else rejects: `unpack`, `disk-full`. */
  readonly ended: Promise<void>
  /** Kills it and all that it started. */
  kill(): void
  /** Ends it if `waiting` takes longer than any sound child would. */
  during<T>(waiting: Promise<T>): Promise<T>
}

/** Folders of a root file system that programs and their libraries are in. */
const programFolders: readonly string[] = ['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32']

/**
 * The root of the new mount namespace is a read-only folder with the host's programs in it, also
 * read-only, and the target; everything else is unmounted before the program starts. Device nodes
 * of the target cannot be opened, nothing in it can be executed.
 */
const script = `set -e
umask 022
mount=$1 umount=$2 pivot=$3 root=$4 shared=$5 access=$6 target=$7
shift 7
"$mount" -n --bind -o ro "$root" "$root"
for each in $shared; do "$mount" -n --bind -o ro "/$each" "$root/$each"; done
"$mount" -n --bind -o "$access,nodev,nosuid,noexec" "$target" "$root/target"
"$mount" -n -t proc proc "$root/proc"
cd "$root"
"$pivot" . old
"$umount" -n -l /old /proc
exec "$@"`

const namespaces: readonly string[] = [
  ...['--mount', '--net', '--pid', '--ipc', '--uts', '--fork', '--kill-child=KILL'],
  ...['--propagation', 'private'],
]

/** Capabilities for unpacking: owners, modes, times, devices and file capabilities. */
const capabilities: readonly string[] = [
  ...['chown', 'dac_override', 'fowner', 'fsetid', 'mknod', 'setfcap'],
]

/** Makes the folder that becomes the root of every run. It holds nothing but mount points. */
export async function createSandbox(root: string): Promise<Sandbox> {
  for (const name of ['usr', 'old', 'proc', 'target']) {
    await mkdir(join(root, name), { recursive: true, mode: 0o700 })
  }
  const shared = ['usr']
  for (const name of programFolders) {
    const kind = await lstat(`/${name}`).catch(() => null)
    if (kind?.isSymbolicLink()) await linkAs(await readlink(`/${name}`), join(root, name))
    if (!kind?.isDirectory()) continue
    await mkdir(join(root, name), { recursive: true, mode: 0o700 })
    shared.push(name)
  }
  return { start: (run) => startChild(root, shared, run) }
}

async function linkAs(target: string, path: string): Promise<void> {
  await symlink(target, path).catch((error) => {
    if (systemCode(error) !== 'EEXIST') throw error
  })
}

function startChild(root: string, shared: readonly string[], run: SandboxRun): SandboxChild {
  const [tool, ...args] = run.command
  const granted = run.mayMarkOverlay ? [...capabilities, 'sys_admin'] : capabilities
  const bounding = ['-all', ...granted.map((name) => `+${name}`)].join(',')
  const child = spawn(
    toolPath('unshare'),
    [
      ...[...namespaces, '--', toolPath('sh'), '-c', script, 'sh'],
      ...[toolPath('mount'), toolPath('umount'), toolPath('pivot_root')],
      ...[root, shared.join(' '), run.access === 'read' ? 'ro' : 'rw', run.target],
      ...[toolPath('setpriv'), '--no-new-privs', '--inh-caps=-all', `--bounding-set=${bounding}`],
      ...['--', toolPath(tool), ...args],
    ],
    // A session of its own keeps a Ctrl-C that is meant for the agent from it.
    { cwd: '/', env: { ...toolEnvironment }, stdio: 'pipe', detached: true },
  )
  const ended = endOf(child, tool, run.soundExits ?? [0])
  ended.catch(() => undefined)
  const kill = (): void => void child.kill('SIGKILL')
  return { process: child, ended, kill, during: (waiting) => during(waiting, kill) }
}

async function during<T>(waiting: Promise<T>, kill: () => void): Promise<T> {
  const timer = setTimeout(kill, sandboxStallMs)
  try {
    return await waiting
  } finally {
    clearTimeout(timer)
  }
}

function endOf(
  child: ChildProcessWithoutNullStreams,
  tool: string,
  soundExits: readonly number[],
): Promise<void> {
  let said = ''
  child.stderr.setEncoding('utf8')
  child.stderr.on('data', (text: string) => {
    if (said.length < sandboxStderrBytesMax) said += text.slice(0, sandboxStderrBytesMax)
  })
  // A child that ends early leaves what is written to it unread; its exit says why.
  child.stdin.on('error', () => undefined)
  return new Promise((resolve, reject) => {
    child.on('error', (cause) => {
      reject(new CoveyError('unpack', `${tool} cannot be started: ${cause.message}`, { cause }))
    })
    child.on('close', (code, signal) => {
      if (code !== null && soundExits.includes(code) && said === '') resolve()
      else reject(failure(tool, said, code, signal))
    })
  })
}

/** Errors of GNU tar on a full disk; a write that was cut short has no errno. */
const fullDisk = /No space left on device|Disk quota exceeded|Wrote only \d+ of \d+ bytes/

function failure(
  tool: string,
  said: string,
  code: number | null,
  signal: NodeJS.Signals | null,
): CoveyError {
  if (fullDisk.test(said)) {
    return new CoveyError('disk-full', 'there is no space left on the disk for the image')
  }
  const line = errorLine(said.replaceAll('/target/', ''), tool)
  const reason = said.trim() === '' ? (signal ?? `exit code ${code}`) : line
  return new CoveyError('unpack', `${tool} failed: ${reason}`)
}
