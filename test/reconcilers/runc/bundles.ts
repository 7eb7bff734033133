import type { BundleFacts } from '../../../reconcilers/container-facts.ts'
import type { ImageConfig, ImageReady } from '../../../reconcilers/host-images.ts'
import { makeBundle } from '../../../reconcilers/runc/bundle/bundle.ts'
import type { Bundle } from '../../../reconcilers/runc/bundle/result.ts'
import { policyOf } from '../../../reconcilers/runc/object/resolve-revision.ts'
import { type ContainerSpec, containerSchema } from '../../../reconcilers/runc/spec.ts'
import { containerObject } from './objects.ts'

/** A config as a runtime might write it, with members that no version of covey knows. */
const runtimeSpec: BundleFacts['runtimeSpec'] = {
  ociVersion: '1.0.2-dev',
  process: {
    terminal: true,
    args: ['sh'],
    env: ['PATH=/usr/bin:/bin', 'TERM=xterm'],
    rlimits: [{ type: 'RLIMIT_NOFILE', hard: 1024, soft: 1024 }],
    capabilities: { ambient: ['CAP_KILL'] },
    later: 1,
  },
  root: { path: 'rootfs', readonly: true },
  mounts: [
    { destination: '/proc', type: 'proc', source: 'proc' },
    { destination: '/dev/shm', type: 'tmpfs', source: 'shm', options: ['nodev', 'size=65536k'] },
  ],
  linux: {
    namespaces: [{ type: 'pid' }],
    maskedPaths: ['/proc/kcore'],
    readonlyPaths: ['/proc/sys'],
  },
}

/** Facts of a machine that has everything. */
export function bundleFacts(more: Partial<BundleFacts> = {}): BundleFacts {
  return {
    cgroupVersion: 2,
    cgroupsPath: '/covey/id',
    networkNamespace: '/run/netns/covey.00000000.web',
    rootfs: '/run/covey/containers/id/rootfs',
    mappedRootfs: '/run/covey-roots/id',
    hostRoot: '/run/covey-roots/id.host',
    filesDir: '/run/covey/containers/id/files',
    secretsDir: '/run/covey/secrets/id',
    volumesDir: '/var/lib/covey/volumes',
    resolvConf: 'nameserver 192.0.2.53\n',
    architecture: 'x64',
    runtimeSpec,
    openFilesMax: 20_000,
    limitsSwap: true,
    busybox: '/bin/busybox',
    upstreamResolvConf: null,
    devices: [],
    capabilities: ['CHOWN', 'SYS_ADMIN'],
    time: new Map(),
    ...more,
  }
}

/** An image with a user `web` and a group `staff`. */
export function readyImage(config: Partial<ImageConfig> = {}): ImageReady {
  return {
    state: 'ready',
    manifestDigest: `sha256:${'c'.repeat(64)}`,
    layers: [],
    config: {
      ...{ entrypoint: ['/entry'], command: ['serve'], environment: [], workingDir: '', user: '' },
      ...{ stopSignal: null, volumes: [], ...config },
    },
    passwd: 'root:x:0:0::/root:/bin/sh\nweb:x:33:34::/var/www:/bin/sh\n\nbroken\nx:y:z\n',
    group: 'root:x:0:\nwww:x:34:\nstaff:x:50:web,other\ndisk:x:6:root,web\nbroken:x\n',
  }
}

/** A container as its object resolves. */
export function containerSpec(
  object: object,
  secrets: object = {},
  volumePaths: ReadonlyMap<string, string> = new Map(),
): ContainerSpec {
  const container = containerSchema.parse(containerObject(object))
  const { address } = container
  const attachment = address === undefined ? null : { object: 'web', address, mtu: 1400 }
  const sealed = new Map(Object.entries(secrets))
  const made = { revision: 'r', id: 'covey-web-r', policy: policyOf(container) }
  return { object: 'web', container, attachment, secrets: sealed, volumePaths, ...made }
}

/** A bundle of that container; the fault as text where none comes of it. */
export function bundleOf(
  object: object,
  image: Partial<ImageConfig> = {},
  facts: Partial<BundleFacts> = {},
  secrets: object = {},
): Bundle {
  const spec = containerSpec(object, secrets)
  const made = makeBundle(spec, readyImage(image), bundleFacts(facts), '127.0.0.1 localhost\n')
  if (!made.ok) throw new Error(`${made.fault.code}: ${made.fault.message}`)
  return made.value
}

/** A member deep in a value, by its path. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  let inner = value
  for (const name of path) inner = (inner as Record<string, unknown> | undefined)?.[name]
  return inner
}
