/** What the machine has for one container. All paths are absolute. */
interface ContainerFacts {
  readonly cgroupVersion: 1 | 2
  /** For `linux.cgroupsPath`. */
  readonly cgroupsPath: string
  /** Path of the network namespace of its object. */
  readonly networkNamespace: string
  /** Where the root file system is mounted; for `root.path`. */
  readonly rootfs: string
  /** The same, where the root of a user namespace may pass on its way to it. */
  readonly mappedRootfs: string
  /** Where the port writes the files of `ContainerCreation.files`, by their names. */
  readonly filesDir: string
  /** Where `HostSecrets.place` writes, by the names of the secrets. */
  readonly secretsDir: string
  /** Where volumes are, by the names of their objects. */
  readonly volumesDir: string
  /** As `process.arch` has it. */
  readonly architecture: string
}

/** Whom the host itself asks for names. */
export interface HostResolvers {
  /** Text of the host's own `/etc/resolv.conf`. */
  readonly resolvConf: string
  /**
   * Text of files that name those whom a resolver on the host's own loopback asks, as
   * `/run/systemd/resolve/resolv.conf`; null where there are none.
   */
  readonly upstreamResolvConf: string | null
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

/** A file that is mounted into a container from outside its layers. */
export interface ContainerFile {
  /** One path component, made by covey: `hosts`, `resolv.conf`, `hostname`, `file-0`. */
  readonly name: string
  readonly content: string | Uint8Array
  readonly mode: number
  readonly uid: number
  readonly gid: number
}

/** A volume of a container. */
export interface VolumeUse {
  /** Name of the `volume` object. */
  readonly object: string
  /** Owner of its folder, if the folder is made now; one that is there keeps its own. */
  readonly uid: number
  readonly gid: number
}

/** A folder that an image declares as a volume, and need not have in its layers. */
export interface ImageFolder {
  /** Absolute, in the image. */
  readonly path: string
  readonly uid: number
  readonly gid: number
}

/** What the host does for a container whose users are none of the host's. */
export interface UserNamespaceNeeds {
  /**
   * Settings of its network namespace, by their names for sysctl(8): the host's root owns that
   * namespace, so nobody within may set them.
   */
  readonly networkSettings: Readonly<Record<string, string>>
}
