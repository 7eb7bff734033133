import { randomInt } from 'node:crypto'
import type { Logger } from 'pino'
import { createDisk, type Disk } from '../machine/files/disk.ts'
import { claimFolder } from '../machine/files/folder.ts'
import { type Lock, lockRun, lockState, lockWaitSeconds } from '../machine/files/lock.ts'
import { type Machine, openMachine } from '../machine/index.ts'
import { watchKernel } from '../machine/kernel/watch-kernel.ts'
import { steadyClock } from '../machine/steady-clock.ts'
import { agentObjectSchema } from '../protocol/documents/agent-object.ts'
import { isObject } from '../protocol/documents/canonical-json.ts'
import type { Config } from '../protocol/documents/config.ts'
import { CoveyError, faultText } from '../protocol/fault.ts'
import type { DurableStart } from '../protocol/node/durable.ts'
import { configOf } from '../protocol/node/state.ts'
import { coveyVersion } from '../protocol/version.ts'
import { clusterOf } from '../reconcilers/cluster/index.ts'
import { vethName } from '../reconcilers/container-network/names.ts'
import { lintConfig } from '../reconcilers/lint.ts'
import {
  agentType,
  createReconcileLoop,
  type ExtraType,
  type ReconcileLoop,
} from '../reconcilers/loop/index.ts'
import { isolatedHosts } from '../reconcilers/mesh.ts'
import { needsFirewall } from '../reconcilers/nftables/resolve.ts'
import { containersIn, imagesOf } from '../reconcilers/runc/images.ts'
import { wireguardLinkNames } from '../reconcilers/wireguard/resolve.ts'
import { claimRunDir } from './control/server.ts'
import {
  hostKeysOn,
  type Identity,
  isConsistent,
  readIdentity,
  seedOf,
} from './identity/identity.ts'
import type { Overlay, OverlayEvents } from './overlay/overlay.ts'
import type { Reconcilers } from './reconcilers.ts'
import type { AgentSettings } from './settings.ts'
import { createShell, type Shell } from './shell.ts'
import { openSockets } from './sockets.ts'
import { loadState, readEnrolment } from './state/store.ts'

/** Dependencies of an agent. */
export interface AgentInit {
  readonly stateDir: string
  readonly runDir: string
  readonly log: Logger
  readonly settings: AgentSettings
  /** File of the settings, for messages to people. */
  readonly settingsFile: string
  readonly reconcilers: Reconcilers
  /**
   * Takes the lock of the network namespace, `lockNetwork`. Absent for an agent that touches no
   * network.
   */
  readonly lockNetwork?: () => Promise<Lock>
  /** The disk failed in a way that only a new start can settle. */
  readonly onFatal: (error: unknown) => void
}

/** A running agent. */
export interface Agent {
  /** Looks at the host again, as something else than the host has changed. */
  look(reason: string): void
  /** Ends it; links, rules and containers go on. */
  stop(): Promise<void>
}

/**
 * Starts an agent: takes the locks, proves what the disk holds, opens the sockets, applies what was
 * confirmed and joins the overlay, in this order.
 *
 * Errors: `not-enrolled`, `state-locked`, `run-dir`, `run-locked`, `network-locked`,
 * `state-damaged`, `identity-damaged`, `not-root-owned`.
 */
export async function startAgent(init: AgentInit): Promise<Agent> {
  const { stateDir, log } = init
  const disk = createDisk(stateDir)
  if ((await readEnrolment(disk)) === null) throw notEnrolled()
  if (await claimFolder(stateDir)) {
    log.warn({ stateDir }, 'others could look into the state folder; now only root can')
  }
  const lock = await lockAll(init)
  try {
    const { identity, durable } = await load(disk)
    for (const fault of durable.damage) log.error({ code: fault.code }, fault.message)
    const running = await connect(init, disk, identity, durable)
    const { shell, loop, host, adopted } = running
    const sockets = await openSockets(init, running).catch(async (error) => {
      await Promise.all([shell.stop(), loop.stop(), host.close()])
      throw error
    })
    const links = linksOf(identity.host, adopted)
    const watch = watchKernel({ onChange: (reason) => loop.poke(reason), links, log })
    log.info(
      { version: coveyVersion, host: identity.host, head: shell.status().head },
      'agent runs',
    )
    // Beside everything else: a slow disk takes seconds, and nothing waits for it.
    disk.keepReserve().catch(init.onFatal)
    return {
      look: (reason) => loop.poke(reason),
      async stop() {
        const parts = [sockets, shell, loop, watch]
        await Promise.all([...parts.map((part) => part.stop()), host.close()])
        await init.reconcilers.ruleset.stop()
        await lock.release()
      },
    }
  } catch (error) {
    await lock.release()
    throw error
  }
}

/** The state folder first: an agent that is started again waits there for the one that ends. */
async function lockAll({ stateDir, runDir, lockNetwork }: AgentInit): Promise<Lock> {
  const held: Lock[] = []
  const release = async (): Promise<void> => {
    for (const lock of held.toReversed()) await lock.release()
  }
  try {
    held.push(await lockState(stateDir, lockWaitSeconds))
    await claimRunDir(runDir)
    held.push(await lockRun(runDir, lockWaitSeconds))
    if (lockNetwork !== undefined) held.push(await lockNetwork())
    return { release }
  } catch (error) {
    await release()
    throw error
  }
}

