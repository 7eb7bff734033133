/** The arguments of a supervisor. Paths are absolute. */
export interface SupervisorInit {
  readonly id: string
  readonly runc: string
  readonly runcRoot: string
  readonly bundle: string
  readonly processPid: string
  readonly supervisorPid: string
  readonly exitsDir: string
  readonly notesDir: string
  readonly log: string
  /** The supervisor begins its log anew after this; what it wrote before loses its name. */
  readonly logBytesMax: number
  /** A terminal for the first process, and a stdin that stays open. */
  readonly terminal: boolean
  readonly stdin: boolean
}

/**
 * Arguments of `conmon` that make a container and stay as its supervisor (conmon(8)).
 */
export function conmonArguments(init: SupervisorInit): readonly string[] {
  const { id, runc, runcRoot, bundle } = init
  return [
    ...['--api-version', '1', '--cid', id, '--cuuid', id, '--name', id],
    ...['--runtime', runc, '--runtime-arg', `--root=${runcRoot}`, '--bundle', bundle],
    ...['--container-pidfile', init.processPid, '--conmon-pidfile', init.supervisorPid],
    ...['--exit-dir', init.exitsDir, '--persist-dir', init.notesDir],
    ...['--log-path', `k8s-file:${init.log}`, '--log-size-max', String(init.logBytesMax)],
    ...['--log-level', 'error', '--full-attach'],
    ...(init.terminal ? ['--terminal'] : []),
    ...(init.stdin ? ['--stdin'] : []),
  ]
}

/** The answer of conmon on its pipe: the first process, or the reason why there is none. */
export type SupervisorAnswer =
  | { readonly pid: number }
  | { readonly pid: null; readonly message: string }

/** Reads the answer; one that is cut off or missing is a failure without a message. */
export function parseSupervisorAnswer(text: string): SupervisorAnswer {
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue
    try {
      const { data, message }: { data?: unknown; message?: unknown } = JSON.parse(line)
      if (typeof data === 'number' && data > 0) return { pid: data }
      return { pid: null, message: typeof message === 'string' ? message : '' }
    } catch {
      return { pid: null, message: line }
    }
  }
  return { pid: null, message: '' }
}
