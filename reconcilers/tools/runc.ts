import { errorText, printable } from './said.ts'

export { printable } from './said.ts'

/**
 * The part that covey needs of the state that runc keeps of a container (`state.json` below its
 * root).
 */
export interface RuntimeState {
  readonly pid: number
  /** Start of the process in ticks since boot: together with the pid it names one process. */
  readonly startTicks: number
  /** Absolute paths of its control groups, by controller; one under an empty name on version 2. */
  readonly cgroups: Readonly<Record<string, string>>
}

/** Reads `state.json`; null for one that is damaged or of another form. */
export function parseRuntimeState(text: string): RuntimeState | null {
  let state: unknown
  try {
    state = JSON.parse(text)
  } catch {
    return null
  }
  if (typeof state !== 'object' || state === null) return null
  const {
    init_process_pid: pid,
    init_process_start: startTicks,
    cgroup_paths: paths,
  } = state as {
    [name: string]: unknown
  }
  if (typeof pid !== 'number' || typeof startTicks !== 'number') return null
  const entries = Object.entries(typeof paths === 'object' && paths !== null ? paths : {})
  const cgroups = entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string')
  return { pid, startTicks, cgroups: Object.fromEntries(cgroups) }
}

const noCommand = 'the image has no command '

/** True for a reason of `createReason` that says that there is no such program. */
export function isMissingCommand(reason: string): boolean {
  return reason.startsWith(noCommand)
}

const reasons: readonly (readonly [pattern: RegExp, reason: (found: RegExpExecArray) => string])[] =
  [
    [
      /exec: "([^"]*)": (?:executable file not found|stat .*: no such file)/,
      ([, command]) => `${noCommand}${command}`,
    ],
    [
      /exec: "([^"]*)": (?:permission denied|is a directory)/,
      ([, command]) => `${command} in the image is no program that this user may run`,
    ],
    [
      /OOM-killed|memory limit too low|unable to set memory limit/,
      () => 'its memory limit is too small to start it; raise resources.memory_bytes',
    ],
    [/unable to find user ([^:\s]+)/, ([, user]) => `the image has no user ${user}`],
    [
      /chdir to cwd \("([^"]*)"\)[^:]*: (.*)$/,
      ([, folder, why]) => `its working directory ${folder} cannot be entered: ${why}`,
    ],
    // The runtime makes it where the image lacks it, and nothing else in this way.
    [
      /during container init: mkdir (\/[^:]*): (.*)$/,
      ([, folder, why]) => `its working directory cannot be made: ${folder} is in the way: ${why}`,
    ],
    [
      /error mounting "([^"]*)" to rootfs at "([^"]*)": (?:.*: )?([^:]+)$/,
      ([, source = '', target, why]) => `${mounted(source)} cannot be mounted at ${target}: ${why}`,
    ],
    [
      /(?:open|lstat|stat) (\/run\/netns\/\S+): no such file/,
      ([, path]) => `its network namespace ${path} is not there yet`,
    ],
    [/no space left on device/, () => 'the disk is full; free some space'],
  ]

/** The source of a mount, in the words of the object: covey's own paths tell nobody anything. */
function mounted(source: string): string {
  if (/\/containers\/[^/]+\/files\/[^/]+$/.test(source)) return 'one of its files'
  return /\/secrets\/[^/]+\/[^/]+$/.test(source) ? 'one of its secrets' : source
}

/**
 * The reason why a container could not be made, in one line, from the output of runc: known cases
 * in covey's words, others in runc's, without its prefixes.
 */
export function createReason(message: string): string {
  const line = errorText(message)
  for (const [pattern, reason] of reasons) {
    const found = pattern.exec(line)
    if (found !== null) return printable(reason(found))
  }
  const bare = line.replace(/^(?:runc create failed: |unable to start container process: )+/, '')
  return bare === '' ? 'the runtime gave no reason' : `the runtime refused: ${printable(bare)}`
}
