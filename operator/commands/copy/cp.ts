import { mkdtemp, realpath, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { readTree } from '../../../platform/tree/read-tree.ts'
import type { TreeTotals } from '../../../platform/tree/tree-entry.ts'
import type { CopyStart } from '../../../protocol/copy-start.ts'
import { CoveyError } from '../../../protocol/fault.ts'
import { copyFrom, copyTo } from '../../agent-client/copy.ts'
import { shownName } from '../../all-hosts/find.ts'
import { findTargets, type Targets } from '../../all-hosts/known.ts'
import { useFirst } from '../../all-hosts/use-first.ts'
import { Failure, systemCode, systemReason } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'
import { counted } from '../../terminal/style.ts'
import type { Input } from '../definition.ts'
import { sizeText } from '../images/progress.ts'
import { packStream, streamOf } from './archives.ts'
import { lookAt, packLocal } from './local-tree.ts'
import { mergeLocal, settleLocal } from './settle-local.ts'
import { type CopySides, lastName, meansContent, sidesOf } from './sides.ts'
import { unpackedName, unpackTree } from './unpack.ts'

type Target = Targets['found'][number]
type CopyOut = Extract<CopySides, { direction: 'out' }>
type CopyIn = Extract<CopySides, { direction: 'in' }>

/** `covey cp [-a] [-L] [--all] [SERVICE:]PATH|- [SERVICE:]PATH|-`. */
export async function copyFiles(session: Session, input: Input): Promise<void> {
  const sides = sidesOf(input.args[0] ?? '', input.args[1] ?? '')
  const { found, isSeveral } = await findTargets(session, input, [sides.container.word])
  const place = (target: Target): string => {
    const name = shownName(target)
    return isSeveral ? `${name} on ${target.host}` : name
  }
  const copies = new Copies(session, input, session.io.interrupted(), place)
  await (sides.direction === 'out' ? copies.out(sides, found) : copies.into(sides, found))
}

class Copies {
  private readonly session: Session
  private readonly input: Input
  private readonly signal: AbortSignal
  private readonly place: (target: Target) => string
  private readonly totals: TreeTotals = { files: 0, folders: 0, bytes: 0 }
  /** True once something was taken from stdin, or written to stdout. */
  private isBegun = false

  constructor(
    session: Session,
    input: Input,
    signal: AbortSignal,
    place: (target: Target) => string,
  ) {
    this.session = session
    this.input = input
    this.signal = signal
    this.place = place
  }

  async out(sides: CopyOut, found: readonly Target[]): Promise<void> {
    const { session, input } = this
    if (input.is('all')) throw usage('--all is for copies into containers')
    if (input.is('archive') && sides.local.kind === 'local' && process.getuid?.() !== 0) {
      throw usage('only root may give files other owners', 'use sudo, or leave -a out')
    }
    if (sides.local.kind === 'stream' && session.io.outIsTerminal) {
      throw usage('an archive is nothing for a terminal', `redirect it: covey cp … - > files.tar`)
    }
    const used = await this.first(found, (target) => this.outOf(target, sides))
    if (sides.local.kind === 'stream') return
    this.tell([used], `to ${sides.local.path}`, 'from')
  }

  private async outOf(target: Target, { container, local }: CopyOut): Promise<void> {
    const { session, signal } = this
    const { path } = container
    const content = meansContent(path)
    const start: CopyStart = {
      ...{ direction: 'out', path },
      followLink: this.input.is('followLink') || content,
    }
    const onLeftOut = (line: string): void => session.warn(line)
    const order = { object: target.object, start, onLeftOut, signal }
    const chunks = this.begun(copyFrom(await target.at.session(), order))
    if (local.kind === 'stream') {
      for await (const bytes of streamOf(chunks, content ? '' : lastName(path))) {
        await session.io.write('out', bytes)
      }
      return
    }
    const to = await localTarget(
      session.path(local.path),
      local.path,
      content ? '' : lastName(path),
    )
    const part = await mkdtemp(join(to.folder, '.covey-cp-')).catch((error) => {
      throw cannotWrite(local.path, error)
    })
    try {
      const init = { folder: part, keepsOwners: this.input.is('archive'), totals: this.totals }
      const kind = await unpackTree(readTree(chunks), init)
      if (signal.aborted) throw new Failure(1, 'interrupted', 'interrupted; nothing was copied')
      if (kind !== 'file' && kind !== 'symlink' && to.wantsFile) {
        throw usage(`${local.path} is a file, and a folder cannot replace it`)
      }
      if (kind !== 'folder' && (to.wantsFolder || content)) {
        throw usage(`there is no folder ${local.path}`, 'make it first')
      }
      const unpacked = Buffer.from(join(part, unpackedName))
      if (content && to.isThere) await mergeLocal(unpacked, Buffer.from(to.path))
      else await settleLocal(unpacked, Buffer.from(to.path))
    } catch (error) {
      throw systemCode(error) === '' || error instanceof CoveyError
        ? error
        : cannotWrite(local.path, error)
    } finally {
      await rm(part, { recursive: true, force: true })
    }
  }

  async into(sides: CopyIn, found: readonly Target[]): Promise<void> {
    const { local } = sides
    const isAll = this.input.is('all')
    if (isAll && local.kind === 'stream') throw usage('stdin can be copied to one container only')
    const from = local.kind === 'stream' ? 'stdin' : local.path
    const done: Target[] = []
    if (isAll) {
      for (const target of found) {
        this.reset()
        await this.intoOne(target, sides)
        done.push(target)
      }
    } else {
      const used = await this.first(found, (target) => this.intoOne(target, sides))
      done.push(used)
      const more = found.length - 1
      if (more > 0) {
        this.session.warn(`only ${this.place(used)} has it, and ${more} more have not: --all`)
      }
    }
    this.tell(done, `from ${from}`, 'to')
  }

  private async intoOne(target: Target, { container, local }: CopyIn): Promise<void> {
    const { input, signal, session, totals } = this
    const keepOwners = input.is('archive')
    const onLeftOut = (line: string): void => session.warn(line)
    const pack = { keepsOwners: keepOwners, onLeftOut, totals }
    const direction = 'in' as const
    const common = { direction, path: container.path, keepOwners }
    if (local.kind === 'stream') {
      const start: CopyStart = { ...common, source: 'content', name: '', mayMake: false }
      const order = { object: target.object, start, onLeftOut, signal }
      const chunks = this.begun(packStream(session.io.stdin, pack))
      await copyTo(await target.at.session(), order, chunks).finally(() => session.io.endInput())
      return
    }
    const path = session.path(local.path)
    const content = meansContent(local.path)
    const follows = input.is('followLink') || content || local.path.endsWith('/')
    const seen = await lookAt(path, follows)
    const isFolder = seen.isDirectory()
    if (content && !isFolder) throw usage(`${local.path} is no folder`)
    const source = content ? 'content' : isFolder ? 'folder' : 'file'
    const start: CopyStart = { ...common, source, name: basename(path), mayMake: true }
    const order = { object: target.object, start, onLeftOut, signal }
    await copyTo(await target.at.session(), order, this.begun(packLocal(path, seen, pack)))
  }

  private async *begun(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      this.isBegun = true
      yield chunk
    }
  }

  private reset(): void {
    Object.assign(this.totals, { files: 0, folders: 0, bytes: 0 })
  }

  /** Uses the first container with the name that runs, and gives it. */
  private async first(
    found: readonly Target[],
    use: (target: Target) => Promise<void>,
  ): Promise<Target> {
    const given = async (target: Target): Promise<Target> => {
      await use(target)
      return target
    }
    return await useFirst(found, given, () => !this.isBegun)
  }

  private tell(targets: readonly Target[], other: string, preposition: 'from' | 'to'): void {
    const { files, folders, bytes } = this.totals
    const names = targets.map(this.place).join(', ')
    const text = `${counted(files, 'file')}, ${sizeText(bytes)}, ${
      preposition === 'from' ? `from ${names} ${other}` : `${other} to ${names}`
    }\n`
    const containers = targets.map(({ host, object }) => ({ host, container: object }))
    this.session.result({ files, folders, bytes, containers }, text)
  }
}

