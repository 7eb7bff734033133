import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import type { Log } from '../../../reconcilers/reconciler.ts'
import type { ProcessName } from '../processes.ts'
import { createSeats, type Seats } from '../seats.ts'
import type { ExecChannel } from './channel.ts'
import { execEndMs, execsMax } from './limits.ts'
import { endTree } from './process-tree.ts'
import { type PlaceFor, serveExec } from './serve.ts'
import { type ExecPlace, execFiles } from './start.ts'

/** Commands that clients run in containers. */
export interface ExecSessions extends Seats {
  /** Serves one client to the end; `object` is for the log. Never rejects. */
  serve(channel: ExecChannel, object: string, place: ExecPlace | PlaceFor): Promise<void>
  /** Ends all commands at once, with SIGKILL. */
  stop(): Promise<void>
}

/** Dependencies of the commands of a host. */
export interface ExecSessionsInit {
  /** Best on a tmpfs: what is run lies here for its time, in folders of mode 0700. */
  readonly runDir: string
  readonly log: Log
  /** A command runs in a container of this object. */
  readonly onExec: (object: string, program: string) => void
}

/** Opens the room for commands. What an agent that was killed has left running is ended. */
export function openExecSessions({ runDir, log, onExec }: ExecSessionsInit): ExecSessions {
  const folder = join(runDir, 'exec')
  const stopping = new AbortController()
  const running = new Set<Promise<void>>()
  let next = 1
  const swept = sweep(folder).catch((error) => {
    log.warn({ error }, 'cannot end the commands of an earlier agent')
  })

  const serve: ExecSessions['serve'] = async (channel, object, place) => {
    await swept
    const files = execFiles(join(folder, String(next++)))
    await mkdir(files.folder, { recursive: true, mode: 0o700 })
    const gone = AbortSignal.any([channel.gone, stopping.signal])
    try {
      await serveExec({
        channel,
        place,
        files,
        gone,
        endMs: () => (stopping.signal.aborted ? 0 : execEndMs),
        async onStarted(start, process) {
          const program = start.command[0] ?? ''
          log.info({ object, program }, 'command runs in container')
          onExec(object, program)
          if (process !== null) await writeFile(leaderPath(files.folder), JSON.stringify(process))
        },
      })
    } catch (error) {
      log.warn({ error, object }, 'cannot serve a command in a container')
    } finally {
      channel.end()
      await rm(files.folder, { recursive: true, force: true })
    }
  }
  return {
    ...createSeats(execsMax),
    serve(channel, object, place) {
      const served = serve(channel, object, place)
      running.add(served)
      return served.finally(() => running.delete(served))
    },
    async stop() {
      stopping.abort()
      await Promise.allSettled(running)
    },
  }
}

function leaderPath(folder: string): string {
  return join(folder, 'leader.json')
}

const leaderSchema: z.ZodType<ProcessName> = z.object({ pid: z.int(), startTicks: z.int() })

async function sweep(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const path = join(folder, name)
    const leader = await leaderAt(path)
    if (leader !== null) await endTree(leader)
    await rm(path, { recursive: true, force: true })
  }
}

/** Null as well where an agent was killed before all of it was written. */
async function leaderAt(folder: string): Promise<ProcessName | null> {
  try {
    return leaderSchema.parse(JSON.parse(await readFile(leaderPath(folder), 'utf8')))
  } catch {
    return null
  }
}
