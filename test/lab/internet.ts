import { readlinkSync } from 'node:fs'
import { inNetworkOf, type ProcessId, start } from './processes.ts'
import type { LabRecord, RouterRecord } from './record.ts'
import { until } from './waiting.ts'

/** Networks for documentation (RFC 5737): they exist nowhere but in the namespaces of the lab. */
const hostNetwork = '203.0.113'
const routerNetwork = '198.51.100'
const firstAddress = 10
const linksMax = 240

const bridgeRules = `
table bridge lab {
  set cut { typeof iifname . oifname; }
  chain forward {
    type filter hook forward priority 0; policy accept;
    ether type arp accept
    iifname . oifname @cut drop
  }
}
`

/** The rules of a home router: it translates addresses, and lets nobody in who was not asked. */
const routerRules = `
table ip lab {
  chain forward {
    type filter hook forward priority 0; policy drop;
    iifname "lan0" accept
    ct state established,related accept
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    oifname "wan0" masquerade fully-random
  }
}
`

/** Starts a process that does nothing but hold a new network namespace open. */
export async function holdNetwork(keep: boolean): Promise<ProcessId> {
  const sleeper = ['unshare', '--net', '--', 'sleep', 'infinity']
  const [command = '', ...args] = keep ? sleeper : ['setpriv', '--pdeathsig', 'KILL', ...sleeper]
  const holder = start(command, args)
  const ours = readlinkSync('/proc/self/ns/net')
  await until('a new network namespace', () => readlinkSync(`/proc/${holder.pid}/ns/net`) !== ours)
  return holder
}

/** Runs lines of `ip -batch` in a network namespace. */
export async function ipBatch(pid: number, lines: readonly string[]): Promise<void> {
  await inNetworkOf(pid, 'ip', ['-batch', '-'], { stdin: `${lines.join('\n')}\n` })
}

/**
 * Lays the bridge that plays the internet. Its own two addresses answer for what does not exist.
 */
export async function layInternet(pid: number): Promise<void> {
  await ipBatch(pid, [
    'link set lo up',
    'link add br0 type bridge forward_delay 0',
    'link set br0 up',
    `address add ${hostNetwork}.1/24 dev br0`,
    `address add ${routerNetwork}.1/24 dev br0`,
  ])
  await inNetworkOf(pid, 'nft', ['-f', '-'], { stdin: bridgeRules })
  await inNetworkOf(pid, 'sh', ['-c', 'echo 1 >/proc/sys/net/ipv4/ip_forward'])
}

function takeNumber(record: LabRecord): number {
  if (record.links >= linksMax) throw new Error(`a lab has at most ${linksMax} links`)
  const number = record.links
  record.links += 1
  return number
}

/** Hands out a link's name and an address in the internet. */
export function takePlace(
  record: LabRecord,
  kind: 'host' | 'router',
): { port: string; address: string } {
  const number = takeNumber(record)
  const network = kind === 'host' ? hostNetwork : routerNetwork
  return { port: `p${number}`, address: `${network}.${firstAddress + number}` }
}

/** Hands out a link's name and an address behind a router. */
export function takeLanPlace(
  record: LabRecord,
  router: RouterRecord,
): { port: string; address: string } {
  const number = takeNumber(record)
  return { port: `h${number}`, address: `${router.lan}.${firstAddress + number}` }
}

/**
 * Joins a namespace to the internet by a link that is `port` there and `inside` here. A link of
 * that name from before a power cut is removed first: the kernel takes its time with dead
 * namespaces.
 */
export async function joinInternet(
  record: LabRecord,
  place: { readonly port: string; readonly address: string },
  pid: number,
  inside: string,
): Promise<void> {
  const { address } = place
  const onHosts = address.startsWith(`${hostNetwork}.`)
  const [own, other] = onHosts ? [hostNetwork, routerNetwork] : [routerNetwork, hostNetwork]
  const bridge = { pid: record.internet.pid, bridge: 'br0' }
  await plug(bridge, place, { pid, name: inside })
  await ipBatch(pid, [
    'link set lo up',
    `link set ${inside} up`,
    `address add ${address}/24 dev ${inside}`,
    `route add ${other}.0/24 dev ${inside}`,
    `route add default via ${own}.1 dev ${inside}`,
  ])
}

/** A host keeps its hardware address over a power cut: others remember it. */
function hardwareAddress(address: string): string {
  const numbers = address.split('.').map((each) => Number(each).toString(16).padStart(2, '0'))
  return ['02', '00', ...numbers].join(':')
}

async function plug(
  outer: { readonly pid: number; readonly bridge: string },
  place: { readonly port: string; readonly address: string },
  inner: { readonly pid: number; readonly name: string },
): Promise<void> {
  const { port } = place
  // Fails where there is no such link, which is the usual case.
  await inNetworkOf(outer.pid, 'ip', ['link', 'del', port]).catch(() => undefined)
  const mac = hardwareAddress(place.address)
  await ipBatch(outer.pid, [
    `link add ${port} type veth peer name ${inner.name} address ${mac} netns ${inner.pid}`,
    `link set ${port} master ${outer.bridge}`,
    `link set ${port} up`,
  ])
}

/**
 * Lays a router between a new site and the internet. Nobody outside can open a flow into the site.
 */
export async function layRouter(
  record: LabRecord,
  site: string,
  keep: boolean,
): Promise<RouterRecord> {
  const process = await holdNetwork(keep)
  const place = takePlace(record, 'router')
  const lan = `192.168.${firstAddress + Object.keys(record.routers).length}`
  const router = { site, process, lan, ...place }
  record.routers[site] = router
  await joinInternet(record, place, process.pid, 'wan0')
  await ipBatch(process.pid, [
    'link add lan0 type bridge forward_delay 0',
    'link set lan0 up',
    `address add ${lan}.1/24 dev lan0`,
  ])
  await inNetworkOf(process.pid, 'nft', ['-f', '-'], { stdin: routerRules })
  await inNetworkOf(process.pid, 'sh', ['-c', 'echo 1 >/proc/sys/net/ipv4/ip_forward'])
  return router
}

/** Joins a host to its site. */
export async function joinSite(
  router: RouterRecord,
  place: { readonly port: string; readonly address: string },
  pid: number,
): Promise<void> {
  await plug({ pid: router.process.pid, bridge: 'lan0' }, place, { pid, name: 'eth0' })
  await ipBatch(pid, [
    'link set lo up',
    'link set eth0 up',
    `address add ${place.address}/24 dev eth0`,
    `route add default via ${router.lan}.1 dev eth0`,
  ])
}

/**
 * Drops whatever goes from one link of the internet to another; nobody loses carrier, and ARP
 * stays.
 */
export async function cutLinks(pid: number, from: string, to: string): Promise<void> {
  const element = `{ "${from}" . "${to}" }`
  await inNetworkOf(pid, 'nft', [`add element bridge lab cut ${element}`])
}

/** Undoes one cut, if there is one. */
export async function healLinks(pid: number, from: string, to: string): Promise<void> {
  const element = `{ "${from}" . "${to}" }`
  // Adding first makes it succeed whether or not there was a cut.
  await inNetworkOf(pid, 'nft', [
    `add element bridge lab cut ${element}; delete element bridge lab cut ${element}`,
  ])
}

/** Undoes every cut. */
export async function healAllLinks(pid: number): Promise<void> {
  await inNetworkOf(pid, 'nft', ['flush set bridge lab cut'])
}
