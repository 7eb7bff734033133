import { bad, type Checked, good } from '../../protocol/fault.ts'
import { isDigest } from '../../protocol/names.ts'
import { referenceCharactersMax, repositoryCharactersMax, tagCharactersMax } from './limits.ts'
import { parseRegistryName } from './registry-name.ts'

/** A parsed image reference. Two spellings of one image have the same members. */
export interface ImageReference {
  /** Canonical, as `docker.io` or `registry.example:5000`; see `parseRegistryName`. */
  readonly registry: string
  /** As `library/nginx`; never has empty, `.` or `..` parts. */
  readonly repository: string
  /** For people only: the digest decides. */
  readonly tag: string | null
  /** Of an index or a manifest. */
  readonly digest: string
}

/** Grammar of names: OCI distribution-spec, Pulling manifests. */
const repositoryPattern = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/
const tagPattern = new RegExp(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,${tagCharactersMax - 1}}$`)

/**
 * Parses `registry/name[:tag]@sha256:…`; the digest is required. A first part without `.` or `:`
 * that is not `localhost` is no registry: such names, as `nginx@sha256:…` or
 * `grafana/grafana@sha256:…`, are the Docker Hub's, and a name of one part is in its `library/`.
 *
 * Faults: `image-reference`, `image-digest-missing`, `image-digest`, each one sentence.
 */
export function parseReference(text: string): Checked<ImageReference> {
  if (text.length > referenceCharactersMax) {
    return bad('image-reference', `is longer than ${referenceCharactersMax} characters`)
  }
  if (text === '') return bad('image-reference', 'is empty: name an image as name@sha256:…')
  if (/[^\x21-\x7e]/.test(text)) {
    return bad('image-reference', 'has white space or characters that image names cannot have')
  }
  if (/^[a-z]+:\/\//i.test(text)) {
    return bad('image-reference', 'starts with a scheme: write registry/name@sha256:… without it')
  }
  const at = text.indexOf('@')
  const name = at === -1 ? text : text.slice(0, at)
  const digest = at === -1 ? null : digestFault(text.slice(at + 1))
  if (digest !== null && !digest.ok) return digest
  const parsed = parseName(name)
  if (!parsed.ok) return parsed
  if (digest === null) {
    return bad('image-digest-missing', `has no digest: write ${name}@sha256:… (a tag may move)`)
  }
  return good({ ...parsed.value, digest: digest.value })
}

function digestFault(digest: string): Checked<string> {
  if (isDigest(digest)) return good(digest)
  const [, algorithm] = /^([A-Za-z0-9+._-]+):/.exec(digest) ?? []
  if (algorithm === undefined) {
    return bad('image-digest', 'has no digest after its @: write sha256: and 64 hex digits')
  }
  if (algorithm !== 'sha256') {
    return bad('image-digest', `has a digest of ${algorithm.slice(0, 20)}: only sha256 is checked`)
  }
  if (/^sha256:[0-9a-fA-F]{64}$/.test(digest)) {
    return bad('image-digest', 'has a digest in upper case: hex digits are written in lower case')
  }
  return bad('image-digest', 'has a damaged digest: sha256: is followed by 64 hex digits')
}

type Name = Omit<ImageReference, 'digest'>

function parseName(text: string): Checked<Name> {
  const slash = text.indexOf('/')
  const first = slash === -1 ? '' : text.slice(0, slash)
  const explicit = /[.:]/.test(first) || first.toLowerCase() === 'localhost'
  const registry = explicit ? parseRegistryName(first) : good('docker.io')
  if (!registry.ok) return bad('image-reference', registry.fault.message)
  const rest = explicit ? text.slice(slash + 1) : text
  const colon = rest.indexOf(':')
  const path = colon === -1 ? rest : rest.slice(0, colon)
  const tag = colon === -1 ? null : rest.slice(colon + 1)
  if (tag !== null && !tagPattern.test(tag)) {
    const shown = JSON.stringify(tag.slice(0, 40))
    return bad(
      'image-reference',
      `has the tag ${shown}: letters, digits, dots and dashes, 128 at most`,
    )
  }
  const fault = repositoryFault(path)
  if (fault !== undefined) return bad('image-reference', fault)
  const inLibrary = registry.value === 'docker.io' && !path.includes('/')
  return good({
    registry: registry.value,
    repository: inLibrary ? `library/${path}` : path,
    tag,
  })
}

function repositoryFault(path: string): string | undefined {
  if (path === '') return 'names no image: write registry/name@sha256:…'
  if (path.length > repositoryCharactersMax) {
    return `has a name of more than ${repositoryCharactersMax} characters`
  }
  const wrong = path.split('/').find((part) => !repositoryPattern.test(part))
  if (wrong === undefined) return undefined
  if (wrong === '') return 'has an empty part in its name: two slashes, or one at an end'
  const shown = JSON.stringify(wrong.slice(0, 40))
  if (/[A-Z]/.test(wrong)) return `has ${shown} in its name: image names are in lower case`
  return `has ${shown} in its name: lower-case letters and digits, joined by . _ __ or -`
}

/** `registry/repository[:tag]@digest`, the canonical text of a reference. */
export function referenceText(reference: ImageReference): string {
  const tag = reference.tag === null ? '' : `:${reference.tag}`
  return `${reference.registry}/${reference.repository}${tag}@${reference.digest}`
}
