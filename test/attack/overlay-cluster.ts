import { join } from 'node:path'
import { hasApplied } from '../lab/agent-status.ts'
import { meshLink } from '../lab/config-hosts.ts'
import { projectRoot, type VirtualHost } from '../lab/host.ts'
import { createLab, type Lab } from '../lab/lab.ts'

/** Where the overlay of a host listens, and who it is. */
export interface OverlayPlace {
  readonly address: string
  readonly port: string
  readonly peerId: string
}

/** A running cluster of virtual hosts, as attacks on the overlay find it. */
export interface OverlayCluster {
  readonly lab: Lab
  readonly hosts: readonly VirtualHost[]
  /** The place of each host, by name. */
  readonly places: ReadonlyMap<string, OverlayPlace>
  readonly clusterId: string
}

/** The Node that the hosts run. */
export const nodePath: string = join(projectRoot, 'node_modules/.bin/node')
const overlayPort = '4069'

/** The place of a host. */
export function placeOf({ places }: OverlayCluster, host: VirtualHost): OverlayPlace {
  const place = places.get(host.name)
  if (place === undefined) throw new Error(`${host.name} has no place`)
  return place
}

/** Makes the hosts `h1` … and waits until all of them talk to each other; close the lab after. */
export async function startOverlayCluster(count: number): Promise<OverlayCluster> {
  const lab = await createLab()
  try {
    const names = Array.from({ length: count }, (_, index) => `h${index + 1}`)
    for (const name of names) await lab.host(name)
    await lab.enrolAll()
    const hosts = names.map((name) => lab.get(name))
    for (const host of hosts) {
      await host.waitFor('talks to everyone', (status) => {
        const connected = status.peers.filter((peer) => peer.connected).length
        return connected === count - 1 && hasApplied(status, 1)
      })
    }
    const sections = await lab.operator.hosts()
    const places = new Map<string, OverlayPlace>()
    let clusterId = ''
    for (const host of hosts) {
      const own = sections[host.name]?.['agent'] as { peer_id: string; port?: number } | undefined
      if (own === undefined) throw new Error(`${host.name} has no agent object`)
      const { address } = meshLink(sections, host.name)
      const port = String(own.port ?? overlayPort)
      places.set(host.name, { address, port, peerId: own.peer_id })
      clusterId = ((await host.status()) as { cluster_id?: string }).cluster_id ?? ''
    }
    return { lab, hosts, places, clusterId }
  } catch (error) {
    lab.close()
    throw error
  }
}
