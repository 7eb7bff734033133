import { CoveyError } from '../../protocol/fault.ts'
import type { HostContainers } from '../../reconcilers/host-containers.ts'
import type { HostImages } from '../../reconcilers/host-images.ts'
import type { HostSecrets } from '../../reconcilers/host-secrets.ts'

const refuse = (): never => {
  throw new CoveyError('containers-absent', 'this agent runs no containers')
}

/** A host without containers: nothing is there, and nothing can be made. */
export const noContainers: HostContainers = {
  refusal: async () => null,
  facts: async () => refuse(),
  look: async () => [],
  lookVolumes: async () => [],
  create: async () => refuse(),
  createAgain: async () => refuse(),
  keepExit: async () => refuse(),
  start: async () => refuse(),
  stop: async () => refuse(),
  remove: async () => refuse(),
  remember: async () => refuse(),
  writeHosts: async () => refuse(),
  removeVolume: async () => refuse(),
}

/** No images. */
export const noImages: HostImages = { look: async () => new Map(), pull() {}, retain() {} }

/** No secrets. */
export const noSecrets: HostSecrets = { place: async () => refuse(), async remove() {} }
