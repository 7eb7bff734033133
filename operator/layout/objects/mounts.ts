import type { VolumeEntry } from '../../compose/project.ts'
import type { Findings } from '../findings.ts'
import type { BesideFile } from '../inputs.ts'
import type { Member } from '../services/members.ts'
import { dirVolume, type MountSource, mountSource } from '../services/mount-sources.ts'
import { containerPath } from './container-path.ts'
import type { Fields } from './hardening.ts'
import { withoutUndefined } from './process.ts'

/** The files and folders of a container beside its image. */
export interface Mounted {
  readonly mounts: readonly Fields[]
  readonly tmpfs: readonly (string | Fields)[]
  readonly files: readonly Fields[]
  /** Volumes that it needs, by object name. */
  readonly volumes: ReadonlyMap<string, VolumeNeed>
  /** Index among the service's volumes for each of `mounts`. */
  readonly origins: readonly number[]
}

/** A volume object that a mount asks for. */
export interface VolumeNeed {
  /** The folder of the host that it is, if one was named. */
  readonly path: string | undefined
  /** The name that an external one is known by. */
  readonly external: string | undefined
  readonly entry: VolumeEntry | undefined
  /** For people: `the volume shop/data`. */
  readonly text: string
}

/** Translates the volumes and tmpfs of a service. Faults: `stack-mount`. */
export function mountedOf(member: Member, findings: Findings): Mounted {
  const { stack, service } = member
  const mounts: Fields[] = []
  const origins: number[] = []
  const files: Fields[] = []
  const tmpfs: (string | Fields)[] = service.tmpfs.map(tmpfsOf)
  const volumes = new Map<string, VolumeNeed>()
  for (const [index, entry] of service.volumes.entries()) {
    const source = mountSource(stack, service.name, entry)
    const path = containerPath(entry.target)
    const fault = (reason: string): void => {
      const at = `services.${service.name}.volumes.${index}`
      findings.fault(entry.place, 'stack-mount', reason, at)
    }
    if (source.kind === 'refused') fault(source.reason)
    else if (source.kind === 'tmpfs') {
      tmpfs.push(tmpfsOf({ path, ...entry.tmpfs }))
    } else if (source.kind === 'beside') {
      const reason = besideFault(source.beside.kind, entry)
      if (reason !== undefined) fault(reason)
      if (source.beside.kind === 'folder') {
        const { mode = 0o755 } = source.beside
        tmpfs.push({ path, mode: mode.toString(8).padStart(4, '0'), only_files: true })
      }
      if (source.beside.kind !== 'refused') {
        files.push(...source.beside.files.map((file) => fileAt(path, file)))
      }
    } else {
      const need = volumeNeed(stack.name, stack.options.dir, source, entry)
      if (need !== undefined) volumes.set(need[0], need[1])
      mounts.push(mountOf(stack.name, source, entry, path))
      origins.push(index)
    }
  }
  return { mounts, tmpfs, files, volumes, origins }
}

function besideFault(kind: 'file' | 'folder' | 'refused', entry: VolumeEntry): string | undefined {
  if (kind !== 'folder' || entry.isReadOnly) return undefined
  return (
    `${entry.source} lies beside the file, and would be written to: add :ro, and it is sent with ` +
    'each apply; or move it away, and it is a folder of the host'
  )
}

function mountOf(
  stack: string,
  source: Exclude<MountSource, { readonly kind: 'refused' | 'tmpfs' | 'beside' }>,
  entry: VolumeEntry,
  path: string,
): Fields {
  const readOnly = entry.isReadOnly ? { read_only: true } : {}
  switch (source.kind) {
    case 'facts':
      return { host_path: source.path, path, read_only: true }
    case 'host': {
      const create = entry.makesSource ? { create: true } : {}
      return { host_path: source.path, path, ...readOnly, ...create }
    }
    case 'dir': {
      const { subpath } = source
      const below = subpath === '' ? {} : { subpath, create: true }
      return { volume: dirVolume(stack), path, ...below, ...readOnly }
    }
    case 'volume': {
      const { subpath } = entry
      const isSeeded = !entry.noCopy && subpath === undefined && source.path === undefined
      const below = subpath === undefined ? {} : { subpath }
      const seed = isSeeded ? { seed: true } : {}
      return { volume: source.object, path, ...below, ...readOnly, ...seed }
    }
  }
}

function volumeNeed(
  stack: string,
  dir: string | undefined,
  source: MountSource,
  entry: VolumeEntry,
): readonly [string, VolumeNeed] | undefined {
  if (source.kind === 'dir') {
    const text = `the folder of the stack ${stack}`
    return [dirVolume(stack), { path: dir, external: undefined, entry, text }]
  }
  if (source.kind !== 'volume') return undefined
  const { object, path, external, text } = source
  return [object, { path, external, entry, text }]
}

/** A file of the config; what is no text goes in base64. */
function fileAt(target: string, { path, mode, content }: BesideFile): Fields {
  return {
    path: path === '' ? target : `${target}/${path}`,
    ...contentOf(content),
    mode: `0${mode.toString(8).padStart(3, '0')}`,
  }
}

function contentOf(content: Uint8Array): Fields {
  const bytes = Buffer.from(content)
  if (!bytes.includes(0) && isUtf8(bytes)) return { content: bytes.toString('utf8') }
  return { content_base64: bytes.toString('base64') }
}

function isUtf8(bytes: Buffer): boolean {
  return Buffer.from(bytes.toString('utf8'), 'utf8').equals(bytes)
}

function tmpfsOf(entry: Member['service']['tmpfs'][number]): string | Fields {
  const { path, sizeBytes, mode, uid, gid, exec } = entry
  const options = withoutUndefined({
    size_bytes: sizeBytes,
    mode: mode === undefined ? undefined : mode.toString(8).padStart(4, '0'),
    uid,
    gid,
    exec,
  })
  const place = containerPath(path)
  return Object.keys(options).length === 0 ? place : { path: place, ...options }
}
