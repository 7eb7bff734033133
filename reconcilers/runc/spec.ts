import * as z from 'zod'
import type { AttachmentSpec } from '../container-network/spec.ts'
import type { ContainerPolicy } from '../host-containers.ts'
import type { RegistryLogin } from '../host-images.ts'
import {
  argumentsMax,
  cpuMilliMax,
  cpuMilliMin,
  entriesMax,
  jweCharactersMax,
  memoryBytesMin,
  pidsMax,
  shmBytesMax,
  shmBytesMin,
} from './bundle/limits.ts'
import { parseSealedHeader } from './bundle/sealed.ts'
import { registrySchema } from './logins/registry-object.ts'
import type {
  ContainerObject,
  FileObject,
  MountObject,
  SecretUse,
} from './object/container-object.ts'
import { deviceEntry } from './object/device-fields.ts'
import { healthSchema } from './object/health-fields.ts'
import { limits, memoryPlace, settings, userGroup } from './object/runtime-fields.ts'
import { checkContainer } from './object/spec-checks.ts'
import {
  accountId,
  address,
  base64,
  capability,
  command,
  commandArguments,
  droppedCapability,
  environment,
  hostname,
  hostPath,
  hostSource,
  image,
  labels,
  mountPoint,
  path,
  reference,
  runtimeConfig,
  shellVariable,
  signal,
  subpath,
  user,
  wordPlace,
} from './object/spec-fields.ts'
import { after } from './relations/after-fields.ts'
import type { HostsTexts } from './relations/hosts-text.ts'
import { aliases, dns, extraHosts, groups } from './relations/name-fields.ts'

const mode: z.ZodType<string> = z
  .string()
  .regex(/^0?[0-7]{3}$/, 'must be an octal mode such as 0644')

const mountSchema: z.ZodType<MountObject> = z.strictObject({
  volume: reference.optional(),
  host_path: hostSource.optional(),
  path: mountPoint,
  read_only: z.boolean().default(false),
  subpath: subpath.optional(),
  create: z.boolean().optional(),
  seed: z.boolean().optional(),
})

const fileSchema: z.ZodType<FileObject> = z.strictObject({
  path: mountPoint,
  content: z.string().optional(),
  content_base64: base64.optional(),
  mode: mode.default('0644'),
  uid: accountId.optional(),
  gid: accountId.optional(),
})

const secretUseSchema: z.ZodType<SecretUse> = z.strictObject({
  secret: reference,
  path: mountPoint.optional(),
  mode: mode.optional(),
  uid: accountId.optional(),
  gid: accountId.optional(),
  env: shellVariable.optional(),
  env_all: z.literal(true).optional(),
  words: z.array(wordPlace).min(1).max(argumentsMax).optional(),
})

const resourcesSchema: z.ZodType<ContainerObject['resources']> = z.strictObject({
  memory_bytes: z.int().min(memoryBytesMin).optional(),
  cpu_milli: z.int().min(cpuMilliMin).max(cpuMilliMax).optional(),
  pids: z.int().min(1).max(pidsMax).optional(),
  memory_swap_bytes: z.int().min(-1).optional(),
})

