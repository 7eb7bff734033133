import * as z from 'zod'
import type { DeviceObject } from '../../container-facts.ts'
import { isWithin } from '../bundle/host-paths.ts'
import type { ContainerObject } from './container-object.ts'
import { devicePath } from './spec-fields.ts'

/** Names below `/dev` that a container has anyway, or that covey mounts (config-linux.md). */
const usualNames: readonly string[] = [
  ...['null', 'zero', 'full', 'random', 'urandom', 'tty', 'console', 'ptmx', 'core', 'fd'],
  ...['stdin', 'stdout', 'stderr', 'shm', 'mqueue'],
]

/** Reason that no device is given at a path, beyond those of `devicePath`; or undefined. */
export function deviceTargetFault(path: string): string | undefined {
  const isUsual = ['pts', ...usualNames].some((name) => isWithin(path, `/dev/${name}`))
  return isUsual ? 'is what every container has of its own: choose another path' : undefined
}

/** Path of a device in a container. */
const deviceTarget: z.ZodType<string> = devicePath.superRefine((path, context) => {
  const message = deviceTargetFault(path)
  if (message !== undefined) context.addIssue(message)
})

/** A device, or a folder of devices, as an object names it. */
export const deviceEntry: z.ZodType<string | DeviceObject> = z.union([
  devicePath,
  z.strictObject({
    source: devicePath,
    target: deviceTarget.optional(),
    permissions: z
      .string()
      .regex(/^(?!.*(.).*\1)[rwm]{1,3}$/, 'must be some of r, w and m, each once')
      .optional(),
  }),
])

/** An entry of `devices`, with the values that it leaves out. */
export function deviceOf(entry: string | DeviceObject): {
  readonly source: string
  readonly target: string
  readonly permissions: string
} {
  const written: DeviceObject = typeof entry === 'string' ? { source: entry } : entry
  const { source, target = source, permissions = 'rw' } = written
  return { source, target, permissions }
}

/** The paths of the host that `devices` names, each once. */
export function deviceSources(devices: ContainerObject['devices']): readonly string[] {
  return [...new Set(devices.map((entry) => deviceOf(entry).source))]
}

/** Faults of devices among each other and with the paths of what is mounted, by index. */
export function deviceFaults(
  devices: ContainerObject['devices'],
  mounted: readonly string[],
): readonly { readonly index: number; readonly message: string }[] {
  const targets = devices.map((entry) => deviceOf(entry).target)
  return targets.flatMap((target, index) => {
    const first = targets.findIndex((other) => isWithin(target, other))
    const second = targets.findLastIndex((other) => isWithin(target, other))
    const other = first < index ? first : second
    if (other !== index) return [{ index, message: `is already included in devices.${other}` }]
    // The runtime makes the node in what is mounted there, be it a folder of the host.
    const over = mounted.find((path) => isWithin(target, path) || isWithin(path, target))
    if (over === undefined) return []
    return [{ index, message: `has the place of a mount of the container: ${over}` }]
  })
}
