import { statfs } from 'node:fs/promises'
import { isFull } from '../../../platform/files/calls.ts'
import { CoveyError } from '../../../protocol/fault.ts'
import { freeBytesMin, freeCheckBytes } from '../limits.ts'
import type { Store } from './store.ts'

/** Room on the disk for what one pull or load writes. */
export interface Share {
  /** Asks for more. Rejects with `image-budget` or `disk-full`. */
  take(bytes: number): Promise<void>
  /** Ends the reservation: the data is part of the store now, or gone. */
  close(): void
}

/** Keeps images within their budget, and the disk from filling up. */
export interface Room {
  open(): Share
}

/** Dependencies of the room. */
export interface RoomInit {
  readonly store: Store
  readonly budgetBytes: number
  /** Removes the image that was not needed for the longest time; false if all are needed. */
  readonly makeRoom: () => Promise<boolean>
  /** Bytes that are free for root on the disk of a folder; the disk's own where absent. */
  readonly freeBytes?: (folder: string) => Promise<number>
}

/** Room below the store's folder. */
export function createRoom(init: RoomInit): Room {
  const { store, budgetBytes, makeRoom, freeBytes = freeBytesOf } = init
  let reserved = 0
  let sinceCheck = freeCheckBytes
  let making: Promise<boolean> = Promise.resolve(true)

  const isWithin = async (): Promise<string | null> => {
    if (store.bytes() + reserved > budgetBytes) return 'image-budget'
    if (sinceCheck < freeCheckBytes) return null
    sinceCheck = 0
    return (await freeBytes(store.folder)) < freeBytesMin ? 'disk-full' : null
  }
  const ensure = async (): Promise<void> => {
    for (;;) {
      const lack = await isWithin()
      if (lack === null) return
      if (await makeRoom()) {
        sinceCheck = freeCheckBytes
        continue
      }
      sinceCheck = freeCheckBytes
      throw lack === 'disk-full' ? await diskFull(store.folder, freeBytes) : overBudget(budgetBytes)
    }
  }
  return {
    open() {
      let taken = 0
      // Whatever begins looks at the disk first.
      sinceCheck = freeCheckBytes
      return {
        async take(bytes) {
          taken += bytes
          reserved += bytes
          sinceCheck += bytes
          if (sinceCheck < freeCheckBytes && store.bytes() + reserved <= budgetBytes) return
          // One after the other: several that make room at once would remove more than is needed.
          const turn = making.catch(() => false).then(ensure)
          making = turn.then(
            () => true,
            () => false,
          )
          await turn
        },
        close() {
          reserved -= taken
          taken = 0
        },
      }
    },
  }
}

async function freeBytesOf(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}

/** A disk that has no room, or soon none: what is left is the host's. */
async function diskFull(
  folder: string,
  freeBytes: (folder: string) => Promise<number> = freeBytesOf,
): Promise<CoveyError> {
  const megabytes = Math.floor((await freeBytes(folder).catch(() => 0)) / 1e6)
  const message = `the disk of ${folder} is full: ${megabytes} MB are left`
  return new CoveyError('disk-full', message, {
    hint: 'free some space, or remove unused images: covey image prune',
  })
}

/** An error of the disk in the words of `diskFull`; any other as it is. */
export async function inWordsOfRoom(error: unknown, folder: string): Promise<unknown> {
  const isTold = error instanceof CoveyError && error.code === 'disk-full'
  if (isTold ? error.hint === undefined : isFull(error)) return await diskFull(folder)
  return error
}

function overBudget(budgetBytes: number): CoveyError {
  const gigabytes = (budgetBytes / 1e9).toFixed(budgetBytes < 1e10 ? 1 : 0)
  const message = `the images of this host would take more than their budget of ${gigabytes} GB`
  return new CoveyError('image-budget', message, {
    hint: 'raise image_budget_bytes in /etc/covey/agent.json, or remove images from the config',
  })
}
