import { createHash } from 'node:crypto'

/** Identity of a document: `sha256:<hex>` of its payload's bytes. */
export function digestOf(payload: Uint8Array): string {
  return `sha256:${createHash('sha256').update(payload).digest('hex')}`
}
