import { bareMediaType } from '../../formats/media-types.ts'
import { errorBytesMax } from '../limits.ts'
import { readStart, wordsOf } from './body.ts'
import { RegistryError } from './errors.ts'
import type { Answer, Transport } from './transport.ts'

/** Hint for a web page in place of an image. */
export const portalHint: string =
  'a login page of the network or a proxy is in the way: log in, or let this host through'

/** Start of an answer that tells a web page from anything else. */
const pageStart = /^\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body|script|meta)\b/is

/**
 * Reads a little of an answer of the wrong length, and says what it is where that can be told; else
 * returns `otherwise`. Throws the signal's reason.
 */
export async function explainLength(
  transport: Transport,
  answer: Answer,
  otherwise: RegistryError,
  signal: AbortSignal,
): Promise<RegistryError> {
  try {
    const start = await readStart(transport, answer, errorBytesMax, signal)
    return strangeAnswer(answer.url.host, answer.one('content-type'), start) ?? otherwise
  } catch (error) {
    signal.throwIfAborted()
    // What is encoded is named as that, whatever its length.
    const isEncoded = error instanceof RegistryError && error.code === 'registry-answer'
    return isEncoded ? error : otherwise
  }
}

/**
 * Description of an answer that does not match its digest, if recognised: a web page, as of a
 * captive portal, or an error that was sent as if all were well. `start` is the first of its bytes.
 * Null for anything else.
 */
export function strangeAnswer(
  host: string,
  contentType: string | undefined,
  start: Buffer,
): RegistryError | null {
  const text = start.toString('utf8')
  const type = bareMediaType(contentType ?? '')
  if (pageStart.test(text) || (type === 'text/html' && text.trimStart().startsWith('<'))) {
    return new RegistryError('registry-answer', `${host} answers with a web page`, {
      hint: portalHint,
    })
  }
  const words = errorWords(text)
  if (words === null) return null
  const message = `${host} answers with an error in place of the image (it says: ${words})`
  return new RegistryError('registry-answer', message, {
    hint: 'check the log of the registry, and what is in between',
  })
}

/** Text of a JSON error (OCI distribution-spec, Error Codes); null for anything else. */
function errorWords(text: string): string | null {
  try {
    const value: unknown = JSON.parse(text)
    if (value === null || typeof value !== 'object' || 'schemaVersion' in value) return null
    const { errors, error, message } = value as Readonly<Record<string, unknown>>
    const first: unknown = Array.isArray(errors) ? errors[0] : null
    const said = first !== null && typeof first === 'object' ? Object(first) : {}
    const found = [said.message, said.code, error, message].find((each) => {
      return typeof each === 'string' && each !== ''
    })
    return found === undefined ? null : wordsOf(String(found))
  } catch {
    return null
  }
}
