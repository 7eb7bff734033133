import { CoveyError } from '../../protocol/fault.ts'
import { addressText } from '../addresses.ts'
import type { BundleFacts } from '../container-facts.ts'
import type { ContainerRecord } from '../host-containers.ts'
import type { ImageReady } from '../host-images.ts'
import type { HostPorts } from '../host-ports.ts'
import type { PlanStep } from '../reconciler.ts'
import { makeBundle } from './bundle/bundle.ts'
import type { Bundle } from './bundle/result.ts'
import { deviceSources } from './object/device-fields.ts'
import { devicesGiven } from './offers/devices.ts'
import { privilegeGrant } from './offers/privileges.ts'
import type { RuncStep } from './plan.ts'
import type { ContainerSpec } from './spec.ts'
import { saveVolumeMemory } from './volumes.ts'

/** Carries out one step. Rejects with a `CoveyError` whose message is a reason for people. */
export async function applyRunc(
  step: RuncStep,
  host: HostPorts,
  signal: AbortSignal,
): Promise<void> {
  const { containers } = host
  switch (step.kind) {
    case 'pull':
      if (step.isMapped) return host.images.pullMapped(step.reference)
      return host.images.pull(step.reference)
    case 'create':
      return createContainer(step, host, signal)
    case 'again':
      if (step.spec !== null) await checkGranted(step.spec, host)
      return containers.createAgain(step.id, signal)
    case 'start':
      return containers.start(step.id, step.count, signal)
    case 'replace':
      return replaceContainers(step, host, signal)
    case 'stop':
      if (!(await containers.stop(step.id, step.order)) || !step.removes) return
      return removeContainer(step.id, host, signal)
    case 'remove':
      return removeContainer(step.id, host, signal)
    case 'keep-exit':
      return containers.keepExit(step.id)
    case 'remember':
      return containers.remember(step.record)
    case 'order':
      return containers.endOrder(step.object, step.order)
    case 'hosts':
      return containers.writeHosts(step.ids, step.text)
    case 'resolvers':
      return containers.writeResolvConf(step.ids, step.text)
    case 'logins':
      return host.images.useLogins(step.logins)
    case 'remember-volumes':
      return saveVolumeMemory(host.files, step.memory)
    case 'remove-volume':
      return containers.removeVolume(step.object)
  }
}

/** Refuses what this host's own settings do not grant: a config alone opens nothing of a host. */
async function checkGranted(spec: ContainerSpec, host: HostPorts): Promise<void> {
  const { container, volumePaths } = spec
  const volumes = [...volumePaths.values()].map((host_path) => ({ host_path, create: true }))
  const mounts = [...container.mounts, ...volumes]
  const refusal = await host.containers.refusal({ ...container, mounts })
  if (refusal !== null) throw new CoveyError('not-granted', refusal)
}

/** True if a container asks to be privileged, and this host lets it. */
async function mayBePrivileged(
  { container, object }: ContainerSpec,
  host: HostPorts,
): Promise<boolean> {
  if (container.privileged !== true) return false
  return (await host.containers.grants()).includes(privilegeGrant(container, object))
}

interface CreateInit extends Omit<Extract<RuncStep, { kind: 'create' }>, 'kind' | keyof PlanStep> {
  /** The container that this one is like, whose privileges it has; none for one of an object. */
  readonly like?: ContainerSpec
}

/** Makes a container, without starting it. Throws as `HostContainers.create`, `not-granted`. */
export async function createContainer(
  step: CreateInit,
  host: HostPorts,
  signal: AbortSignal,
): Promise<void> {
  const { spec, image, hosts } = step
  const { id } = spec
  try {
    await checkGranted(spec, host)
    const { devices, network_of } = spec.container
    const sources = deviceSources(devices)
    const network = network_of ?? spec.object
    const isPrivileged = await mayBePrivileged(step.like ?? spec, host)
    const facts = await host.containers.facts(id, sources, network, isPrivileged)
    const container = { ...spec.container, privileged: isPrivileged }
    const bundle = makeBundle({ ...spec, container }, image, facts, hosts)
    if (!bundle.ok) throw new CoveyError(bundle.fault.code, bundle.fault.message)
    const { secrets, userNamespace, stopSignal: _, checkSecrets: _kept, ...parts } = bundle.value
    await host.secrets.place(id, secrets)
    const { layers } = image
    const made = recordOf(spec, bundle.value, image, facts)
    const record = spec.container.privileged ? { ...made, privileged: isPrivileged } : made
    const mapped = userNamespace === undefined ? {} : { userNamespace }
    await host.containers.create({ ...parts, record, layers, ...mapped }, signal)
  } catch (error) {
    if (!step.goesOn || !(error instanceof CoveyError)) throw error
    const message = `${error.message}; the previous container keeps running`
    throw new CoveyError(error.code, message, { cause: error })
  }
}

/** The record of a container, kept as long as anything of it exists. */
function recordOf(
  spec: ContainerSpec,
  bundle: Bundle,
  { config: { healthcheck } }: ImageReady,
  facts: BundleFacts,
): ContainerRecord {
  const { id, object, container, attachment, revision, policy } = spec
  const { network_of: networkOf } = container
  const devices = devicesGiven(container, facts.devices)
  return {
    ...{ id, object, revision },
    image: container.image,
    address: attachment === null ? '127.0.0.1' : addressText(attachment.address),
    namespace: attachment === null ? null : facts.networkNamespace,
    ...(networkOf === undefined ? {} : { networkOf }),
    volumes: [...new Set(container.mounts.flatMap(({ volume }) => volume ?? []))],
    stopSignal: bundle.stopSignal,
    policy,
    ...(healthcheck === undefined ? {} : { imageHealth: healthcheck }),
    ...(bundle.checkSecrets === null ? {} : { checkSecrets: bundle.checkSecrets }),
    ...(container.user_namespace ? { userNamespace: true } : {}),
    ...(devices === undefined ? {} : { devices }),
    ...(container.tty ? { terminal: true } : {}),
    ...(container.stdin_open ? { stdin: true } : {}),
  }
}

async function removeContainer(id: string, host: HostPorts, signal: AbortSignal): Promise<void> {
  await host.containers.remove(id, signal)
  await host.secrets.remove(id)
}

/**
 * Replaces containers. The next one is ready, so downtime is the time that the old one takes to
 * stop.
 */
async function replaceContainers(
  step: Extract<RuncStep, { kind: 'replace' }>,
  host: HostPorts,
  signal: AbortSignal,
): Promise<void> {
  const { containers } = host
  const ended = await Promise.all(step.before.map((each) => containers.stop(each.id, each.order)))
  if (!ended.every(Boolean)) return
  await containers.start(step.id, step.count, signal)
  for (const { id } of step.before) await removeContainer(id, host, signal)
}
