import type { ImageState, RegistryLogin } from '../host-images.ts'
import type { HostPorts } from '../host-ports.ts'
import { containersOf } from './containers.ts'
import { imageKey } from './images.ts'
import { deviceSources } from './object/device-fields.ts'
import { type DevicesSeen, deviceTexts } from './offers/devices.ts'
import { outdatedBy } from './offers/outdated.ts'
import type { GrantsSeen } from './offers/privileges.ts'
import { isOneOff } from './one-off/one-off-name.ts'
import { withClosedVolumes } from './orders/closed-volumes.ts'
import type { OrdersSeen } from './orders/orders.ts'
import type { ResolversSeen } from './resolvers.ts'
import type { ContainerSpec, RuncSpec } from './spec.ts'
import { loadVolumeMemory, type VolumesSeen } from './volumes.ts'

/** The observed containers of a host. */
export interface RuncObserved
  extends DevicesSeen,
    GrantsSeen,
    OrdersSeen,
    ResolversSeen,
    VolumesSeen {
  /** Milliseconds since 1970, for ages only. */
  readonly nowMs: number
  /** Images from which a container has to be made, by `imageKey`; no others are looked up. */
  readonly images: ReadonlyMap<string, ImageState>
  /** Users of registries that pulls use now. */
  readonly logins: readonly RegistryLogin[]
}

/** Looks at containers, volumes and the images that are needed now. Starts no process. */
export async function observeRunc(
  spec: RuncSpec,
  host: HostPorts,
  signal: AbortSignal,
): Promise<RuncObserved> {
  signal.throwIfAborted()
  const [all, ordered, closed, resolvers, volumes, memory, devices] = await Promise.all([
    host.containers.notice(),
    host.containers.orders(),
    host.containers.closedVolumes(),
    host.containers.resolvers(),
    host.containers.lookVolumes(),
    loadVolumeMemory(host.files),
    lookAtDevices(spec, host),
  ])
  // What a person runs for one command is no object's, and nobody else's to remove.
  const containers = all.filter(({ object }) => !isOneOff(object))
  const asksGrants = spec.containers.some(({ container }) => container.privileged === true)
  const grants = asksGrants ? await host.containers.grants() : null
  const needed = spec.containers.filter((each) => {
    const { wanted } = containersOf(each, containers)
    if (wanted === null || wanted.process.state === 'absent' || !wanted.isPrepared) return true
    return outdatedBy(each.container, wanted, { devices, grants }) !== null
  })
  const images = await lookAtImages(needed, host)
  const logins = host.images.logins()
  const orders = withClosedVolumes(ordered, spec.containers, closed)
  const found = { containers, orders, resolvers, volumes, memory, devices, grants }
  return { nowMs: host.clock.now(), ...found, images, logins }
}

async function lookAtDevices(
  { containers }: RuncSpec,
  host: HostPorts,
): Promise<DevicesSeen['devices']> {
  const sources = deviceSources(containers.flatMap(({ container }) => container.devices))
  const found = await host.containers.lookDevices(sources)
  return new Map([...found].map(([source, nodes]) => [source, deviceTexts(source, nodes)]))
}

async function lookAtImages(
  needed: readonly ContainerSpec[],
  { images }: HostPorts,
): Promise<RuncObserved['images']> {
  const referencesOf = (isMapped: boolean): readonly string[] => {
    const own = needed.filter(({ container }) => container.user_namespace === isMapped)
    return [...new Set(own.map(({ container }) => container.image))]
  }
  const [plain, mapped] = [referencesOf(false), referencesOf(true)]
  const found = new Map(plain.length === 0 ? [] : await images.look(plain))
  if (mapped.length === 0) return found
  for (const [image, state] of await images.lookMapped(mapped)) {
    found.set(imageKey({ image, user_namespace: true }), state)
  }
  return found
}
