import type { HostStatus, Status } from '../../protocol/api/status.ts'

/** A head of epoch 1. */
export const at = (version: number): NonNullable<Status['head']> => ({
  epoch: 1,
  version,
  digest: `sha256:${String(version).repeat(64)}`,
})
/** Objects of a host with nothing wrong. */
export const counts: HostStatus['objects'] = { converged: 3, pending: 0, failed: 0, unsupported: 0 }
/** A row of a host with nothing wrong. */
export const row = (host: string, changes: Partial<HostStatus> = {}): HostStatus => ({
  host,
  state: 'in-sync',
  head: at(4),
  applied: at(4),
  objects: counts,
  age_seconds: 3,
  ...changes,
})
/** A cluster with nothing wrong. */
export const healthy: Status = {
  host: 'cloud01',
  cluster: 'home',
  cluster_id: '',
  agent_version: '',
  head: at(4),
  applied: at(4),
  confirmed: at(4),
  state: 'in-sync',
  failed: null,
  objects: [{ name: 'wg_network', type: 'wireguard_network', state: 'converged', reason: null }],
  peers: [{ host: 'cloud02', peer_id: '', connected: true, head: null }],
  hosts: [row('cloud01', { age_seconds: 0 }), row('cloud02')],
  alarms: [],
}
/** No colours. */
export const plain = (_tone: unknown, text: string): string => text
