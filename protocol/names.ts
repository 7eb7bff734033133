/** The one pattern for names of clusters, hosts and objects (docs/PROTOCOL.md, Names). */
export const namePattern: RegExp = /^[a-z]([a-z0-9_-]{0,38}[a-z0-9])?$/

/** True if `text` may name a cluster, host or object: 1 to 40 characters, safe as a file name. */
export function isName(text: unknown): text is string {
  return typeof text === 'string' && namePattern.test(text)
}

const digestPattern = /^sha256:[0-9a-f]{64}$/

/** True if `text` is a document's identity: `sha256:` and 64 lower-case hexadecimal digits. */
export function isDigest(text: unknown): text is string {
  return typeof text === 'string' && digestPattern.test(text)
}
