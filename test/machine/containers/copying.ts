import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type Outcome, openWorkspace } from '../../operator/workspace.ts'
import { temporaryFolder } from '../../temporary.ts'
import { type RunningContainer, runBusybox } from './busybox.ts'
import { type ControlledHost, serveContainer } from './control.ts'

const forever = 'trap "exit 0" TERM; while :; do sleep 1 & wait $!; done'

/** A container, a host that serves it, and a machine that copies. */
export interface Copying {
  readonly host: ControlledHost
  readonly container: RunningContainer
  /** Folder of this machine, and the container's root on it. */
  readonly here: string
  readonly root: string
  covey(argv: readonly string[], stdin?: Uint8Array): Promise<Outcome>
  /** Copies with an exit code of 0, or says why not. */
  cp(...argv: readonly string[]): Promise<string>
  /** Copies to a failure: its exit code and what it says. */
  fails(...argv: readonly string[]): Promise<string>
}

/** Runs a shell script in a container, and copies. */
export async function copying(t: TestContext, script: string = forever): Promise<Copying> {
  const folder = await temporaryFolder(t)
  const container = await runBusybox(t, folder, script, join(folder, 'log'))
  const host = await serveContainer(t, folder, container)
  const space = await openWorkspace(t)
  const here = join(folder, 'here')
  await mkdir(here)
  const covey: Copying['covey'] = (argv, stdin = Buffer.alloc(0)) => {
    return space.covey(['--run-dir', host.runDir, 'cp', ...argv], { stdin })
  }
  return {
    ...{ host, container, here, root: join(container.bundle, 'rootfs'), covey },
    async cp(...argv) {
      const { exit, out, err } = await covey(argv)
      assert.equal(`${exit} ${err}`, '0 ')
      return out
    },
    async fails(...argv) {
      const { exit, err } = await covey(argv)
      return `${exit} ${err}`
    },
  }
}

/** All names below a folder; links are not followed. */
export function tree(folder: string): readonly string[] {
  const found = execFileSync('find', ['.', '-mindepth', '1'], { cwd: folder, encoding: 'utf8' })
  const names = found.split('\n').map((name) => name.slice(2))
  return names.filter((name) => name !== '').sort()
}

/** A moment. */
export function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5))
}
