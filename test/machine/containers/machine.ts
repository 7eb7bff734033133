import { existsSync, rmdirSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { machineClock } from '../../../machine/clock.ts'
import { type MachineContainers, openContainers } from '../../../machine/containers/containers.ts'
import { mountPoints } from '../../../machine/containers/processes.ts'
import { createHostPorts } from '../../../machine/host-ports.ts'
import type { ContainerEvent } from '../../../protocol/api/events.ts'
import type { Config } from '../../../protocol/documents/config.ts'
import type { ContainerSeen } from '../../../reconcilers/host-containers.ts'
import type { HostPorts } from '../../../reconcilers/host-ports.ts'
import { createReconcileLoop, type ReconcileLoop } from '../../../reconcilers/loop/index.ts'
import type { ObjectStatus } from '../../../reconcilers/reconciler.ts'
import { imageKey } from '../../../reconcilers/runc/images.ts'
import { runc } from '../../../reconcilers/runc/index.ts'
import { createFakeClock } from '../../reconcilers/fake/clock.ts'
import { createFakeContainers } from '../../reconcilers/fake/containers.ts'
import { createFakeImages, readyImage } from '../../reconcilers/fake/images.ts'
import { hostKeys } from '../../reconcilers/fake/keys.ts'
import { headAt, quietLog } from '../../reconcilers/loop/driver.ts'
import { makeBusyboxTree } from '../../registry/busybox.ts'
import { afterwards, temporaryFolder } from '../../temporary.ts'

const image = `registry.example/busybox@sha256:${'b'.repeat(64)}`

/** Real containers of runc and conmon below a folder of a test's own, and a loop over them. */
export interface TestMachine {
  readonly folder: string
  readonly events: ContainerEvent[]
  readonly machine: () => MachineContainers
  readonly loop: () => ReconcileLoop
  readonly ports: () => HostPorts
  readonly adopted: () => Config
  /** Makes these the objects of the host. */
  adopt(objects: Readonly<Record<string, object>>): void
  /** Ends loop and port as an agent that is killed would, and opens new ones on what is there. */
  restart(): Promise<void>
  look(): Promise<readonly ContainerSeen[]>
  /** State and reason of an object in the last report. */
  said(object: string): string
  /** Waits until something holds, or the test is over. */
  until<T>(what: string, holds: () => Promise<T | false | null> | T | false | null): Promise<T>
  /** Waits until the one container of an object runs, and gives it. */
  running(object: string): Promise<ContainerSeen & { readonly pid: number }>
}

/** A container that runs a shell script, on the host's own network. */
export function scriptObject(script: string, members: object = {}): object {
  const command = ['/bin/sh', '-c', script]
  return { type: 'runc_container', image, host_network: true, command, ...members }
}

/** A server: it says that it is there, and goes on until it is asked to stop. */
export const serving: string = 'trap "exit 0" TERM; echo here; while :; do sleep 0.02; done'

/** The settings of a test's machine. */
export interface MachineInit {
  /** Grants of the host beyond its network; `folder` is the test's own. */
  readonly grants?: (folder: string) => readonly string[]
  /** List that the grants are put into, and which a test may change. */
  readonly granted?: string[]
}

/** Opens containers for a test; all of it ends with the test. */
export async function openMachine(t: TestContext, init: MachineInit = {}): Promise<TestMachine> {
  const folder = await temporaryFolder(t)
  const runDir = join(folder, 'run')
  await mkdir(runDir)
  const layer = join(folder, 'layer')
  await makeBusyboxTree(layer)
  const events: ContainerEvent[] = []
  const reports = new Map<string, ObjectStatus>()
  const grants = init.granted ?? []
  grants.push('host-network', ...(init.grants?.(folder) ?? []))
  const open = (): Promise<Opened> => openParts(folder, grants, layer, events, reports)
  let opened = await open()
  let version = 0
  let adopted = configWith({})
  const close = async (): Promise<void> => {
    await opened.loop.stop()
    await opened.machine.close()
  }
  const until: TestMachine['until'] = async (what, holds) => {
    for (;;) {
      const found = await holds()
      if (found !== false && found !== null) return found
      const said = JSON.stringify([...reports.values()])
      if (t.signal.aborted) throw new Error(`it never came to this: ${what}; ${said}`)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
  afterwards(t, async () => {
    await close()
    await removeAll(opened.machine)
  })
  return {
    ...{ folder, events, until },
    adopt(objects) {
      adopted = configWith(objects)
      opened.loop.adopt(adopted, 'h', headAt(++version))
    },
    ...{ machine: () => opened.machine, loop: () => opened.loop },
    ...{ ports: () => opened.ports, adopted: () => adopted },
    async restart() {
      await close()
      opened = await open()
      opened.loop.adopt(adopted, 'h', headAt(++version))
    },
    look: () => opened.machine.port.look(),
    said(object) {
      const { state = 'unknown', reason = null } = reports.get(object) ?? {}
      return reason === null ? state : `${state}: ${reason}`
    },
    running: (object) =>
      until(`${object} runs`, async () => {
        const own = (await opened.machine.port.look()).filter((seen) => seen.object === object)
        const [seen, ...more] = own
        if (seen?.process.state !== 'running' || more.length > 0) return null
        if (seen.stopping !== null || seen.broken !== null) return null
        return { ...seen, pid: seen.process.pid }
      }),
  }
}

function configWith(objects: Readonly<Record<string, object>>): Config {
  return { hosts: { h: objects } } as unknown as Config
}

interface Opened {
  readonly machine: MachineContainers
  readonly loop: ReconcileLoop
  readonly ports: HostPorts
}

async function openParts(
  folder: string,
  grants: readonly string[],
  layer: string,
  events: ContainerEvent[],
  reports: Map<string, ObjectStatus>,
): Promise<Opened> {
  const [stateDir, runDir] = [join(folder, 'state'), join(folder, 'run')]
  const images = createFakeImages()
  for (const user_namespace of [false, true]) {
    const key = imageKey({ image, user_namespace })
    images.states.set(key, { ...readyImage(), layers: [layer] })
  }
  const waiting: { loop?: ReconcileLoop } = {}
  const machine = await openContainers({
    ...{ stateDir, runDir, clock: machineClock, log: quietLog },
    cgroup: `covey-test-${process.pid}`,
    grants,
    settingsFile: 'agent.json',
    onChange: (reason) => waiting.loop?.poke(reason),
    onEvent: (event) => void events.push(event),
  })
  const ports = createHostPorts({
    ...{ stateDir, runDir, images: images.port, keys: hostKeys([]) },
    containers: machine.port,
    secrets: createFakeContainers(createFakeClock()).secrets,
  })
  const loop = createReconcileLoop({
    ...{ reconcilers: [runc], extraTypes: [], ports, log: quietLog, seed: 1 },
    onReport({ objects }) {
      reports.clear()
      for (const object of objects) reports.set(object.name, object)
    },
  })
  waiting.loop = loop
  return { machine, loop, ports }
}

/** Nothing of a test stays: no process, no mount, no control group. */
async function removeAll({ port, state }: MachineContainers): Promise<void> {
  const never = new AbortController().signal
  for (const { id } of await port.look()) {
    await port.stop(id, { signal: 9, waitMs: 5_000, hadFailed: false })
    await port.remove(id, never)
  }
  for (const parent of state.cgroups.parents) if (existsSync(parent)) rmdirSync(parent)
  for (const point of mountPoints()) {
    if (point.startsWith(state.stateDir) || point.startsWith(state.runDir)) {
      throw new Error(`${point} is still mounted`)
    }
  }
}
