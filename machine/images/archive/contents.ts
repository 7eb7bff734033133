import '../../../protocol/schema-words.ts'
import { createHash } from 'node:crypto'
import * as z from 'zod'
import { CoveyError } from '../../../protocol/fault.ts'
import { isDigest } from '../../../protocol/names.ts'
import { parseReference, referenceText } from '../../../reconcilers/images/reference.ts'
import { parseImageConfig } from '../formats/image-config.ts'
import { platformSchema } from '../formats/manifest.ts'
import { documentKind, isGeneric } from '../formats/media-types.ts'
import { type Platform, runsOn } from '../formats/platform.ts'
import { archiveImagesMax } from '../limits.ts'
import { errorOf } from '../pull/documents.ts'
import type { Spooled } from './spool.ts'

const tooMany = `lists more than ${archiveImagesMax} images`

/** One image that an archive tells of. */
export interface ArchivedImage {
  /** Of an index or a manifest. */
  readonly digest: string
  /** Canonical references, as far as the archive names it. */
  readonly references: readonly string[]
  /** A manifest that is not in the archive and was made for it. */
  readonly made: Buffer | null
}

/** Annotations that hold the whole name of an image, or its tag (image-spec annotations.md). */
const nameAnnotations: readonly string[] = [
  'io.containerd.image.name',
  'org.opencontainers.image.ref.name',
]

interface LayoutEntry {
  readonly digest: string
  readonly mediaType?: unknown
  readonly platform?: unknown
  readonly annotations?: Readonly<Record<string, unknown>> | null | undefined
}
interface LayoutIndex {
  readonly manifests: readonly unknown[]
}
const layoutSchema: z.ZodType<LayoutIndex> = z.object(
  { manifests: z.array(z.unknown(), 'must be a list').max(archiveImagesMax, tooMany) },
  'must be an object',
)
const entrySchema: z.ZodType<LayoutEntry> = z.object({
  digest: z.string().refine(isDigest),
  mediaType: z.unknown().optional(),
  platform: z.unknown().optional(),
  annotations: z.record(z.string(), z.unknown()).nullish(),
})

type SaveManifest = readonly {
  readonly Config: string
  readonly RepoTags?: readonly string[] | null | undefined
  readonly Layers?: readonly string[] | null | undefined
}[]
const path: z.ZodType<string> = z.string('must be a path')
const saveSchema: z.ZodType<SaveManifest> = z
  .array(
    z.object(
      {
        Config: path,
        RepoTags: z.array(z.string('must be a string'), 'must be a list').nullish(),
        Layers: z.array(path, 'must be a list').nullish(),
      },
      'must be an object',
    ),
    'must be a list',
  )
  .max(archiveImagesMax, tooMany)

/**
 * The images of an archive: those of an OCI layout (image-spec image-layout.md), else those of
 * `docker save`, which knows no manifests. For them one is made from config and layers, the same
 * one on every host, so that its digest can stand in a config. Error: `archive-invalid`.
 */
export async function archivedImages(
  spooled: Spooled,
  machine: Platform,
): Promise<readonly ArchivedImage[]> {
  const layout = spooled.documents.get('index.json')
  if (layout !== undefined) {
    return layoutImages(spooled, parse(layout, layoutSchema, 'index.json'), machine)
  }
  const saved = spooled.documents.get('manifest.json')
  if (saved === undefined) {
    throw invalid('it has neither an index.json (OCI) nor a manifest.json (docker save)')
  }
  const images: ArchivedImage[] = []
  for (const image of parse(saved, saveSchema, 'manifest.json')) {
    images.push(await savedImage(spooled, image))
  }
  return images
}

function invalid(message: string): CoveyError {
  return new CoveyError('archive-invalid', `this is not an image archive: ${message}`, {
    hint: 'use an OCI archive (skopeo, podman, covey image save) or the output of docker save',
  })
}

/** An archive of images that is faulty itself. */
function faulty(message: string): CoveyError {
  return new CoveyError('archive-invalid', `the archive is invalid: ${message}`, {
    hint: 'save the image again',
  })
}

function lacking(name: string): CoveyError {
  const message = `the archive lacks ${shown(name)}, which its manifest.json names`
  return new CoveyError('archive-incomplete', message, { hint: 'save the image again' })
}

