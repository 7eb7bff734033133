import {
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  mkdirSync,
  openSync,
} from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { CoveyError } from '../../../protocol/fault.ts'
import type { UserNamespaceNeeds } from '../../../reconcilers/container-facts.ts'
import type { ContainerRecord } from '../../../reconcilers/host-containers.ts'
import { mappedIdBase } from '../../../reconcilers/images/mapped-ids.ts'
import { mountMs, runtimeMs } from '../limits.ts'
import type { ContainerPlaces } from '../places.ts'
import { mountPoints } from '../processes.ts'
import { runSound } from '../spawn.ts'
import type { ContainersState } from '../state.ts'

/**
 * The network namespace that the runtime has to be in whenever it makes a process of a container;
 * null where it enters that itself. It would make one in the host's network otherwise.
 */
export function networkToEnter(record: ContainerRecord): string | null {
  return record.userNamespace === true ? record.namespace : null
}

/**
 * Keeps what the host does for a container with a user namespace each time that it is started. That
 * it has one is part of its revision, and so of its id: nothing earlier is in the way.
 */
export async function keepNeeds(
  places: ContainerPlaces,
  needs: UserNamespaceNeeds | null,
): Promise<void> {
  if (needs === null) return
  await writeFile(places.userNamespace, JSON.stringify(needs), { mode: 0o600 })
}

/**
 * Does for a container with a user namespace what only the host can; nothing for another one.
 * Errors: `container-create`, `tool-…`.
 */
export async function meetNeeds(
  state: ContainersState,
  record: ContainerRecord,
  signal: AbortSignal,
): Promise<void> {
  if (record.userNamespace !== true) return
  const places = state.of(record.id)
  const text = await readFile(places.userNamespace, 'utf8').catch(() => null)
  if (text === null) return
  const { networkSettings }: UserNamespaceNeeds = JSON.parse(text)
  await mountForRoot(state, places, signal)
  await set(record.namespace, networkSettings, signal)
}

/**
 * The runtime enters the user namespace before the root file system, and then passes every folder
 * above it as an id that owns none of them. So it is mounted once more where that id may pass, and
 * nobody else of the host: what is set-user-id in an image must not run outside of its container.
 */
async function mountForRoot(
  { places: { mappedRoots } }: ContainersState,
  { rootfs, mappedRootfs }: ContainerPlaces,
  signal: AbortSignal,
): Promise<void> {
  if (!existsSync(mappedRoots)) mkdirSync(mappedRoots, { mode: 0o700 })
  openToMappedRoot(mappedRoots)
  if (mountPoints().has(mappedRootfs)) return
  mkdirSync(mappedRootfs, { recursive: true, mode: 0o700 })
  const args = ['--bind', rootfs, mappedRootfs]
  await runSound({ tool: 'mount', args, timeoutMs: mountMs }, signal)
}

/** It lies beside the run folder, where others may have made something by its name. */
function openToMappedRoot(path: string): void {
  const flags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW
  let folder: number
  try {
    folder = openSync(path, flags)
  } catch (cause) {
    const message = `${path} is not a folder: move it away`
    throw new CoveyError('container-create', message, { cause })
  }
  try {
    if (fstatSync(folder).uid !== 0) {
      throw new CoveyError('container-create', `${path} is not owned by root: move it away`)
    }
    fchownSync(folder, 0, mappedIdBase)
    fchmodSync(folder, 0o710)
  } finally {
    closeSync(folder)
  }
}

/** Sets what belongs to a network namespace, from outside, as its owner. */
async function set(
  namespace: string | null,
  settings: UserNamespaceNeeds['networkSettings'],
  signal: AbortSignal,
): Promise<void> {
  const words = Object.entries(settings).map(([name, value]) => `${name}=${value}`)
  if (words.length === 0 || namespace === null) return
  const args = ['netns', 'exec', basename(namespace), 'sysctl', '-q', '-w', ...words]
  await runSound({ tool: 'ip', args, timeoutMs: runtimeMs }, signal).catch((cause) => {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new CoveyError('container-create', reason, { cause })
  })
}
