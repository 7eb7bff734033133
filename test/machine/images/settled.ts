import { setTimeout as sleep } from 'node:timers/promises'
import type { Images } from '../../../machine/images/images.ts'
import type { ImageState } from '../../../reconcilers/host-images.ts'

const waitMsMax = 60_000

/** The state of an image once it is neither absent nor pulled. */
export async function settled(images: Images, reference: string): Promise<ImageState> {
  for (const end = Date.now() + waitMsMax; Date.now() < end; ) {
    const state = await stateOf(images, reference)
    if (state.state === 'ready' || state.state === 'failed') return state
    await sleep(10)
  }
  throw new Error(`${reference} is still pulled after ${waitMsMax} ms`)
}

/** The state of one image. */
export async function stateOf(images: Images, reference: string): Promise<ImageState> {
  return (await images.port.look([reference])).get(reference) ?? { state: 'absent' }
}
