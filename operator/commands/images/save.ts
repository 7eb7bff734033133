import { createWriteStream } from 'node:fs'
import { rename, rm, stat } from 'node:fs/promises'
import { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { isDigest } from '../../../protocol/names.ts'
import { parseReference } from '../../../reconcilers/images/reference.ts'
import { askStream } from '../../agent-client/stream.ts'
import { Failure, systemCode, systemReason } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'
import { shellWord } from '../../terminal/shell-word.ts'
import type { Input } from '../definition.ts'
import { progressLine, sizeText } from './progress.ts'

const example = 'covey image save registry.example/team/web@sha256:… -o web.tar'

/** `covey image save REFERENCE [-o FILE]`. */
export async function saveImage(session: Session, input: Input): Promise<void> {
  const reference = input.args[0] ?? ''
  const parsed = parseReference(reference)
  if (!isDigest(reference) && !parsed.ok) {
    const message = `${reference} ${parsed.fault.message}`
    throw new Failure(2, parsed.fault.code, message, { hint: example })
  }
  const output = input.text('output') ?? '-'
  if (output === '-') return await saveToStdout(session, reference)
  const target = session.path(output)
  const existing = await stat(target).catch(() => null)
  if (existing?.isDirectory()) {
    throw new Failure(1, 'cannot-write', `cannot write ${output}: it is a folder`, {
      hint: example,
    })
  }
  const isPlain = existing === null || existing.isFile()
  const path = isPlain ? `${target}.covey-part` : target
  try {
    const bytes = await copyArchive(session, reference, createWriteStream(path, { mode: 0o644 }))
    if (isPlain) await rename(path, target)
    session.result(
      { file: output, reference, bytes },
      `${output}: ${reference}, ${sizeText(bytes)}\non another host: covey image load ${shellWord(output)}\n`,
    )
  } catch (error) {
    if (isPlain) await rm(path, { force: true })
    throw error
  }
}

async function saveToStdout(session: Session, reference: string): Promise<void> {
  if (session.io.outIsTerminal || session.settings.json) {
    throw new Failure(2, 'usage', 'the archive needs a file or a pipe', { hint: example })
  }
  // Not by the descriptor itself: a pipe that is full for a moment would count as an error.
  const write = (chunk: Uint8Array): Promise<void> => session.io.write('out', chunk)
  const stdout = new Writable({
    write: (chunk: Buffer, _encoding, done) => void write(chunk).then(() => done(), done),
  })
  await copyArchive(session, reference, stdout)
}

async function copyArchive(session: Session, reference: string, to: Writable): Promise<number> {
  const signal = session.io.interrupted()
  const progress = progressLine(session)
  const path = `/v1/images/archive?reference=${encodeURIComponent(reference)}`
  const question = { method: 'GET', path, admin: true } as const
  let bytes = 0
  let told = 0
  const counting = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of askStream(session, question, signal)) {
      bytes += chunk.length
      yield chunk
      if (!session.io.errIsTerminal || bytes - told < 4 * 1024 * 1024) continue
      progress.say(`saving: ${sizeText(bytes)}`)
      told = bytes
    }
    if (signal.aborted) throw new Failure(1, 'interrupted', 'interrupted; nothing was saved')
  }
  try {
    await pipeline(counting, to)
    return bytes
  } catch (error) {
    if (error instanceof Failure) throw error
    if (systemCode(error) === 'EPIPE') return bytes
    const message = `cannot write the archive: ${systemReason(error)}`
    throw new Failure(1, 'cannot-write', message, { hint: 'make room, or write elsewhere' })
  } finally {
    progress.end()
  }
}
