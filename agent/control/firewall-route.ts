import type { Config } from '../../protocol/documents/config.ts'
import { type Address, parseAddress } from '../../reconcilers/addresses.ts'
import { clusterOf } from '../../reconcilers/cluster/index.ts'
import type { CommandRunner } from '../../reconcilers/host-ports.ts'
import {
  readTable,
  type TableSeen,
  tableFamily,
  tableName,
} from '../../reconcilers/nftables/elements/table.ts'
import { parsePorts } from '../../reconcilers/nftables/flows/flow-end.ts'
import type { Flow } from '../../reconcilers/nftables/questions/explain.ts'
import { passes, wayOf } from '../../reconcilers/nftables/questions/lookup.ts'
import { resolveNftables } from '../../reconcilers/nftables/resolve.ts'
import { isAbsent, listTableCommand, parseListing } from '../../reconcilers/tools/nft.ts'
import { errorLine } from '../../reconcilers/tools/words.ts'
import { Problem } from './problem.ts'
import type { Route } from './router.ts'
import { sendJson } from './send.ts'

/** Dependencies of the route. */
export interface FirewallRouteInit {
  readonly run: CommandRunner
  readonly host: string
  /** The config that the host follows, or null. */
  readonly adopted: () => Config | null
  /** All addresses that the host has now. */
  readonly addresses: () => readonly Address[]
}

/**
 * `GET /v1/firewall`: the firewall as the kernel has it, with its counters; with `from`, `to` and
 * `port` also whether it lets the first packet of that flow pass.
 */
export function firewallRoute(init: FirewallRouteInit): Route {
  return async (_request, response, url) => {
    const flow = flowIn(url)
    const table = await look(init.run)
    const counters = [...(table?.counts ?? [])].map(([name, { packets }]) => [name, packets])
    const config = init.adopted()
    const judged =
      flow === null || table === null || config === null
        ? null
        : passes(
            table.elements,
            flow,
            wayOf(resolveNftables(clusterOf(config), init.host).spec, flow, init.addresses()),
          )
    const body = { host: init.host, present: table !== null, passes: judged }
    sendJson(response, 200, { ...body, counters: Object.fromEntries(counters) })
  }
}

async function look(run: CommandRunner): Promise<TableSeen | null> {
  const command = listTableCommand(tableFamily, tableName)
  const result = await run(command, new AbortController().signal).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error)
    throw new Problem(503, 'firewall-unknown', `the firewall cannot be read: ${reason}`)
  })
  if (result.exitCode === 0) return readTable(parseListing(result.stdout))
  if (isAbsent(result.stderr)) return null
  throw new Problem(503, 'firewall-unknown', `nft: ${errorLine(result.stderr)}`)
}

function flowIn(url: URL): Flow | null {
  const [from, to, port] = ['from', 'to', 'port'].map((name) => url.searchParams.get(name))
  if (from === null && to === null && port === null) return null
  const [asker, target] = [parseAddress(from ?? ''), parseAddress(to ?? '')]
  const ports = parsePorts(port ?? '')
  if (asker === undefined || target === undefined || ports === undefined) {
    throw new Problem(400, 'bad-flow', 'from and to must be addresses, port as 80/tcp or icmp')
  }
  const { protocol, first } = ports
  return { from: asker, to: target, protocol, port: protocol === 'icmp' ? 0 : first }
}
