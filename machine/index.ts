import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from 'pino'
import type { ContainerEvent, ImageEvent } from '../protocol/api/events.ts'
import type { HostKeys, HostPorts } from '../reconcilers/host-ports.ts'
import { machineClock } from './clock.ts'
import { type MachineContainers, openContainers } from './containers/containers.ts'
import { createLogKeeper, type LogKeeper } from './containers/logs/keeper.ts'
import { whileHeld } from './containers/orders/while-held.ts'
import { createHostPorts } from './host-ports.ts'
import { linuxPlatform } from './images/formats/platform.ts'
import { type Images, openImages } from './images/images.ts'
import { createRegistries } from './images/registry/index.ts'
import type { RegistrySettings } from './images/registry/trust/settings.ts'
import { createNameResolver } from './names.ts'
import { createRegistryLogins } from './secrets/registry-logins.ts'
import { createHostSecrets, type SecretsInit } from './secrets/secrets.ts'
import { openVolumes, type Volumes } from './volumes/volumes.ts'

/** The host's own settings that concern the machine. */
interface MachineSettings {
  readonly registries: Readonly<Record<string, RegistrySettings>>
  /** Grants to containers on this host. */
  readonly grants: readonly string[]
  readonly image_budget_bytes: number
}

/** Dependencies of the machine side of an agent. */
export interface MachineInit {
  readonly stateDir: string
  readonly runDir: string
  readonly settings: MachineSettings
  /** File of the settings, for messages to people. */
  readonly settingsFile: string
  readonly keys: HostKeys
  /** Tools of other packages' reconcilers, each with the Debian package that brings it. */
  readonly tools: Readonly<Record<string, string>>
  readonly identity: SecretsInit['identity']
  /** Digest of the first root document. */
  readonly clusterId: string
  readonly log: Logger
  /** Objects of this host in the configs that matter. */
  readonly isListed: (object: string) => boolean
  /** Something changed that a round should look at. Must not throw. */
  readonly onChange: (reason: string) => void
  readonly onEvent: (event: ContainerEvent | ImageEvent) => void
}

/**
 * The machine as the agent has it: everything that reconcilers touch, and what stands behind it.
 */
export interface Machine {
  readonly ports: HostPorts
  readonly images: Images
  readonly containers: MachineContainers
  readonly volumes: Volumes
  /** Ends pulls, checks and watches; what runs on the machine goes on. */
  close(): Promise<void>
}

/** Opens the machine. The caller holds the state lock. Nothing of it is touched yet. */
export async function openMachine(init: MachineInit): Promise<Machine> {
  const { stateDir, runDir, settings, settingsFile, log, onChange, onEvent } = init
  const { identity, clusterId } = init
  const resolveName = createNameResolver()
  const logins = createRegistryLogins(clusterId, identity)
  const registries = createRegistries(settings.registries, {
    logins,
    environment: process.env,
    clock: machineClock,
    resolveName,
    log,
  })
  const variables: Readonly<Record<string, unknown>> = { ...process.config.variables }
  const armVersion = variables['arm_version']
  const images = await openImages({
    stateDir,
    runDir,
    registries,
    logins,
    machine: linuxPlatform(
      process.arch,
      armVersion === undefined ? null : String(armVersion),
      await readFile('/proc/cpuinfo', 'utf8').catch(() => ''),
    ),
    budgetBytes: settings.image_budget_bytes,
    log,
    now: machineClock.now,
    onChange,
    onEvent,
  })
  const { grants } = settings
  const containers = await openContainers({
    ...{ stateDir, runDir, clock: machineClock, log, grants, settingsFile, onChange, onEvent },
  })
  const volumes = await openVolumes({
    ...{ stateDir, places: containers.state.places, containers: containers.port },
    gate: containers.state.gate,
    held: (order, signal, work) => whileHeld(containers, order, signal, work),
  })
  const logs = keepLogs(init, containers)
  const ports = createHostPorts({
    stateDir,
    runDir,
    keys: init.keys,
    tools: init.tools,
    images: images.port,
    containers: containers.port,
    secrets: createHostSecrets({ runDir, clusterId, identity }),
  })
  return {
    ports,
    images,
    containers,
    volumes,
    async close() {
      await Promise.all([images.close(), registries.close(), containers.close(), logs.stop()])
    },
  }
}

function keepLogs(init: MachineInit, containers: MachineContainers): LogKeeper {
  const { stateDir, runDir, isListed, log } = init
  const { records, of } = containers.state
  const hasContainer = (object: string): boolean =>
    records.ids().some((id) => records.record(id)?.object === object)
  return createLogKeeper({
    stateDir,
    memoryPath: join(runDir, 'logs-seen.json'),
    bundleOf: (id) => of(id).bundle,
    isKept: (object) => isListed(object) || hasContainer(object),
    log,
  })
}
