import type { Random } from '../../protocol/node/random.ts'
import type { NetworkFaults } from '../world/cluster.ts'
import { between, chance, pick } from '../world/world.ts'
import type { Stimulus } from './stimulus.ts'

/** `count` times, at random moments of the phase. */
export function often(
  random: Random,
  count: number,
  endMs: number,
  make: (at: number, index: number) => Stimulus,
): Stimulus[] {
  return Array.from({ length: count }, (_, index) => make(between(random, 1_000, endMs), index))
}

/** New configs by random operators, each through a random host. */
export function signs(
  random: Random,
  count: number,
  hosts: number,
  endMs: number,
  operators = 1,
): Stimulus[] {
  return often(random, count, endMs, (at, index) => ({
    at,
    kind: 'sign',
    by: between(random, 0, operators - 1),
    through: between(random, 0, hosts - 1),
    note: index * 10,
  }))
}

/** Hosts parted at random into those inside, each with a probability, and those outside. */
function group(random: Random, hosts: number, share: number): readonly [number[], number[]] {
  const inside: number[] = []
  const outside: number[] = []
  for (let host = 0; host < hosts; host++) (chance(random, share) ? inside : outside).push(host)
  return [inside, outside]
}

/** The first hosts and the rest, as many on each side, or one more in the rest. */
export function halves(hosts: number): readonly [number[], number[]] {
  const all = Array.from({ length: hosts }, (_, host) => host)
  const half = Math.floor(hosts / 2)
  return [all.slice(0, half), all.slice(half)]
}

/** Halves, one way only, a ring with gaps, or flapping: each cut lasts a while, then all heals. */
export function cuts(random: Random, hosts: number, endMs: number): Stimulus[] {
  const stimuli: Stimulus[] = []
  for (let at = between(random, 1_000, 10_000); at < endMs; at += between(random, 5_000, 40_000)) {
    const style = pick(random, ['halves', 'one-way', 'ring', 'flapping'] as const)
    const [from, to] = group(random, hosts, 0.5)
    if (style === 'halves') stimuli.push({ at, kind: 'cut', from, to, bothWays: true })
    if (style === 'one-way') stimuli.push({ at, kind: 'cut', from, to, bothWays: false })
    if (style === 'ring') {
      for (let host = 0; host < hosts; host++) {
        const far = Array.from({ length: hosts }, (_, other) => other).filter((other) => {
          return Math.abs(other - host) > 1 && Math.abs(other - host) < hosts - 1
        })
        stimuli.push({ at, kind: 'cut', from: [host], to: far, bothWays: true })
      }
    }
    if (style === 'flapping') {
      for (let flap = 0; flap < 8; flap++) {
        stimuli.push({ at: at + flap * 1_500, kind: 'cut', from, to, bothWays: true })
        stimuli.push({ at: at + flap * 1_500 + 700, kind: 'heal' })
      }
    }
    stimuli.push({ at: at + between(random, 3_000, 30_000), kind: 'heal' })
  }
  return stimuli
}

/** Ends of random hosts, each down for up to 20 s. */
export function ends(
  random: Random,
  count: number,
  hosts: number,
  endMs: number,
  how: 'killed' | 'rebooted',
): Stimulus[] {
  return often(random, count, endMs, (at) => ({
    at,
    kind: 'end',
    host: between(random, 0, hosts - 1),
    how,
    downMs: between(random, 50, 20_000),
  }))
}

/** Messages that get lost, come twice, or late and in another order. */
export const lossy: Partial<NetworkFaults> = {
  lost: 0.02,
  doubled: 0.02,
  reordered: 0.05,
  jitterMs: 200,
}
