import { createHash } from 'node:crypto'
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
  sandbox: Sandbox,
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
    await pipeline(hashed, createZstdDecompress(), child.process.stdin, { signal })
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