/** Text of a stranger, made harmless for a terminal. */
function shown(text: string): string {
  return text.slice(0, 120).replace(/[^\x20-\x7e]/g, '?')
}

function parse<T>(bytes: Buffer, schema: z.ZodType<T>, name: string): T {
  let value: unknown
  try {
    value = JSON.parse(bytes.toString('utf8'))
  } catch {
    throw faulty(`its ${name} is not JSON`)
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  const at = issue?.path.length ? ` at ${shown(issue.path.map(String).join('.'))}` : ''
  throw faulty(`its ${name} is not valid${at}: ${issue?.message}`)
}

/** The manifest.json beside a layout, if it is valid. */
function savedBeside(bytes: Buffer | undefined): SaveManifest {
  try {
    return bytes === undefined ? [] : parse(bytes, saveSchema, 'manifest.json')
  } catch {
    return []
  }
}

function layoutImages(
  spooled: Spooled,
  { manifests }: LayoutIndex,
  machine: Platform,
): readonly ArchivedImage[] {
  // `docker save` writes a layout too, with names that only its own manifest.json has.
  const saved = savedBeside(spooled.documents.get('manifest.json'))
  const tags = saved.flatMap(({ RepoTags }) => RepoTags ?? [])
  const entries = entriesFor(manifests, machine)
  const names = new Map<string, Set<string>>()
  for (const { digest, annotations } of entries) {
    const own = nameAnnotations.flatMap((key) => {
      const name = annotations?.[key]
      return typeof name === 'string' ? [name] : []
    })
    const only = entries.length === 1 ? tags : []
    const known = names.get(digest) ?? new Set()
    for (const name of [...own, ...only]) known.add(name)
    names.set(digest, known)
  }
  return [...names].map(([digest, known]) => {
    return { digest, references: referencesOf([...known], digest), made: null }
  })
}

/**
 * Entries of the outermost index that may be images for this host. What cannot be judged is passed
 * over, and so is what other platforms run, which may not even be in the archive; unless there is
 * nothing else, so that loading it says why not.
 */
function entriesFor(manifests: readonly unknown[], machine: Platform): readonly LayoutEntry[] {
  const entries = manifests.flatMap((entry) => {
    const parsed = entrySchema.safeParse(entry)
    return parsed.success ? [parsed.data] : []
  })
  const mine = entries.filter(({ mediaType, platform }) => {
    const type = typeof mediaType === 'string' ? mediaType : ''
    if (documentKind(type) === undefined && !isGeneric(type)) return false
    const parsed = platformSchema.safeParse(platform)
    return !parsed.success || runsOn(parsed.data, machine)
  })
  return mine.length > 0 ? mine : entries
}

/** A mere tag names no image. */
function referencesOf(names: readonly string[], digest: string): readonly string[] {
  const texts = names.flatMap((name) => {
    const bare = name.split('@')[0] ?? ''
    if (!/[/:]/.test(bare)) return []
    const parsed = parseReference(`${bare}@${digest}`)
    return parsed.ok ? [referenceText(parsed.value)] : []
  })
  return [...new Set(texts)]
}

async function savedImage(spooled: Spooled, image: SaveManifest[number]): Promise<ArchivedImage> {
  const config = spooled.file(image.Config)
  if (config === null) throw lacking(image.Config)
  const layers = (image.Layers ?? []).map((path) => {
    const layer = spooled.file(path)
    if (layer === null) throw lacking(path)
    return layer
  })
  const bytes = await spooled.read(config)
  if (bytes === null) throw faulty(`the config ${shown(image.Config)} is too large`)
  const document = parseImageConfig(bytes, layers.length)
  if (!document.ok) throw errorOf(document.fault)
  const { diffIds } = document.value
  const tar = 'application/vnd.oci.image.layer.v1.tar'
  const made = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: {
        mediaType: 'application/vnd.oci.image.config.v1+json',
        digest: config.digest,
        size: config.sizeBytes,
      },
      layers: layers.map(({ digest, sizeBytes }, index) => ({
        mediaType: digest === diffIds[index] ? tar : `${tar}+gzip`,
        digest,
        size: sizeBytes,
      })),
    }),
  )
  const digest = `sha256:${createHash('sha256').update(made).digest('hex')}`
  return { digest, references: referencesOf(image.RepoTags ?? [], digest), made }
}
