import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { meshLink } from '../lab/config-hosts.ts'
import { projectRoot, type VirtualHost } from '../lab/host.ts'
import type { Lab } from '../lab/lab.ts'
import { inNetworkOf } from '../lab/processes.ts'
import { until } from '../lab/waiting.ts'
import type { Attack, AttackEnd } from './attack.ts'
import { inLab } from './in-lab.ts'

/** Counts what the LAN can read: packets for the mesh, and those of the control beside them. */
const sniffer = `
table bridge sniffer {
  counter mesh { }
  counter control { }
  chain seen {
    type filter hook prerouting priority -300; policy accept;
    ip daddr 10.69.0.0/16 counter name mesh
    ip daddr 192.0.2.99 counter name control
  }
}
`

interface Seen {
  readonly mesh: number
  readonly control: number
}

async function look(lab: Lab): Promise<Seen> {
  const args = ['-j', 'list', 'counters', 'table', 'bridge', 'sniffer']
  const { nftables } = JSON.parse(await inNetworkOf(lab.record.internet.pid, 'nft', args))
  const packets = (name: string): number => {
    for (const { counter } of nftables) if (counter?.name === name) return counter.packets
    throw new Error('the sniffer is gone')
  }
  return { mesh: packets('mesh'), control: packets('control') }
}

const rounds = 20

/** Sends datagrams and asks for connections, to the mesh and to nobody by the default route. */
function speak(address: string): readonly string[] {
  const script = `
    for n in $(seq ${rounds}); do
      echo password=hunter2 >/dev/udp/${address}/9
      echo control >/dev/udp/192.0.2.99/9
      timeout 0.05 bash -c 'echo password=hunter2 >/dev/tcp/${address}/9'
    done 2>/dev/null
    true`
  return ['-c', script]
}

/** The line of the early unit that runs at boot. */
function earlyLine(): string {
  const unit = join(projectRoot, 'packaging/covey-guard.service')
  const [, line] = /^ExecStart=(.*)$/m.exec(readFileSync(unit, 'utf8')) ?? []
  if (line === undefined) throw new Error('the early unit runs nothing')
  return line
}

const repairs = 5

async function attack(lab: Lab): Promise<AttackEnd> {
  const victim = await lab.host('cloud01')
  const other = await lab.host('cloud02')
  await inNetworkOf(lab.record.internet.pid, 'nft', ['-f', '-'], { stdin: sniffer })
  await lab.enrolAll()
  const hosts = await lab.operator.hosts()
  const { link } = meshLink(hosts, victim.name)
  const { address } = meshLink(hosts, other.name)
  const reaches = async (): Promise<boolean> =>
    (await victim.exec('ping', ['-c', '1', '-W', '1', address])).exitCode === 0
  await until('the tunnel is up', reaches)

  const ends: string[] = []
  let held = true
  let before = await look(lab)
  const note = async (when: string): Promise<void> => {
    const after = await look(lab)
    const leaked = after.mesh - before.mesh
    if (after.control - before.control < rounds) throw new Error(`${when}: the sniffer saw nothing`)
    before = after
    held &&= leaked === 0
    ends.push(`${when}: ${leaked}`)
  }
  for (let time = 0; time < repairs; time++) {
    await victim.must('ip', ['link', 'del', link])
    await victim.must('bash', speak(address))
    await until('the tunnel is up again', reaches)
  }
  await note('agent runs, link deleted')
  await victim.stopAgent()
  await victim.must('ip', ['link', 'set', link, 'down'])
  await victim.must('bash', speak(address))
  await note('agent stopped, link down')
  await victim.must('ip', ['link', 'del', link])
  await victim.must('bash', speak(address))
  await note('link deleted')
  held &&= await boot(victim, address)
  await victim.must('bash', speak(address))
  await note('after a boot, before the agent')
  await victim.startAgent()
  await until('the tunnel is up after the boot', reaches)
  const seen = `packets for the mesh read on the LAN: ${ends.join('; ')}`
  return { held, seen }
}

/** A power cut and a boot with the early unit; whether the mesh then has no route. */
async function boot(victim: VirtualHost, address: string): Promise<boolean> {
  await victim.powerCut()
  await victim.boot()
  await victim.exec('sh', ['-c', earlyLine()])
  return (await victim.exec('ip', ['route', 'get', address])).exitCode !== 0
}

/** Reads on the LAN what a host sends to its mesh while the link is not there. */
export const plainText: Attack = {
  name: 'plain-text',
  from: 'a listener on the LAN of a host whose link is missing',
  wants: 'to read what the host sends to the mesh',
  run: () => inLab(attack),
}