/** Schema of `runc_container`. */
export const containerSchema: z.ZodType<ContainerObject> = z
  .strictObject({
    type: z.literal('runc_container'),
    image,
    network: reference.optional(),
    address: address.optional(),
    address6: address.optional(),
    command: command.optional(),
    args: commandArguments.optional(),
    env: environment.default({}),
    working_dir: path.optional(),
    user: user.optional(),
    group_add: z.array(userGroup).max(entriesMax).optional(),
    init: z.boolean().optional(),
    tty: z.boolean().optional(),
    stdin_open: z.boolean().optional(),
    hostname: hostname.optional(),
    aliases: aliases.optional(),
    groups: groups.optional(),
    extra_hosts: extraHosts.optional(),
    dns: dns.optional(),
    after: after.optional(),
    mounts: z.array(mountSchema).max(entriesMax).default([]),
    tmpfs: z.array(memoryPlace).max(entriesMax).default([]),
    shm_bytes: z.int().min(shmBytesMin).max(shmBytesMax).optional(),
    files: z.array(fileSchema).max(entriesMax).default([]),
    secrets: z.array(secretUseSchema).max(entriesMax).default([]),
    devices: z.array(deviceEntry).max(entriesMax).default([]),
    privileged: z.boolean().optional(),
    host_network: z.boolean().default(false),
    host_pid: z.boolean().optional(),
    network_of: reference.optional(),
    user_namespace: z.boolean().default(false),
    resources: resourcesSchema.default({}),
    ulimits: limits.optional(),
    sysctls: settings.optional(),
    capabilities: z
      .strictObject({
        add: z.array(capability).max(entriesMax).default([]),
        drop: z.array(droppedCapability).max(entriesMax).default([]),
        ambient: z.boolean().optional(),
      })
      .default({ add: [], drop: [] }),
    no_new_privileges: z.boolean().optional(),
    read_only_root: z.boolean().default(false),
    restart: z.enum(['always', 'on-failure', 'never']).default('always'),
    stop_signal: signal.optional(),
    stop_grace_seconds: z.int().min(0).max(3600).default(10),
    health: healthSchema.optional(),
    labels: labels.default({}),
    runtime_config: runtimeConfig.default({}),
  })
  .superRefine(checkContainer)

/** `volume`: a directory that outlives containers. */
export interface VolumeObject {
  readonly type: 'volume'
  readonly on_remove: 'keep' | 'delete'
  /** A folder of the host that it is in place of one of covey's own. */
  readonly path?: string | undefined
}

/** Schema of `volume`. */
export const volumeSchema: z.ZodType<VolumeObject> = z
  .strictObject({
    type: z.literal('volume'),
    on_remove: z.enum(['keep', 'delete']).default('keep'),
    path: hostPath.optional(),
  })
  .superRefine(({ path, on_remove }, context) => {
    if (path === undefined || on_remove === 'keep') return
    const message = 'cannot be delete with path: covey removes no folder that is not its own'
    context.addIssue({ code: 'custom', message, path: ['on_remove'] })
  })

/** `secret`: a JWE to this host's own sealing key. */
export interface SecretObject {
  readonly type: 'secret'
  readonly jwe: string
}

/** Schema of `secret`. */
export const secretSchema: z.ZodType<SecretObject> = z.strictObject({
  type: z.literal('secret'),
  jwe: z
    .string()
    .max(jweCharactersMax)
    .superRefine((text, context) => {
      const header = parseSealedHeader(text)
      if (!header.ok) context.addIssue(header.fault.message)
    }),
})

/** The types of this room, with their schemas. */
export const runcTypes: Readonly<Record<string, z.ZodType>> = {
  runc_container: containerSchema,
  volume: volumeSchema,
  secret: secretSchema,
  registry: registrySchema,
}

/** One container, with its references resolved. */
export interface ContainerSpec {
  /** Name of the object. */
  readonly object: string
  readonly container: ContainerObject
  /** Null with `host_network`; with `network_of` that of the other container. */
  readonly attachment: AttachmentSpec | null
  /** JWE of each secret that it uses, by the secret's name. */
  readonly secrets: ReadonlyMap<string, string>
  /** Paths of its volumes that are folders of the host, by the volume's name. */
  readonly volumePaths: ReadonlyMap<string, string>
  /**
   * The digest of all that a container is made from: another one means another container. Changes
   * of `policyFields` need none.
   */
  readonly revision: string
  /** Id of the container of this revision. */
  readonly id: string
  /** The part that may change without a new container. */
  readonly policy: ContainerPolicy
}

/** The wanted containers of a host. */
export interface RuncSpec extends HostsTexts {
  readonly host: string
  /** Ordered by object name. */
  readonly containers: readonly ContainerSpec[]
  readonly volumes: readonly { readonly object: string; readonly onRemove: 'keep' | 'delete' }[]
  /** Users of registries, ordered by object name. */
  readonly logins: readonly RegistryLogin[]
  /** Faulty objects of the config: what was applied for them stays. */
  readonly kept: readonly string[]
}
