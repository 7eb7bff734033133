import type { Config } from '../../../protocol/documents/config.ts'
import { CoveyError } from '../../../protocol/fault.ts'
import { clusterOf } from '../../cluster/index.ts'
import type { ImageReady } from '../../host-images.ts'
import type { HostPorts } from '../../host-ports.ts'
import { createContainer } from '../apply.ts'
import { oneOffWaitMs } from '../limits.ts'
import type { ContainerObject, SecretUse } from '../object/container-object.ts'
import { containerId } from '../object/resolve-revision.ts'
import { hostsFor } from '../relations/plan-hosts.ts'
import { resolveRunc } from '../resolve.ts'
import type { ContainerSpec } from '../spec.ts'
import { orderOf } from '../stopping.ts'
import { isOneOff, oneOffName } from './one-off-name.ts'

/** A container that a person wants beside that of an object, for one command. */
export interface OneOffOrder {
  readonly object: string
  /** Name of the container, from `nameOneOff`. */
  readonly name: string
  /** In place of the image's entrypoint and the object's `command`; null for these. */
  readonly entrypoint: readonly string[] | null
  /** In place of the arguments; none for those of the object. */
  readonly command: readonly string[]
}

/** A container that was made for one command. */
export interface OneOff {
  readonly id: string
  readonly object: string
}

/**
 * Makes a container like that of an object of this host's section, with another command, in the
 * same network and with a writable layer of its own. It is not started: its first process waits,
 * and commands are run beside that. Nothing else of it can differ, so the signed config stays the
 * only source of what runs.
 *
 * Errors: `faulty`, `held`, `image-absent`, and as a container is made.
 */
export async function createOneOff(
  config: Config,
  host: string,
  order: OneOffOrder,
  ports: HostPorts,
  signal: AbortSignal,
): Promise<OneOff> {
  const resolved = resolveRunc(clusterOf(config), host).spec
  const spec = resolved.containers.find(({ object }) => object === order.object)
  if (spec === undefined) {
    const message = `no sound container ${order.object} is in the config of this host`
    throw new CoveyError('faulty', message, { hint: 'covey status says what is wrong with it' })
  }
  await expectUnheld(order.object, ports)
  await expectOpenVolumes(spec, ports)
  const object = order.name
  const own = oneOffSpec(spec, object, order)
  const image = await readyImage(spec, ports)
  const hosts = hostsFor(order.object, resolved)
  try {
    const step = { spec: own, like: spec, image, hosts, goesOn: false }
    await createContainer(step, ports, signal)
  } catch (error) {
    await removeOneOff({ id: own.id, object }, ports)
    throw error
  }
  return { id: own.id, object }
}

/** Ends and removes such a container, with all that is of it. */
export async function removeOneOff({ id }: OneOff, ports: HostPorts): Promise<void> {
  await ports.containers.stop(id, orderOf(9, oneOffWaitMs)).catch(() => false)
  await ports.containers.remove(id, new AbortController().signal)
  await ports.secrets.remove(id)
}

/** Those that are there, as after a crash of the agent. */
export async function lookOneOffs(ports: HostPorts): Promise<readonly OneOff[]> {
  const all = await ports.containers.look()
  return all.filter(({ object }) => isOneOff(object)).map(({ id, object }) => ({ id, object }))
}

/** A name that no container for a command has now. */
export async function nameOneOff(object: string, ports: HostPorts): Promise<string> {
  const taken = new Set((await ports.containers.look()).map((seen) => seen.object))
  for (let number = 1; ; number++) {
    const name = oneOffName(object, number)
    if (!taken.has(name)) return name
  }
}

/** Whoever keeps the containers of an object stopped counts on one more as well. */
async function expectUnheld(object: string, ports: HostPorts): Promise<void> {
  const [hold] = (await ports.containers.orders()).get(object)?.holds ?? []
  if (hold === undefined) return
  throw new CoveyError('held', `${object} is held by "${hold.owner}": ${hold.reason}`, {
    hint: 'wait until that has ended',
  })
}

/** A volume that is put back or moved just now is nobody's to use. */
async function expectOpenVolumes({ container }: ContainerSpec, ports: HostPorts): Promise<void> {
  const closed = await ports.containers.closedVolumes()
  for (const { volume = '' } of container.mounts) {
    const closing = closed.get(volume)
    if (closing !== undefined) {
      throw new CoveyError('held', `its volume ${volume} ${closing.reason}`, {
        hint: 'wait until that has ended',
      })
    }
  }
}

async function readyImage(
  { container }: ContainerSpec,
  { images }: HostPorts,
): Promise<ImageReady> {
  const { image, user_namespace: isMapped } = container
  const found = await (isMapped ? images.lookMapped([image]) : images.look([image]))
  const state = found.get(image)
  if (state?.state === 'ready') return state
  throw new CoveyError('image-absent', `the image ${image} is not on this host`, {
    hint: `covey image pull ${image}`,
  })
}

function oneOffSpec(
  spec: ContainerSpec,
  object: string,
  { entrypoint, command }: OneOffOrder,
): ContainerSpec {
  const { container } = spec
  const isOther = command.length > 0 || entrypoint !== null
  const gone = [...(isOther ? ['args.'] : []), ...(entrypoint === null ? [] : ['command.'])]
  const own: ContainerObject = {
    ...container,
    ...(entrypoint === null ? {} : { command: entrypoint }),
    ...(isOther ? { args: command } : {}),
    ...{ init: false, tty: false, stdin_open: false, restart: 'never', labels: {} },
    hostname: container.hostname ?? object.replace('+', '-'),
    secrets: container.secrets.flatMap((use) => withoutWords(use, gone)),
    network_of: container.host_network ? undefined : (container.network_of ?? spec.object),
    health: undefined,
  }
  const policy = { ...spec.policy, restart: 'never', health: null, labels: {} } as const
  return { ...spec, object, id: containerId(object, spec.revision), container: own, policy }
}

/** Words of a command that is another one now hold no secret. */
function withoutWords(use: SecretUse, gone: readonly string[]): readonly SecretUse[] {
  const words = use.words?.filter((word) => !gone.some((begin) => word.startsWith(begin)))
  if (words === undefined || words.length === use.words?.length) return [use]
  const { words: _words, ...rest } = use
  if (words.length > 0) return [{ ...rest, words }]
  const isUsed = [use.path, use.env, use.env_all].some((each) => each !== undefined)
  return isUsed ? [rest] : []
}
