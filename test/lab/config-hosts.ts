import assert from 'node:assert/strict'

/** The `hosts` of a config: host, object name, object. */
export type Hosts = Record<string, Record<string, Record<string, unknown>>>

/** Where a host stands in the mesh. */
export interface MeshLink {
  readonly object: string
  readonly link: string
  readonly address: string
}

/** A host's first WireGuard network in a config. */
export function meshLink(hosts: Hosts, host: string): MeshLink {
  const objects = Object.entries(hosts[host] ?? {})
  const [name, network] = objects.find(([, { type }]) => type === 'wireguard_network') ?? []
  assert.ok(name !== undefined && network !== undefined, `${host} has no wireguard_network`)
  const [address = ''] = String(network['address']).split('/')
  return { object: name, link: String(network['link_name']), address }
}
