import type { LocatedFault } from '../terminal/failure.ts'

/** Place of something that a person wrote. Line and column count from 1. */
export interface Place {
  readonly file: string
  readonly line: number
  readonly column: number
}

/**
 * A text after interpolation. `isSensitive`: it is, or holds, a value that came from `.env`, an
 * `env_file` or `--env`, or its name looks like that of a secret (then also a literal).
 */
export interface Text {
  readonly value: string
  readonly isSensitive: boolean
  readonly place: Place
}

/** A port that a service publishes; one entry a port, ranges are spread. */
export interface PortEntry {
  /** Undefined where the file gives none. */
  readonly hostPort: number | undefined
  readonly containerPort: number
  readonly protocol: 'tcp' | 'udp'
  /** `''` for none; else as written, `0.0.0.0`, `::`, `127.0.0.1`, another address. */
  readonly hostAddress: string
  readonly place: Place
}

/** A mount of a service. */
export interface VolumeEntry {
  readonly kind: 'volume' | 'bind' | 'tmpfs'
  /**
   * Key under `volumes`, or a path: absolute, or relative to the project's folder and then with
   * `./` or `../` in front; undefined if anonymous.
   */
  readonly source: string | undefined
  readonly target: string
  readonly isReadOnly: boolean
  /** Short form, or `create_host_path: true`: a missing source is made. */
  readonly makesSource: boolean
  readonly noCopy: boolean
  readonly subpath: string | undefined
  readonly tmpfs: { readonly sizeBytes?: number; readonly mode?: number } | undefined
  readonly place: Place
}

/** A config or secret as a service uses it. */
export interface GrantEntry {
  readonly source: string
  /** Absolute; without one in the file `/NAME` for configs, `/run/secrets/NAME` for secrets. */
  readonly target: string
  readonly uid: string | undefined
  readonly gid: string | undefined
  /** Octal text, as `0444`. */
  readonly mode: string | undefined
  readonly place: Place
}

/** The health check of a service. */
export type Healthcheck =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'check'
      /** Undefined: the image's own, with these times. `CMD-SHELL` is `['/bin/sh','-c',…]`. */
      readonly command: readonly Text[] | undefined
      readonly intervalSeconds: number | undefined
      readonly timeoutSeconds: number | undefined
      readonly startSeconds: number | undefined
      readonly startIntervalSeconds: number | undefined
      /** Undefined where absent or 0. */
      readonly retries: number | undefined
    }

