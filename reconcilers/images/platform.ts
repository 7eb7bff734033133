import { bad, type Checked, good } from '../../protocol/fault.ts'
import type { ImageIndex, IndexEntry } from './manifest.ts'

/** What an image runs on, in the words of Go's GOOS and GOARCH (OCI image-spec image-index.md). */
export interface Platform {
  readonly os: string
  readonly architecture: string
  /** As `v7` of arm; null where it says nothing. */
  readonly variant: string | null
}

const architectures: Readonly<Record<string, string>> = {
  x64: 'amd64',
  ia32: '386',
  arm64: 'arm64',
  arm: 'arm',
  riscv64: 'riscv64',
  loong64: 'loong64',
  s390x: 's390x',
  ppc64: 'ppc64le',
}

/**
 * This machine's platform from Node's name of its architecture (`process.arch`) and, on 32-bit ARM,
 * the version that Node was built for (`process.config.variables.arm_version`). Node's `ppc64` is
 * little-endian on Linux.
 */
export function linuxPlatform(nodeArchitecture: string, armVersion: string | null): Platform {
  const known = Object.hasOwn(architectures, nodeArchitecture)
  const architecture = (known ? architectures[nodeArchitecture] : undefined) ?? nodeArchitecture
  const variant = architecture === 'arm' ? `v${armVersion ?? '7'}` : null
  return { os: 'linux', architecture, variant }
}

/** `linux/amd64`, `linux/arm/v7`. */
export function platformText({ os, architecture, variant }: Platform): string {
  return [os, architecture, ...(variant === null ? [] : [variant])].join('/')
}

/** Variants of an architecture that a machine runs, the best first. Null stands for none named. */
function runnableVariants(machine: Platform): readonly (string | null)[] {
  switch (machine.architecture) {
    case 'arm64':
      return ['v8', null]
    case 'arm': {
      const version = Number(/^v([5-8])$/.exec(machine.variant ?? '')?.[1] ?? '7')
      const variants: (string | null)[] = []
      // An arm image that names no variant is one for v7.
      for (let each = version; each >= 5; each--) {
        variants.push(`v${each}`)
        if (each === 7) variants.push(null)
      }
      return variants
    }
    case 'amd64': {
      const level = Number(/^v([1-4])$/.exec(machine.variant ?? '')?.[1] ?? '1')
      const variants: (string | null)[] = []
      for (let each = level; each >= 1; each--) variants.push(`v${each}`)
      return [...variants, null]
    }
    default:
      return [...new Set([machine.variant, null])]
  }
}

/** How well an image fits a machine: 0 is best; undefined where it does not run at all. */
function fit(image: Platform, machine: Platform): number | undefined {
  if (image.os !== machine.os || image.architecture !== machine.architecture) return undefined
  const at = runnableVariants(machine).indexOf(image.variant)
  return at === -1 ? undefined : at
}

/**
 * The entry of an index that fits a machine best; of equals the first. An entry without a platform
 * is taken only if there is no other image in the index, or if it is an index itself and nothing
 * fits better. Build attestations name the platform `unknown/unknown`, and so are never chosen.
 *
 * Fault: `image-platform`, which lists what there is.
 */
export function chooseEntry(index: ImageIndex, machine: Platform): Checked<IndexEntry> {
  let best: { readonly entry: IndexEntry; readonly rank: number } | undefined
  for (const entry of index.entries) {
    const rank = entry.platform === null ? undefined : fit(entry.platform, machine)
    if (rank !== undefined && (best === undefined || rank < best.rank)) best = { entry, rank }
  }
  if (best !== undefined) return good(best.entry)
  const [only, second] = index.entries
  if (only !== undefined && second === undefined && only.platform === null) return good(only)
  const nested = index.entries.find((each) => each.kind === 'index' && each.platform === null)
  if (nested !== undefined) return good(nested)
  return bad(
    'image-platform',
    `no image for ${platformText(machine)} in it: ${offersOf(index, machine)}`,
  )
}

const offersShownMax = 8

function offersOf(index: ImageIndex, machine: Platform): string {
  const offers = index.entries.flatMap(({ platform }) => {
    return platform === null || platform.os === 'unknown' ? [] : [shown(platformText(platform))]
  })
  const unique = [...new Set(offers)]
  if (unique.length === 0) return `it names no platform; use the digest of one for ${machine.os}`
  const more = unique.length - offersShownMax
  const list = unique.slice(0, offersShownMax).join(', ')
  return more > 0 ? `there are ${list} and ${more} more` : `there are ${list}`
}

/** Text of a stranger, made harmless for a terminal. */
function shown(text: string): string {
  return text.slice(0, 40).replace(/[^\x20-\x7e]/g, '?')
}

/**
 * Whether an image whose config names that platform runs here. Members that it leaves empty say
 * nothing. Fault: `image-platform`.
 */
export function checkPlatform(image: Platform, machine: Platform): Checked<null> {
  const named = {
    os: image.os || machine.os,
    architecture: image.architecture || machine.architecture,
    variant: image.architecture === '' ? machine.variant : image.variant,
  }
  const sameKind = named.os === machine.os && named.architecture === machine.architecture
  if (sameKind && (named.variant === machine.variant || fit(named, machine) !== undefined)) {
    return good(null)
  }
  const message = `the image is for ${shown(platformText(named))}, this host is ${platformText(machine)}`
  return bad('image-platform', message)
}
