import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { holdsMax } from '../../machine/containers/orders/limits.ts'
import { type OrderBook, openOrders } from '../../machine/containers/orders/order-book.ts'
import type { FileCalls } from '../../platform/files/calls.ts'
import { CoveyError } from '../../protocol/fault.ts'
import type { ContainerHold, ContainerOrder } from '../../reconcilers/container-orders.ts'
import { quietLog } from '../machine/containers/quiet-log.ts'
import { stateFolder } from './cases.ts'
import type { Files } from './file-tree.ts'
import { createModelDisk, MachineEnded, type ModelDisk, type Trouble } from './model-disk.ts'

const stop: ContainerOrder = { kind: 'stop', revision: 'r1', atMs: 1 }
const restart: ContainerOrder = { kind: 'restart', revision: 'r1', atMs: 2 }
const hold: ContainerHold = { owner: 'move a', reason: 'it is moving', atMs: 3, isDurable: true }

const open = (calls: FileCalls): Promise<OrderBook> => openOrders(stateFolder, quietLog, calls)

/** The content of a book, as one text. */
const told = (book: OrderBook): string => JSON.stringify([...book.look()])

/** Every change of a book, each on top of the ones before it. */
const changes: readonly (readonly [string, (book: OrderBook) => Promise<unknown>])[] = [
  ['a first order', (book) => book.give('web', stop)],
  ['another order in its place', (book) => book.give('web', restart)],
  ['a hold', (book) => book.hold('web', hold)],
  ['an order for another one', (book) => book.give('db', stop)],
  ['the end of an order', (book) => book.end('web', restart)],
  ['the end of a hold', (book) => book.release('web', hold)],
]

interface Run {
  readonly model: ModelDisk
  readonly error: unknown
  /** The content of the book before and, where it came to that, after it. */
  readonly before: string
  readonly book: OrderBook
}

/** Makes a change on a disk with these files, and has trouble at one call of it. */
async function run(files: Files, at: number, change: number, trouble?: Trouble): Promise<Run> {
  const troubles = new Map<number, Trouble>()
  const model = createModelDisk(files, { troubles })
  const book = await open(model.calls)
  const before = told(book)
  if (trouble !== undefined) troubles.set(model.made.length + at, trouble)
  const made = changes[change]?.[1](book) ?? Promise.resolve()
  const error = await Promise.race([
    made.then(
      () => null,
      (reason: unknown) => reason,
    ),
    model.ended,
  ])
  return { model, error, before, book }
}

describe('orders on a disk', () => {
  // The state folder of a host that was enrolled is durable.
  let files: Files = new Map([[`${stateFolder}/enrolment.json`, Buffer.from('{}')]])
  for (const [change, [name]] of changes.entries()) {
    it(`are whole, the old or the new, at every crash: ${name}`, async () => {
      const sound = await run(files, 0, change)
      assert.equal(sound.error, null)
      const after = told(sound.book)
      assert.notEqual(after, sound.before)
      for (const left of sound.model.afterPowerCut()) {
        assert.equal(told(await open(createModelDisk(left).calls)), after, 'told too early')
      }
      const opening = createModelDisk(files)
      await open(opening.calls)
      const count = sound.model.made.length - opening.made.length
      assert.ok(count > 3)
      for (let at = 0; at < count; at++) {
        for (const trouble of ['crash-before', 'crash-after'] as const) {
          const { model, error, before } = await run(files, at, change, trouble)
          assert.ok(error instanceof MachineEnded || error === null)
          for (const left of [model.files(), ...model.afterPowerCut()]) {
            const found = told(await open(createModelDisk(left).calls))
            assert.ok([before, after].includes(found), `${trouble} at ${at}: ${found}`)
          }
        }
        for (const trouble of ['ENOSPC', 'EIO'] as const) {
          const { model, error, before, book } = await run(files, at, change, trouble)
          assert.ok(error instanceof CoveyError, `${trouble} at ${at}`)
          assert.ok(['disk-full', 'storage'].includes(error.code))
          // What failed is not told; the next start finds one of the two.
          assert.equal(told(book), before)
          const found = told(await open(model.restart()))
          assert.ok([before, after].includes(found), `${trouble} at ${at}: ${found}`)
        }
      }
      files = sound.model.files()
    })
  }
})

it('counts holds that are given at once', async () => {
  const model = createModelDisk(new Map([[`${stateFolder}/enrolment.json`, Buffer.from('{}')]]))
  const book = await open(model.calls)
  const owners = Array.from({ length: 40 }, (_, index) => `owner ${index}`)
  const given = await Promise.allSettled(
    owners.map((owner) => book.hold('web', { ...hold, owner })),
  )
  assert.equal(given.filter(({ status }) => status === 'fulfilled').length, holdsMax)
  assert.equal(book.look().get('web')?.holds.length, holdsMax)
})
