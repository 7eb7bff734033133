import { dirname, join } from 'node:path'
import { createRulesetWatch, type RulesetWatch } from '../machine/kernel/watch-ruleset.ts'
import { containerNetwork } from '../reconcilers/container-network/index.ts'
import { createNftables } from '../reconcilers/nftables/index.ts'
import type { AnyReconciler, Log } from '../reconcilers/reconciler.ts'
import { runc } from '../reconcilers/runc/index.ts'
import { wireguard } from '../reconcilers/wireguard/index.ts'
import { loadPlugins } from './plugins/load.ts'
import { readRescuePorts } from './rescue.ts'
import type { AgentSettings } from './settings.ts'

/** The reconcilers of a host, covey's own and those of other packages. */
export interface Reconcilers {
  /** In the order in which they build on each other. */
  readonly all: readonly AnyReconciler[]
  /** Types whose package was refused, with the reason. */
  readonly refusedTypes: ReadonlyMap<string, string>
  /** Tools of other packages, each with the Debian package that brings it. */
  readonly tools: Readonly<Record<string, string>>
  readonly ruleset: RulesetWatch
}

/** No reconcilers at all: an agent that only takes part in the gossip. */
export function noReconcilers(log: Log): Reconcilers {
  return { all: [], refusedTypes: new Map(), tools: {}, ruleset: createRulesetWatch({ log }) }
}

/** Dependencies of the reconcilers of a host. */
export interface ReconcilersInit {
  readonly settings: AgentSettings
  /** `agent.json`; rescue ports and packages are looked for beside it. */
  readonly settingsFile: string
  readonly log: Log
}

/**
 * Makes covey's reconcilers, and loads those that the host's settings name. The firewall comes
 * first, so that a container is judged before it runs. Errors: `rescue`.
 */
export async function openReconcilers(init: ReconcilersInit): Promise<Reconcilers> {
  const folder = dirname(init.settingsFile)
  const ruleset = createRulesetWatch({ log: init.log })
  const rescuePorts = await readRescuePorts(join(folder, 'rescue.json'))
  const nftables = createNftables({ rescuePorts, changes: ruleset.changes })
  const own: readonly AnyReconciler[] = [nftables, wireguard, containerNetwork, runc]
  const types = new Set(['agent', ...own.flatMap((each) => Object.keys(each.types))])
  const { plugins, refused } = await loadPlugins({
    names: init.settings.reconcilers,
    folder,
    own: { types, names: new Set(own.map(({ name }) => name)) },
  })
  const refusedTypes = new Map<string, string>()
  for (const { packageName, types: claimed, reason } of refused) {
    const text = `the package ${packageName} was not loaded: ${reason}`
    init.log.error({ package: packageName }, text)
    for (const type of claimed) if (!types.has(type)) refusedTypes.set(type, text)
  }
  return {
    all: [...own, ...plugins.map(({ reconciler }) => reconciler)],
    refusedTypes,
    tools: Object.assign({}, ...plugins.map(({ tools }) => tools)),
    ruleset,
  }
}
