import type {
  BundleFacts,
  ContainerFile,
  ContainerNamespaces,
  DeviceNode,
  HostResolvers,
  HostWishes,
  ImageFolder,
  MountNeeds,
  UserNamespaceNeeds,
  VolumeClosing,
  VolumeUse,
} from './container-facts.ts'
import type { HostOrders } from './container-orders.ts'
import type { CheckSecrets } from './host-secrets.ts'
import type { HttpCheck } from './http-check.ts'
import type { DnsObject } from './runc/relations/name-fields.ts'

/** The health check of a container. */
export interface HealthObject {
  readonly command?: readonly string[] | undefined
  readonly http?: HttpCheck | undefined
  readonly tcp?: { readonly port: number } | undefined
  readonly interval_seconds: number
  readonly timeout_seconds: number
  readonly retries: number
  readonly start_seconds: number
  /** Time between checks before the first success; the machine's own where absent. */
  readonly start_interval_seconds?: number | undefined
  /** False: an unhealthy container is shown, and not restarted. */
  readonly restart?: boolean | undefined
}

/** The health check of an image, as far as that has one. */
export interface ImageHealth {
  readonly command: readonly string[]
  readonly interval_seconds?: number | undefined
  readonly timeout_seconds?: number | undefined
  readonly retries?: number | undefined
  readonly start_seconds?: number | undefined
  readonly start_interval_seconds?: number | undefined
}

/** The health check of the image, with times that take the place of the image's own. */
interface HealthFromImage extends Omit<ImageHealth, 'command'> {
  readonly from_image: true
  readonly restart?: boolean | undefined
}

/** The health check of a container, as its object says. */
export type HealthPolicy = HealthObject | HealthFromImage

/**
 * The settings of a container that may change without a new one: read again at every round, and
 * kept durably beside the container so that one whose object is gone or faulty is still treated by
 * it.
 */
export interface ContainerPolicy {
  readonly restart: 'always' | 'on-failure' | 'never'
  /** Time between the stop signal and SIGKILL, in ms. */
  readonly stopGraceMs: number
  readonly health: HealthPolicy | null
  readonly labels: Readonly<Record<string, string>>
  readonly dns?: DnsObject | undefined
}

/** The record of a container, kept as long as anything of it exists. Durable before the rest is. */
export interface ContainerRecord {
  /** `covey-<object>-<first 12 hex digits of the revision>`. */
  readonly id: string
  readonly object: string
  /** Of the `ContainerSpec` that it was made from. */
  readonly revision: string
  /** Reference of its image. */
  readonly image: string
  /** Address for health checks, as text: its own, or 127.0.0.1 on the host's network. */
  readonly address: string
  /** Path of the network namespace that it was made in; null on the host's network. */
  readonly namespace: string | null
  /** The object whose network namespace that is, where it is not its own. */
  readonly networkOf?: string | undefined
  /** Volumes that it uses, by the names of their objects. */
  readonly volumes: readonly string[]
  /** Number of the signal that asks it to stop. */
  readonly stopSignal: number
  readonly policy: ContainerPolicy
  /** Of its image; absent where that has none, and in records of version 0.1.0. */
  readonly imageHealth?: ImageHealth | undefined
  /** For a command of its health check, where that needs its secrets. */
  readonly checkSecrets?: CheckSecrets | undefined
  /** True if it has a user namespace. */
  readonly userNamespace?: true | undefined
  /** Of one that asks to be privileged: true if its host granted that when it was made. */
  readonly privileged?: boolean | undefined
  /** The devices that it was given, by `source`; see `deviceTexts`. */
  readonly devices?: Readonly<Record<string, readonly string[]>> | undefined
  /** Set where its first process has a terminal. */
  readonly terminal?: true | undefined
  /** Set where the stdin of that process stays open; it is empty otherwise. */
  readonly stdin?: true | undefined
}

/** Everything that a container is made from. */
export interface ContainerCreation {
  readonly record: ContainerRecord
  /** `config.json` of the OCI runtime spec. */
  readonly config: Readonly<Record<string, unknown>>
  /** Absolute paths of unpacked layers, the lowest first. */
  readonly layers: readonly string[]
  readonly files: readonly ContainerFile[]
  /** Volumes whose folders must be there. */
  readonly volumes: readonly VolumeUse[]
  /** Folders that are made in its writable layer where its image has nothing. */
  readonly folders: readonly ImageFolder[]
  /** For a container with a user namespace only. */
  readonly userNamespace?: UserNamespaceNeeds
  readonly mountNeeds: MountNeeds
  /** Settings of the host's own kernel, by their names for sysctl(8). */
  readonly hostSettings: Readonly<Record<string, string>>
}

/** Number of restarts of a container, and of those in a row without running for long. */
export interface RestartCount {
  readonly restarts: number
  readonly streak: number
}

/** The result of health checks so far. */
export interface HealthSeen {
  readonly state: 'starting' | 'healthy' | 'unhealthy'
  /** Checks in a row that failed. */
  readonly failures: number
  /** Message of the last failed check, one line; null if none has failed. */
  readonly reason: string | null
}

/** The end of a process. */
export interface ExitSeen {
  /** 128 and the signal's number where one ended it; null where nobody saw it end. */
  readonly exitCode: number | null
  readonly oom: boolean
  /** Milliseconds since 1970. */
  readonly startedMs: number
  readonly exitedMs: number
  /** Last line that it wrote, bounded and printable; null where there is none. */
  readonly lastLine: string | null
}

