import { envelopeText } from '../../agent/state/documents.ts'
import { filesOf, rootPath, stateFiles, writeState } from '../../agent/state/store.ts'
import { createDisk, type Disk } from '../../machine/files/disk.ts'
import type { DurableWrite, HeldConfig } from '../../protocol/node/durable.ts'
import type { SignedWorld } from './documents.ts'
import type { Files } from './file-tree.ts'
import { createModelDisk } from './model-disk.ts'

/** Where the state is on the model. Its folder's parent exists, itself not before the enrolment. */
export const stateFolder: string = '/var/lib/covey'

/** Digests of what a start must find; a head's digest says its position as well. */
export interface Facts {
  readonly isEnrolled: boolean
  readonly roots: readonly string[]
  readonly rivals: readonly string[]
  readonly head: string | null
  readonly floor: string | null
  readonly confirmed: string | null
  readonly evidence: readonly string[]
}

/** One durable change of the node: what was reported before it, and what is reported after it. */
export interface CrashCase {
  readonly name: string
  readonly before: Facts
  readonly after: Facts
  readonly files: Files
  readonly write: Write
}

/** Carries writes out on a model that nothing happens to; gives its files. */
async function filesAfter(files: Files, writes: readonly Write[]): Promise<Files> {
  const model = createModelDisk(files)
  const disk = createDisk(stateFolder, model.calls)
  for (const write of writes) await write(disk)
  return model.files()
}

/** The two changes of an enrolment (docs/PROTOCOL.md, D9). */
function enrol(world: SignedWorld, withConfig: boolean): Write {
  const { cluster, one } = world
  return async (disk) => {
    await disk.replace([
      { path: rootPath(1), content: envelopeText(cluster.root.document) },
      { path: stateFiles.floor, content: `${JSON.stringify(withConfig ? one.head : null)}\n` },
      ...filesOf(withConfig ? { head: one } : {}),
    ])
    const enrolment = { host: 'h0', cluster_id: cluster.id }
    await disk.replace([{ path: stateFiles.enrolment, content: JSON.stringify(enrolment) }])
  }
}

const nothing: Facts = {
  isEnrolled: false,
  roots: [],
  rivals: [],
  head: null,
  floor: null,
  confirmed: null,
  evidence: [],
}

type Write = (disk: Disk) => Promise<void>

/** The parts of the cases: a world, and hosts of it that hold something already. */
interface Setting {
  readonly world: SignedWorld
  readonly enrolled: Facts
  /** Files of a host that has been enrolled and has carried these changes out. */
  after(...changes: readonly DurableWrite[]): Promise<Files>
}

function store(write: DurableWrite): Write {
  return (disk) => writeState(disk, write)
}

/** The change that a new head is. */
function headWrite(held: HeldConfig, previous: HeldConfig | null): DurableWrite {
  return { ...(previous === null ? {} : { previous }), head: held, floor: held.head }
}

function holding(facts: Facts, { head }: HeldConfig): Facts {
  return { ...facts, head: head.digest, floor: head.digest }
}

/** Every durable write that a node makes. */
export async function makeCases(world: SignedWorld): Promise<readonly CrashCase[]> {
  const bareDisk: Files = new Map([['/var/lib/other', Buffer.from('x')]])
  const bare = await filesAfter(bareDisk, [enrol(world, false)])
  const enrolled: Facts = { ...nothing, isEnrolled: true, roots: [world.cluster.id] }
  const setting: Setting = {
    world,
    enrolled,
    after: (...changes) => filesAfter(bare, changes.map(store)),
  }
  const enrolments = [false, true].map((withConfig): CrashCase => {
    return {
      name: `enrolment ${withConfig ? 'with' : 'without'} a config`,
      before: nothing,
      after: withConfig ? holding(enrolled, world.one) : enrolled,
      files: bareDisk,
      write: enrol(world, withConfig),
    }
  })
  return [
    ...enrolments,
    ...(await headCases(setting)),
    ...(await evidenceCases(setting)),
    ...(await rootCases(setting)),
  ]
}

function change(
  name: string,
  facts: readonly [before: Facts, after: Facts],
  files: Files,
  write: DurableWrite,
): CrashCase {
  return { name, before: facts[0], after: facts[1], files, write: store(write) }
}

async function headCases({ world, enrolled, after }: Setting): Promise<readonly CrashCase[]> {
  const { one, two } = world
  const [at1, at2] = [holding(enrolled, one), holding(enrolled, two)]
  const first = headWrite(one, null)
  const second = headWrite(two, one)
  const confirmed = { ...at2, confirmed: two.head.digest }
  return [
    change('the first head', [enrolled, at1], await after(), first),
    change('a head after another', [at1, at2], await after(first), second),
    change('a confirmed config', [at2, confirmed], await after(first, second), { confirmed: two }),
  ]
}

async function evidenceCases({ world, enrolled, after }: Setting): Promise<readonly CrashCase[]> {
  const { one, two, twoToo, branch } = world
  const [low, high] = two.head.digest < twoToo.head.digest ? [two, twoToo] : [twoToo, two]
  const first = headWrite(one, null)
  const lost = { ...holding(enrolled, low), evidence: [high.head.digest] }
  const left = { ...holding(enrolled, branch), evidence: [two.head.digest] }
  return [
    change(
      'evidence of a fork that loses',
      [holding(enrolled, low), lost],
      await after(first, headWrite(low, one)),
      { evidence: high },
    ),
    change(
      'a fork that wins',
      [holding(enrolled, high), lost],
      await after(first, headWrite(high, one)),
      { evidence: high, ...headWrite(low, high) },
    ),
    change(
      'a head that leaves a branch out',
      [holding(enrolled, two), left],
      await after(first, headWrite(two, one)),
      { evidence: two, ...headWrite(branch, two) },
    ),
  ]
}

async function rootCases({ world, enrolled, after }: Setting): Promise<readonly CrashCase[]> {
  const { cluster, one, root2, root2Too, next } = world
  const first = headWrite(one, null)
  const rotation = { roots: [root2], ...headWrite(next, one) }
  const rotated = { ...holding(enrolled, next), roots: [cluster.id, root2.digest] }
  const rival = { ...rotated, rivals: [root2Too.digest] }
  return [
    change('a root with its head', [holding(enrolled, one), rotated], await after(first), rotation),
    change('a rival root', [rotated, rival], await after(first, rotation), { rivals: [root2Too] }),
  ]
}
