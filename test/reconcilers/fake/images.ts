import type {
  HostImages,
  ImageReady,
  ImageState,
  RegistryLogin,
} from '../../../reconcilers/host-images.ts'
import { imageKey } from '../../../reconcilers/runc/images.ts'

/** Images of the fake host: whatever a test says of them. */
export interface FakeImages {
  readonly port: HostImages
  /** By reference; absent where nothing is said. */
  readonly states: Map<string, ImageState>
  /** References that were asked for, in order. */
  readonly pulls: string[]
  retained: readonly string[]
}

/** An image that is whole, with nothing special in it. */
export function readyImage(members: Partial<ImageReady['config']> = {}): ImageReady {
  return {
    state: 'ready',
    manifestDigest: `sha256:${'1'.repeat(64)}`,
    layers: ['/images/lower', '/images/upper'],
    config: {
      entrypoint: [],
      command: ['/bin/server'],
      environment: [],
      workingDir: '/',
      user: '',
      stopSignal: null,
      volumes: [],
      ...members,
    },
    passwd: null,
    group: null,
  }
}

/** Makes images of which none is there. */
export function createFakeImages(): FakeImages {
  const states = new Map<string, ImageState>()
  let logins: readonly RegistryLogin[] = []
  const fake: FakeImages = {
    states,
    pulls: [],
    retained: [],
    port: {
      look: async (references) =>
        new Map(references.map((each) => [each, states.get(each) ?? { state: 'absent' }])),
      pull: (reference) => void fake.pulls.push(reference),
      lookMapped: async (references) => {
        const entries = references.map((image) => {
          const state = states.get(imageKey({ image, user_namespace: true }))
          return [image, state ?? { state: 'absent' }] as const
        })
        return new Map(entries)
      },
      pullMapped: (image) => void fake.pulls.push(imageKey({ image, user_namespace: true })),
      logins: () => logins,
      useLogins: async (given) => {
        logins = given
      },
      retain: (references) => {
        fake.retained = references
      },
    },
  }
  return fake
}
