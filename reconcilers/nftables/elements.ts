import { type Address, addressText } from '../addresses.ts'
import type { Box, Span } from './boxes.ts'

/** One value of an element as nft's JSON has it. */
export type Part =
  | string
  | number
  | { readonly prefix: { readonly addr: string; readonly len: number } }
  | { readonly range: readonly [string | number, string | number] }

/** An element of a set, or of a map where it has a value. */
export interface Element {
  readonly key: readonly Part[]
  readonly value?: readonly Part[]
}

/** Elements by the name of their set, and by their own text. */
export type Elements = ReadonlyMap<string, ReadonlyMap<string, Element>>

function partText(part: Part): string {
  if (typeof part !== 'object') return String(part)
  if ('prefix' in part) return `${part.prefix.addr}/${part.prefix.len}`
  return part.range.join('-')
}

/** The one text of an element, as people read it: `10.0.0.5 . 6 . 80 : 10.69.1.5 . 8080`. */
export function elementText(element: Element): string {
  const key = element.key.map(partText).join(' . ')
  if (element.value === undefined) return key
  return `${key} : ${element.value.map(partText).join(' . ')}`
}

/** An element in the syntax of nft(8), for which names of links stand in quotes. */
export function elementNft(element: Element): string {
  const quoted = (part: Part): Part =>
    typeof part === 'string' && /^[a-z]/i.test(part) && !part.includes(':') ? `"${part}"` : part
  const { key, value } = element
  return elementText({ key: key.map(quoted), ...(value === undefined ? {} : { value }) })
}

/** Addresses in the shortest form, which is also the one that nft lists. */
export function addressPart(family: Address['family'], span: Span<bigint>): Part {
  const text = (bits: bigint): string => addressText({ family, bits })
  if (span.first === span.last) return text(span.first)
  const width = family === 4 ? 32 : 128
  const size = span.last - span.first + 1n
  const bits = size.toString(2).length - 1
  if (size === 1n << BigInt(bits) && span.first % size === 0n) {
    return { prefix: { addr: text(span.first), len: width - bits } }
  }
  return { range: [text(span.first), text(span.last)] }
}

function numberPart(span: Span<number>): Part {
  return span.first === span.last ? span.first : { range: [span.first, span.last] }
}

/** The element of a set of flows: who may ask, who is asked, by what. */
export function flowElement(asker: Part, target: Part, box: Box): Element {
  return { key: [asker, target, numberPart(box.protocols), numberPart(box.ports)] }
}

/** Reads an element as nft lists it; undefined for a form that covey never makes. */
export function readElement(json: unknown): Element | undefined {
  if (Array.isArray(json)) {
    const [key, value] = [readParts(json[0]), readParts(json[1])]
    return json.length === 2 && key !== undefined && value !== undefined
      ? { key, value }
      : undefined
  }
  const key = readParts(json)
  return key === undefined ? undefined : { key }
}

function readParts(json: unknown): readonly Part[] | undefined {
  if (isRecord(json) && Array.isArray(json['concat'])) {
    const parts = json['concat'].map(readPart)
    return parts.every((part) => part !== undefined) ? parts : undefined
  }
  const part = readPart(json)
  return part === undefined ? undefined : [part]
}

function readPart(json: unknown): Part | undefined {
  if (typeof json === 'string' || typeof json === 'number') return json
  if (!isRecord(json)) return undefined
  const { prefix, range } = json
  if (isRecord(prefix) && typeof prefix['addr'] === 'string' && typeof prefix['len'] === 'number') {
    return { prefix: { addr: prefix['addr'], len: prefix['len'] } }
  }
  if (!Array.isArray(range) || range.length !== 2) return undefined
  const [first, last] = range
  const isScalar = (one: unknown): one is string | number =>
    typeof one === 'string' || typeof one === 'number'
  return isScalar(first) && isScalar(last) ? { range: [first, last] } : undefined
}

function isRecord(json: unknown): json is Readonly<Record<string, unknown>> {
  return typeof json === 'object' && json !== null && !Array.isArray(json)
}
