import { bad, type Checked, good } from '../fault.ts'
import type { Head } from '../heads.ts'
import { epochMax, jsonDepthMax } from '../limits.ts'
import { isDigest, isName } from '../names.ts'
import { isHeadOrNull } from '../status-record.ts'
import { depthOf, inspect, isObject } from './canonical-json.ts'
import { type Envelope, parseEnvelope } from './envelope.ts'

/** Bundle for a host to join a cluster: `covey bundle` writes it, `covey enrol` reads it. */
export interface Bundle {
  readonly host: string
  /** Digest of the first root document, which is the cluster id; worth comparing by eye. */
  readonly root_digest: string
  /** The whole chain, oldest first. */
  readonly roots: readonly Envelope[]
  /** Newest config signed so far; nothing older is ever taken by the host. */
  readonly floor: Head | null
  readonly config: Envelope | null
}

const bundleMembers: readonly string[] = ['host', 'root_digest', 'roots', 'floor', 'config']

/**
 * Parses a bundle. Its documents are checked for form only. Fault: `bundle-shape`, or an
 * envelope's.
 */
export function parseBundle(text: string): Checked<Bundle> {
  if (depthOf(text) > jsonDepthMax) {
    return bad('bundle-shape', `JSON is nested deeper than ${jsonDepthMax} levels`)
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return bad('bundle-shape', 'not valid JSON')
  }
  // One reader would take the first of two members of one name, another one the last.
  const finding = inspect(text)
  if (finding !== undefined) return bad('bundle-shape', finding.message, finding.path)
  if (!isObject(value)) return bad('bundle-shape', 'must be an object')
  const unknown = Object.keys(value).find((member) => !bundleMembers.includes(member))
  if (unknown !== undefined) {
    const message = 'unknown member: was the bundle made by a newer covey than this host has?'
    return bad('bundle-shape', message, unknown)
  }
  const { host, root_digest: digest, roots, floor, config } = value
  if (!isName(host)) return bad('bundle-shape', 'must be a host name', 'host')
  if (!isDigest(digest)) return bad('bundle-shape', 'must be a digest', 'root_digest')
  if (!isHeadOrNull(floor)) return bad('bundle-shape', 'must be null or a head', 'floor')
  if (!Array.isArray(roots) || roots.length === 0 || roots.length > epochMax) {
    return bad('bundle-shape', 'must be a list of at least one root document', 'roots')
  }
  const chain: Envelope[] = []
  for (const [index, root] of roots.entries()) {
    const envelope = parseEnvelope(JSON.stringify(root))
    if (!envelope.ok) return bad(envelope.fault.code, envelope.fault.message, `roots.${index}`)
    chain.push(envelope.value)
  }
  const newest = config === null ? null : parseEnvelope(JSON.stringify(config ?? ''))
  if (newest?.ok === false) return bad(newest.fault.code, newest.fault.message, 'config')
  return good({ host, root_digest: digest, roots: chain, floor, config: newest?.value ?? null })
}
