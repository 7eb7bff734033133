import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createZstdDecompress } from 'node:zlib'
import { CoveyError } from '../../protocol/fault.ts'
import type { Sandbox } from '../images/unpack/sandbox.ts'
import { attributes } from './tar-options.ts'

/** An archive that was unpacked. */
export interface Unpacked {
  /** Bytes of the archive. */
  readonly bytes: number
  readonly sha256: string
}

/** Unpacks an archive. Throws `volume-archive`, `disk-full`, the reason of `signal`. */
export async function unpackInto(
  sandbox: Pick<Sandbox, 'start'>,
  target: string,
  archive: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<Unpacked> {
  const hash = createHash('sha256')
  let bytes = 0
  const hashed = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of archive) {
      hash.update(chunk)
      bytes += chunk.length
      yield chunk
    }
  }
  const child = sandbox.start({
    ...{ target, access: 'write', mayMarkOverlay: false },
    command: [
      ...(['tar', '--extract', '--file=-', '--directory=/target', '--same-owner'] as const),
      ...['--preserve-permissions', '--delay-directory-restore', ...attributes],
    ],
  })
  child.process.stdout.resume()
  try {
    const feed = feederOf(child.process.stdin)
    await pipeline(hashed, createZstdDecompress(), feed, { signal })
    await child.ended
  } catch (error) {
    child.kill()
    const ended = await child.ended.catch((reason: unknown) => reason)
    signal.throwIfAborted()
    if (ended instanceof CoveyError && ended.code === 'disk-full') {
      throw new CoveyError('disk-full', 'there is no space left on the disk for the volume')
    }
    throw new CoveyError('volume-archive', 'the archive is damaged; the volume is as it was', {
      hint: 'copy the archive again: it must be one of covey volume backup',
      cause: error,
    })
  }
  return { bytes, sha256: hash.digest('hex') }
}

/**
 * Writes to a program until it wants no more, and reads on to the end. `tar` ends at the mark of
 * its archive's end, where Node closes its stdin: what is left unwritten then is padding, and the
 * archive is whole all the same. Whether the program was content says its exit code.
 */
function feederOf(stdin: Writable): (chunks: AsyncIterable<Buffer>) => Promise<void> {
  return async (chunks) => {
    for await (const chunk of chunks) {
      if (stdin.destroyed || stdin.write(chunk)) continue
      const done = new AbortController()
      const { signal } = done
      // `once` rejects at an error, as the one of a pipe that is closed.
      const ways = [once(stdin, 'drain', { signal }), once(stdin, 'close', { signal })]
      await Promise.race(ways).catch(() => undefined)
      done.abort()
      await Promise.allSettled(ways)
    }
    stdin.end()
  }
}
