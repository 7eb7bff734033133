import { promisify } from 'node:util'
import { constants, zstdCompress, zstdDecompress } from 'node:zlib'
import { isObject } from '../../protocol/documents/canonical-json.ts'
import {
  checkSignatures,
  type SignatureText,
  type SignedDocument,
} from '../../protocol/documents/envelope.ts'
import { bad, type Checked, good } from '../../protocol/fault.ts'
import type { Head } from '../../protocol/heads.ts'
import {
  envelopeBytesMax,
  gossipFrameBytesMax,
  payloadBytesMax,
  rootsPerDeliveryMax,
} from '../../protocol/limits.ts'
import { type Delivery, type Message, parseMessage } from '../../protocol/messages.ts'

const compress = promisify(zstdCompress)
const decompress = promisify(zstdDecompress)
const newline = 0x0a

/**
 * Packs a delivery for the wire: one line of JSON with all signatures and the length of each
 * payload, then the payloads' raw bytes, the config's last; the whole zstd-compressed (RFC 8878).
 * No base64 on the wire.
 */
export async function packDelivery(delivery: Delivery): Promise<Uint8Array> {
  const documents = [...delivery.roots, delivery.config]
  const heads = documents.map((document) => ({
    bytes: document.payload.length,
    signatures: document.signatures,
  }))
  const raw = Buffer.concat([
    Buffer.from(`${JSON.stringify(heads)}\n`),
    ...documents.map((document) => document.payload),
  ])
  return await compress(raw, { params: { [constants.ZSTD_c_compressionLevel]: 3 } })
}

/** Unpacks a delivery under a cap on its size. Fault: `delivery`, or a signature's. */
export async function unpackDelivery(packed: Uint8Array): Promise<Checked<Delivery>> {
  let raw: Buffer
  try {
    raw = await decompress(packed, { maxOutputLength: envelopeBytesMax })
  } catch {
    return bad('delivery', 'does not decompress, or grows too large')
  }
  const end = raw.indexOf(newline)
  let heads: unknown
  try {
    heads = JSON.parse(raw.subarray(0, end).toString('utf8'))
  } catch {
    return bad('delivery', 'does not begin with a list of documents')
  }
  if (!Array.isArray(heads) || heads.length === 0 || heads.length > rootsPerDeliveryMax + 1) {
    return bad('delivery', 'does not begin with a list of documents')
  }
  const documents: SignedDocument[] = []
  let at = end + 1
  for (const head of heads) {
    const signatures = signaturesIn(head)
    const bytes: unknown = isObject(head) ? head['bytes'] : undefined
    if (
      signatures === null ||
      typeof bytes !== 'number' ||
      !(bytes >= 0 && bytes <= payloadBytesMax)
    ) {
      return bad('delivery', 'a document has no length or no signatures')
    }
    const spelled = checkSignatures(signatures)
    if (!spelled.ok) return spelled
    // A copy of its own: a slice would keep the whole decompressed buffer in memory with it.
    documents.push({ payload: new Uint8Array(raw.subarray(at, at + bytes)), signatures })
    at += bytes
  }
  const config = documents.pop()
  if (at !== raw.length || config === undefined) return bad('delivery', 'lengths do not add up')
  return good({ roots: documents, config })
}

function signaturesIn(head: unknown): readonly SignatureText[] | null {
  const list: unknown = isObject(head) ? head['signatures'] : null
  if (!Array.isArray(list)) return null
  const sound = list.every((entry) => {
    const members = isObject(entry) ? Object.keys(entry).sort().join() : ''
    return members === 'protected,signature' && [entry.protected, entry.signature].every(isText)
  })
  return sound ? list : null
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

/** A gossip frame: one line of JSON, then the packed delivery, where one rides along. */
export function encodeFrame(message: Message, packed: Uint8Array | null): Uint8Array {
  const text = Buffer.from(JSON.stringify(message))
  return packed === null ? text : Buffer.concat([text, Buffer.of(newline), packed])
}

/**
 * Reads a gossip frame of at most `gossipFrameBytesMax`. A document that rides along is unpacked
 * only if `wants` its head, and left out otherwise. Faults: `message`, `delivery` or a signature's.
 */
export async function decodeFrame(
  frame: Uint8Array,
  wants: (head: Head) => boolean = () => true,
): Promise<Checked<{ readonly message: Message; readonly delivery: Delivery | null }>> {
  if (frame.length > gossipFrameBytesMax) return bad('message', 'a frame is too large')
  const end = frame.indexOf(newline)
  const text = Buffer.from(end < 0 ? frame : frame.subarray(0, end)).toString('utf8')
  const message = parseMessage(text)
  if (!message.ok) return message
  if (end < 0) return good({ message: message.value, delivery: null })
  if (message.value.kind !== 'head' || message.value.head === null) {
    return bad('message', 'only a head carries a document')
  }
  if (!wants(message.value.head)) return good({ message: message.value, delivery: null })
  const delivery = await unpackDelivery(frame.subarray(end + 1))
  if (!delivery.ok) return delivery
  return good({ message: message.value, delivery: delivery.value })
}
