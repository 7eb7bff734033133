import type { LiveFirewall } from '../../../protocol/api/firewall.ts'
import { clusterOf } from '../../../reconcilers/cluster/index.ts'
import { permissionsOf } from '../../../reconcilers/nftables/questions/explain.ts'
import { resolveNftables } from '../../../reconcilers/nftables/resolve.ts'
import { askConfig } from '../../agent-client/config.ts'
import { askFirewall } from '../../agent-client/firewall.ts'
import { Failure } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'
import { type Cell, table } from '../../terminal/style.ts'
import type { Input } from '../definition.ts'

/** `covey firewall show [--host NAME]`. */
export async function showFirewall(session: Session, input: Input): Promise<void> {
  const config = await askConfig(session)
  const only = input.text('host')
  if (only !== undefined && !Object.hasOwn(config.hosts, only)) {
    const hint = `hosts of this config: ${Object.keys(config.hosts).sort().join(', ')}`
    throw new Failure(2, 'unknown-host', `no host ${only} in the config`, { hint })
  }
  const names = only === undefined ? Object.keys(config.hosts).sort() : [only]
  const hosts = names.map((host) => {
    const { spec } = resolveNftables(clusterOf(config), host)
    const containers = spec.containers.length
    return { host, containers, judges: spec.isJudging, permissions: permissionsOf(spec) }
  })
  const live = await askFirewall(session)
  session.result({ hosts, live }, textOf(session, hosts, live))
}

interface HostPermissions {
  readonly host: string
  readonly containers: number
  readonly judges: boolean
  readonly permissions: ReturnType<typeof permissionsOf>
}

function textOf(session: Session, hosts: readonly HostPermissions[], live: LiveFirewall): string {
  const rows = hosts.flatMap(({ host, permissions }): readonly (readonly Cell[])[] =>
    permissions.map(({ from, to, ports, object }) => [host, from, to, ports, object]),
  )
  const open = hosts
    .filter(({ judges, containers }) => !judges && containers > 0)
    .map(({ host }) => `${host} has no firewall object: flows of its containers are open\n`)
  const list =
    rows.length === 0
      ? 'no flow is admitted by an object\n'
      : table(['HOST', 'FROM', 'TO', 'PORTS', 'OBJECT'], rows, session.paint)
  return [list, ...open, liveText(live)].join('')
}

const counterWords: readonly (readonly [string, string])[] = [
  ['refused_in', 'to containers'],
  ['refused_out', 'from containers'],
  ['refused_host', 'from containers to the host'],
  ['spoofed', 'with a false sender'],
  ['refused_overlay', 'to the overlay'],
  ['refused_mesh', 'to mesh addresses by no link of the mesh'],
]

function liveText({ host, present, counters }: LiveFirewall): string {
  if (!present) return `${host} has no firewall table\n`
  const parts = counterWords.map(([name, words]) => `${counters[name] ?? 0} ${words}`)
  return `${host} has refused packets: ${parts.join(', ')}\n`
}
