import { createDisk, type Disk } from '../../agent/state/disk.ts'
import { envelopeText } from '../../agent/state/documents.ts'
import { filesOf, rootPath, stateFiles, writeState } from '../../agent/state/store.ts'
import type { DurableWrite } from '../../protocol/node/durable.ts'
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
  readonly write: (disk: Disk) => Promise<void>
}

/** Carries writes out on a model that nothing happens to; gives its files. */
async function filesAfter(
  files: Files,
  writes: readonly ((disk: Disk) => Promise<void>)[],
): Promise<Files> {
  const model = createModelDisk(files)
  const disk = createDisk(stateFolder, model.calls)
  for (const write of writes) await write(disk)
  return model.files()
}

/** The two changes of an enrolment (docs/PROTOCOL.md, D9). */
function enrol(world: SignedWorld, withConfig: boolean): (disk: Disk) => Promise<void> {
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

/** Every durable write that a node makes, one after the other where it can be. */
export async function makeCases(world: SignedWorld): Promise<readonly CrashCase[]> {
  const { cluster, one, two, three, twoToo, branch, root2, root2Too, next } = world
  const empty: Facts = {
    isEnrolled: false,
    roots: [],
    rivals: [],
    head: null,
    floor: null,
    confirmed: null,
    evidence: [],
  }
  const enrolled: Facts = { ...empty, isEnrolled: true, roots: [cluster.id] }
  const digest = (held: { readonly head: { readonly digest: string } }): string => held.head.digest
  const at = (facts: Facts, held: typeof one): Facts => {
    return { ...facts, head: digest(held), floor: digest(held) }
  }
  const nothing: Files = new Map([['/var/lib/other', Buffer.from('x')]])
  const bare = await filesAfter(nothing, [enrol(world, false)])
  const store = (write: DurableWrite) => (disk: Disk) => writeState(disk, write)
  const first = store({ head: one, floor: one.head })
  const second = store({ previous: one, head: two, floor: two.head })
  const third = store({ previous: two, head: three, floor: three.head })
  const on = (...writes: ((disk: Disk) => Promise<void>)[]): Promise<Files> =>
    filesAfter(bare, writes)
  const two1 = at(enrolled, two)
  const [low, high] = [two, twoToo].sort((a, b) => (digest(a) < digest(b) ? -1 : 1))
  if (low === undefined || high === undefined) throw new Error('two configs')
  const highFirst = await on(first, store({ previous: one, head: high, floor: high.head }))
  const rotated = { roots: [cluster.id, root2.digest] }
  const change = (name: string, before: Facts, after: Facts, files: Files, write: DurableWrite) => {
    return { name, before, after, files, write: store(write) }
  }
  return [
    {
      name: 'enrolment',
      before: empty,
      after: enrolled,
      files: nothing,
      write: enrol(world, false),
    },
    {
      name: 'enrolment with a config',
      before: empty,
      after: at(enrolled, one),
      files: nothing,
      write: enrol(world, true),
    },
    change('the first head', enrolled, at(enrolled, one), bare, { head: one, floor: one.head }),
    change('a head after another', at(enrolled, one), two1, await on(first), {
      previous: one,
      head: two,
      floor: two.head,
    }),
    change(
      'a confirmed config',
      two1,
      { ...two1, confirmed: digest(two) },
      await on(first, second),
      { confirmed: two },
    ),
    change(
      'evidence of a fork that loses',
      at(enrolled, low),
      { ...at(enrolled, low), evidence: [digest(high)] },
      await on(first, store({ previous: one, head: low, floor: low.head })),
      { evidence: high },
    ),
    change(
      'a fork that wins',
      at(enrolled, high),
      { ...at(enrolled, low), evidence: [digest(high)] },
      highFirst,
      { evidence: high, previous: high, head: low, floor: low.head },
    ),
    change(
      'a head that leaves a branch out',
      two1,
      { ...at(enrolled, branch), evidence: [digest(two)] },
      await on(first, second),
      { evidence: two, previous: two, head: branch, floor: branch.head },
    ),
    change(
      'a root with its head',
      at(enrolled, three),
      { ...at(enrolled, next), ...rotated },
      await on(first, second, third),
      { roots: [root2], previous: three, head: next, floor: next.head },
    ),
    change(
      'a rival root',
      { ...at(enrolled, next), ...rotated },
      { ...at(enrolled, next), ...rotated, rivals: [root2Too.digest] },
      await on(first, store({ roots: [root2], previous: one, head: next, floor: next.head })),
      { rivals: [root2Too] },
    ),
  ]
}
