import { createHash } from 'node:crypto'
import * as z from 'zod'
import { CoveyError } from '../../../protocol/fault.ts'
import { isDigest } from '../../../protocol/names.ts'
import { parseImageConfig } from '../../../reconcilers/images/image-config.ts'
import { parseReference, referenceText } from '../../../reconcilers/images/reference.ts'
import { archiveImagesMax } from '../limits.ts'
import type { Spooled } from './spool.ts'

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

interface LayoutIndex {
  readonly manifests: readonly {
    readonly digest: string
    readonly annotations?: Readonly<Record<string, string>> | null | undefined
  }[]
}
const layoutSchema: z.ZodType<LayoutIndex> = z.object({
  manifests: z
    .array(
      z.object({
        digest: z.string().refine(isDigest, 'must be sha256: and 64 hex digits'),
        annotations: z.record(z.string(), z.string()).nullish(),
      }),
    )
    .max(archiveImagesMax),
})

type SaveManifest = readonly {
  readonly Config: string
  readonly RepoTags?: readonly string[] | null | undefined
  readonly Layers: readonly string[]
}[]
const saveSchema: z.ZodType<SaveManifest> = z
  .array(
    z.object({
      Config: z.string(),
      RepoTags: z.array(z.string()).nullish(),
      Layers: z.array(z.string()),
    }),
  )
  .max(archiveImagesMax)

/**
 * The images of an archive: those of an OCI layout (image-spec image-layout.md), else those of
 * `docker save`, which knows no manifests. For them one is made from config and layers, the same
 * one on every host, so that its digest can stand in a config. Error: `archive-invalid`.
 */
export function archivedImages(spooled: Spooled): readonly ArchivedImage[] {
  const layout = spooled.documents.get('index.json')
  if (layout !== undefined) return layoutImages(spooled, parse(layout, layoutSchema, 'index.json'))
  const saved = spooled.documents.get('manifest.json')
  if (saved === undefined) {
    throw invalid('it has neither an index.json (OCI) nor a manifest.json (docker save)')
  }
  const images = parse(saved, saveSchema, 'manifest.json')
  return images.map((image) => savedImage(spooled, image))
}

function invalid(message: string): CoveyError {
  return new CoveyError('archive-invalid', `this is no archive of images: ${message}`, {
    hint: 'it takes an OCI archive (skopeo, podman, covey image save) or the output of docker save',
  })
}

function parse<T>(bytes: Buffer, schema: z.ZodType<T>, name: string): T {
  let value: unknown
  try {
    value = JSON.parse(bytes.toString('utf8'))
  } catch {
    throw invalid(`its ${name} is not JSON`)
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  throw invalid(`its ${name} is not valid at ${issue?.path.join('.')}: ${issue?.message}`)
}

function layoutImages(spooled: Spooled, { manifests }: LayoutIndex): readonly ArchivedImage[] {
  // `docker save` writes a layout too, with names that only its own manifest.json has.
  const saved = spooled.documents.get('manifest.json')
  const tags =
    saved === undefined
      ? []
      : parse(saved, saveSchema, 'manifest.json').flatMap(({ RepoTags }) => RepoTags ?? [])
  const names = new Map<string, Set<string>>()
  for (const { digest, annotations } of manifests) {
    const own = nameAnnotations.flatMap((key) => annotations?.[key] ?? [])
    const only = manifests.length === 1 ? tags : []
    const known = names.get(digest) ?? new Set()
    for (const name of [...own, ...only]) known.add(name)
    names.set(digest, known)
  }
  return [...names].map(([digest, known]) => {
    return { digest, references: referencesOf([...known], digest), made: null }
  })
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

function savedImage(spooled: Spooled, image: SaveManifest[number]): ArchivedImage {
  const config = spooled.file(image.Config)
  const layers = image.Layers.map((path) => {
    const layer = spooled.file(path)
    if (layer === null) throw invalid(`its manifest.json names ${path}, which is not in it`)
    return layer
  })
  const bytes = spooled.documents.get(image.Config)
  if (config === null || bytes === undefined) {
    throw invalid(`its manifest.json names ${image.Config}, which is not in it`)
  }
  const document = parseImageConfig(bytes, layers.length)
  if (!document.ok) throw invalid(document.fault.message)
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
