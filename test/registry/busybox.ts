import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildLayout, type ImageSettings, writeTree } from './image.ts'

/** Folders that a container mounts something on, or writes to. */
const folders = ['bin', 'dev', 'etc', 'proc', 'root', 'sys', 'tmp', 'var/run', 'www']

const files: Readonly<Record<string, string>> = {
  'etc/passwd': 'root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001:app:/app:/bin/sh\n',
  'etc/group': 'root:x:0:\napp:x:1001:\nextra:x:1002:app\n',
  'www/index.html': 'busybox in a container\n',
}

/**
 * Makes a root file system of Debian's static busybox in `folder`: a shell, httpd, nc and the rest,
 * the users `root` and `app` (1000:1001), and a page in `/www`.
 */
export async function makeBusyboxTree(folder: string): Promise<void> {
  for (const each of folders) mkdirSync(join(folder, each), { recursive: true })
  chmodSync(join(folder, 'tmp'), 0o1777)
  copyFileSync('/bin/busybox', join(folder, 'bin/busybox'))
  chmodSync(join(folder, 'bin/busybox'), 0o755)
  const applets = execFileSync('/bin/busybox', ['--list'], { encoding: 'utf8' }).trim().split('\n')
  for (const applet of applets) {
    if (applet !== 'busybox') symlinkSync('busybox', join(folder, 'bin', applet))
  }
  await writeTree(folder, files)
}

/**
 * Builds an image of two layers into a new OCI layout in `layout`: busybox, and `extra` files over
 * it. Its command is a shell where `config` names none.
 */
export async function buildBusybox(
  layout: string,
  config: ImageSettings = {},
  extra: Readonly<Record<string, string>> = { 'etc/extra': 'second layer\n' },
): Promise<string> {
  const work = mkdtempSync(join(tmpdir(), 'covey-busybox-'))
  try {
    const [base, upper] = [join(work, 'base'), join(work, 'upper')]
    await makeBusyboxTree(base)
    await writeTree(upper, extra)
    const settings = { Cmd: ['/bin/sh'], Env: ['PATH=/bin'], ...config }
    return await buildLayout(layout, { layers: [base, upper], config: settings })
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}
