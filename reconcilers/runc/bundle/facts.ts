import type {
  ContainerFacts,
  ContainerFile,
  HostResolvers,
  UserNamespaceNeeds,
} from '../../host-containers.ts'
import type { SecretFile } from '../../host-secrets.ts'

/** A folder that an image declares as a volume, and need not have in its layers. */
export interface ImageFolder {
  /** Absolute, in the image. */
  readonly path: string
  readonly uid: number
  readonly gid: number
}

/** A device node of the host. */
export interface DeviceNode {
  /** Below `/dev`, as the container will see it. */
  readonly path: string
  readonly type: 'c' | 'b'
  readonly major: number
  readonly minor: number
  /** Permission bits. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
}

/** What the machine has for one container, and what a bundle needs beyond it. */
export interface BundleFacts extends ContainerFacts, HostResolvers {
  /** The object that `runc spec` writes; read once by whoever runs runc. */
  readonly runtimeSpec: Readonly<Record<string, unknown>>
  /** Hard limit of open files of the agent itself: without CAP_SYS_RESOURCE none can be higher. */
  readonly openFilesMax: number
  /** Whether the kernel limits swap: `memory.memsw.limit_in_bytes` or `memory.swap.max` exists. */
  readonly limitsSwap: boolean
  /**
   * Absolute path of a static busybox, which puts secrets into an environment; null where the host
   * has none.
   */
  readonly busybox: string | null
  /** Nodes at or below the paths in `devices`. */
  readonly devices: readonly DeviceNode[]
  /**
   * What is left of each `host_path` when its links are followed, as it was when its grant was
   * judged; one that is missing here is mounted as it is written.
   */
  readonly hostPaths?: ReadonlyMap<string, string>
}

/** A volume of a container. */
export interface VolumeUse {
  /** Name of the `volume` object. */
  readonly object: string
  /** Owner of its folder, if the folder is made now; one that is there keeps its own. */
  readonly uid: number
  readonly gid: number
}

/** All that a container is made from besides its layers. Pure data. */
export interface Bundle {
  /** `config.json` of the OCI runtime spec. Holds no secret. */
  readonly config: Readonly<Record<string, unknown>>
  readonly files: readonly ContainerFile[]
  readonly secrets: readonly SecretFile[]
  readonly volumes: readonly VolumeUse[]
  readonly folders: readonly ImageFolder[]
  /** Number of the signal that asks it to stop. */
  readonly stopSignal: number
  /** For a container with a user namespace only. */
  readonly userNamespace?: UserNamespaceNeeds
}
