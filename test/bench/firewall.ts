import { execFileSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../../protocol/documents/config.ts'
import { clusterOf } from '../../reconcilers/cluster/index.ts'
import { compileFirewall } from '../../reconcilers/nftables/elements/compile.ts'
import { replaceTransaction } from '../../reconcilers/nftables/elements/table.ts'
import type { FirewallSpec } from '../../reconcilers/nftables/flows/firewall.ts'
import { createNftables } from '../../reconcilers/nftables/index.ts'
import { rescuePortsDefault, resolveNftables } from '../../reconcilers/nftables/resolve.ts'
import { configOf } from '../reconcilers/configs.ts'
import { openRealHost, type RealHost } from '../reconcilers/real/host.ts'
import { type BenchLine, line } from './report.ts'

const runs = 9
/** Containers on each of two hosts: each of the one may be asked by each of the other. */
const side = 100
const never = new AbortController().signal

function host(number: number, containers: number): Record<string, unknown> {
  const objects = Array.from({ length: containers }, (_, index) => [
    `c${index}`,
    {
      type: 'runc_container',
      image: `r.example/x@sha256:${'a'.repeat(64)}`,
      network: 'cn',
      address: `10.69.${number}.${index + 10}`,
    },
  ])
  return {
    wg: {
      type: 'wireguard_network',
      link_name: 'wg0',
      address: `10.69.0.${number}/16`,
      public_key: `${String.fromCharCode(64 + number).repeat(42)}A=`,
    },
    mesh: { type: 'wireguard_mesh', network: 'wg' },
    cn: { type: 'container_network', network: 'wg', subnet: `10.69.${number}.0/24` },
    ...Object.fromEntries(objects),
  }
}

/** A config in which so many pairs are allowed, by names of containers. */
function configWith(pairs: number): Config {
  const policies = Array.from({ length: Math.ceil(pairs / side) }, (_, index) => {
    const count = Math.min(side, pairs - index * side)
    const ingress = Array.from({ length: count }, (__, at) => ({
      from: `container:h2/c${at}`,
      ports: ['80/tcp'],
    }))
    return [`p${index}`, { type: 'nftables_policy', container: `c${index}`, ingress }]
  })
  const rules = Object.fromEntries(policies)
  return configOf({ h1: { ...host(1, side + 1), ...rules }, h2: host(2, side) })
}

function timed(work: () => void): number {
  const startedAt = performance.now()
  work()
  return performance.now() - startedAt
}

async function timedAsync(work: () => Promise<void>): Promise<number> {
  const startedAt = performance.now()
  await work()
  return performance.now() - startedAt
}

/** Measures the compiling of a host's firewall, from the parsed config to the elements. */
function measureCompile(): readonly BenchLine[] {
  const times = (pairs: number): readonly number[] => {
    const configs = Array.from({ length: runs }, () => configWith(pairs))
    return configs.map((config) =>
      timed(() => compileFirewall(resolveNftables(clusterOf(config), 'h1').spec)),
    )
  }
  times(1_000)
  const [small, middle, large] = [times(1_000), times(3_000), times(10_000)]
  const scaled = (factor: number): readonly number[] => small.map((ms) => ms * factor)
  return [
    line(
      'firewall: resolve and compile 3,000 pairs',
      middle,
      'ms',
      '1,000 pairs, times 3',
      scaled(3),
    ),
    line('firewall: the same for 10,000 pairs', large, 'ms', '1,000 pairs, times 10', scaled(10)),
  ]
}

/** The real tool in a namespace, against covey's own way to the same table. */
async function measureApply(host: RealHost): Promise<readonly BenchLine[]> {
  let changes = 0
  const nftables = createNftables({ rescuePorts: rescuePortsDefault, changes: () => changes })
  const specOf = (pairs: number): FirewallSpec => nftables.resolve(configWith(pairs), 'h1').spec
  const round = async (spec: FirewallSpec): Promise<number> => {
    const observed = await nftables.observe(spec, host.ports, never)
    nftables.judge(spec, observed)
    const steps = nftables.plan(spec, observed)
    for (const step of steps) await nftables.apply(step, host.ports, never)
    if (steps.length > 0) changes++
    return steps.length
  }
  const [file = '', ...launcher] = host.launcher
  const bare = (...args: readonly string[]): number =>
    timed(() => {
      execFileSync(file, [...launcher, '/usr/sbin/nft', ...args])
    })
  const text = join(host.stateDir, 'bare.nft')
  writeFileSync(text, replaceTransaction(compileFirewall(specOf(10_000)), new Map()))
  const whole: number[] = []
  const wholeBare: number[] = []
  const more: number[] = []
  const moreBare: number[] = []
  const quiet: number[] = []
  for (let run = 0; run < runs; run++) {
    const spec = specOf(10_000)
    execFileSync(file, [...launcher, '/usr/sbin/nft', 'flush ruleset'])
    changes++
    whole.push(await timedAsync(async () => void (await round(spec))))
    await round(spec)
    const cpu = process.cpuUsage()
    await round(spec)
    const spent = process.cpuUsage(cpu)
    quiet.push((spent.user + spent.system) / 1_000)
    const next = specOf(10_001)
    more.push(await timedAsync(async () => void (await round(next))))
    const element = `10.69.2.${20 + run} . 10.69.1.111 . 6 . 80`
    moreBare.push(bare('add', 'element', 'inet', 'covey', 'ingress4', `{ ${element} }`))
    execFileSync(file, [...launcher, '/usr/sbin/nft', 'flush ruleset'])
    wholeBare.push(bare('-f', text))
  }
  rmSync(text)
  return [
    line('firewall: apply 10,000 pairs', whole, 'ms', 'bare nft -f', wholeBare),
    line('firewall: one more pair', more, 'ms', 'bare nft add element', moreBare),
    line('firewall: CPU of a round without change', quiet, 'ms', 'goal', [30]),
  ]
}

/** The firewall with 10,000 allowed pairs. */
export async function measureFirewall(): Promise<readonly BenchLine[]> {
  const compiled = measureCompile()
  const host = await openRealHost()
  try {
    return [...compiled, ...(await measureApply(host))]
  } finally {
    await host.close()
  }
}
