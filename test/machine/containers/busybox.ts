import { execFile, spawn } from 'node:child_process'
import { cp, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'
import type { ExecPlace } from '../../../machine/containers/exec/start.ts'
import { startTicksOf } from '../../../machine/containers/processes.ts'
import { afterwards } from '../../temporary.ts'

const run = promisify(execFile)
const programs = 'sh cat echo sleep stty true env id ls pwd seq kill setsid yes head tty'.split(' ')

/** A container of this test's own that runs, supervised by conmon. */
export interface RunningContainer extends ExecPlace {
  /** Sends a signal to its first process, and waits for the end of its supervisor. */
  end(): Promise<void>
}

let next = 1

/**
 * Runs a shell script in a container with busybox alone, with all that it has in `folder`; its log
 * goes to `log`. All of it ends with the test.
 */
export async function runBusybox(
  t: TestContext,
  folder: string,
  script: string,
  log: string,
): Promise<RunningContainer> {
  const bundle = join(folder, 'bundle')
  const runcRoot = join(folder, 'runc')
  const id = `covey-exec-test-${process.pid}-${next++}`
  await makeRoot(join(bundle, 'rootfs'))
  await makeConfig(bundle, id, script)
  const pidFile = join(folder, 'pid')
  const conmonPid = join(folder, 'conmon.pid')
  const args = ['--api-version', '1', '-c', id, '-u', id, '-n', id, '-r', '/usr/sbin/runc']
  args.push('-b', bundle, '-p', pidFile, '-P', conmonPid, '--exit-dir', folder)
  args.push('-l', `k8s-file:${log}`, '--full-attach')
  args.push('--runtime-arg', '--root', '--runtime-arg', runcRoot)
  const runc = (...words: readonly string[]) =>
    run('/usr/sbin/runc', ['--root', runcRoot, ...words])
  afterwards(t, async () => {
    await runc('delete', '-f', id).catch(() => {})
    const supervisor = Number(await readFile(conmonPid, 'utf8').catch(() => ''))
    while (supervisor > 0 && isThere(supervisor)) await pause()
  })
  const conmon = spawn('/usr/bin/conmon', args, { stdio: 'ignore' })
  await new Promise((resolve) => conmon.once('exit', resolve))
  while ((await readFile(pidFile, 'utf8').catch(() => '')) === '') await pause()
  await runc('start', id)
  const pid = Number(await readFile(pidFile, 'utf8'))
  return {
    id,
    runcRoot,
    network: null,
    bundle,
    pid,
    async end() {
      await runc('kill', id, 'KILL').catch(() => {})
      while (isThere(pid)) await pause()
    },
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5))
}

/**
 * True while a process runs. One that only waits to be reaped does not: its parent may be the first
 * process of the machine, and some of those look for orphans once in two seconds.
 */
export function isThere(pid: number): boolean {
  return startTicksOf(pid) !== null
}

async function makeRoot(root: string): Promise<void> {
  for (const name of ['bin', 'proc', 'dev', 'sys', 'etc', 'tmp', 'var/nobody']) {
    await mkdir(join(root, name), { recursive: true })
  }
  await cp('/bin/busybox', join(root, 'bin/busybox'))
  for (const name of programs) await symlink('busybox', join(root, 'bin', name))
  await writeFile(join(root, 'etc/passwd'), 'root:x:0:0::/:\nnobody:x:65534:65533::/var/nobody:\n')
  await writeFile(join(root, 'etc/group'), 'root:x:0:\nnogroup:x:65533:\nextra:x:77:nobody\n')
  await writeFile(join(root, 'etc/plain'), 'no program\n')
}

async function makeConfig(bundle: string, id: string, script: string): Promise<void> {
  const path = join(bundle, 'config.json')
  await rm(path, { force: true })
  await run('/usr/sbin/runc', ['spec'], { cwd: bundle })
  const config = JSON.parse(await readFile(path, 'utf8'))
  const capabilities = ['CAP_CHOWN', 'CAP_KILL']
  Object.assign(config.process, {
    terminal: false,
    args: ['sh', '-c', script],
    env: ['PATH=/bin', 'KEPT=yes'],
    cwd: '/etc',
    rlimits: [],
    capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
  })
  config.root.readonly = false
  config.linux.cgroupsPath = `/${id}`
  config.linux.namespaces = config.linux.namespaces.filter(
    ({ type }: { readonly type: string }) => type !== 'network',
  )
  await writeFile(path, JSON.stringify(config))
}
