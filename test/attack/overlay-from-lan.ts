import { meshLink } from '../lab/config-hosts.ts'
import type { VirtualHost } from '../lab/host.ts'
import type { Lab } from '../lab/lab.ts'
import { until } from '../lab/waiting.ts'
import type { Attack, AttackEnd } from './attack.ts'
import { inLab } from './in-lab.ts'

const overlayPort = 4069
/** Stands for any other service of the host, as a database that listens on all addresses. */
const servicePort = 2222
const tries = 3

const connect = `
  use IO::Socket::IP;
  my ($to, $port, $from) = @ARGV;
  my $socket = IO::Socket::IP->new(PeerHost => $to, PeerPort => $port, Timeout => 2,
    ($from ? (LocalHost => $from) : ()));
  print $socket ? "connected" : "no: $@";
`
const serve = `
  use IO::Socket::IP;
  my $server = IO::Socket::IP->new(LocalPort => $ARGV[0], Listen => 8, ReuseAddr => 1) or die $@;
  print "ready\\n"; STDOUT->flush();
  while (my $client = $server->accept()) { close $client }
`

async function reaches(from: VirtualHost, to: string, port: number, by = ''): Promise<boolean> {
  const { stdout } = await from.exec('perl', ['-e', connect, to, String(port), by])
  return stdout.startsWith('connected')
}

/** Where the stranger got through, as `10.69.0.1:4069`. */
async function opened(stranger: VirtualHost, target: string): Promise<readonly string[]> {
  const found = new Set<string>()
  for (let attempt = 0; attempt < tries; attempt++) {
    for (const port of [overlayPort, servicePort]) {
      if (await reaches(stranger, target, port)) found.add(`${target}:${port}`)
    }
  }
  return [...found]
}

async function attack(lab: Lab): Promise<AttackEnd> {
  const [victim, member] = [await lab.host('cloud01'), await lab.host('cloud02')]
  const stranger = await lab.host('stranger')
  await lab.operator.enrol([victim, member])
  await Promise.all([victim, member].map((host) => host.startAgent()))
  const hosts = await lab.operator.hosts()
  await lab.operator.release(hosts, victim)
  await victim.waitFor('is in sync', ({ state }) => state === 'in-sync')
  const service = victim.spawn('perl', ['-e', serve, String(servicePort)])
  await until('the service listens', () => service.output().includes('ready'))
  const target = meshLink(hosts, 'cloud01').address
  const peer = meshLink(hosts, 'cloud02').address
  await until('the member comes through', () => reaches(member, target, servicePort))
  if (!(await reaches(member, target, overlayPort))) throw new Error('no member comes through')
  if (!(await reaches(stranger, victim.address, servicePort))) {
    throw new Error('the stranger does not even reach what is open to it')
  }
  // No key, no tunnel: a route to the victim's own address on the LAN is all it takes.
  await stranger.must('ip', ['route', 'add', `${target}/32`, 'via', victim.address])
  const plain = await opened(stranger, target)
  // As a member, by its address; answers go by the tunnel, so it counts what the victim lets in.
  await stranger.must('ip', ['addr', 'add', `${peer}/32`, 'dev', 'lo'])
  const before = await letIn(victim)
  await reaches(stranger, target, overlayPort, peer)
  const forged = (await letIn(victim)) - before
  // Nor while the agent is away, as it is during an update.
  await victim.stopAgent()
  const later = await opened(stranger, target)
  const found = [...plain, ...later.map((place) => `${place} without the agent`)]
  const seen = `${tries * 4} connections without a key, of which open: ${found.join(', ') || 'none'}`
  return {
    held: found.length === 0 && forged === 0,
    seen: `${seen}; packets let in as ${peer}: ${forged}; a member came to both ports`,
  }
}

/** Packets that came by the LAN with an address of the mesh, and through covey's chains. */
async function letIn(host: VirtualHost): Promise<number> {
  const exists = await host.exec('nft', ['list', 'table', 'inet', 'lab'])
  if (exists.exitCode !== 0) {
    const chain = '{ type filter hook input priority 300; }'
    await host.must('nft', ['add', 'table', 'inet', 'lab'])
    await host.must('nft', ['add', 'chain', 'inet', 'lab', 'in', chain])
    const rule = ['iifname', 'eth0', 'tcp', 'dport', String(overlayPort), 'counter']
    await host.must('nft', ['add', 'rule', 'inet', 'lab', 'in', ...rule])
  }
  const listed = await host.must('nft', ['list', 'chain', 'inet', 'lab', 'in'])
  return Number(/packets (\d+)/.exec(listed)?.[1])
}

/** F3 of the review: the overlay's port, and all else at a mesh address, was open to the LAN. */
export const overlayFromLan: Attack = {
  name: 'overlay-from-lan',
  from: 'a machine on the LAN of a host, without a key,',
  wants: "to reach the overlay's port and services of the host at its mesh address",
  run: () => inLab(attack),
}
