import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { restoredSchema } from '../../../protocol/api/volumes.ts'
import { heard } from '../../agent-client/heard.ts'
import { askStream } from '../../agent-client/stream.ts'
import { Failure, systemReason } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'
import type { Input } from '../definition.ts'
import { sizeText } from '../images/progress.ts'
import { asRefusal, volumeObject } from './name.ts'

/** `covey volume restore VOLUME FILE`. */
export async function restoreVolume(session: Session, input: Input): Promise<void> {
  const volume = volumeObject(input.args[0] ?? '')
  const file = input.args[1] ?? ''
  const wanted = input.text('sha256') ?? (await notedChecksum(session, file))
  const sha256 = await checksumOf(session.path(file), file)
  if (wanted !== sha256) {
    const message = `${file} has the checksum ${sha256}, not ${wanted}`
    throw new Failure(2, 'volume-checksum', message, { hint: 'copy the archive again' })
  }
  const query = `sha256=${sha256}${input.is('replace') ? '&replace=1' : ''}`
  const question = { method: 'POST', path: `/v1/volumes/${volume}/restore?${query}` } as const
  const signal = session.io.interrupted()
  const body = createReadStream(session.path(file))
  const chunks: Buffer[] = []
  try {
    const asked = { ...question, admin: true, body, contentType: 'application/zstd' }
    for await (const chunk of askStream(session, asked, signal)) chunks.push(chunk)
  } catch (error) {
    throw asRefusal(error)
  }
  if (signal.aborted) {
    throw new Failure(1, 'interrupted', 'interrupted', {
      hint: `covey volume list shows whether ${volume} has changed; else restore it again`,
    })
  }
  const document = heard(session, Buffer.concat(chunks).toString('utf8'))
  const parsed = restoredSchema.safeParse(document)
  if (!parsed.success) {
    throw new Failure(1, 'answer-broken', 'the agent answered in an unknown form', {
      hint: 'use the covey of the same version as the agent',
    })
  }
  session.result(document, `${volume}: restored from ${file}, ${sizeText(parsed.data.bytes)}\n`)
}

async function notedChecksum(session: Session, file: string): Promise<string> {
  const noted = await readFile(session.path(`${file}.sha256`), 'utf8').catch(() => '')
  const found = /^[0-9a-f]{64}(?=\s)/.exec(noted)?.[0]
  if (found !== undefined) return found
  throw new Failure(2, 'volume-checksum', `${file}.sha256 has no checksum of the archive`, {
    hint: 'put that file back, or give --sha256 with what covey volume backup printed',
  })
}

async function checksumOf(path: string, file: string): Promise<string> {
  const hash = createHash('sha256')
  try {
    for await (const chunk of createReadStream(path)) hash.update(chunk)
  } catch (error) {
    throw new Failure(2, 'file-unreadable', `cannot read ${file}: ${systemReason(error)}`, {
      hint: 'give the path of an archive of covey volume backup',
      cause: error,
    })
  }
  return hash.digest('hex')
}