interface LocalTarget {
  readonly path: string
  /** Folder in which it is unpacked: of the same disk. */
  readonly folder: string
  readonly isThere: boolean
  readonly wantsFile: boolean
  readonly wantsFolder: boolean
}

/** Where something goes here: into a folder that is there, else to that name. */
async function localTarget(path: string, said: string, name: string): Promise<LocalTarget> {
  const there = await stat(path).catch((error) => {
    if (systemCode(error) === 'ENOENT') return null
    throw cannotWrite(said, error)
  })
  const common = { isThere: there !== null, wantsFile: false, wantsFolder: false }
  if (there?.isDirectory() === true) {
    return { ...common, folder: path, path: name === '' ? path : join(path, name) }
  }
  if (there !== null) {
    const real = await realpath(path)
    return { ...common, path: real, folder: dirname(real), wantsFile: true }
  }
  const folder = dirname(path)
  const above = await stat(folder).catch((error) => {
    throw cannotWrite(said, error)
  })
  if (!above.isDirectory()) throw usage(`${dirname(said)} is no folder`)
  return { ...common, path: resolve(path), folder, wantsFolder: said.endsWith('/') }
}

function usage(message: string, hint = 'covey cp --help has examples'): Failure {
  return new Failure(2, 'usage', message, { hint })
}

function cannotWrite(said: string, error: unknown): Failure {
  return new Failure(1, 'cannot-write', `cannot write ${said}: ${systemReason(error)}`, {
    hint: 'make room, or copy elsewhere',
    cause: error,
  })
}
