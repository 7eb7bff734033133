import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import {
  type ContainerRoutesInit,
  containerRoutes,
  containerUpgrades,
} from '../../../agent/control/container-routes.ts'
import { type ControlServer, openControl } from '../../../agent/control/server.ts'
import { openCopies } from '../../../machine/containers/copy/serve.ts'
import { type ExecSessions, openExecSessions } from '../../../machine/containers/exec/sessions.ts'
import { programFile } from '../../programs.ts'
import { afterwards } from '../../temporary.ts'
import type { RunningContainer } from './busybox.ts'
import { quietLog } from './quiet-log.ts'

/** The sockets of an agent that has one container, and nothing else. */
export interface ControlledHost {
  readonly runDir: string
  readonly execs: ExecSessions
  /** Programs that were told of as events. */
  readonly told: readonly string[]
  /** Closes the sockets, as an agent that ends does. */
  close(): void
  /** Runs covey as its users do, as a process of its own. */
  covey(...argv: readonly string[]): ChildProcess
}

/** Serves the routes of containers on sockets in `runDir`, until the test is over. */
export async function openContainerSockets(
  t: TestContext,
  runDir: string,
  init: ContainerRoutesInit,
): Promise<ControlServer> {
  const control = await openControl({
    runDir,
    routes: () => containerRoutes(init),
    adminRoutes: new Map(),
    adminUpgrades: containerUpgrades(init),
    log: quietLog as never,
  })
  afterwards(t, async () => {
    await init.execs.stop()
    await control.close()
  })
  return control
}

/** Serves the container `web` on sockets below `folder`. */
export async function serveContainer(
  t: TestContext,
  folder: string,
  container: RunningContainer | null,
): Promise<ControlledHost> {
  const runDir = join(folder, 'run')
  const told: string[] = []
  const execs = openExecSessions({
    runDir,
    log: quietLog,
    onExec: (object, program) => told.push(`${object} ${program}`),
  })
  const row = {
    name: 'web',
    state: container === null ? 'exited' : 'running',
    pid: container?.pid ?? null,
    image: `registry.lan/web@sha256:${'0'.repeat(64)}`,
    restarts: 2,
    exit_code: container === null ? 1 : null,
    health: null,
    service: null,
    replica: 1,
    order: null,
  }
  const init = {
    stateDir: folder,
    execs,
    copies: openCopies(quietLog),
    oneOffs: null as never,
    directory: {
      rows: async () => [row],
      running: async (object: string) => (object === 'web' ? container : null),
    },
  }
  const control = await openContainerSockets(t, runDir, init)
  return {
    runDir,
    execs,
    told,
    close: () => control.close(),
    covey(...argv) {
      const child = spawn(process.execPath, [programFile('operator'), '--run-dir', runDir, ...argv])
      afterwards(t, async () => void child.kill('SIGKILL'))
      return child
    },
  }
}

/** The end of a process. */
export interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** Waits for the end of a process and of its output. */
export async function endOf(child: ChildProcess): Promise<Ended> {
  let [out, err] = ['', '']
  child.stdout?.on('data', (chunk) => {
    out += chunk
  })
  child.stderr?.on('data', (chunk) => {
    err += chunk
  })
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return { code, out, err }
}

/** Resolves once a process has written this text to stdout, with all that it has written. */
export function outputOf(child: ChildProcess, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let out = ''
    child.stdout?.on('data', (chunk) => {
      out += chunk
      if (out.includes(text)) resolve(out)
    })
    child.once('close', () => reject(new Error(`it ended after ${JSON.stringify(out)}`)))
  })
}
