import { execFile } from 'node:child_process'
import { isObject } from '../../../protocol/documents/canonical-json.ts'
import { namespaceName } from '../../../reconcilers/container-network/names.ts'
import type { CommandResult, HostPorts } from '../../../reconcilers/host-ports.ts'
import { lookCommand } from '../../../reconcilers/tools/ip.ts'
import { parseLook } from '../../../reconcilers/tools/ip-parse.ts'
import { fakeNamespaces } from '../fake/containers.ts'
import { openRealHost, type RealHost } from '../real/host.ts'
import { makeTunnels } from './cases.ts'

const never = new AbortController().signal

/** A real host with links that stand for WireGuard, whose text tells of namespaces as well. */
export async function openNetworkHost(): Promise<RealHost> {
  const host = await openRealHost()
  try {
    await makeTunnels(host.ports)
    return { ...host, text: () => networkText(host.ports) }
  } catch (error) {
    await host.close()
    throw error
  }
}

/** Runs a program on a host, or where one of its containers would run. */
export async function execOn(
  host: RealHost,
  container: string | null,
  words: readonly string[],
): Promise<CommandResult> {
  const inside =
    container === null
      ? []
      : ['nsenter', `--net=/run/netns/${namespaceName(container, fakeNamespaces)}`, '--']
  const [file = '', ...args] = [...host.launcher, ...inside, ...words]
  return new Promise((resolve) => {
    execFile(file, args, (error, stdout, stderr) => {
      const exitCode = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
      resolve({ exitCode, stdout, stderr })
    })
  })
}

/** Output of a command that must succeed. */
export async function said(
  ports: HostPorts,
  tool: string,
  args: readonly string[],
): Promise<string> {
  const { exitCode, stdout, stderr } = await ports.run({ tool, args }, never)
  if (exitCode !== 0) throw new Error(`${tool} ${args.join(' ')}: ${stderr}`)
  return stdout
}

async function networkText(ports: HostPorts): Promise<string> {
  const { namespaces, links } = parseLook((await ports.run(lookCommand(), never)).stdout)
  const lines = await placeLines(ports, 'host', [])
  for (const name of namespaces.keys()) {
    lines.push(`netns ${name}`, ...(await placeLines(ports, name, ['-n', name])))
  }
  const settings = ['net/ipv4/ip_forward', 'net/ipv6/conf/all/forwarding']
  for (const { name, peerNamespace } of links) {
    const [namespace] = [...namespaces].find(([, number]) => number === peerNamespace) ?? []
    if (peerNamespace !== null) lines.push(`${name} leads to ${namespace ?? 'nowhere'}`)
    settings.push(...['rp_filter', 'forwarding'].map((each) => `net/ipv4/conf/${name}/${each}`))
    settings.push(...['disable_ipv6', 'accept_ra'].map((each) => `net/ipv6/conf/${name}/${each}`))
  }
  lines.push(...(await said(ports, 'sysctl', settings)).split('\n'))
  return lines.sort().join('\n')
}

/** Links, addresses and routes of one namespace, a line each. */
async function placeLines(
  ports: HostPorts,
  place: string,
  where: readonly string[],
): Promise<string[]> {
  const batch = { tool: 'ip', args: [...where, '-details', '-json', '-batch', '-'] }
  const stdin = 'addr show\nroute show table all\n'
  const { stdout } = await ports.run({ ...batch, stdin }, never)
  const documents = stdout.split('\n').filter((line) => line !== '')
  const [links = [], routes = []] = documents.map((text): Record<string, unknown>[] =>
    (JSON.parse(text) as readonly unknown[]).filter(isObject),
  )
  const lines: string[] = []
  for (const link of links) {
    const { ifname, flags, mtu, address, ifalias, addr_info: addresses } = link
    const isUp = (flags as string[]).includes('UP')
    // The kernel draws the addresses of links that covey does not make.
    const hardware = /^(cv-|eth0)/.test(String(ifname)) ? address : '-'
    lines.push(`${place} ${ifname} ${isUp ? 'up' : 'down'} ${mtu} ${hardware} ${ifalias}`)
    for (const { local, prefixlen, scope } of addresses as Record<string, unknown>[]) {
      // What the kernel gives to a link by itself comes with its carrier.
      const isGiven = scope === 'link' && /^br_|^ve_/.test(String(ifname))
      if (!isGiven) lines.push(`${place} ${ifname} has ${local}/${prefixlen} ${scope}`)
    }
  }
  for (const { type, dst, dev, protocol, scope, prefsrc, gateway } of routes) {
    if (protocol === 'kernel') continue
    lines.push(`${place} ${type} ${dst} ${dev} ${protocol} ${scope} ${prefsrc} ${gateway}`)
  }
  return lines
}
