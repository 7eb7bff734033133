import { bad, type Checked, good } from '../../../protocol/fault.ts'
import { amd64Variant, armVersionOf } from './cpu.ts'
import type { ImageIndex, IndexEntry } from './manifest.ts'

/** Platform of an image, in terms of Go's GOOS and GOARCH (OCI image-spec image-index.md). */
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

/** Other spellings that builders use (containerd's platforms.Normalize has the same). */
const spellings: Readonly<Record<string, readonly [architecture: string, variant: string | null]>> =
  {
    x86_64: ['amd64', null],
    'x86-64': ['amd64', null],
    aarch64: ['arm64', null],
    armhf: ['arm', 'v7'],
    armel: ['arm', 'v6'],
    i386: ['386', null],
    i686: ['386', null],
  }

/** A platform in Go's words, however it is spelled: `Linux/x86_64` is `linux/amd64`. */
export function normalized({ os, architecture, variant }: Platform): Platform {
  const lower = architecture.trim().toLowerCase()
  const known = Object.hasOwn(spellings, lower) ? spellings[lower] : undefined
  const bare = variant?.trim().toLowerCase() || (known?.[1] ?? null)
  const named = bare !== null && /^[1-9]/.test(bare) ? `v${bare}` : bare
  return { os: os.trim().toLowerCase(), architecture: known?.[0] ?? lower, variant: named }
}

/**
 * This machine's platform from Node's name of its architecture (`process.arch`), on 32-bit ARM the
 * version that Node was built for (`process.config.variables.arm_version`), and the text of
 * `/proc/cpuinfo`. Node's `ppc64` is little-endian on Linux.
 */
export function linuxPlatform(
  nodeArchitecture: string,
  armVersion: string | null,
  cpuInfo = '',
): Platform {
  const known = Object.hasOwn(architectures, nodeArchitecture)
  const architecture = (known ? architectures[nodeArchitecture] : undefined) ?? nodeArchitecture
  return { os: 'linux', architecture, variant: variantOf(architecture, armVersion, cpuInfo) }
}

function variantOf(architecture: string, armVersion: string | null, cpu: string): string | null {
  if (architecture === 'amd64') return amd64Variant(cpu)
  return architecture === 'arm' ? `v${armVersionOf(cpu) ?? armVersion ?? '7'}` : null
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

/** Rank of an image for a machine: 0 is best; undefined if it does not run at all. */
function fit(image: Platform, machine: Platform): number | undefined {
  const { os, architecture, variant } = normalized(image)
  if (os !== machine.os || architecture !== machine.architecture) return undefined
  const at = runnableVariants(machine).indexOf(variant)
  return at === -1 ? undefined : at
}

/** True if an image for that platform runs on a machine. */
export function runsOn(image: Platform, machine: Platform): boolean {
  return fit(image, machine) !== undefined
}

/**
 * The entries of an index that a machine can run, the best first; of equals the first. An entry
 * without a platform is taken only if there is no other image in the index, or if it is an index
 * itself and nothing fits better. Build attestations name the platform `unknown/unknown`, and so
 * are never chosen.
 *
 * Fault: `image-platform`, which lists what there is.
 */
export function rankEntries(index: ImageIndex, machine: Platform): Checked<readonly IndexEntry[]> {
  const ranked = index.entries.flatMap((entry) => {
    const rank = entry.platform === null ? undefined : fit(entry.platform, machine)
    return rank === undefined ? [] : [{ entry, rank }]
  })
  ranked.sort((a, b) => a.rank - b.rank)
  if (ranked.length > 0) return good(ranked.map(({ entry }) => entry))
  const [only, second] = index.entries
  if (only !== undefined && second === undefined && only.platform === null) return good([only])
  const nested = index.entries.find((each) => each.kind === 'index' && each.platform === null)
  if (nested !== undefined) return good([nested])
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
  if (index.entries.length === 0 && index.passedOver > 0) {
    return 'none of its entries can be judged'
  }
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
 * Checks that an image whose config names that platform runs here. Empty members say
 * nothing. Fault: `image-platform`.
 */
export function checkPlatform(image: Platform, machine: Platform): Checked<null> {
  const named = normalized({
    os: image.os || machine.os,
    architecture: image.architecture || machine.architecture,
    variant: image.architecture === '' ? machine.variant : image.variant,
  })
  const sameKind = named.os === machine.os && named.architecture === machine.architecture
  if (sameKind && (named.variant === machine.variant || fit(named, machine) !== undefined)) {
    return good(null)
  }
  const message = `the image is for ${shown(platformText(named))}, this host is ${platformText(machine)}`
  return bad('image-platform', message)
}
