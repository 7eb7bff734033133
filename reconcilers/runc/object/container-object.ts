import type { Address } from '../../addresses.ts'
import type { DeviceObject } from '../../container-facts.ts'
import type { HealthPolicy } from '../../host-containers.ts'
import type { AfterObject } from '../relations/after-fields.ts'
import type { DnsObject, ExtraHosts, Groups } from '../relations/name-fields.ts'

/** One mount of a container: a volume of this host, or a path that `agent.json` grants. */
export interface MountObject {
  readonly volume?: string | undefined
  readonly host_path?: string | undefined
  readonly path: string
  readonly read_only: boolean
  /** A part of the volume, as `data/db`. */
  readonly subpath?: string | undefined
  /** Makes a missing folder: the part of a volume, or a path below a granted one. */
  readonly create?: boolean | undefined
  /** Gives an empty volume the image's content of `path`, with owners and modes. */
  readonly seed?: boolean | undefined
}

/** A file whose content is in the config. */
export interface FileObject {
  readonly path: string
  /** Text, or bytes in base64: one of the two. */
  readonly content?: string | undefined
  readonly content_base64?: string | undefined
  /** Octal text such as `0644`. */
  readonly mode: string
  /** The container's user where absent. */
  readonly uid?: number | undefined
  readonly gid?: number | undefined
}

/** The content of a file of an object; bytes where it is given in base64. */
export function contentOf({ content, content_base64 }: FileObject): string | Uint8Array {
  return content ?? Buffer.from(content_base64 ?? '', 'base64')
}

/**
 * A secret as a file, in the environment of the first process, alone or as many, or as words of
 * commands.
 */
export interface SecretUse {
  readonly secret: string
  readonly path?: string | undefined
  /** Of the file; `0400` where absent. */
  readonly mode?: string | undefined
  /** Of the file; the container's user where absent. */
  readonly uid?: number | undefined
  readonly gid?: number | undefined
  readonly env?: string | undefined
  /** It holds a JSON object, whose texts are variables by their names. */
  readonly env_all?: true | undefined
  /**
   * Words whose places its texts take: `command.0`, `args.2`, `health.1`. It holds a JSON object of
   * texts by these names.
   */
  readonly words?: readonly string[] | undefined
}

/** Memory of a container at a path. */
export interface MemoryObject {
  readonly path: string
  readonly size_bytes?: number | undefined
  /** Octal text, as `1777`, which it is where absent. */
  readonly mode?: string | undefined
  /** The user's where absent, as is `gid`. */
  readonly uid?: number | undefined
  readonly gid?: number | undefined
  /** True lets programs in it run. */
  readonly exec?: boolean | undefined
  /** True: read-only, with files and mounts of the object and nothing of the image. */
  readonly only_files?: true | undefined
}

/** A limit of a process (getrlimit(2)); -1 is none at all. */
export interface LimitObject {
  readonly soft: number
  readonly hard: number
}

/** `runc_container`: one process in an image of its own. */
export interface ContainerObject {
  readonly type: 'runc_container'
  /** `registry/name[:tag]@sha256:…`. */
  readonly image: string
  readonly network?: string | undefined
  readonly address?: Address | undefined
  /** IPv6 beside it. */
  readonly address6?: Address | undefined
  readonly command?: readonly string[] | undefined
  readonly args?: readonly string[] | undefined
  readonly env: Readonly<Record<string, string>>
  readonly working_dir?: string | undefined
  readonly user?: string | undefined
  /** Further groups of the user, by the image's names or by number. */
  readonly group_add?: readonly string[] | undefined
  /** True puts covey's own init first, which reaps and passes signals on. */
  readonly init?: boolean | undefined
  readonly tty?: boolean | undefined
  readonly stdin_open?: boolean | undefined
  readonly hostname?: string | undefined
  /** Names by which all containers of the cluster find it. */
  readonly aliases?: readonly string[] | undefined
  /** Groups whose members find each other, with its names in each. */
  readonly groups?: Groups | undefined
  /** Names that only it knows, with their addresses. */
  readonly extra_hosts?: ExtraHosts | undefined
  readonly dns?: DnsObject | undefined
  /** States of others that a new container of it waits for. */
  readonly after?: readonly AfterObject[] | undefined
  readonly mounts: readonly MountObject[]
  readonly tmpfs: readonly (string | MemoryObject)[]
  /** Size of `/dev/shm`; the runtime's 64 MiB where absent. */
  readonly shm_bytes?: number | undefined
  readonly files: readonly FileObject[]
  readonly secrets: readonly SecretUse[]
  readonly devices: readonly (string | DeviceObject)[]
  /** True asks its host for everything; without a grant it runs without. */
  readonly privileged?: boolean | undefined
  readonly host_network: boolean
  /** True shows it the processes of its host. */
  readonly host_pid?: boolean | undefined
  /** A container of this host whose network it shares, in place of one of its own. */
  readonly network_of?: string | undefined
  /** True if root in it is not a user of the host. */
  readonly user_namespace: boolean
  readonly resources: {
    readonly memory_bytes?: number | undefined
    readonly cpu_milli?: number | undefined
    readonly pids?: number | undefined
    /** Memory and swap together; -1 is no limit. `memory_bytes` where absent. */
    readonly memory_swap_bytes?: number | undefined
  }
  /** By their names in lower case, as `nofile`. */
  readonly ulimits?: Readonly<Record<string, LimitObject>> | undefined
  readonly sysctls?: Readonly<Record<string, string>> | undefined
  readonly capabilities: {
    readonly add: readonly string[]
    readonly drop: readonly string[]
    /** False keeps added capabilities from a user other than root; true where absent. */
    readonly ambient?: boolean | undefined
  }
  /** True where absent. */
  readonly no_new_privileges?: boolean | undefined
  readonly read_only_root: boolean
  readonly restart: 'always' | 'on-failure' | 'never'
  readonly stop_signal?: string | undefined
  readonly stop_grace_seconds: number
  readonly health?: HealthPolicy | undefined
  readonly labels: Readonly<Record<string, string>>
  readonly runtime_config: Readonly<Record<string, unknown>>
}
