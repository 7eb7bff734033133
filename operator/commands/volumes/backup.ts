import { createHash } from 'node:crypto'
import { constants, createReadStream, type WriteStream } from 'node:fs'
import { open, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { keptArchiveSchema } from '../../../protocol/api/volumes.ts'
import { ask } from '../../agent-client/client.ts'
import { askStream } from '../../agent-client/stream.ts'
import { writeWhole } from '../../files/write-file.ts'
import { Failure, systemReason } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'
import type { Input } from '../definition.ts'
import { progressLine, sizeText } from '../images/progress.ts'
import { placeOfVolume, type VolumePlace } from './at-host.ts'
import { runBefore } from './before.ts'
import { followArchive } from './follow-archive.ts'
import { asRefusal, volumeObject } from './name.ts'

/** A backup on its way. */
interface Backup {
  readonly place: VolumePlace
  readonly volume: string
  /** Where the archive goes, and its name as it was given. */
  readonly target: string
  readonly output: string
  readonly users: 'stop' | 'refuse' | 'live'
  readonly signal: AbortSignal
}

/** Digest and size of an archive that is whole. */
interface Whole {
  readonly bytes: number
  readonly sha256: string
}

/** `covey volume backup VOLUME -o FILE`. */
export async function backUpVolume(session: Session, input: Input): Promise<void> {
  const volume = volumeObject(input.args[0] ?? '')
  const output = input.text('output')
  if (output === undefined || output === '-') {
    throw new Failure(2, 'usage', 'the archive needs a file', {
      hint: `covey volume backup ${volume} -o ${volume}.tar.zst`,
    })
  }
  const hook = input.text('before')
  if (input.is('direct') && input.is('resume')) {
    throw new Failure(2, 'usage', '--direct keeps nothing on the host that could be resumed')
  }
  const target = session.path(output)
  await expectPlace(target, output)
  const place = await placeOfVolume(session, input, volume)
  const isLive = input.is('live') || hook !== undefined
  const users = isLive ? 'live' : input.isNot('stop') ? 'refuse' : 'stop'
  const signal = session.io.interrupted()
  const backup: Backup = { place, volume, target, output, users, signal }
  try {
    if (hook !== undefined) await runBefore(session, place, hook, input.args.slice(1))
    const whole = input.is('direct')
      ? await copyDirectly(backup)
      : await copyKept(session, backup, input.is('resume'))
    const text = `${output}: ${volume}, ${sizeText(whole.bytes)}, sha256 ${whole.sha256}\n`
    session.result({ file: output, volume, ...whole }, text)
  } catch (error) {
    if (error instanceof Failure) throw asRefusal(error)
    throw new Failure(1, 'cannot-write', `cannot write ${output}: ${systemReason(error)}`, {
      hint: 'make room, or write elsewhere',
      cause: error,
    })
  }
}

/** Refuses a place that no file can take, before anything is stopped for the archive. */
async function expectPlace(target: string, output: string): Promise<void> {
  const [there, above] = await Promise.all(
    [target, dirname(target)].map((path) => stat(path).catch(() => undefined)),
  )
  if (there?.isDirectory() !== true && above?.isDirectory() === true) return
  const why = above?.isDirectory() === true ? 'is a folder' : 'is in no folder that is there'
  throw new Failure(2, 'usage', `-o ${output} ${why}`, { hint: 'name a file in a folder' })
}

/** The archive as it is made; what was copied goes where it cannot be ended. */
async function copyDirectly(backup: Backup): Promise<Whole> {
  const { place, volume, target, users, signal } = backup
  const part = `${target}.covey-part`
  const path = `/v1/volumes/${volume}/archive?users=${users}`
  try {
    const chunks = askStream(place.session, { method: 'GET', path, admin: true }, signal)
    await pipeline(chunks, await openPart(part, 0))
    if (signal.aborted) throw new Failure(1, 'interrupted', 'interrupted; nothing was saved')
    const whole = await wholeOf(part)
    await takeName(place.session, backup, part, whole)
    return whole
  } finally {
    await rm(part, { force: true })
  }
}

/** The archive from the host's own copy of it, which stays there until all of it is here. */
async function copyKept(session: Session, backup: Backup, resume: boolean): Promise<Whole> {
  const { place, volume, target, output, signal } = backup
  const again = `covey volume backup ${volume} -o ${output} --resume`
  const begun = await partsOf(target)
  const known = resume ? begun[0] : undefined
  for (const sha256 of begun)
    if (sha256 !== known) await rm(partOf(target, sha256), { force: true })
  const sha256 = known ?? (await makeArchive(session, backup))
  const part = partOf(target, sha256)
  const from = known === undefined ? 0 : (await stat(part)).size
  if (from > 0) session.note(`going on with the archive that was made before, at ${sizeText(from)}`)
  const kept = `/v1/volumes/${volume}/archives/${sha256}`
  const question = { method: 'GET', path: `${kept}?from=${from}`, admin: true } as const
  try {
    const chunks = askStream(place.session, question, signal)
    await pipeline(chunks, await openPart(part, from))
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    const isGone = ['no-such-archive', 'bad-offset'].includes(error.code)
    if (isGone) await rm(part, { force: true })
    const hint = isGone ? 'make a new one: run it again without --resume' : again
    throw error.exit === 5 || isGone
      ? new Failure(error.exit, error.code, error.message, { hint, cause: error })
      : error
  }
  if (signal.aborted) {
    throw new Failure(1, 'interrupted', 'interrupted', { hint: `to go on: ${again}` })
  }
  const whole = await wholeOf(part)
  if (whole.sha256 !== sha256) {
    await rm(part, { force: true })
    throw new Failure(1, 'volume-checksum', 'the archive arrived altered; it was removed here', {
      hint: 'run it again without --resume',
    })
  }
  await takeName(session, backup, part, whole)
  // It goes by itself after a while.
  await ask(place.session, { method: 'DELETE', path: kept, admin: true }).catch(() => undefined)
  return whole
}

/**
 * Opens what is to become an archive, anew or to go on behind so many bytes: never by a link that
 * others have put in its place, and never a file of theirs.
 */
async function openPart(part: string, from: number): Promise<WriteStream> {
  const { O_WRONLY, O_CREAT, O_EXCL, O_APPEND, O_NOFOLLOW } = constants
  if (from === 0) await rm(part, { force: true })
  const how = from === 0 ? O_CREAT | O_EXCL : O_APPEND
  const handle = await open(part, O_WRONLY | O_NOFOLLOW | how, 0o600)
  return handle.createWriteStream({ flush: true })
}

/** Has the host make an archive and keep it; its checksum. */
async function makeArchive(session: Session, backup: Backup): Promise<string> {
  const { place, volume, users, signal } = backup
  const progress = progressLine(session)
  progress.say(
    users === 'stop' ? `stopping what uses ${volume}, and saving it` : `saving ${volume}`,
  )
  try {
    const path = `/v1/volumes/${volume}/archives?users=${users}`
    const document = await followArchive(place.session, path, signal, (bytes) => {
      if (session.io.errIsTerminal) progress.say(`saving ${volume}: ${sizeText(bytes)}`)
    })
    const kept = keptArchiveSchema.safeParse(document)
    if (kept.success) return kept.data.sha256
    throw new Failure(1, 'answer-broken', 'the agent told of the archive in an unknown form')
  } finally {
    progress.end()
  }
}

/** The checksum first: an archive that has its name has it beside it. */
async function takeName(
  session: Session,
  { target }: Backup,
  part: string,
  { sha256 }: Whole,
): Promise<void> {
  const line = `${sha256}  ${basename(target)}\n`
  await writeWhole(session.io.files, `${target}.sha256`, line, 0o600)
  await rename(part, target)
}

function partOf(target: string, sha256: string): string {
  return `${target}.covey-${sha256}`
}

/** Checksums of archives that were begun for a file. */
async function partsOf(target: string): Promise<readonly string[]> {
  const prefix = `${basename(target)}.covey-`
  const names = await readdir(dirname(target)).catch(() => [])
  return names
    .filter((name) => name.startsWith(prefix))
    .map((name) => name.slice(prefix.length))
    .filter((text) => /^[0-9a-f]{64}$/.test(text))
}

async function wholeOf(path: string): Promise<Whole> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of createReadStream(path)) {
    hash.update(chunk)
    bytes += chunk.length
  }
  return { bytes, sha256: hash.digest('hex') }
}
