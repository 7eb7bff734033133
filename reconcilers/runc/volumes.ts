import { isName } from '../../protocol/names.ts'
import type { ContainerSeen } from '../host-containers.ts'
import type { HostFiles } from '../host-ports.ts'
import type { PlanStep } from '../reconciler.ts'
import type { RuncSpec } from './spec.ts'

/** The last `on_remove` of each volume while it was in the config, by object. */
export type VolumeMemory = ReadonlyMap<string, 'keep' | 'delete'>

/** A step about volumes: records their `on_remove`, or removes one. */
export type VolumeStep = PlanStep &
  (
    | { readonly kind: 'remember-volumes'; readonly memory: VolumeMemory }
    | { readonly kind: 'remove-volume'; readonly object: string }
  )

/** The observed volumes of a host. */
export interface VolumesSeen {
  /** Objects that have a volume folder. */
  readonly volumes: readonly string[]
  readonly memory: VolumeMemory
  /** All containers of covey, leftovers included, ordered by id. */
  readonly containers: readonly ContainerSeen[]
}

const path = 'runc/volumes.json'

/** Reads the record; a damaged file counts as empty, and then volumes are kept. */
export async function loadVolumeMemory(files: HostFiles): Promise<VolumeMemory> {
  const text = await files.read(path)
  if (text === null) return new Map()
  try {
    const value: unknown = JSON.parse(text)
    const entries = Object.entries(typeof value === 'object' && value !== null ? value : {})
    return new Map(entries.filter(isEntry))
  } catch {
    return new Map()
  }
}

function isEntry(entry: [string, unknown]): entry is [string, 'keep' | 'delete'] {
  return isName(entry[0]) && (entry[1] === 'keep' || entry[1] === 'delete')
}

/** Writes the record of `on_remove`. */
export async function saveVolumeMemory(files: HostFiles, memory: VolumeMemory): Promise<void> {
  await files.write(path, `${JSON.stringify(Object.fromEntries(memory))}\n`)
}

/** Plans for volumes: record their `on_remove`, and remove those that are to be deleted. */
export function planVolumes(spec: RuncSpec, observed: VolumesSeen): readonly VolumeStep[] {
  const steps: VolumeStep[] = []
  const { memory, containers } = observed
  const wanted = new Map(spec.volumes.map(({ object, onRemove }) => [object, onRemove]))
  const isKept = (object: string): boolean => wanted.has(object) || spec.kept.includes(object)
  const used = new Set(containers.flatMap(({ record }) => record?.volumes ?? []))
  const gone = observed.volumes.filter(
    (object) => !isKept(object) && memory.get(object) === 'delete',
  )
  const next = new Map([
    ...[...memory].filter(([object]) => spec.kept.includes(object) || gone.includes(object)),
    ...wanted,
  ])
  if (text(next) !== text(memory)) {
    steps.push({ kind: 'remember-volumes', memory: next, objects: [] })
  }
  // A container without a record may still write to any volume while it is taken down.
  const isSure = containers.every(({ record }) => record !== null)
  for (const object of gone.filter((each) => isSure && !used.has(each))) {
    steps.push({ kind: 'remove-volume', object, objects: [], takesDown: true })
  }
  return steps
}

function text(memory: VolumeMemory): string {
  return JSON.stringify([...memory].sort(([a], [b]) => (a < b ? -1 : 1)))
}
