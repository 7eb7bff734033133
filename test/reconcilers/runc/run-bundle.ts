import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { good } from '../../../protocol/fault.ts'
import type { ImageConfig } from '../../../reconcilers/host-images.ts'
import { makeBundle } from '../../../reconcilers/runc/bundle/bundle.ts'
import { variableLines, wordLines } from '../../../reconcilers/runc/bundle/secrets/variables.ts'
import { bundleFacts, containerSpec, readyImage } from './bundles.ts'

/** The end of a container. */
export interface Ran {
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
}

/** The settings for running a container. */
export interface RunInit {
  readonly object: object
  readonly image?: Partial<ImageConfig>
  /** Contents of secrets by their names. */
  readonly secrets?: Readonly<Record<string, string>>
  /** Folders of the host that its mounts name are made below this one. */
  readonly folders?: readonly string[]
  /** Runs the command of its health check, as that is run. */
  readonly isCheck?: boolean
}

const cgroupRoot = '/sys/fs/cgroup'
const cgroupName = `covey-bundle-${process.pid}`

/**
 * Runs one container with the real runtime in namespaces of its own. Its root is the machine's own,
 * below a writable layer in memory, so that it has programs; nothing of the machine is changed.
 */
export function runContainer(init: RunInit): Ran {
  const folder = mkdtempSync(join(tmpdir(), 'covey-bundle-'))
  try {
    writeBundle(folder, init)
    const script = [
      'set -e',
      'mount -t tmpfs tmpfs /run',
      'ip netns add covey-web',
      'ip -n covey-web link set lo up',
      `cd '${folder}'`,
      'mount -t tmpfs tmpfs memory',
      'mkdir memory/upper memory/work',
      'mount -t overlay -o nosuid,lowerdir=/,upperdir=memory/upper,workdir=memory/work overlay rootfs',
      'exec runc --root runc run --bundle . web',
    ].join('\n')
    const own = ['--mount', '--net', '--propagation', 'private']
    const ran = spawnSync('unshare', [...own, 'sh', '-c', script], {
      encoding: 'utf8',
      timeout: 60_000,
    })
    if (ran.error !== undefined) throw ran.error
    return { exitCode: ran.status, stdout: ran.stdout, stderr: ran.stderr }
  } finally {
    removeCgroups()
    rmSync(folder, { recursive: true, force: true })
  }
}

function writeBundle(folder: string, init: RunInit): void {
  for (const name of ['memory', 'rootfs', 'files', 'secrets', 'volumes', 'volumes/v', 'host']) {
    mkdirSync(join(folder, name))
  }
  execFileSync('runc', ['spec'], { cwd: folder })
  const runtimeSpec = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'))
  const text = JSON.stringify(init.object).replaceAll('/srv/', `${folder}/host/`)
  for (const name of init.folders ?? []) mkdirSync(join(folder, 'host', name))
  const sealed = Object.fromEntries(Object.keys(init.secrets ?? {}).map((name) => [name, name]))
  const facts = bundleFacts({
    cgroupVersion: existsSync(`${cgroupRoot}/cgroup.controllers`) ? 2 : 1,
    cgroupsPath: `/${cgroupName}/web`,
    networkNamespace: '/run/netns/covey-web',
    rootfs: join(folder, 'rootfs'),
    filesDir: join(folder, 'files'),
    secretsDir: join(folder, 'secrets'),
    volumesDir: join(folder, 'volumes'),
    architecture: process.arch,
    runtimeSpec,
    openFilesMax: 4096,
  })
  const spec = containerSpec(JSON.parse(text), sealed)
  const made = makeBundle(
    spec,
    readyImage(init.image),
    facts,
    '127.0.0.1 localhost\n192.0.2.7 db\n',
  )
  if (!made.ok) throw new Error(made.fault.message)
  const { config, files, secrets, checkSecrets } = made.value
  for (const { name, content, mode, uid, gid } of files) {
    writeOwned(join(folder, 'files', name), content, mode, uid, gid)
  }
  for (const { name, secret, mode, uid, gid, isVariables, words } of secrets) {
    const text = init.secrets?.[secret] ?? ''
    const content = Buffer.from(text)
    const plain = isVariables ? variableLines(content) : good(text)
    const lines = words === undefined ? plain : wordLines(content, words)
    if (!lines.ok) throw new Error(lines.fault.message)
    writeOwned(join(folder, 'secrets', name), lines.value, mode, uid, gid)
  }
  if (init.isCheck) {
    const { health } = spec.container
    const asked = health !== undefined && 'command' in health ? (health.command ?? []) : []
    Object.assign(Object(config['process']), { args: [...(checkSecrets?.before ?? []), ...asked] })
  }
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config))
}

function writeOwned(
  path: string,
  content: string | Uint8Array,
  mode: number,
  uid: number,
  gid: number,
): void {
  writeFileSync(path, content)
  chownSync(path, uid, gid)
  chmodSync(path, mode)
}

function removeCgroups(): void {
  const controllers = readdirSync(cgroupRoot).map((name) => join(cgroupRoot, name, cgroupName))
  for (const folder of [join(cgroupRoot, cgroupName), ...controllers]) {
    if (existsSync(folder)) rmdirSync(folder)
  }
}
