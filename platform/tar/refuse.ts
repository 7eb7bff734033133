import { CoveyError } from '../../protocol/fault.ts'

/** Reason that a layer is refused. */
export type LayerFault =
  /** It is not a valid tar stream. */
  | 'layer-invalid'
  /** It holds what no image may hold. */
  | 'layer-refused'
  /** It is larger than a bound. */
  | 'layer-too-large'
  /** It inflates too much. */
  | 'layer-ratio'

/** Refuses a layer. The message is one sentence without a full stop. */
export function refuse(code: LayerFault, message: string): never {
  throw new CoveyError(code, message)
}

/** Bytes of a name as text for people: bytes that are not UTF-8 and control characters as `?`. */
export function shownPath(path: string): string {
  const text = Buffer.from(path, 'latin1').toString('utf8')
  const safe = text.replace(/[\p{Cc}\p{Cf}\u2028\u2029\ufffd]/gu, '?')
  return safe.length > 120 ? `${safe.slice(0, 117)}...` : safe
}
