import { createHash } from 'node:crypto'
import { type FileHandle, open, readFile } from 'node:fs/promises'
import { restoredSchema, uploadedSchema } from '../../../protocol/api/volumes.ts'
import { askLong, noBody, unknownForm } from '../../agent-client/ask-long.ts'
import { ask, documentOf } from '../../agent-client/client.ts'
import { askStream } from '../../agent-client/stream.ts'
import { Failure, systemReason } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'
import type { Input } from '../definition.ts'
import { progressLine, sizeText } from '../images/progress.ts'
import { placeOfVolume } from './at-host.ts'
import { asRefusal, volumeObject } from './name.ts'

/** An archive on its way to a host. */
interface Upload {
  /** Asks the host. */
  readonly session: Session
  readonly volume: string
  readonly sha256: string
  /** Opened once: what takes its name meanwhile is not what was judged. */
  readonly archive: FileHandle
  readonly signal: AbortSignal
}

/** `covey volume restore VOLUME FILE`. */
export async function restoreVolume(session: Session, input: Input): Promise<void> {
  const volume = volumeObject(input.args[0] ?? '')
  const file = input.args[1] ?? ''
  const wanted = input.text('sha256') ?? (await notedChecksum(session, file))
  const archive = await open(session.path(file)).catch((cause) => unreadable(file, cause))
  try {
    const { sha256, bytes } = await checksumOf(archive, file)
    if (wanted !== sha256) {
      const message = `${file} has the checksum ${sha256}, not ${wanted}`
      throw new Failure(2, 'volume-checksum', message, { hint: 'copy the archive again' })
    }
    const place = await placeOfVolume(session, input, volume)
    const signal = session.io.interrupted()
    const upload: Upload = { session: place.session, volume, sha256, archive, signal }
    await restoreFrom(session, input, upload, { file, bytes })
  } finally {
    await archive.close()
  }
}

async function restoreFrom(
  session: Session,
  input: Input,
  upload: Upload,
  { file, bytes }: { readonly file: string; readonly bytes: number },
): Promise<void> {
  const { volume } = upload
  const isDirect = input.is('direct')
  const progress = progressLine(session)
  try {
    if (!isDirect) await uploadRest(session, upload, bytes)
    progress.say(
      input.isNot('stop')
        ? `restoring ${volume}`
        : `restoring ${volume}; it is stopped for the exchange only`,
    )
    const switches = [
      ...(input.is('replace') ? ['replace=1'] : []),
      ...(input.isNot('stop') ? [] : ['stop=1']),
      ...(isDirect ? [] : ['uploaded=1']),
    ]
    const document = await restoreThere(upload, switches, isDirect)
    progress.end()
    session.result(document, `${volume}: restored from ${file}, ${sizeText(bytes)}\n`)
  } catch (error) {
    progress.end()
    throw asRefusal(error)
  }
}

/** Sends what the host does not have yet of an archive. */
async function uploadRest(session: Session, upload: Upload, size: number): Promise<void> {
  const { session: asked, volume, sha256, archive, signal } = upload
  const place = `/v1/volumes/${volume}/uploads/${sha256}`
  const answer = await ask(asked, { method: 'GET', path: place, admin: true })
  const known = uploadedSchema.safeParse(documentOf(asked, answer)).data?.bytes ?? 0
  if (known >= size) return
  if (known > 0) session.note(`${sizeText(known)} of the archive are there already`)
  const body = bytesFrom(archive, known)
  const question = { method: 'POST', path: `${place}?from=${known}`, admin: true } as const
  const sent = { ...question, body, contentType: 'application/zstd' }
  for await (const _ of askStream(asked, sent, signal));
  if (signal.aborted) {
    throw new Failure(1, 'interrupted', 'interrupted; the volume is as it was', {
      hint: 'run it again: it goes on with what is there',
    })
  }
}

async function restoreThere(
  { session, volume, sha256, archive, signal }: Upload,
  switches: readonly string[],
  isDirect: boolean,
): Promise<unknown> {
  const query = [`sha256=${sha256}`, ...switches].join('&')
  const question = { method: 'POST', path: `/v1/volumes/${volume}/restore?${query}` } as const
  const body = isDirect ? bytesFrom(archive, 0) : noBody()
  const asked = { ...question, admin: true, body, contentType: 'application/zstd' }
  const document = await askLong(session, asked, signal)
  if (signal.aborted) {
    throw new Failure(1, 'interrupted', 'interrupted: the volume has its old content, or the new', {
      hint: `restore it again to be sure: covey volume restore ${volume} FILE --replace`,
    })
  }
  if (restoredSchema.safeParse(document).success) return document
  throw unknownForm()
}

async function notedChecksum(session: Session, file: string): Promise<string> {
  const noted = await readFile(session.path(`${file}.sha256`), 'utf8').catch(() => '')
  const found = /^[0-9a-f]{64}(?=\s)/.exec(noted)?.[0]
  if (found !== undefined) return found
  throw new Failure(2, 'volume-checksum', `${file}.sha256 has no checksum of the archive`, {
    hint: 'put that file back, or give --sha256 with what covey volume backup printed',
  })
}

async function checksumOf(
  archive: FileHandle,
  file: string,
): Promise<{ readonly sha256: string; readonly bytes: number }> {
  const hash = createHash('sha256')
  let bytes = 0
  try {
    for await (const chunk of bytesFrom(archive, 0)) {
      hash.update(chunk)
      bytes += chunk.length
    }
  } catch (error) {
    unreadable(file, error)
  }
  return { sha256: hash.digest('hex'), bytes }
}

/** A stream of the handle would keep it, or close it, at an end of its own. */
async function* bytesFrom(archive: FileHandle, start: number): AsyncGenerator<Uint8Array> {
  let position = start
  for (;;) {
    const { bytesRead, buffer } = await archive.read({ position, buffer: Buffer.alloc(65_536) })
    if (bytesRead === 0) return
    position += bytesRead
    yield buffer.subarray(0, bytesRead)
  }
}

function unreadable(file: string, cause: unknown): never {
  throw new Failure(2, 'file-unreadable', `cannot read ${file}: ${systemReason(cause)}`, {
    hint: 'give the path of an archive of covey volume backup',
    cause,
  })
}
