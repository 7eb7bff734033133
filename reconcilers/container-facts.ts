/** Facts of the machine for one container. All paths are absolute. */
interface ContainerFacts {
  readonly cgroupVersion: 1 | 2
  /** For `linux.cgroupsPath`. */
  readonly cgroupsPath: string
  /** Path of the network namespace of its object. */
  readonly networkNamespace: string
  /** Mount point of the root file system; for `root.path`. */
  readonly rootfs: string
  /** The same, where the root of a user namespace may pass on its way to it. */
  readonly mappedRootfs: string
  /** Folder to which the port writes `ContainerCreation.files`, by their names. */
  readonly filesDir: string
  /** Folder to which `HostSecrets.place` writes, by the names of the secrets. */
  readonly secretsDir: string
  /** Mount of the host's root for it, without what is mounted there and without covey's own. */
  readonly hostRoot: string
  /** Folder of the volumes, by the names of their objects. */
  readonly volumesDir: string
  /** As `process.arch` has it. */
  readonly architecture: string
}

/** The resolvers of the host. */
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
  /** Below `/dev`, by the name that was asked for. */
  readonly path: string
  /** The same without links; `path` where absent. */
  readonly real?: string | undefined
  readonly type: 'c' | 'b'
  readonly major: number
  readonly minor: number
  /** Permission bits. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
}

/** Facts of the machine for one container, and those that a bundle needs beyond them. */
export interface BundleFacts extends ContainerFacts, HostResolvers {
  /** The object that `runc spec` writes; read once by whoever runs runc. */
  readonly runtimeSpec: Readonly<Record<string, unknown>>
  /** Hard limit of open files of the agent itself: without CAP_SYS_RESOURCE none can be higher. */
  readonly openFilesMax: number
  /** True if the kernel limits swap: `memory.memsw.limit_in_bytes` or `memory.swap.max` exists. */
  readonly limitsSwap: boolean
  /**
   * Absolute path of a static busybox, which puts secrets into an environment; null where the host
   * has none.
   */
  readonly busybox: string | null
  /** Nodes below `/dev`, for a privileged container alone. */
  readonly hostDevices?: readonly DeviceNode[]
  /** Capabilities that the agent itself may give, without their `CAP_`. */
  readonly capabilities: readonly string[]
  /** Nodes at or below the paths in `devices`. */
  readonly devices: readonly DeviceNode[]
  /** Content of the host's `/etc/localtime` and `/etc/timezone`; absent where it has none. */
  readonly time: ReadonlyMap<string, Uint8Array>
  /**
   * The real path of each `host_path`, as it was when its grant was judged; one that is missing
   * here is mounted as it is written.
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

/** A reason for which nobody may use a volume for a while. */
export interface VolumeClosing {
  /** Who does it, as `restore`. One line. */
  readonly owner: string
  /** For people, behind the name of the volume: `is being put back`. One line. */
  readonly reason: string
}

/** Things that are done for the mounts of a container before they are mounted. */
export interface MountNeeds {
  /** Parts of volumes, made where they are missing. */
  readonly volumeFolders: readonly {
    readonly object: string
    readonly subpath: string
    readonly uid: number
    readonly gid: number
  }[]
  /** Folders of the host below granted ones, made where they are missing. Absolute. */
  readonly hostFolders: readonly {
    readonly path: string
    readonly uid: number
    readonly gid: number
  }[]
  /** Set where it gets `BundleFacts.hostRoot`. */
  readonly hostRoot?: true
  /** Volumes that get the image's content of `path` while they are empty. */
  readonly seeds: readonly { readonly object: string; readonly path: string }[]
}

/** A folder that an image declares as a volume, and need not have in its layers. */
export interface ImageFolder {
  /** Absolute, in the image. */
  readonly path: string
  readonly uid: number
  readonly gid: number
}

/** The host's part for a container whose users are not users of the host. */
export interface UserNamespaceNeeds {
  /**
   * Settings of its network namespace, by their names for sysctl(8): the host's root owns that
   * namespace, so nobody within may set them.
   */
  readonly networkSettings: Readonly<Record<string, string>>
}

/** A device of the host, or a folder of devices. */
export interface DeviceObject {
  /** Path on the host; a link counts as what it leads to. */
  readonly source: string
  /** Path in the container; `source` where absent. */
  readonly target?: string | undefined
  /** Some of `r`, `w` and `m` (mknod); `rw` where absent. */
  readonly permissions?: string | undefined
}

/** The requests of a container that the host's own settings must grant. */
export interface HostWishes {
  readonly host_network: boolean
  readonly mounts: readonly {
    readonly host_path?: string | undefined
    readonly create?: boolean | undefined
  }[]
  readonly host_pid?: boolean | undefined
  readonly devices: readonly (string | DeviceObject)[]
  /** Settings of the kernel; those of no namespace of its own are the host's. */
  readonly sysctls?: Readonly<Record<string, string>> | undefined
}

/** The naming scheme of containers' network namespaces in /run/netns. */
export interface ContainerNamespaces {
  /** Of this agent, eight hex digits. */
  readonly mark: string
  /** Names of namespaces that containers are in and that have another form, by object. */
  readonly adopted: ReadonlyMap<string, string>
}
