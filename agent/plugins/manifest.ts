import '../../protocol/schema-words.ts'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import { CoveyError } from '../../protocol/fault.ts'
import { manifestBytesMax } from '../limits.ts'

/** The interface of reconcilers that this agent speaks; docs/PLUGINS.md tells what each one is. */
const interfaceVersion: number = 1

/** Declaration of a package's reconciler, under `covey` in its `package.json`. */
export interface PluginManifest {
  readonly interface: number
  /** Object types that it owns, as `acme_thing`. */
  readonly types: readonly string[]
  /** Tools that it runs beside covey's own, each with the Debian package that brings it. */
  readonly tools: Readonly<Record<string, string>>
}

const word = /^[a-z][a-z0-9_]{0,39}$/
const tool = /^[a-z0-9][a-z0-9+._-]{0,39}$/

const typesSchema: z.ZodType<readonly string[]> = z
  .array(z.string().regex(word, 'must be a name such as acme_thing'))
  .min(1)
  .max(64)
const manifestSchema: z.ZodType<PluginManifest> = z.strictObject({
  interface: z.int().positive(),
  types: typesSchema,
  tools: z
    .record(z.string().regex(tool, 'must be the name of a program'), z.string().max(100))
    .default({}),
})

/**
 * Types that a package says it owns, or none where that cannot be told. Only for what people are
 * told of a package that is refused, so it is read whoever may have written it.
 */
export async function claimedTypes(place: string): Promise<readonly string[]> {
  const file = join(place, 'package.json')
  try {
    const found = await stat(file)
    if (!found.isFile() || found.size > manifestBytesMax) return []
    const { covey } = Object(JSON.parse(await readFile(file, 'utf8')))
    const parsed = typesSchema.safeParse(Object(covey).types)
    return parsed.data ?? []
  } catch {
    return []
  }
}

/**
 * Reads what a `package.json` says of its reconciler. Throws `plugin-manifest`, `plugin-interface`
 * with what is wrong where.
 */
export function readManifest(text: string): PluginManifest {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new CoveyError('plugin-manifest', 'its package.json is not JSON')
  }
  const covey = Object(value).covey
  if (covey === undefined) {
    throw new CoveyError(
      'plugin-manifest',
      'its package.json has no "covey", so it is not a reconciler',
    )
  }
  const version = Object(covey).interface
  if (Number.isInteger(version) && version !== interfaceVersion) {
    const message = `it was built for interface ${version}, but this agent supports ${interfaceVersion}`
    const hint = version > interfaceVersion ? 'update covey' : 'install a newer version of it'
    throw new CoveyError('plugin-interface', message, { hint })
  }
  const parsed = manifestSchema.safeParse(covey)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const path = ['covey', ...(issue?.path ?? [])].join('.')
  throw new CoveyError('plugin-manifest', `its package.json: ${path}: ${issue?.message}`)
}
