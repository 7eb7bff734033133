import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createHostPorts } from '../../../machine/host-ports.ts'
import { cidrText } from '../../../reconcilers/addresses.ts'
import type { HostPorts } from '../../../reconcilers/host-ports.ts'
import { lookCommand } from '../../../reconcilers/tools/ip.ts'
import { parseLook } from '../../../reconcilers/tools/ip-parse.ts'
import { dumpCommand, parseDump } from '../../../reconcilers/tools/wg.ts'
import type { ContractHost } from '../contract-suite.ts'
import { createFakeClock } from '../fake/clock.ts'
import { createFakeContainers } from '../fake/containers.ts'
import { createFakeImages } from '../fake/images.ts'
import { hostKeys, type KeyPair, makeKeyPair } from '../fake/keys.ts'

/**
 * A host with network and mounts of its own, and the real tools. Nothing of the machine is touched.
 */
export interface RealHost extends ContractHost {
  /** Put before a command to run it in there. */
  readonly launcher: readonly string[]
  readonly keys: readonly KeyPair[]
  readonly stateDir: string
}

/** Sockets of `wireguard-go` lie in /run/wireguard, which every such host has for itself. */
const start = 'mount -t tmpfs tmpfs /run && ip link set lo up && echo ready && exec sleep infinity'

const never = new AbortController().signal

/** Makes a host. Close it in any case: it holds processes. */
export async function openRealHost(): Promise<RealHost> {
  const stateDir = await mkdtemp(join(tmpdir(), 'covey-real-'))
  const holder = spawn(
    '/usr/bin/unshare',
    ['--net', '--mount', '--propagation', 'private', '/bin/sh', '-c', start],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  await Promise.race([once(holder.stdout, 'data'), exitOf(holder)])
  if (holder.exitCode !== null) throw new Error('no namespace could be made: are you root?')
  const launcher = ['/usr/bin/nsenter', `--target=${holder.pid}`, '--net', '--mount', '--']
  const keys = [makeKeyPair()]
  const runDir = join(stateDir, 'run')
  const containers = createFakeContainers(createFakeClock())
  const ports = createHostPorts({
    stateDir,
    runDir,
    keys: hostKeys(keys),
    images: createFakeImages().port,
    containers: containers.port,
    secrets: containers.secrets,
    launcher,
  })
  const close = async (): Promise<void> => {
    try {
      await removeTunnels(ports)
    } finally {
      holder.kill('SIGKILL')
      await exitOf(holder)
      await rm(stateDir, { recursive: true })
    }
  }
  return { ports, launcher, keys, stateDir, text: () => realText(ports), close }
}

async function exitOf(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}

/** A `wireguard-go` lives as long as its link, and would hold the namespace. */
async function removeTunnels(ports: HostPorts): Promise<void> {
  const looked = await ports.run(lookCommand(), never)
  for (const link of parseLook(looked.stdout).links) {
    if (link.kind !== 'tun' && link.kind !== 'wireguard') continue
    await ports.run({ tool: 'ip', args: ['link', 'del', 'dev', link.name] }, never)
  }
}

/**
 * The state of a real host as text; links, peers, and routes that the kernel did not make by
 * itself.
 */
async function realText(ports: HostPorts): Promise<string> {
  const { links } = parseLook((await ports.run(lookCommand(), never)).stdout)
  const lines: string[] = []
  for (const link of links) {
    if (link.name === 'lo') continue
    const addresses = link.addresses.map(cidrText).sort().join(' ')
    const state = `${link.up ? 'up' : 'down'} mtu ${link.mtu} alias ${link.alias}`
    lines.push(`link ${link.name} ${link.kind} ${state} ${addresses}`.trimEnd())
    if (link.kind !== 'tun' && link.kind !== 'wireguard') continue
    const dump = await ports.run(dumpCommand(link.name), never)
    if (dump.exitCode !== 0) continue
    for (const peer of parseDump(dump.stdout).peers) {
      const keepalive = `keepalive ${peer.keepaliveSeconds}`
      const allowed = peer.allowedIps.join(',')
      lines.push(`peer ${link.name} ${peer.publicKey} ${peer.endpoint} ${allowed} ${keepalive}`)
    }
  }
  const args = ['-details', '-json', 'route', 'show', 'table', 'all']
  const routes: unknown = JSON.parse((await ports.run({ tool: 'ip', args }, never)).stdout)
  for (const { dst, dev, protocol, type, metric } of routes as Record<string, string>[]) {
    const way = type === 'unreachable' ? type : `dev ${dev}`
    const behind = metric === undefined ? '' : ` metric ${metric}`
    if (protocol !== 'kernel') lines.push(`route ${dst} ${way} proto ${protocol}${behind}`)
  }
  return lines.sort().join('\n')
}
