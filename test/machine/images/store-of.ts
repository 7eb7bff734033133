import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { linuxPlatform } from '../../../machine/images/formats/platform.ts'
import { type Images, type ImagesInit, openImages } from '../../../machine/images/images.ts'
import type { Registries } from '../../../machine/images/registry/types.ts'

/** No registry answers. */
export const noRegistries: Registries = {
  manifest: async () => {
    throw new Error('no registry')
  },
  tagged: async () => {
    throw new Error('no registry')
  },
  // biome-ignore lint/correctness/useYield: it fails before it has anything to give.
  async *blob() {
    throw new Error('no registry')
  },
  async close() {},
}

const quiet = { debug() {}, info() {}, warn() {}, error() {} }

/** Images in a folder of their own. */
export async function imagesIn(folder: string, init: Partial<ImagesInit> = {}): Promise<Images> {
  const stateDir = join(folder, 'state')
  await mkdir(stateDir, { recursive: true })
  return await openImages({
    stateDir,
    runDir: join(folder, 'run'),
    registries: noRegistries,
    machine: linuxPlatform(process.arch, null),
    budgetBytes: 20e9,
    log: quiet,
    now: () => Date.now(),
    onChange() {},
    ...init,
  })
}
