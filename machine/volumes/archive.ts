import { PassThrough } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { constants, createZstdCompress } from 'node:zlib'
import { CoveyError } from '../../protocol/fault.ts'
import type { Sandbox } from '../images/unpack/sandbox.ts'
import { attributes } from './tar-options.ts'

/** An archive that is being made: a source, and what packs it. `source` throws if it fails. */
export interface VolumeArchive {
  readonly source: () => AsyncGenerator<Uint8Array>
  readonly packer: NodeJS.ReadWriteStream
  /** Ends what makes it. To be called in any case. */
  close(): void
}

/**
 * Begins a tar archive of a folder, packed with zstd. Its source throws `volume-changed` where a
 * file changed while it was read and it is not `live`, `volume-unread`.
 */
export function packFolder(sandbox: Sandbox, target: string, isLive: boolean): VolumeArchive {
  const child = sandbox.start({
    ...{ target, access: 'read', mayMarkOverlay: false },
    // Exit code 1: a file has changed while it was read, which `live` allows for.
    soundExits: isLive ? [0, 1] : [0],
    command: [
      ...(['tar', '--create', '--file=-', '--directory=/target', '--format=posix'] as const),
      ...['--sparse', '--one-file-system', ...attributes],
      ...(isLive ? ['changed', 'removed', 'shrank'] : []).map(
        (each) => `--warning=no-file-${each}`,
      ),
      ...['--warning=no-file-ignored', '.'],
    ],
  })
  child.process.stdin.end()
  return {
    async *source() {
      yield* child.process.stdout
      await child.ended.catch(failed)
    },
    packer: createZstdCompress({ params: { [constants.ZSTD_c_checksumFlag]: 1 } }),
    close: () => child.kill(),
  }
}

function failed(cause: unknown): never {
  const reason = cause instanceof Error ? cause.message : String(cause)
  const hint = 'nothing may change a volume while it is saved; --live saves it all the same'
  if (/file changed as we read it|File removed before we read it|File shrank/.test(reason)) {
    throw new CoveyError('volume-changed', `the volume cannot be saved: ${reason}`, { hint, cause })
  }
  throw new CoveyError('volume-unread', `the volume cannot be saved: ${reason}`, {
    hint: 'look at the file that is named, and at the disk: dmesg',
    cause,
  })
}

/** The chunks of an archive. Throws what its source throws, and the reason of `signal`. */
export async function* packedChunks(
  { source, packer }: VolumeArchive,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const out = new PassThrough()
  const ended = pipeline(source, packer, out, { signal })
  ended.catch(() => undefined)
  try {
    for await (const chunk of out) yield chunk
  } catch (error) {
    // The first to fail says why; what is downstream only breaks off.
    signal.throwIfAborted()
    await ended
    throw error
  } finally {
    out.destroy()
  }
  await ended
}
