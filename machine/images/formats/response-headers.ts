/** Bytes of a whole that an answer holds; `totalBytes` is null where the server does not know. */
export interface ContentRange {
  readonly firstByte: number
  readonly lastByte: number
  readonly totalBytes: number | null
}

function safeInteger(digits: string): number | undefined {
  const value = Number(digits)
  return Number.isSafeInteger(value) ? value : undefined
}

/** Parses Content-Range (RFC 9110 section 14.4); undefined if invalid, or not in bytes. */
export function parseContentRange(text: string): ContentRange | undefined {
  const match = /^bytes (\d{1,16})-(\d{1,16})\/(\d{1,16}|\*)$/i.exec(text.trim())
  const firstByte = safeInteger(match?.[1] ?? '')
  const lastByte = safeInteger(match?.[2] ?? '')
  const totalBytes = match?.[3] === '*' ? null : safeInteger(match?.[3] ?? '')
  if (match === null || firstByte === undefined || lastByte === undefined) return undefined
  if (totalBytes === undefined || firstByte > lastByte) return undefined
  return totalBytes !== null && lastByte >= totalBytes
    ? undefined
    : { firstByte, lastByte, totalBytes }
}

/** Parses Content-Length; undefined where it is absent or damaged. */
export function parseContentLength(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,16}$/.test(text) ? safeInteger(text) : undefined
}

/**
 * Parses Retry-After (RFC 9110 section 10.2.3), seconds or a date, to milliseconds from `nowMs`;
 * null where it is absent or damaged.
 */
export function parseRetryAfter(text: string | undefined, nowMs: number): number | null {
  const trimmed = text?.trim() ?? ''
  if (/^\d{1,9}$/.test(trimmed)) return Number(trimmed) * 1000
  if (!/^[A-Z][a-z]{2,8}, .{10,40}$/.test(trimmed)) return null
  const at = Date.parse(trimmed)
  return Number.isNaN(at) ? null : Math.max(0, at - nowMs)
}
