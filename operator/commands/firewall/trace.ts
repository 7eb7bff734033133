import type { LiveFirewall } from '../../../protocol/api/firewall.ts'
import type { Config } from '../../../protocol/documents/config.ts'
import { addressText } from '../../../reconcilers/addresses.ts'
import { parsePorts } from '../../../reconcilers/nftables/flows/flow-end.ts'
import {
  findEnd,
  type Trace,
  type TraceEnd,
  traceFlow,
} from '../../../reconcilers/nftables/questions/trace.ts'
import { askConfig } from '../../agent-client/config.ts'
import { askFirewall } from '../../agent-client/firewall.ts'
import { Failure } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'
import type { Input } from '../definition.ts'

/** `covey firewall trace FROM TO PORT [--live]`. */
export async function traceFirewall(session: Session, input: Input): Promise<void> {
  const [from = '', to = '', port = ''] = input.args
  const ports = parsePorts(port)
  if (ports === undefined || (ports.protocol !== 'icmp' && ports.first !== ports.last)) {
    throw new Failure(2, 'usage', `"${port}" is not a port`, {
      hint: 'such as 80/tcp, 53/udp or icmp',
    })
  }
  const config = await askConfig(session)
  const ends = endsOf(config, from, to)
  const trace = traceFlow(config, ...ends, ports)
  const live = input.is('live') ? await askLive(session, ends, port) : null
  const document = {
    from: { name: trace.from.words, address: addressText(trace.from.address) },
    to: { name: trace.to.words, address: addressText(trace.to.address) },
    port,
    admitted: trace.isAdmitted,
    steps: trace.steps.map(({ host, side, isAdmitted, object, reason }) => {
      return { host, side, admitted: isAdmitted, object, reason }
    }),
    ...(live === null ? {} : { live }),
  }
  session.result(document, textOf(session, trace, port, live))
}

/** Both ends, of one family: of a host with addresses of both it is that of the other end. */
function endsOf(config: Config, from: string, to: string): readonly [TraceEnd, TraceEnd] {
  const asked = endOf(config, from, endOf(config, to).address.family)
  const other = endOf(config, to, asked.address.family)
  const [own, its] = [asked, other].map(
    ({ words, address }) => `${words} (${addressText(address)})`,
  )
  if (asked.address.family === other.address.family) return [asked, other]
  throw new Failure(2, 'usage', `no flow from ${own} to ${its}: one is IPv4, the other IPv6`, {
    hint: 'name two ends of the same family',
  })
}

function endOf(config: Config, text: string, family?: TraceEnd['address']['family']): TraceEnd {
  const end = findEnd(config, text, family)
  if (!('problem' in end)) return end
  throw new Failure(2, 'unknown-end', end.problem, {
    hint: 'name a container (web, cloud01/web), a host (host:cloud01) or an address',
  })
}

function askLive(
  session: Session,
  [from, to]: readonly [TraceEnd, TraceEnd],
  port: string,
): Promise<LiveFirewall> {
  return askFirewall(session, {
    from: addressText(from.address),
    to: addressText(to.address),
    port,
  })
}

function textOf(session: Session, trace: Trace, port: string, live: LiveFirewall | null): string {
  const { paint } = session
  const verdict = trace.isAdmitted ? paint('good', 'admitted') : paint('bad', 'dropped')
  const lines = [`${trace.from.words} to ${trace.to.words}, ${port}: ${verdict}`]
  for (const { host, side, isAdmitted, object, reason } of trace.steps) {
    const words = isAdmitted ? 'admits' : 'drops'
    lines.push(
      `  ${host} ${words} it on the way ${side === 'out' ? 'out' : 'in'}: ${object ?? 'default'}: ${reason}`,
    )
  }
  if (trace.steps.length === 0)
    lines.push('  no container is at either end, so covey does not judge it')
  if (live !== null) {
    const said = live.passes === null ? 'has no table' : live.passes ? 'lets it pass' : 'drops it'
    lines.push(`  the kernel of ${live.host} ${said}`)
  }
  return `${lines.join('\n')}\n`
}