/** Names of the links that matter, worked out once for a config: every announcement asks. */
function linksOf(host: string, adopted: () => Config | null): () => ReadonlySet<string> {
  let known: { readonly config: Config; readonly names: ReadonlySet<string> } | null = null
  return () => {
    const config = adopted()
    if (config === null) return new Set()
    if (known?.config === config) return known.names
    const veths = containersIn(config, host).map(vethName)
    known = { config, names: new Set([...wireguardLinkNames(clusterOf(config), host), ...veths]) }
    return known.names
  }
}

function notEnrolled(): CoveyError {
  return new CoveyError('not-enrolled', 'this host belongs to no cluster yet', {
    hint: 'run `covey identity --host NAME --json`, give its card to the operator, and `covey enrol` the bundle',
  })
}

async function load(disk: Disk): Promise<{ identity: Identity; durable: DurableStart }> {
  const enrolment = await readEnrolment(disk)
  const identity = await readIdentity(disk)
  if (enrolment === null || identity === null) throw notEnrolled()
  if (!(await isConsistent(identity)) || identity.host !== enrolment.host) {
    throw new CoveyError('identity-damaged', 'the keys of this host do not fit each other', {
      hint: 'restore identity.json from a backup, or add this host to the cluster again',
    })
  }
  const self = { host: identity.host, peerId: identity.peer_id, agentVersion: coveyVersion }
  return { identity, durable: await loadState(disk, self, enrolment.cluster_id) }
}

/** An agent's parts, joined. */
export interface Running {
  /** This host's. */
  readonly name: string
  readonly shell: Shell
  readonly loop: ReconcileLoop
  readonly host: Machine
  readonly adopted: () => Config | null
}

async function connect(
  init: AgentInit,
  disk: Disk,
  identity: Identity,
  durable: DurableStart,
): Promise<Running> {
  const { stateDir, runDir, settings, settingsFile, log } = init
  const name = identity.host
  let adopted: Config | null = null
  let confirmed = configOf(durable.confirmed)
  const matter = (): readonly Config[] => [adopted, confirmed].filter((one) => one !== null)
  // Containers are found again before there is a loop to wake, and while the shell is being made.
  let poke: (reason: string) => void = () => {}
  let tell: Shell['events']['tell'] = () => {}
  const host = await openMachine({
    ...{ stateDir, runDir, settings, settingsFile, identity, log },
    keys: hostKeysOn(disk),
    tools: init.reconcilers.tools,
    clusterId: durable.roots[0]?.digest ?? '',
    isListed: (object) => matter().some(({ hosts }) => Object.hasOwn(hosts[name] ?? {}, object)),
    onChange: (reason) => poke(reason),
    onEvent: (event) => tell({ ...event, at: steadyClock.now() }),
  })
  const retain = (): void => {
    host.images.port.retain(matter().flatMap((config) => imagesOf(config, name)))
  }
  const loop = createReconcileLoop({
    reconcilers: init.reconcilers.all,
    refusedTypes: init.reconcilers.refusedTypes,
    extraTypes: [agentTypeOf(identity, () => adopted)],
    ports: host.ports,
    log,
    seed: randomInt(2 ** 32),
    onReport(report) {
      shell.applyReported(report.head, report.objects)
      // What was applied is what is gone back to; until then the config before is.
      if (confirmed === adopted) return
      confirmed = adopted
      retain()
    },
  })
  poke = (reason) => loop.poke(reason)
  const shell = createShell({
    ...{ durable, disk, clock: steadyClock, log, lint: lintConfig, isolated: isolatedHosts },
    randomSeed: randomInt(2 ** 32),
    identitySeed: seedOf(identity),
    openOverlay: async (events) => await openOverlay(identity, events, log),
    adopt(config, head) {
      adopted = config
      retain()
      if (needsFirewall(config, name)) {
        init.reconcilers.ruleset.start((reason) => loop.poke(reason))
      }
      loop.adopt(config, name, head)
    },
    onFatal: init.onFatal,
  })
  tell = (event) => shell.events.tell(event)
  return { name, shell, loop, host, adopted: () => adopted }
}

/** libp2p is most of what an agent loads; nothing before the first status needs it. */
async function openOverlay(
  identity: Identity,
  events: OverlayEvents,
  log: Logger,
): Promise<Overlay> {
  const { createOverlay } = await import('./overlay/index.ts')
  return await createOverlay({ seed: seedOf(identity), events, log })
}

/**
 * The agent judges its own object: one that names another host's key is never this host's place.
 */
function agentTypeOf(identity: Identity, adopted: () => Config | null): ExtraType {
  return {
    ...agentType,
    state(name) {
      const object = adopted()?.hosts[identity.host]?.[name]
      const agent = isObject(object) ? agentObjectSchema.safeParse(object) : null
      if (!agent?.success || agent.data.peer_id === identity.peer_id) return null
      const reason = faultText({
        code: 'peer-id',
        path: 'peer_id',
        message: `must be the peer id of this host, which is ${identity.peer_id}`,
      })
      return { state: 'failed', reason }
    },
  }
}
