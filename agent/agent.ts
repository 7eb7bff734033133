import { randomInt } from 'node:crypto'
import type { Logger } from 'pino'
import { agentObjectSchema } from '../protocol/documents/agent-object.ts'
import { isObject } from '../protocol/documents/canonical-json.ts'
import type { Config } from '../protocol/documents/config.ts'
import { CoveyError, faultText } from '../protocol/fault.ts'
import type { DurableStart } from '../protocol/node/durable.ts'
import { coveyVersion } from '../protocol/version.ts'
import { lintConfig } from '../reconcilers/lint.ts'
import {
  agentType,
  createReconcileLoop,
  type ExtraType,
  type ReconcileLoop,
} from '../reconcilers/loop/index.ts'
import { isolatedHosts } from '../reconcilers/mesh.ts'
import type { AnyReconciler } from '../reconcilers/reconciler.ts'
import { wireguardLinkNames } from '../reconcilers/wireguard/resolve.ts'
import { noContainers, noImages, noSecrets } from './containers/none.ts'
import { controlRoutes } from './control/routes.ts'
import { openControl } from './control/server.ts'
import {
  hostKeysOn,
  type Identity,
  isConsistent,
  readIdentity,
  seedOf,
} from './identity/identity.ts'
import { createHostPorts } from './machine/host-ports.ts'
import { steadyClock } from './machine/steady-clock.ts'
import { watchKernel } from './machine/watch-kernel.ts'
import { createShell, type Shell } from './shell.ts'
import { createDisk, type Disk } from './state/disk.ts'
import { lockState, lockWaitSeconds } from './state/lock.ts'
import { loadState, readEnrolment } from './state/store.ts'

/** What an agent is made from. */
export interface AgentInit {
  readonly stateDir: string
  readonly runDir: string
  readonly log: Logger
  /** In the order in which they build on each other. */
  readonly reconcilers: readonly AnyReconciler[]
  /** The disk failed in a way that only a new start can settle. */
  readonly onFatal: (error: unknown) => void
}

/** A running agent. */
export interface Agent {
  /** Ends it; links, rules and containers go on. */
  stop(): Promise<void>
}

/**
 * Starts an agent: takes the state lock, proves what the disk holds, opens the sockets, applies
 * what was confirmed and joins the overlay, in this order.
 *
 * Errors: `not-enrolled`, `state-locked`, `state-damaged`, `identity-damaged`.
 */
export async function startAgent(init: AgentInit): Promise<Agent> {
  const { stateDir, runDir, log } = init
  const disk = createDisk(stateDir)
  if ((await readEnrolment(disk)) === null) throw notEnrolled()
  const lock = await lockState(stateDir, lockWaitSeconds)
  try {
    const { identity, durable } = await load(disk)
    for (const fault of durable.damage) log.error({ code: fault.code }, fault.message)
    const { shell, loop, adopted } = connect(init, disk, identity, durable)
    const routes = controlRoutes({ shell, plan: () => loop.plan() })
    const adminRoutes = new Map()
    const adminUpgrades = new Map()
    const control = await openControl({ runDir, routes, adminRoutes, adminUpgrades, log })
    const links = (): ReadonlySet<string> => {
      const config = adopted()
      return config === null ? new Set() : wireguardLinkNames(config, identity.host)
    }
    const watch = watchKernel({ onChange: (reason) => loop.poke(reason), links, log })
    log.info(
      { version: coveyVersion, host: identity.host, head: shell.status().head },
      'agent runs',
    )
    // Beside everything else: a slow disk takes seconds, and nothing waits for it.
    disk.keepReserve().catch(init.onFatal)
    return {
      async stop() {
        control.close()
        await Promise.all([shell.stop(), loop.stop(), watch.stop()])
        await lock.release()
      },
    }
  } catch (error) {
    await lock.release()
    throw error
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
      hint: 'restore identity.json from a backup, or add this host to the cluster anew',
    })
  }
  const self = { host: identity.host, peerId: identity.peer_id, agentVersion: coveyVersion }
  return { identity, durable: await loadState(disk, self, enrolment.cluster_id) }
}

function connect(
  init: AgentInit,
  disk: Disk,
  identity: Identity,
  durable: DurableStart,
): {
  readonly shell: Shell
  readonly loop: ReconcileLoop
  readonly adopted: () => Config | null
} {
  const { stateDir, runDir, log } = init
  let adopted: Config | null = null
  const ports = createHostPorts({
    stateDir,
    runDir,
    keys: hostKeysOn(disk),
    images: noImages,
    containers: noContainers,
    secrets: noSecrets,
  })
  const loop = createReconcileLoop({
    reconcilers: init.reconcilers,
    extraTypes: [agentTypeOf(identity, () => adopted)],
    ports,
    log,
    seed: randomInt(2 ** 32),
    onReport: (report) => shell.applyReported(report.head, report.objects),
  })
  const shell = createShell({
    durable,
    randomSeed: randomInt(2 ** 32),
    identitySeed: seedOf(identity),
    disk,
    clock: steadyClock,
    log,
    openOverlay: async (events) => {
      // libp2p is most of what an agent loads; nothing before the first status needs it.
      const { createOverlay } = await import('./overlay/index.ts')
      return await createOverlay({ seed: seedOf(identity), events, log })
    },
    adopt(config, head) {
      adopted = config
      loop.adopt(config, identity.host, head)
    },
    lint: lintConfig,
    isolated: isolatedHosts,
    onFatal: init.onFatal,
  })
  return { shell, loop, adopted: () => adopted }
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
        message: `is not this host's own, which is ${identity.peer_id}`,
      })
      return { state: 'failed', reason }
    },
  }
}
