import type { Command, CommandResult, HostPorts } from '../../../reconcilers/host-ports.ts'
import { createFakeClock, type FakeClock } from './clock.ts'
import { createFakeContainers, type FakeContainers } from './containers.ts'
import { createFakeImages, type FakeImages } from './images.ts'
import { fakeIp } from './ip.ts'
import { hostKeys, type KeyPair, makeKeyPair } from './keys.ts'
import { createModel, done, type FakeModel } from './model.ts'
import { fakeNft } from './nft.ts'
import { fakeSysctl } from './sysctl.ts'
import { fakeWg, fakeWireguardGo } from './wg.ts'

/** A host that is only a model: what it does not know it refuses loudly. */
export interface FakeHost {
  /** State that the modelled tools read and change. */
  readonly model: FakeModel
  /** Ports for a reconciler, played on the model. */
  readonly ports: HostPorts
  /** Clock that moves only when a test says so. */
  readonly clock: FakeClock
  /** Modelled containers and secrets. */
  readonly containers: FakeContainers
  /** Modelled images. */
  readonly images: FakeImages
  /** WireGuard keys of the host. */
  readonly keys: readonly KeyPair[]
  /** Every command so far, as `tool args`. */
  readonly commands: string[]
}

/** Makes a host with nothing on it but one WireGuard key. */
export function createFakeHost(keys: readonly KeyPair[] = [makeKeyPair()]): FakeHost {
  const clock = createFakeClock()
  const commands: string[] = []
  const model = createModel(keys)
  const run = async (command: Command, signal: AbortSignal): Promise<CommandResult> => {
    signal.throwIfAborted()
    const text = [command.tool, ...command.args].join(' ')
    commands.push(text)
    for (const [start, answer] of model.broken) {
      if (!text.startsWith(start)) continue
      if (answer instanceof Error) throw answer
      return answer
    }
    if (command.tool === 'ip') return fakeIp(model, command)
    if (command.tool === 'nft') return fakeNft(model, command)
    if (command.tool === 'ss') return done
    if (command.tool === 'sysctl') return fakeSysctl(model, command)
    if (command.tool === 'wg') return fakeWg(model, command)
    if (command.tool === 'wireguard-go') return fakeWireguardGo(model, command)
    throw new Error(`the fake host does not know: ${text}`)
  }
  const containers = createFakeContainers(clock)
  const images = createFakeImages()
  const ports: HostPorts = {
    run,
    clock,
    containers: containers.port,
    images: images.port,
    secrets: containers.secrets,
    keys: hostKeys(keys),
    files: {
      read: async (path) => model.files.get(path) ?? null,
      write: async (path, text) => void model.files.set(path, text),
      remove: async (path) => void model.files.delete(path),
      async withTemporary(text, use) {
        const path = `/run/fake/${commands.length}`
        model.temporary.set(path, text)
        try {
          return await use(path)
        } finally {
          model.temporary.delete(path)
        }
      },
    },
    async resolveName(name, signal) {
      signal.throwIfAborted()
      const found = model.names.get(name)
      if (found === undefined) throw new Error(`no address for ${name}`)
      return found
    },
  }
  return { model, ports, clock, containers, images, keys, commands }
}
