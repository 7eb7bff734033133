import { extractAheadBytes } from '../limits.ts'
import type { Sandbox } from './sandbox.ts'

/** A tree that is being unpacked. */
export interface Extraction {
  /** Hands over more of the archive; resolves when more may come. */
  write(parts: readonly Buffer[]): Promise<void>
  /** Resolves when all is unpacked. Rejects with `unpack` or `disk-full`. */
  end(): Promise<void>
  /** Kills what unpacks. */
  abort(): void
}

/** Options for GNU tar to write exactly what an archive says, whatever the order of its entries. */
const extractArguments: readonly string[] = [
  ...['--extract', '--file=-', '--directory=/target', '--preserve-permissions', '--same-owner'],
  ...['--numeric-owner', '--xattrs', '--xattrs-include=*', '--delay-directory-restore'],
  // Links are made as they are: what goes through one has been refused or resolved before.
  ...['--absolute-names', '--warning=no-timestamp', '--blocking-factor=128'],
]

/**
 * Begins to unpack into `target`. Only archives that `entryHeaders` has written may be handed over:
 * the sandbox holds what goes wrong all the same.
 */
export function startExtraction(
  sandbox: Sandbox,
  target: string,
  options: { readonly mayMarkOverlay: boolean } = { mayMarkOverlay: false },
): Extraction {
  const child = sandbox.start({
    target,
    access: 'write',
    mayMarkOverlay: options.mayMarkOverlay,
    command: ['tar', ...extractArguments],
  })
  const { stdin, stdout } = child.process
  stdout.resume()
  let waitingBytes = 0
  let wake = (): void => {}
  stdin.once('close', () => wake())
  return {
    async write(parts) {
      const bytes = parts.reduce((sum, part) => sum + part.length, 0)
      if (bytes === 0) return
      waitingBytes += bytes
      stdin.cork()
      for (const part of parts) stdin.write(part)
      stdin.write('', () => {
        waitingBytes -= bytes
        wake()
      })
      stdin.uncork()
      // It works ahead of `tar`, which is busy with the disk meanwhile.
      while (waitingBytes > extractAheadBytes && !stdin.destroyed) {
        const taken = new Promise<void>((resolve) => {
          wake = resolve
        })
        await child.during(taken)
      }
      // A child that has ended takes nothing any more: its end says why.
      if (stdin.destroyed) await child.during(child.ended.then(endedEarly))
    },
    async end() {
      stdin.end()
      await child.during(child.ended)
    },
    abort: () => child.kill(),
  }
}

/** Fills an extraction. An error or the signal kills what unpacks; a signal is told first. */
export async function fill<T>(
  extraction: Extraction,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  const abort = (): void => extraction.abort()
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await work()
  } catch (error) {
    extraction.abort()
    signal.throwIfAborted()
    throw error
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

function endedEarly(): never {
  throw new Error('tar ended before its archive did')
}
