import { existsSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { ContainerNamespaces } from '../../reconcilers/container-facts.ts'
import { namespaceName } from '../../reconcilers/container-network/names.ts'
import type { HostContainers } from '../../reconcilers/host-containers.ts'
import { refusalOf } from '../../reconcilers/runc/bundle/grants.ts'
import { runHealthChecks } from './health/runner.ts'
import { watchDevices } from './look/devices.ts'
import { lookAtAll } from './look/look-at-all.ts'
import { createNotes } from './look/notes.ts'
import { watchExits } from './look/watch-exits.ts'
import { watchSupervisors } from './look/watch-supervisors.ts'
import { createFacts } from './make/facts.ts'
import { writeInPlace } from './make/files.ts'
import { makeContainer, makeProcessAgain, startProcess } from './make/make.ts'
import { emptyTrash, removeContainer, removeVolume } from './make/remove.ts'
import { stopProcess } from './make/stop.ts'
import { foldersOfVolumes } from './make/volumes.ts'
import { grantFacts } from './mounts/grant-facts.ts'
import { type OrderBook, openOrders } from './orders/order-book.ts'
import { lookResolvers, tellOfResolvers } from './resolvers.ts'
import { type ContainersInit, type ContainersState, openState } from './state.ts'

/** Containers of this machine, and what only the agent itself asks of them. */
export interface MachineContainers {
  readonly port: HostContainers
  readonly state: ContainersState
  /** Orders and holds beyond the config. */
  readonly orders: OrderBook
  /** Ends checks and watches; containers go on. */
  close(): Promise<void>
}

/**
 * Opens the containers of this machine: reads what an earlier agent left and touches nothing. The
 * caller holds the state lock.
 */
export async function openContainers(init: ContainersInit): Promise<MachineContainers> {
  const state = await openState(init)
  const facts = createFacts(state.places, init, state.cgroups, (object) =>
    join('/run/netns', namespaceName(object, namespacesOf(state))),
  )
  const orders = await openOrders(init.stateDir, init.log)
  const health = runHealthChecks(state)
  const exits = watchExits(state)
  const supervisors = watchSupervisors(state)
  const devices = watchDevices(state)
  const notes = createNotes(state)
  void emptyTrash(state)
  const port: HostContainers = {
    refusal: async (container) => refusalOf(container, grantFacts(init)) ?? null,
    facts,
    grants: async () => [...init.grants],
    look: async () => lookAtAll(state),
    async notice() {
      exits.renew()
      return notes.notice()
    },
    namespaces: async () => namespacesOf(state),
    orders: async () => orders.look(),
    endOrder: (object, order) => orders.end(object, order),
    lookDevices: devices.look,
    closedVolumes: async () => new Map(state.gate.closed),
    lookVolumes: async () => foldersOfVolumes(state.places.volumes),
    resolvers: lookResolvers,
    async create(creation, signal) {
      await makeContainer(state, creation, signal)
      const file = creation.files.find(({ name }) => name === 'resolv.conf')
      const text = typeof file?.content === 'string' ? file.content : ''
      tellOfResolvers(state, creation.record, text)
    },
    createAgain: (id, signal) => makeProcessAgain(state, id, signal),
    start: (id, count, signal) => startProcess(state, id, count, signal),
    async stop(id, order) {
      const hasEnded = await stopProcess(state, id, order)
      if (hasEnded) notes.noticeEnd(id)
      return hasEnded
    },
    remove: (id, signal) => removeContainer(state, id, signal),
    keepExit: (id) => keepExit(state, id),
    remember: (record) => state.records.write(record),
    writeHosts: async (ids, text) => writeInPlace(state, ids, 'hosts', text),
    async writeResolvConf(ids, text) {
      writeInPlace(state, ids, 'resolv.conf', text)
      for (const id of ids) tellOfResolvers(state, state.records.record(id), text)
    },
    removeVolume: (object) => removeVolume(state, object),
  }
  const close = async (): Promise<void> => {
    for (const watch of [exits, supervisors, devices]) watch.close()
    await health.stop()
  }
  return { port, state, orders, close }
}

async function keepExit(state: ContainersState, id: string): Promise<void> {
  const { exit } = state.memory(id)
  if (exit !== null) await state.records.writeRan(id, { exit })
}

/** Namespaces that the records name, for containers that exist. */
function namespacesOf({ mark, records }: ContainersState): ContainerNamespaces {
  const adopted = new Map<string, string>()
  for (const id of records.ids()) {
    const record = records.record(id)
    if (record?.namespace == null || record.networkOf !== undefined) continue
    if (!existsSync(record.namespace)) continue
    const name = basename(record.namespace)
    if (name !== namespaceName(record.object, { mark, adopted: new Map() })) {
      adopted.set(record.object, name)
    }
  }
  return { mark, adopted }
}
