import { type Address, addressText, parseAddress } from '../../addresses.ts'
import type { Box, Span } from './boxes.ts'

/**
 * Elements of each set by its name. An element is its one text, which is also how nft(8) writes it
 * but for the quotes around names of links: `10.0.0.5 . 6 . 80-90`, and `6 . 80 : 10.69.1.5 . 8080`
 * in a map.
 */
export type Elements = ReadonlyMap<string, ReadonlySet<string>>

/** Adds an element to a set. */
export type Add = (set: string, element: string) => void

/** Joins the parts of a key or a value. */
export function joined(...parts: readonly (string | number)[]): string {
  return parts.join(' . ')
}

/** The key of an element, without its value where it has one. */
export function keyOf(element: string): string {
  const at = element.indexOf(' : ')
  return at === -1 ? element : element.slice(0, at)
}

/** The values of a key, part by part. */
export function partsOf(key: string): readonly string[] {
  return key.split(' . ')
}

/** Addresses in the shortest form, which is also the one that nft lists. */
export function addressPart(family: Address['family'], span: Span<bigint>): string {
  const text = (bits: bigint): string => addressText({ family, bits })
  if (span.first === span.last) return text(span.first)
  const width = family === 4 ? 32 : 128
  const size = span.last - span.first + 1n
  const bits = size.toString(2).length - 1
  if (size === 1n << BigInt(bits) && span.first % size === 0n) {
    return `${text(span.first)}/${width - bits}`
  }
  return `${text(span.first)}-${text(span.last)}`
}

function numberPart({ first, last }: Span<number>): string {
  return first === last ? String(first) : `${first}-${last}`
}

/** The protocol and port of a flow: `6 . 80`, `17 . 8000-8010`, `0-255 . 0-65535`. */
export function portPart(box: Pick<Box, 'protocols' | 'ports'>): string {
  return `${numberPart(box.protocols)} . ${numberPart(box.ports)}`
}

/** Reads an element as nft's JSON lists it; undefined for a form that covey never makes. */
export function readElement(json: unknown): string | undefined {
  if (!Array.isArray(json)) return readParts(json)
  const [key, value] = [readParts(json[0]), readParts(json[1])]
  const isPair = json.length === 2 && key !== undefined && value !== undefined
  return isPair ? `${key} : ${value}` : undefined
}

function readParts(json: unknown): string | undefined {
  if (!isRecord(json) || !Array.isArray(json['concat'])) return readPart(json)
  const parts = json['concat'].map(readPart)
  return parts.every((part) => part !== undefined) ? parts.join(' . ') : undefined
}

function readPart(json: unknown): string | undefined {
  if (typeof json === 'string') return canonical(json)
  if (typeof json === 'number') return String(json)
  if (!isRecord(json)) return undefined
  const { prefix, range } = json
  if (isRecord(prefix)) return `${canonical(String(prefix['addr']))}/${prefix['len']}`
  if (!Array.isArray(range) || range.length !== 2) return undefined
  return range.map((end) => canonical(String(end))).join('-')
}

/** nft writes the last 32 bits of addresses in ::/96 and ::ffff:0:0/96 as IPv4; no others. */
function canonical(text: string): string {
  const address = text.includes(':') && text.includes('.') ? parseAddress(text) : undefined
  return address === undefined ? text : addressText(address)
}

function isRecord(json: unknown): json is Readonly<Record<string, unknown>> {
  return typeof json === 'object' && json !== null
}
