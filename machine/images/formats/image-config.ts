import * as z from 'zod'
import { bad, type Checked, good } from '../../../protocol/fault.ts'
import { isDigest } from '../../../protocol/names.ts'
import type { ImageConfig } from '../../../reconcilers/host-images.ts'
import {
  imageConfigEntriesMax,
  imageConfigTextCharactersMax,
} from '../../../reconcilers/images/limits.ts'
import { firstIssue, readObject } from './document.ts'
import { healthcheckOf } from './healthcheck.ts'
import type { Platform } from './platform.ts'

/** An image's config document (OCI image-spec config.md), as far as covey uses it. */
export interface ImageDocument {
  readonly config: ImageConfig
  /** Digests of the unpacked layers, in the order of the manifest's layers. */
  readonly diffIds: readonly string[]
  /** Empty texts where the config says nothing. */
  readonly platform: Platform
}

/** A C string: what the kernel takes as argument, environment or path. */
const text: z.ZodType<string> = z
  .string('must be a string')
  .max(imageConfigTextCharactersMax, `is longer than ${imageConfigTextCharactersMax} characters`)
  .refine((value) => !value.includes('\0'), 'must not contain a NUL character')
const textOrNone: z.ZodType<string> = text.nullish().transform((value) => value ?? '')
const texts: z.ZodType<readonly string[]> = z
  .array(text, 'must be a list of strings')
  .max(imageConfigEntriesMax, `has more than ${imageConfigEntriesMax} entries`)
  .nullish()
  .transform((value) => value ?? [])
/** A mere text is one word, as for Docker. */
const words: z.ZodType<readonly string[]> = z.preprocess(
  (value) => (typeof value !== 'string' ? value : value === '' ? null : [value]),
  texts,
)
/** Docker has one empty word for none: `ENTRYPOINT [""]` takes back that of the image below. */
const entrypoint: z.ZodType<readonly string[]> = words.transform((value) => {
  return value.length === 1 && value[0] === '' ? [] : value
})

interface RunSettings {
  readonly Entrypoint: readonly string[]
  readonly Cmd: readonly string[]
  readonly Env: readonly string[]
  readonly WorkingDir: string
  readonly User: string
  readonly StopSignal: string
  readonly Volumes: Readonly<Record<string, unknown>>
  readonly Healthcheck?: unknown
  readonly Shell?: unknown
}
const runSettings = {
  Entrypoint: entrypoint,
  Cmd: words,
  Env: texts,
  WorkingDir: textOrNone,
  // Some builders write a number here.
  User: z.union([z.int().min(0).transform(String), textOrNone], 'must be a string'),
  StopSignal: z
    .union([z.int().min(1).transform(String), textOrNone], 'must be a string')
    .refine((value) => value === '' || /^[A-Za-z0-9+-]{1,20}$/.test(value), 'must name a signal'),
  Volumes: z
    .record(text, z.unknown(), 'must be an object')
    .refine((value) => Object.keys(value).length <= imageConfigEntriesMax, 'has too many entries')
    .nullish()
    .transform((value) => value ?? {}),
  Healthcheck: z.unknown().optional(),
  Shell: z.unknown().optional(),
}
const runSchema: z.ZodType<RunSettings> = z.object(runSettings, 'must be an object')

interface RawDocument {
  readonly architecture: string
  readonly os: string
  readonly variant: string
  readonly config: RunSettings
  readonly rootfs: { readonly diff_ids: readonly string[] }
}
const diffIdSays = 'must be sha256: and 64 hex digits'
const rootfsSchema = z.object(
  {
    // Only a type that is another one is an error (image-spec config.md, rootfs).
    type: z.union([z.literal(['layers', '']), z.null()], 'must be "layers"').optional(),
    diff_ids: z.array(
      z.string(diffIdSays).refine(isDigest, diffIdSays),
      'must be a list of digests',
    ),
  },
  'must be an object that names the layers',
)
const documentSchema: z.ZodType<RawDocument> = z.object({
  architecture: textOrNone,
  os: textOrNone,
  variant: textOrNone,
  config: z.preprocess((value) => value ?? {}, runSchema),
  rootfs: rootfsSchema,
})

/** A path made absolute and free of `.`, `..` and empty parts, as a container would see it. */
function cleanPath(path: string): string {
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return `/${parts.join('/')}`
}

/**
 * Parses an image config whose digest is proven. `layers` is how many the manifest has: there must
 * be as many diff_ids. Absent members and nulls mean the defaults; environment entries without `=`
 * or without a name are left out, as container tools do; any other odd type is refused with its
 * place. `workingDir` and `volumes` come out absolute.
 *
 * Fault: `image-config`.
 */
export function parseImageConfig(bytes: Uint8Array, layers: number): Checked<ImageDocument> {
  const read = readObject(bytes, 'image-config', 'the image config')
  if (!read.ok) return read
  const parsed = documentSchema.safeParse(read.value)
  if (!parsed.success) return firstIssue(parsed.error, 'image-config', 'the image config')
  const { config, rootfs, os, architecture, variant } = parsed.data
  if (rootfs.diff_ids.length !== layers) {
    const counts = `${rootfs.diff_ids.length} diff_ids, and the manifest ${layers} layers`
    return bad('image-config', `the image config has ${counts}: the numbers must be equal`)
  }
  const volumes = [...new Set(Object.keys(config.Volumes).map(cleanPath))]
  if (volumes.includes('/')) {
    return bad('image-config', 'the image config declares / as a volume, which is not possible')
  }
  const healthcheck = healthcheckOf(config.Healthcheck, config.Shell)
  return good({
    config: {
      entrypoint: config.Entrypoint,
      command: config.Cmd,
      environment: config.Env.filter((entry) => entry.indexOf('=') > 0),
      workingDir: cleanPath(config.WorkingDir),
      user: config.User,
      stopSignal: config.StopSignal === '' ? null : config.StopSignal,
      volumes,
      ...(healthcheck === undefined ? {} : { healthcheck }),
    },
    diffIds: rootfs.diff_ids,
    platform: { os, architecture, variant: variant === '' ? null : variant },
  })
}
