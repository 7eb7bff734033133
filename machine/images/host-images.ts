import { basename } from 'node:path'
import { CoveyError } from '../../protocol/fault.ts'
import type { HostImages, ImageReady, ImageState } from '../../reconcilers/host-images.ts'
import { parseReference, referenceText } from '../../reconcilers/images/reference.ts'
import type { Log } from '../../reconcilers/reconciler.ts'
import type { RegistryLogins } from '../secrets/registry-logins.ts'
import { readInImage } from './accounts.ts'
import { parseImageConfig } from './formats/image-config.ts'
import { retryMsMin } from './limits.ts'
import { type Jobs, reasonText } from './pull/jobs.ts'
import { mappedKey } from './pull/map-image.ts'
import { progressText } from './pull/progress.ts'
import { type ImageRecord, mappedName } from './store/records.ts'
import type { Store } from './store/store.ts'

/** The port, and what it was last told to retain. */
export interface RetainingImages extends HostImages {
  /** Digests that must stay, or null before the first call of `retain`. */
  retained(): ReadonlySet<string> | null
}

/** Dependencies of the port. */
export interface HostImagesInit {
  readonly store: Store
  readonly jobs: Jobs
  readonly now: () => number
  readonly log: Log
  readonly logins: Pick<RegistryLogins, 'used' | 'use'>
}

/** The images of this host as the reconcilers see them. */
export function createHostImages(init: HostImagesInit): RetainingImages {
  const { jobs, logins } = init
  const lookAt = createLook(init)
  let retained: ReadonlySet<string> | null = null
  const want = (text: string, keyOf: (reference: string) => string): void => {
    const reference = parseReference(text)
    if (reference.ok) jobs.want(keyOf(referenceText(reference.value)))
  }
  return {
    retained: () => retained,
    look: (references) => lookAt(references, false),
    lookMapped: (references) => lookAt(references, true),
    pull: (text) => want(text, (reference) => reference),
    pullMapped: (text) => want(text, mappedKey),
    logins: logins.used,
    useLogins: logins.use,
    retain(references) {
      const parsed = references.flatMap((text) => {
        const reference = parseReference(text)
        return reference.ok ? [reference.value] : []
      })
      const digests = new Set(parsed.map(({ digest }) => digest))
      const left = [...(retained ?? [])].filter((digest) => !digests.has(digest))
      retained = digests
      const keys = parsed.map(referenceText)
      jobs.wantOnly(new Set([...keys, ...keys.map(mappedKey)]))
      noteLastUse(init, left)
    },
  }
}

type Look = (
  references: readonly string[],
  isMapped: boolean,
) => Promise<ReadonlyMap<string, ImageState>>

/** Looks at images, or at their layers with owners for user namespaces. */
function createLook({ store, jobs, now }: HostImagesInit): Look {
  const known = new Map<string, ImageReady>()

  const ready = async (record: ImageRecord): Promise<ImageReady | null> => {
    const before = known.get(record.manifest)
    if (before !== undefined) return before
    const found = await describe(store, record)
    if (found !== null) known.set(record.manifest, found)
    return found
  }
  const stateOf = async (
    text: string,
    isMapped: boolean,
    trees: ReadonlySet<string>,
  ): Promise<ImageState> => {
    const reference = parseReference(text)
    if (!reference.ok) {
      const reason = `the image ${text} ${reference.fault.message}`
      return { state: 'failed', reason, retryAtMs: Number.MAX_SAFE_INTEGER }
    }
    const record = store.find(reference.value.digest)
    if (record !== null && isWhole(store, record, isMapped, trees)) {
      try {
        const found = await ready(record)
        if (found !== null) return isMapped ? withOwners(store, found) : found
      } catch (error) {
        // It concerns this image: those beside it, and their containers, go on.
        return { state: 'failed', reason: reasonText(error), retryAtMs: now() + retryMsMin }
      }
    }
    const key = referenceText(reference.value)
    const job = jobs.state(isMapped ? mappedKey(key) : key)
    if (job === null) return { state: 'absent' }
    if (job.state === 'failed') return job
    const isBegun = job.state === 'pulling'
    const progress = isBegun ? progressText(job.progress) : 'waiting for other images'
    return { state: 'pulling', progress, failure: job.failure }
  }
  return async (references, isMapped) => {
    for (const digest of known.keys()) if (store.find(digest) === null) known.delete(digest)
    const trees = await store.trees()
    const states = references.map(async (text) => {
      return [text, await stateOf(text, isMapped, trees)] as const
    })
    return new Map(await Promise.all(states))
  }
}

function isWhole(
  store: Store,
  record: ImageRecord,
  isMapped: boolean,
  trees: ReadonlySet<string>,
): boolean {
  // Trees that no record names are not trusted, even if they exist.
  if (isMapped && record.isMapped !== true) return false
  const names = record.layers.map(({ name }) => name)
  return [...names, ...(isMapped ? names.map(mappedName) : [])].every((name) => {
    return trees.has(name) && store.layer(name) !== null
  })
}

/** The same image, of layers with owners for user namespaces. */
function withOwners(store: Store, image: ImageReady): ImageReady {
  const layers = image.layers.map((tree) => store.tree(mappedName(basename(tree))))
  return { ...image, layers }
}

/** From now on their age counts, when room has to be made. */
function noteLastUse({ store, now, log }: HostImagesInit, digests: readonly string[]): void {
  for (const record of new Set(digests.map((digest) => store.find(digest)))) {
    if (record === null) continue
    store.noteUse(record.manifest, now()).catch((error) => {
      log.warn({ err: error, image: record.manifest }, 'the record of an image was not written')
    })
  }
}

/** Description from an image's own config; null if that is damaged on the disk. */
async function describe(store: Store, record: ImageRecord): Promise<ImageReady | null> {
  const bytes = await store.blobs.get(record.config)
  if (bytes === null) return null
  const document = parseImageConfig(bytes, record.layers.length)
  if (!document.ok) throw new CoveyError(document.fault.code, document.fault.message)
  const layers = layersOf(store, record)
  return {
    state: 'ready',
    manifestDigest: record.manifest,
    layers: layers.map(({ tree }) => tree),
    config: document.value.config,
    passwd: await readInImage(layers, 'etc/passwd'),
    group: await readInImage(layers, 'etc/group'),
  }
}

/**
 * The folders of an image, each once: overlayfs takes none twice, and the upper of two equal layers
 * says all that the lower one does.
 */
function layersOf(
  store: Store,
  record: ImageRecord,
): readonly { readonly tree: string; readonly opaque: ReadonlySet<string> }[] {
  const names = record.layers.map(({ name }) => name)
  const once = names.filter((name, index) => names.lastIndexOf(name) === index)
  return once.map((name) => {
    return { tree: store.tree(name), opaque: new Set(store.layer(name)?.opaque) }
  })
}