/** A service of a Compose file, with all defaults that do not depend on covey left open. */
export interface ComposeService {
  readonly name: string
  readonly place: Place
  /** Places of keys, by path within the service (`ports.0`, `environment.KEY`). */
  readonly placeOf: (path: string) => Place
  readonly image: Text | undefined
  readonly platform: string | undefined
  readonly containerName: string | undefined
  readonly hostname: string | undefined
  readonly domainname: string | undefined
  /** Undefined: the image's. `[]`: emptied on purpose. */
  readonly entrypoint: readonly Text[] | undefined
  readonly command: readonly Text[] | undefined
  /** In order; absent variables (`- NAME` without a value) are left out and counted. */
  readonly environment: ReadonlyMap<string, Text>
  readonly workingDir: string | undefined
  readonly user: string | undefined
  readonly groupAdd: readonly string[]
  readonly ports: readonly PortEntry[]
  readonly expose: readonly { readonly port: number; readonly protocol: 'tcp' | 'udp' }[]
  readonly volumes: readonly VolumeEntry[]
  /** `tmpfs:` key. */
  readonly tmpfs: readonly {
    readonly path: string
    readonly sizeBytes?: number
    readonly mode?: number
    readonly uid?: number
    readonly gid?: number
    readonly exec?: boolean
  }[]
  readonly configs: readonly GrantEntry[]
  readonly secrets: readonly GrantEntry[]
  readonly networkMode:
    | { readonly kind: 'networks' }
    | { readonly kind: 'host' }
    | { readonly kind: 'none' }
    | { readonly kind: 'service' | 'container'; readonly name: string }
  /** By key under `networks`; `default` where the service names none. */
  readonly networks: ReadonlyMap<string, { readonly aliases: readonly string[] }>
  /** `SERVICE:ALIAS` of links, as alias to service. */
  readonly links: ReadonlyMap<string, string>
  readonly extraHosts: ReadonlyMap<string, readonly string[]>
  readonly dns: readonly string[]
  readonly dnsSearch: readonly string[]
  readonly dnsOptions: readonly string[]
  readonly dependsOn: ReadonlyMap<
    string,
    {
      readonly condition: 'started' | 'healthy' | 'completed'
      readonly isRequired: boolean
      readonly restarts: boolean
    }
  >
  readonly healthcheck: Healthcheck | undefined
  /** Undefined: absent (covey: always). */
  readonly restart: 'no' | 'always' | 'on-failure' | 'unless-stopped' | undefined
  readonly stopSignal: string | undefined
  readonly stopGraceSeconds: number | undefined
  readonly init: boolean | undefined
  readonly tty: boolean
  readonly stdinOpen: boolean
  readonly isReadOnly: boolean
  readonly privileged: boolean
  readonly capAdd: readonly string[]
  readonly capDrop: readonly string[]
  readonly securityOpt: readonly string[]
  readonly sysctls: ReadonlyMap<string, string>
  readonly ulimits: ReadonlyMap<string, { readonly soft: number; readonly hard: number }>
  readonly shmBytes: number | undefined
  readonly memoryBytes: number | undefined
  readonly memorySwapBytes: number | undefined
  readonly cpuMilli: number | undefined
  readonly pids: number | undefined
  readonly devices: readonly {
    readonly source: string
    readonly target: string
    readonly permissions: string
    readonly place: Place
  }[]
  /** Devices of `deploy.resources.reservations` or `gpus`: that GPUs are asked for. */
  readonly wantsGpu: boolean
  readonly pidHost: boolean
  readonly labels: ReadonlyMap<string, Text>
  readonly deploy: {
    readonly replicas: number | undefined
    readonly mode: 'replicated' | 'global'
    /** As written: `node.hostname==x`, `node.labels.disk == ssd`. */
    readonly constraints: readonly Text[]
    readonly updateOrder: 'start-first' | 'stop-first' | undefined
  }
  /** `x-covey`, plain and not yet checked; places by `placeOf('x-covey.…')`. */
  readonly covey: unknown
}

/** A network of a project. */
export interface ComposeNetwork {
  readonly key: string
  /** Name shared between projects: of `external`, or of a fixed `name`; undefined: private. */
  readonly sharedName: string | undefined
  readonly isInternal: boolean
  readonly place: Place
}

/** A volume of a project. */
export interface ComposeVolume {
  readonly key: string
  readonly fixedName: string | undefined
  readonly isExternal: boolean
  readonly driverOptions: ReadonlyMap<string, Text>
  readonly place: Place
}

/** A config or secret of a project, with its content where it is known. */
export interface ComposeContent {
  readonly key: string
  readonly isExternal: boolean
  /** Name outside of the project, where it is external; its key where the file gives none. */
  readonly externalName: string | undefined
  readonly content: Text | undefined
  readonly place: Place
}

/** One project: its files merged, its variables put in, its forms made one. */
export interface ComposeProject {
  /** Folder of the first file. Relative paths of the files are relative to it. */
  readonly folder: string
  /** Name of the project where a file or `.env` gives one. */
  readonly name: string | undefined
  readonly services: ReadonlyMap<string, ComposeService>
  readonly networks: ReadonlyMap<string, ComposeNetwork>
  readonly volumes: ReadonlyMap<string, ComposeVolume>
  readonly configs: ReadonlyMap<string, ComposeContent>
  readonly secrets: ReadonlyMap<string, ComposeContent>
  /** Keys that are accepted without effect, unset variables, literals that look like secrets. */
  readonly notes: readonly LocatedFault[]
  /** Names of the variables of `ComposeOptions` that its files take. */
  readonly variables: ReadonlySet<string>
}

/** The options for reading a project. */
export interface ComposeOptions {
  /** Paths as `read` takes them, first to last; messages show them as they are. */
  readonly files: readonly string[]
  readonly profiles: readonly string[]
  /** Files of the stack's `env_file` option, in place of the `.env` beside the first file. */
  readonly envFiles: readonly string[]
  /** Variables of `--env`, of now or kept in the lock, which win. */
  readonly variables: ReadonlyMap<string, string>
}

/** Reads a text file, bounded; undefined where there is none. Throws `Failure` otherwise. */
export type ReadFile = (path: string) => Promise<string | undefined>

// readProject(options, read): Promise<{ project: ComposeProject, faults: readonly LocatedFault[] }>
