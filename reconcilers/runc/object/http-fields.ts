import * as z from 'zod'
import { httpHeaderCharactersMax, httpHeadersMax } from '../bundle/limits.ts'

/** Target of a health check: the path of a URL, perhaps with a query, without white space. */
export const httpPath: z.ZodType<string> = z
  .string()
  .max(1024)
  .regex(/^\/[\x21-\x7e]*$/, 'must start with / and hold no white space')

/** A `Host` header (RFC 9110 section 7.2): a name or an address, and perhaps a port. */
export const httpHost: z.ZodType<string> = z
  .string()
  .max(260)
  .regex(
    /^([A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?|\[[0-9A-Fa-f:.]+\])(:[1-9]\d{0,4})?$/,
    'must be a name or an address, optionally followed by a port',
  )

/** Headers that frame a message or control its connection. */
const framing: ReadonlySet<string> = new Set([
  ...['connection', 'content-length', 'expect', 'keep-alive', 'proxy-connection', 'te', 'trailer'],
  ...['transfer-encoding', 'upgrade'],
])

function headerFault(name: string, value: string): string | undefined {
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) return 'is not a valid header name'
  if (framing.has(name.toLowerCase())) return 'is set by covey'
  if (!/^[\x20-\x7e]*$/.test(value)) return 'must be printable ASCII, in one line'
  if (name.length + value.length > httpHeaderCharactersMax) {
    return `is longer than ${httpHeaderCharactersMax} characters`
  }
  return undefined
}

/** Headers of a health check, by name (RFC 9110 section 5), without duplicates. */
export const httpHeaders: z.ZodType<Readonly<Record<string, string>>> = z
  .record(z.string(), z.string())
  .superRefine((headers, context) => {
    const known = new Set<string>()
    const entries = Object.entries(headers)
    if (entries.length > httpHeadersMax) {
      context.addIssue(`has ${entries.length} headers, and at most ${httpHeadersMax} are allowed`)
    }
    for (const [name, value] of entries) {
      const isTwice = known.has(name.toLowerCase())
      const message = isTwice ? 'duplicate header' : headerFault(name, value)
      known.add(name.toLowerCase())
      if (message !== undefined) context.addIssue({ code: 'custom', message, path: [name] })
    }
  })
