import type { ChildProcess } from 'node:child_process'
import { createInterface, type Interface } from 'node:readline'
import { dockerStopMsMax, dockerWordsBytesMax } from '../limits.ts'
import type { RemoteShell } from '../ssh/remote-shell.ts'
import { Failure } from '../terminal/failure.ts'
import { dockerFailure } from './docker-facts.ts'
import type { RunningProject } from './find-project.ts'

/**
 * Stops a project and waits for a word: `going` says that something else may run from now on,
 * `back` that the project is to run again, `keep` that it stays stopped. Where the one who stopped
 * it goes away before `going`, the project is started again, so that one of both runs.
 *
 * Signals are caught, not ignored: what is started here would ignore them too.
 *
 * `unless-stopped` in place of `always`: Docker does not start such a one again that was stopped.
 */
const script = `project=$1 running=$2 always=$3
trap : HUP PIPE INT TERM
again() {
  [ -z "$always" ] || docker update --restart=always $always
  # One that has the network of another one starts after it.
  docker start $running || docker start $running
}
halt() {
  [ -z "$always" ] || docker update --restart=unless-stopped $always || return 1
  # In the order of the project where docker knows Compose.
  docker compose --project-name "$project" stop || :
  docker stop $running
}
if halt >/dev/null; then echo stopped; else again >/dev/null; echo failed; exit 1; fi
going=no
while read -r word; do
  case $word in
  going) going=yes; echo going ;;
  back) if again >/dev/null; then echo back; else echo failed; fi; exit 0 ;;
  keep) echo keep; exit 0 ;;
  esac
done
[ "$going" = yes ] || again >/dev/null 2>&1`

/** A project that is stopped, and can be started again. */
export interface StoppedProject {
  readonly project: string
  /** From now on it stays stopped if this process ends. */
  going(): Promise<void>
  /** Starts it again. Throws `Failure` `docker-failed`, `docker-lost`. */
  back(): Promise<void>
  /** Leaves it stopped for good. */
  keep(): Promise<void>
}

/**
 * Stops a project of Docker; its containers and volumes stay. Throws `Failure` `docker-failed`:
 * then it was started again; `docker-lost`.
 */
export async function stopProject(
  shell: RemoteShell,
  { project, running, always }: RunningProject,
): Promise<StoppedProject> {
  const child = shell.start(script, [project, running.join(' '), always.join(' ')])
  const talk = talkTo(shell, child)
  await talk.hears('stopped')
  const say = async (word: string): Promise<void> => {
    child.stdin?.write(`${word}\n`)
    await talk.hears(word)
  }
  const finish = async (word: string): Promise<void> => {
    try {
      await say(word)
    } finally {
      talk.end()
    }
  }
  return {
    project,
    going: () => say('going'),
    back: () => finish('back'),
    keep: () => finish('keep'),
  }
}

interface Talk {
  /** Waits for a word; throws `Failure` where another one comes, or none. */
  hears(word: string): Promise<void>
  end(): void
}

function talkTo(shell: RemoteShell, child: ChildProcess): Talk {
  let words = ''
  child.stdin?.on('error', () => undefined)
  child.stderr?.on('data', (chunk: Buffer) => {
    words = (words + chunk.toString('utf8')).slice(-2_000)
  })
  child.on('error', () => undefined)
  if (child.stdout === null) throw new Error('its stdout is a pipe')
  let bytes = 0
  // A line that never ends would be kept until the memory is full.
  child.stdout.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes <= dockerWordsBytesMax) return
    child.kill('SIGTERM')
    lines.close()
  })
  const lines: Interface = createInterface({ input: child.stdout })
  const heard = lines[Symbol.asyncIterator]()
  return {
    async hears(word) {
      const late = setTimeout(() => child.kill('SIGTERM'), dockerStopMsMax)
      const { value } = await heard.next().finally(() => clearTimeout(late))
      if (value === word) return
      if (value === 'failed') throw dockerFailure(shell, words)
      throw new Failure(1, 'docker-lost', `the connection to ${shell.name} ended too early`, {
        hint: 'look there which runs: docker ps, and covey ps',
        cause: new Error(words.trim()),
      })
    },
    end() {
      child.stdin?.end()
      lines.close()
    },
  }
}
