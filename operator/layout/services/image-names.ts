import { parseReference, referenceText } from '../../../reconcilers/images/reference.ts'

/** Stands for a digest that is not known yet, so that all the rest can be checked. */
export const noDigest: string = `sha256:${'0'.repeat(64)}`

/**
 * The normal form of a reference without a digest, as facts of the lock have it:
 * `docker.io/library/nginx:1.27`; `latest` where it names no tag. Undefined where it has a digest,
 * or is none.
 */
export function normalReference(text: string): string | undefined {
  if (text.includes('@')) return undefined
  const parsed = parseReference(`${text}@${noDigest}`)
  if (!parsed.ok) return undefined
  const { tag, ...rest } = parsed.value
  return referenceText({ ...rest, tag: tag ?? 'latest' }).replace(`@${noDigest}`, '')
}

/** The reason why a text names no image, or undefined. */
export function referenceFault(text: string): string | undefined {
  const parsed = parseReference(text.includes('@') ? text : `${text}@${noDigest}`)
  return parsed.ok ? undefined : parsed.fault.message
}

/** The registry of a reference, as `ghcr.io`; undefined where it is none. */
export function registryOf(text: string): string | undefined {
  const parsed = parseReference(text.includes('@') ? text : `${text}@${noDigest}`)
  return parsed.ok ? parsed.value.registry : undefined
}
