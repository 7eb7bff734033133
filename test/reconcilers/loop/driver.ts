import type { Config } from '../../../protocol/documents/config.ts'
import type { Head } from '../../../protocol/heads.ts'
import {
  agentType,
  createReconcileLoop,
  type ReconcileLoop,
  type ReconcileLoopInit,
  type ReconcileReport,
} from '../../../reconcilers/loop/index.ts'
import type { Log } from '../../../reconcilers/reconciler.ts'
import { wireguard } from '../../../reconcilers/wireguard/index.ts'
import { createFakeHost, type FakeHost } from '../fake/host.ts'

/** A log that keeps nothing. */
export const quietLog: Log = { debug() {}, info() {}, warn() {}, error() {} }

/** A head of this version. */
export function headAt(version: number): Head {
  return { epoch: 1, version, digest: `sha256:${String(version).padStart(64, '0')}` }
}

/** A loop on a fake host, and everything that it reported. */
export interface Driven {
  readonly host: FakeHost
  readonly loop: ReconcileLoop
  readonly reports: ReconcileReport[]
  /** Adopts a config as the next version. */
  adopt(config: Config, name?: string): void
  /** `name: state` or `name: state: reason` for each object of the last report. */
  states(): readonly string[]
}

/** Starts a loop over WireGuard on a fake host; time moves only with `host.clock.advance`. */
export function drive(
  more: Partial<ReconcileLoopInit> = {},
  host: FakeHost = createFakeHost(),
): Driven {
  const reports: ReconcileReport[] = []
  let version = 0
  const loop = createReconcileLoop({
    reconcilers: [wireguard],
    extraTypes: [agentType],
    ports: host.ports,
    log: quietLog,
    seed: 7,
    onReport: (report) => void reports.push(report),
    ...more,
  })
  return {
    host,
    loop,
    reports,
    adopt: (config, name = 'cloud01') => loop.adopt(config, name, headAt(++version)),
    states: () =>
      (reports.at(-1)?.objects ?? []).map(({ name, state, reason }) =>
        reason === null ? `${name}: ${state}` : `${name}: ${state}: ${reason}`,
      ),
  }
}
