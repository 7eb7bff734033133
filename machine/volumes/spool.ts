import { createHash, randomBytes } from 'node:crypto'
import { createReadStream, mkdirSync, readdirSync, rmSync, statfsSync, statSync } from 'node:fs'
import { type FileHandle, open, rename, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { isFull, machineCalls } from '../../platform/files/calls.ts'
import { syncFolder } from '../../platform/files/durable-file.ts'
import { CoveyError } from '../../protocol/fault.ts'
import {
  spoolFilesMax,
  spoolFreeBytesMin,
  spoolLookBytes,
  spoolLookMs,
  spoolMsMax,
} from './limits.ts'

/** An archive that the host keeps for a while. */
export interface KeptArchive {
  readonly bytes: number
  /** SHA-256 in hexadecimal digits, by which it is asked for. */
  readonly sha256: string
}

/** Chunks of a file, and how many bytes are to come. */
interface Reading {
  readonly bytes: number
  readonly chunks: AsyncIterable<Uint8Array>
}

/**
 * Archives on their way, so that a transfer that broke off can go on. They are files by volume and
 * checksum; those that nobody has used for a while go, and the oldest where there are too many.
 *
 * 1. what is named `made` is whole, and durable;
 * 2. what is named `sent` is a beginning of what was announced, and is judged when it is unpacked.
 */
export class Spool {
  private readonly folder: string
  /** Uploads that arrive just now. */
  private readonly receiving = new Set<string>()

  /** Opens the folder of a spool; what an earlier agent was making goes. */
  constructor(folder: string) {
    this.folder = folder
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    for (const name of this.names('making')) this.drop(name)
    this.clean(0)
    setInterval(() => this.clean(0), spoolLookMs).unref()
  }

  /** Keeps an archive while it is made. Throws `disk-full`, and what its source throws. */
  async keep(
    object: string,
    chunks: AsyncIterable<Uint8Array>,
    onBytes: (bytes: number) => void,
  ): Promise<KeptArchive> {
    this.clean(1)
    const name = `making~${object}~${randomBytes(8).toString('hex')}`
    const path = join(this.folder, name)
    const hash = createHash('sha256')
    let bytes = 0
    const file = await open(path, 'wx', 0o600)
    try {
      for await (const chunk of chunks) {
        await this.append(file, bytes, chunk)
        hash.update(chunk)
        bytes += chunk.length
        onBytes(bytes)
      }
      await file.sync()
      const sha256 = hash.digest('hex')
      await rename(path, join(this.folder, `made~${object}~${sha256}`))
      await syncFolder(machineCalls, this.folder)
      return { bytes, sha256 }
    } catch (error) {
      this.drop(name)
      throw error
    } finally {
      await file.close()
    }
  }

  /** An archive that was made, from an offset on. Throws `no-such-archive`, `bad-offset`. */
  async read(object: string, sha256: string, from: number): Promise<Reading> {
    const path = join(this.folder, `made~${object}~${sha256}`)
    const size = sizeAt(path)
    if (size === null) {
      throw new CoveyError('no-such-archive', 'the host does not keep this archive any more', {
        hint: 'make a new one: covey volume backup',
      })
    }
    if (from > size) throw badOffset(size)
    await touch(path)
    return { bytes: size - from, chunks: chunksOf(path, from) }
  }

  remove(object: string, sha256: string): void {
    this.drop(`made~${object}~${sha256}`)
  }

  /** Bytes of an upload that are there. */
  received(object: string, sha256: string): number {
    return sizeAt(join(this.folder, `sent~${object}~${sha256}`)) ?? 0
  }

  /** Takes more of an upload. Throws `bad-offset`, `volume-busy`, `disk-full`. */
  async receive(
    object: string,
    sha256: string,
    from: number,
    chunks: AsyncIterable<Uint8Array>,
  ): Promise<number> {
    const name = `sent~${object}~${sha256}`
    if (this.receiving.has(name)) {
      throw new CoveyError('volume-busy', 'this archive is being uploaded already', {
        hint: 'wait until that has ended',
      })
    }
    let bytes = this.received(object, sha256)
    if (from !== bytes) throw badOffset(bytes)
    if (bytes === 0) this.clean(1)
    this.receiving.add(name)
    try {
      const file = await open(join(this.folder, name), 'a', 0o600)
      try {
        for await (const chunk of chunks) {
          await this.append(file, bytes, chunk)
          bytes += chunk.length
        }
        return bytes
      } finally {
        await file.close()
      }
    } finally {
      this.receiving.delete(name)
    }
  }

  /** An upload as far as it has arrived. Throws `no-such-archive`. */
  uploaded(object: string, sha256: string): AsyncIterable<Uint8Array> {
    const path = join(this.folder, `sent~${object}~${sha256}`)
    if (sizeAt(path) !== null) return chunksOf(path, 0)
    throw new CoveyError('no-such-archive', 'the archive was not uploaded, or is gone by now', {
      hint: 'run covey volume restore again: it uploads what is missing',
    })
  }

  removeUpload(object: string, sha256: string): void {
    this.drop(`sent~${object}~${sha256}`)
  }

  private async append(file: FileHandle, at: number, chunk: Uint8Array): Promise<void> {
    const isDue =
      Math.floor(at / spoolLookBytes) !== Math.floor((at + chunk.length) / spoolLookBytes)
    if (at === 0 || isDue) {
      const { bavail, bsize } = statfsSync(this.folder)
      if (bavail * bsize < spoolFreeBytesMin + spoolLookBytes) throw full()
    }
    try {
      await file.writeFile(chunk)
    } catch (error) {
      throw isFull(error) ? full() : error
    }
  }

  /** Makes room for so many further files. */
  private clean(more: number): void {
    const all = readdirSync(this.folder)
      .filter((name) => !this.receiving.has(name) && !name.startsWith('making~'))
      .map((name) => ({ name, at: statSync(join(this.folder, name)).mtimeMs }))
      .sort((a, b) => a.at - b.at)
    const oldestMs = Date.now() - spoolMsMax
    const over = all.length + more - spoolFilesMax
    for (const [index, { name, at }] of all.entries()) {
      if (index < over || at < oldestMs) this.drop(name)
    }
  }

  private names(kind: string): readonly string[] {
    return readdirSync(this.folder).filter((name) => name.startsWith(`${kind}~`))
  }

  private drop(name: string): void {
    rmSync(join(this.folder, name), { force: true })
  }
}

/** Opens the file only for a reader who begins: nobody closes it, or hears its error, before. */
async function* chunksOf(path: string, start: number): AsyncGenerator<Uint8Array> {
  yield* createReadStream(path, { start })
}

function sizeAt(path: string): number | null {
  return statSync(path, { throwIfNoEntry: false })?.size ?? null
}

async function touch(path: string): Promise<void> {
  const now = new Date()
  await utimes(path, now, now).catch(() => undefined)
}

function badOffset(bytes: number): CoveyError {
  return new CoveyError('bad-offset', `the archive goes on at byte ${bytes}`, {
    hint: 'run the command again',
  })
}

function full(): CoveyError {
  return new CoveyError('disk-full', 'there is no room on the disk of the host for the archive', {
    hint: 'make room there, or use --direct: it keeps no archive on the host',
  })
}
