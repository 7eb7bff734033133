import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { basename } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { askStream } from '../../agent-client/stream.ts'
import { writeWhole } from '../../files/write-file.ts'
import { Failure, systemReason } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'
import type { Input } from '../definition.ts'
import { sizeText } from '../images/progress.ts'
import { asRefusal, volumeObject } from './name.ts'

/** `covey volume backup VOLUME -o FILE`. */
export async function backUpVolume(session: Session, input: Input): Promise<void> {
  const volume = volumeObject(input.args[0] ?? '')
  const output = input.text('output')
  if (output === undefined || output === '-') {
    throw new Failure(2, 'usage', 'the archive needs a file', {
      hint: `covey volume backup ${volume} -o ${volume}.tar.zst`,
    })
  }
  const target = session.path(output)
  const part = `${target}.covey-part`
  try {
    const { bytes, sha256 } = await copyArchive(session, volume, input.is('live'), part)
    await writeWhole(
      session.io.files,
      `${target}.sha256`,
      `${sha256}  ${basename(target)}\n`,
      0o600,
    )
    await rename(part, target)
    const text = `${output}: ${volume}, ${sizeText(bytes)}, sha256 ${sha256}\n`
    session.result({ file: output, volume, bytes, sha256 }, text)
  } catch (error) {
    await rm(part, { force: true })
    if (error instanceof Failure) throw asRefusal(error)
    throw new Failure(1, 'cannot-write', `cannot write ${output}: ${systemReason(error)}`, {
      hint: 'make room, or write elsewhere',
      cause: error,
    })
  }
}

async function copyArchive(
  session: Session,
  volume: string,
  isLive: boolean,
  path: string,
): Promise<{ readonly bytes: number; readonly sha256: string }> {
  const signal = session.io.interrupted()
  const query = isLive ? '?live=1' : ''
  const question = { method: 'GET', path: `/v1/volumes/${volume}/archive${query}` } as const
  const hash = createHash('sha256')
  let bytes = 0
  const counted = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of askStream(session, { ...question, admin: true }, signal)) {
      hash.update(chunk)
      bytes += chunk.length
      yield chunk
    }
    if (signal.aborted) throw new Failure(1, 'interrupted', 'interrupted; nothing was saved')
  }
  await pipeline(counted, createWriteStream(path, { mode: 0o600, flush: true }))
  return { bytes, sha256: hash.digest('hex') }
}