/** The state of a container's process. */
export type ContainerProcess =
  /**
   * Nothing runs; where it was started before, the host has booted since or its traces are gone.
   */
  | { readonly state: 'absent'; readonly wasStarted: boolean }
  /** Waits for `start`. */
  | { readonly state: 'created'; readonly pid: number }
  | {
      readonly state: 'running'
      readonly pid: number
      readonly startedMs: number
      /** Age of the process, in clock ticks since the boot: an order that no clock changes. */
      readonly startTicks?: number | undefined
    }
  /** `isKept`: this end is known for good, also after the host has booted. */
  | { readonly state: 'exited'; readonly exit: ExitSeen; readonly isKept: boolean }

/** A request to a container to stop. */
export interface StoppingSeen {
  readonly signal: number
  /** Milliseconds since 1970. */
  readonly atMs: number
  /** True if it had failed before, as by its health check; else its end says nothing about it. */
  readonly hadFailed: boolean
}

/** An order to stop a container. */
export interface StopOrder {
  /** Number of a signal; 9 ends it at once. */
  readonly signal: number
  /** The call waits for its end, but not longer than this. */
  readonly waitMs: number
  readonly hadFailed: boolean
}

/** One container of covey's on this host, or what is left of one. */
export interface ContainerSeen {
  readonly id: string
  /** From the record, or else from the id. */
  readonly object: string
  /** Null for what is left of a container whose record is gone. */
  readonly record: ContainerRecord | null
  readonly process: ContainerProcess
  /**
   * The fault because of which it cannot continue, such as `its supervisor conmon is gone`; null
   * where it is whole.
   */
  readonly broken: string | null
  /** Null where it was not asked to stop. */
  readonly stopping: StoppingSeen | null
  readonly count: RestartCount
  /** The end of its previous process; null for the first one. */
  readonly lastExit: ExitSeen | null
  /** True if its layers and files are in place, so that `createAgain` can make a process. */
  readonly isPrepared: boolean
  /** Null where it has no health check or does not run. */
  readonly health: HealthSeen | null
  /**
   * The last reason for which it was found unhealthy, as long as it has not been well since: the
   * reason for its restarts. Null where it was well, or ended by itself.
   */
  readonly ailment: string | null
  /** Text of its `/etc/hosts`; null where it has none. */
  readonly hosts: string | null
  /** Text of its `/etc/resolv.conf`; null where it has none. */
  readonly resolvConf: string | null
}

/**
 * Containers of this host: runc's, supervised by conmon, below a runc root of covey's own. Nothing
 * here decides anything. All of it may be called again after it broke off anywhere.
 */
export interface HostContainers extends HostOrders {
  /**
   * The reason for which this host's own settings refuse what a container asks for, one line with
   * what to do; null where they do.
   */
  refusal(wishes: HostWishes): Promise<string | null>
  /**
   * The facts for a bundle; `devices` are paths of the host, `network` is the object whose network
   * namespace it gets. A privileged one gets all devices of the host.
   */
  facts(
    id: string,
    devices: readonly string[],
    network: string,
    isPrivileged?: boolean,
  ): Promise<BundleFacts>
  /** Grants in this host's own settings as they are now. */
  grants(): Promise<readonly string[]>
  /**
   * All containers and leftovers, ordered by id. Reads files and /proc; starts no process, writes
   * nothing and tells nobody.
   */
  look(): Promise<readonly ContainerSeen[]>
  /** The same for a round: what is new of them, as an end, is kept and told once. */
  notice(): Promise<readonly ContainerSeen[]>
  /** The present resolvers of the host. */
  resolvers(): Promise<HostResolvers>
  /** The present naming scheme of network namespaces. */
  namespaces(): Promise<ContainerNamespaces>
  /**
   * The devices at each of these paths, or below it where it is a folder; none where nothing is
   * there, or it has only just come and its owner is not settled yet. Asks no grant.
   */
  lookDevices(paths: readonly string[]): Promise<ReadonlyMap<string, readonly DeviceNode[]>>
  /** Volumes that nobody may use just now, by object. */
  closedVolumes(): Promise<ReadonlyMap<string, VolumeClosing>>
  /** Objects that have a volume folder. */
  lookVolumes(): Promise<readonly string[]>
  /**
   * Makes all of a container but its running: record, layers, files, supervisor, process. An
   * earlier process of the same id must have ended; its writable layer stays.
   * Errors: `container-create` with the runtime's reason as one line, `disk-full`, `tool-…`.
   */
  create(creation: ContainerCreation, signal: AbortSignal): Promise<void>
  /**
   * Makes a process again in what `create` made; the one before must have ended. Errors as there.
   */
  createAgain(id: string, signal: AbortSignal): Promise<void>
  /** Lets a created container run. Error: `container-start`. */
  start(id: string, count: RestartCount, signal: AbortSignal): Promise<void>
  /**
   * Sends a signal to the first process, remembers that, and waits a while for its end. Whether it
   * has ended.
   */
  stop(id: string, order: StopOrder): Promise<boolean>
  /** Removes everything of a container that does not run; its writable layer as well. */
  remove(id: string, signal: AbortSignal): Promise<void>
  /** Keeps for good how the process of a container ended. */
  keepExit(id: string): Promise<void>
  /** Keeps a record that differs in its policy. */
  remember(record: ContainerRecord): Promise<void>
  /** Writes the `/etc/hosts` of containers in place, so that who has it open sees it. */
  writeHosts(ids: readonly string[], text: string): Promise<void>
  /** The same for `/etc/resolv.conf`. */
  writeResolvConf(ids: readonly string[], text: string): Promise<void>
  removeVolume(object: string): Promise<void>
}

/** True if a container has a process, be it only one that waits to be started. */
export function isUp({ process }: ContainerSeen): boolean {
  return process.state === 'running' || process.state === 'created'
}
