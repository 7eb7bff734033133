import { cover } from '../checks/coverage.ts'
import type { SimHost } from '../world/cluster.ts'
import type { Stage } from '../world/stage.ts'
import { forge, misbehave, replay } from './adversaries.ts'
import { operate, settle } from './signers.ts'
import type { Stimulus } from './stimulus.ts'

type Of<Kind extends Stimulus['kind']> = Extract<Stimulus, { readonly kind: Kind }>

/**
 * Does one stimulus. What cannot happen (a host that is down, an operator without keys) just does
 * not.
 */
export function stimulate(stage: Stage, stimulus: Stimulus): void {
  if (takesEffect(stage, stimulus)) cover(stage.cluster, `stimulus ${stimulus.kind}`)
}

function takesEffect(stage: Stage, stimulus: Stimulus): boolean {
  const { cluster } = stage
  const host = (index: number): SimHost | undefined => cluster.hosts[index]
  switch (stimulus.kind) {
    case 'cut':
      return cut(stage, stimulus)
    case 'heal': {
      const wasCut = cluster.cuts.size > 0
      cluster.cuts.clear()
      return wasCut
    }
    case 'end':
      return endFor(stage, host(stimulus.host), stimulus.how, stimulus.downMs)
    case 'pause':
      return pause(stage, stimulus)
    case 'skew': {
      const skewed = host(stimulus.host)
      if (skewed) skewed.skewMs = stimulus.ms
      return skewed !== undefined && stimulus.ms !== 0
    }
    case 'damage':
      return damage(stage, stimulus)
    case 'snapshot':
      return snapshot(stage, host(stimulus.host), stimulus.restoreMs)
    case 'misbehave':
      return misbehave(stage, stimulus)
    case 'settle':
      return settle(stage, host(stimulus.through), stimulus.note)
    case 'forge':
      return forge(stage, host(stimulus.through), stimulus)
    case 'replay':
      return replay(stage, host(stimulus.through), stimulus.back)
    default:
      return operate(stage, stimulus)
  }
}

function cut({ cluster, hosts }: Stage, { from, to, bothWays }: Of<'cut'>): boolean {
  const before = cluster.cuts.size
  for (const one of from) {
    for (const other of to) {
      if (one === other) continue
      cluster.cuts.add(`${one}>${other}`)
      if (bothWays) cluster.cuts.add(`${other}>${one}`)
    }
  }
  hosts.network.recheck(null)
  return cluster.cuts.size > before
}

function pause({ cluster }: Stage, { host, ms }: Of<'pause'>): boolean {
  const paused = cluster.hosts[host]
  if (paused) paused.pausedUntil = Math.max(paused.pausedUntil, cluster.world.now + ms)
  return paused?.node != null
}

/**
 * Damages a file, unless the host would have no config left: then it waits for a person who enrols
 * it again, by design.
 */
function damage(stage: Stage, { host, file }: Of<'damage'>): boolean {
  const damaged = stage.cluster.hosts[host]
  if (!damaged?.disk.files.has(file)) return false
  const others = ['head', 'confirmed', 'previous'].filter((path) => path !== file)
  if (others.every((path) => typeof damaged.disk.files.get(path) !== 'object')) return false
  endFor(stage, damaged, 'rebooted', 1_000)
  damaged.disk.files.set(file, 'damaged')
  return true
}

function endFor(
  { cluster, hosts }: Stage,
  host: SimHost | undefined,
  how: 'killed' | 'rebooted',
  downMs: number,
): boolean {
  if (host === undefined || host.node === null) return false
  hosts.end(host, how)
  cluster.world.after(downMs, () => hosts.start(host))
  return true
}

/** Keeps what is on a disk now, and puts it back after a while. */
function snapshot(stage: Stage, host: SimHost | undefined, restoreMs: number): boolean {
  if (host === undefined) return false
  const files = new Map(host.disk.files)
  const head = host.node?.head?.head.digest
  stage.cluster.world.after(restoreMs, () => {
    if (host.node === null) return
    if (host.node.head?.head.digest !== head) cover(stage.cluster, 'head rewound')
    stage.hosts.end(host, 'rebooted')
    host.disk.files.clear()
    for (const [path, content] of files) host.disk.files.set(path, content)
    stage.rewound(host)
    stage.hosts.start(host)
  })
  return true
}
