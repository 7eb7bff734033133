import { Failure, systemCode, systemReason } from '../terminal/failure.ts'
import type { Session } from '../terminal/session.ts'

/** A text and the name under which its faults are reported. */
export interface Source {
  /** As the user wrote it, or `<stdin>`. */
  readonly file: string
  readonly text: string
}

/** The options for reading a file. */
export interface ReadOptions {
  readonly bytesMax: number
  /** The kind of file that is expected, as `a signed config`; for messages. */
  readonly kind: string
  readonly hint?: string
}

/**
 * Reads a text of the user's, `-` being stdin. Throws `Failure` with exit code 2 and the code
 * `file-missing`, `file-unreadable`, `file-too-large`, `file-empty`, `file-binary`; with exit code
 * 1 where the disk failed. A byte order mark is taken off; line ends stay as they are.
 */
export async function readSource(
  session: Session,
  path: string,
  options: ReadOptions,
): Promise<Source> {
  if (path === '-') {
    if (session.io.canAsk) session.note('covey: reading from the terminal; end with Ctrl-D')
    const bytes = await collect(session.io.stdin, '<stdin>', options)
    return { file: '<stdin>', text: decode(bytes, '<stdin>', options) }
  }
  if (path === '') {
    const hint = options.hint ?? `give the path of ${options.kind}`
    throw new Failure(2, 'usage', `the path of ${options.kind} is empty`, { hint })
  }
  const bytes = await readBytes(session, path, options)
  return { file: path, text: decode(bytes, path, options) }
}

async function readBytes(
  session: Session,
  file: string,
  options: ReadOptions,
): Promise<Uint8Array> {
  const { bytesMax } = options
  try {
    // No more than is needed to know that it is too much: /dev/zero has no end.
    const bytes = await session.io.files.read(session.path(file), bytesMax + 1)
    if (bytes.length > bytesMax) throw tooLarge(file, options)
    return bytes
  } catch (error) {
    if (error instanceof Failure) throw error
    const code = systemCode(error)
    const hint = options.hint ?? `give the path of ${options.kind}`
    const missing = code === 'ENOENT' || code === 'ENOTDIR'
    const exit = code === 'EIO' ? 1 : 2
    const name = missing ? 'file-missing' : 'file-unreadable'
    const message = `cannot read ${file}: ${systemReason(error)}`
    throw new Failure(exit, name, message, { hint, cause: error })
  }
}

async function collect(
  chunks: AsyncIterable<Uint8Array>,
  file: string,
  options: ReadOptions,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let size = 0
  for await (const chunk of chunks) {
    parts.push(chunk)
    size += chunk.length
    if (size > options.bytesMax) throw tooLarge(file, options)
  }
  return Buffer.concat(parts)
}

function tooLarge(file: string, { bytesMax, kind }: ReadOptions): Failure {
  const most = `${Math.floor(bytesMax / 2 ** 20)} MiB`
  const message = `${file} is larger than ${kind} can be (${most})`
  return new Failure(2, 'file-too-large', message, { hint: 'check that it is the right file' })
}

function decode(bytes: Uint8Array, file: string, options: ReadOptions): string {
  const hint = options.hint ?? `give the path of ${options.kind}`
  if (bytes.length === 0) throw new Failure(2, 'file-empty', `${file} is empty`, { hint })
  const binary = (): Failure =>
    new Failure(2, 'file-binary', `${file} is not text in UTF-8, so it is not ${options.kind}`, {
      hint,
    })
  if (bytes.includes(0)) throw binary()
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw binary()
  }
  if (text.trim() === '') throw new Failure(2, 'file-empty', `${file} is empty`, { hint })
  return text
}
