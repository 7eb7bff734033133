import { startRemote } from '../../agent-client/exec.ts'
import { containersNamed } from '../../all-hosts/find.ts'
import { askContainers } from '../../all-hosts/known.ts'
import { Failure } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'
import type { VolumePlace } from './at-host.ts'

/**
 * Runs a command in the container of a service on the host of a volume, and waits for its end.
 * Throws `Failure` `usage`, `no-such-container` (2), `before-failed` (1), as `startRemote`.
 */
export async function runBefore(
  session: Session,
  { host, session: asked }: VolumePlace,
  service: string,
  command: readonly string[],
): Promise<void> {
  if (command.length === 0) {
    throw new Failure(2, 'usage', '--before needs a command', {
      hint: 'covey volume backup shop/pgdata -o FILE --before shop/db -- COMMAND …',
    })
  }
  const { rows } = await askContainers(asked)
  const known = rows.map((row) => ({ ...row, host, object: row.name }))
  const [first] = containersNamed(service, known).filter(({ object }) => {
    return known.some((row) => row.object === object && row.state === 'running')
  })
  if (first === undefined) {
    throw new Failure(2, 'no-such-container', `no container of ${service} runs there`, {
      hint: 'covey ps shows what runs',
    })
  }
  const start = {
    ...{ command, terminal: null, stdin: false, user: null, workingDir: null, environment: [] },
  }
  const remote = await startRemote(asked, first.object, start, (_to, bytes) => {
    return session.io.write('err', bytes)
  })
  const signal = session.io.interrupted()
  const leave = (): void => remote.leave()
  signal.addEventListener('abort', leave)
  try {
    const code = await remote.ended
    if (code === 0) return
    const message = `the command before the backup ended with exit code ${code} in ${service}`
    throw new Failure(1, 'before-failed', `${message}; nothing was saved`, {
      hint: 'mend it, and run the backup again',
    })
  } catch (error) {
    if (!signal.aborted) throw error
    throw new Failure(1, 'interrupted', 'interrupted; nothing was saved')
  } finally {
    signal.removeEventListener('abort', leave)
    remote.leave()
  }
}
