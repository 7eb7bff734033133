import type { Random } from '../protocol/node/random.ts'
import type { NetworkFaults } from './cluster.ts'
import type { DiskFaults } from './disk.ts'
import type { BadAct, Stimulus } from './stimuli.ts'
import { between, chance, pick } from './world.ts'

/** How a scenario's world differs from a calm one. */
export interface Setting {
  readonly network: Partial<NetworkFaults>
  readonly disk: Partial<DiskFaults>
  readonly operators: number
  /** Keys of the cluster, and how many must sign. */
  readonly keys: number
  readonly threshold: number
  /** Share of hosts that can be dialled from anywhere. */
  readonly endpoints: number
  /** Length of the phase with faults, in ms. */
  readonly safetyMs: number
}

/** A kind of trouble, by name. */
export interface Scenario {
  readonly name: string
  /** What it shows, in one sentence. */
  readonly shows: string
  /** Hosts where none are asked for. */
  readonly hosts: number
  readonly setting: Partial<Setting>
  /** What happens, drawn from the seed. */
  plan(random: Random, hosts: number, safetyMs: number): readonly Stimulus[]
}

/** The calm world. */
export const calm: Setting = {
  network: {},
  disk: {},
  operators: 1,
  keys: 1,
  threshold: 1,
  endpoints: 1,
  safetyMs: 120_000,
}

const badActs: readonly BadAct[] = [
  'old-head',
  'bogus-head',
  'forged-document',
  'other-document',
  'garbage',
]

/** `count` times, at random moments of the phase. */
function often(
  random: Random,
  count: number,
  endMs: number,
  make: (at: number, index: number) => Stimulus,
): Stimulus[] {
  return Array.from({ length: count }, (_, index) => make(between(random, 1_000, endMs), index))
}

function signs(
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

function group(random: Random, hosts: number, share: number): readonly [number[], number[]] {
  const inside: number[] = []
  const outside: number[] = []
  for (let host = 0; host < hosts; host++) (chance(random, share) ? inside : outside).push(host)
  return [inside, outside]
}

/** Halves, one way only, a ring with gaps, or flapping: each cut lasts a while, then all heals. */
function cuts(random: Random, hosts: number, endMs: number): Stimulus[] {
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

function ends(
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

const lossy: Partial<NetworkFaults> = { lost: 0.02, doubled: 0.02, reordered: 0.05, jitterMs: 200 }

/** Every scenario, in the order of docs/SIMULATION.md. */
export const scenarios: readonly Scenario[] = [
  {
    name: 'partition',
    shows:
      'Whatever way the network is cut, both sides go on, and one head is left after the heal.',
    hosts: 8,
    setting: { network: lossy },
    plan: (random, hosts, endMs) => [
      ...cuts(random, hosts, endMs),
      ...signs(random, 12, hosts, endMs),
    ],
  },
  {
    name: 'churn',
    shows:
      'Hosts that come and go, pause and restart all the time end with the same config as the rest.',
    hosts: 12,
    setting: { network: lossy },
    plan: (random, hosts, endMs) => [
      ...ends(random, 30, hosts, endMs, 'killed'),
      ...often(random, 10, endMs, (at) => ({
        at,
        kind: 'pause',
        host: between(random, 0, hosts - 1),
        ms: between(random, 100, 15_000),
      })),
      ...signs(random, 15, hosts, endMs),
    ],
  },
  {
    name: 'two-operators',
    shows:
      'Two operators who sign on the two sides of a cut lose nothing unseen: one wins, the other is kept and named.',
    hosts: 8,
    setting: { operators: 2 },
    plan: (random, hosts, endMs) => [
      ...cuts(random, hosts, endMs),
      ...signs(random, 16, hosts, endMs, 2),
    ],
  },
  {
    name: 'equivocation',
    shows:
      'An operator who signs one version twice is found out by every connected host, and the lower digest wins.',
    hosts: 8,
    setting: {},
    plan: (random, hosts, endMs) => [
      ...cuts(random, hosts, endMs / 2),
      ...signs(random, 4, hosts, endMs),
      ...often(random, 4, endMs, (at, index) => ({
        at,
        kind: 'twice',
        by: 0,
        through: [between(random, 0, hosts - 1), between(random, 0, hosts - 1)],
        note: 1_000 + index * 10,
      })),
    ],
  },
  {
    name: 'stolen-key',
    shows: 'With one key fewer than the threshold a thief changes nothing anywhere.',
    hosts: 6,
    setting: { keys: 3, threshold: 2 },
    plan: (random, hosts, endMs) => [
      ...signs(random, 6, hosts, endMs),
      ...often(random, 12, endMs, (at, index) => ({
        at,
        kind: 'forge',
        through: between(random, 0, hosts - 1),
        note: 5_000 + index,
      })),
    ],
  },
  {
    name: 'rotation-under-partition',
    shows:
      'Hosts that were cut off during rotations of the root follow through the whole chain when they are back.',
    hosts: 9,
    setting: {},
    plan: (random, hosts, endMs) => [
      ...cuts(random, hosts, endMs),
      ...signs(random, 8, hosts, endMs),
      ...often(random, 3, endMs, (at, index) => ({
        at,
        kind: 'rotate',
        by: 0,
        through: between(random, 0, hosts - 1),
        note: 7_000 + index,
      })),
    ],
  },
  {
    name: 'slow-disk',
    shows:
      'Slow, full and failing disks delay a host, and never make it say what it does not hold.',
    hosts: 6,
    setting: { disk: { stepMsMax: 2_000, full: 0.1, syncFails: 0.05 } },
    plan: (random, hosts, endMs) => [
      ...signs(random, 15, hosts, endMs),
      ...ends(random, 6, hosts, endMs, 'killed'),
    ],
  },
  {
    name: 'crash-everywhere',
    shows:
      'Killed between any two steps of any write, a host comes back to a state that it can prove.',
    hosts: 5,
    setting: { disk: { stepMsMax: 200 } },
    plan: (random, hosts, endMs) => [
      ...signs(random, 25, hosts, endMs),
      ...ends(random, 80, hosts, endMs, 'killed').map((end) => ({ ...end, downMs: 300 })),
      ...often(random, 3, endMs, (at) => ({
        at,
        kind: 'damage',
        host: between(random, 0, hosts - 1),
        file: pick(random, ['head', 'previous', 'confirmed'] as const),
      })),
    ],
  },
  {
    name: 'bad-member',
    shows:
      'A member that sends old heads, garbage, forgeries and empty promises changes nothing and delays nobody.',
    hosts: 8,
    setting: {},
    plan: (random, hosts, endMs) => [
      ...signs(random, 8, hosts - 1, endMs),
      ...often(random, 60, endMs, (at, index) => ({
        at,
        kind: 'misbehave',
        host: hosts - 1,
        to: between(random, 0, hosts - 2),
        how: pick(random, badActs),
        note: 9_000 + index,
      })),
    ],
  },
  {
    name: 'clock-skew',
    shows: 'Clocks that are years off change nothing: no rule reads one.',
    hosts: 6,
    setting: {},
    plan: (random, hosts, endMs) => [
      ...signs(random, 8, hosts, endMs),
      ...Array.from({ length: hosts }, (_, host): Stimulus[] => [
        { at: 500, kind: 'skew', host, ms: between(random, -3, 3) * 31_536_000_000 },
        { at: between(random, 2_000, endMs), kind: 'end', host, how: 'rebooted', downMs: 1_000 },
      ]).flat(),
      ...cuts(random, hosts, endMs / 2),
    ],
  },
  {
    name: 'mixed-versions',
    shows:
      'Configs with members and types that an agent does not know are held and passed on like any other.',
    hosts: 8,
    setting: {},
    plan: (random, hosts, endMs) => [
      ...signs(random, 10, hosts, endMs),
      ...often(random, 8, endMs, (at, index) => ({
        at,
        kind: 'future',
        by: 0,
        through: between(random, 0, hosts - 1),
        note: 3_000 + index,
      })),
      ...ends(random, 6, hosts, endMs, 'killed'),
    ],
  },
  {
    name: 'reboot',
    shows:
      'A host that loses all of its kernel state, at any moment, has its tunnels back without being asked.',
    hosts: 6,
    setting: {},
    plan: (random, hosts, endMs) => [
      ...signs(random, 10, hosts, endMs),
      ...ends(random, 25, hosts, endMs, 'rebooted'),
    ],
  },
  {
    name: 'rekey',
    shows: 'A WireGuard key that is replaced on a connected host takes its tunnels along.',
    hosts: 6,
    setting: {},
    plan: (random, hosts, endMs) => [
      ...signs(random, 4, hosts, endMs),
      ...Array.from(
        { length: 4 },
        (_, index): Stimulus => ({
          at: 10_000 + index * 25_000,
          kind: 'rekey',
          by: 0,
          through: between(random, 0, hosts - 1),
          host: between(random, 0, hosts - 1),
          note: 4_000 + index,
        }),
      ),
    ],
  },
  {
    name: 'root-fork',
    shows:
      'Two second roots are noticed on both sides, nobody is banned for it, and a third one settles it.',
    hosts: 6,
    setting: { operators: 2 },
    plan: (random, hosts) => {
      const half = Math.floor(hosts / 2)
      const left = Array.from({ length: half }, (_, index) => index)
      const right = Array.from({ length: hosts - half }, (_, index) => half + index)
      const rotate = (at: number, by: number, through: number): Stimulus => ({
        at,
        kind: 'rotate',
        by,
        through,
        note: by * 100 + between(random, 0, 99),
      })
      return [
        { at: 5_000, kind: 'cut', from: left, to: right, bothWays: true },
        rotate(10_000, 0, pick(random, left)),
        rotate(12_000, 1, pick(random, right)),
        { at: 30_000, kind: 'heal' },
        { at: 100_000, kind: 'settle', through: between(random, 0, hosts - 1), note: 1 },
      ]
    },
  },
  {
    name: 'remove-then-rollback',
    shows:
      'A removed host is disconnected in time, older configs do not bring it back, and a new one does.',
    hosts: 7,
    setting: {},
    plan: (random, hosts, endMs) => [
      ...signs(random, 4, hosts - 1, endMs),
      ...Array.from(
        { length: 4 },
        (_, index): Stimulus => ({
          at: 8_000 + index * 25_000,
          kind: 'list',
          by: 0,
          through: between(random, 0, hosts - 2),
          host: hosts - 1,
          listed: index % 2 === 1,
          note: 6_000 + index,
        }),
      ),
      { at: endMs / 2, kind: 'snapshot', host: between(random, 0, hosts - 2), restoreMs: 20_000 },
    ],
  },
  {
    name: 'outage',
    shows:
      'After an outage of everyone at once, with floors lost on some, the cluster finds its newest config again.',
    hosts: 9,
    setting: {},
    plan: (random, hosts, endMs) => [
      ...signs(random, 6, hosts, endMs / 2),
      ...Array.from(
        { length: hosts },
        (_, host): Stimulus => ({
          at: endMs / 2 + between(random, 0, 3_000),
          kind: 'end',
          host,
          how: 'rebooted',
          downMs: between(random, 5_000, 40_000),
        }),
      ),
      { at: endMs * 0.9, kind: 'damage', host: between(random, 0, hosts - 1), file: 'floor' },
    ],
  },
  {
    name: 'nat',
    shows:
      'Hosts behind NATs that have no tunnel between them hear everything through those that can be dialled.',
    hosts: 24,
    setting: { endpoints: 0.25 },
    plan: (random, hosts, endMs) => [
      ...signs(random, 8, hosts, endMs),
      ...ends(random, 12, hosts, endMs, 'killed'),
    ],
  },
  {
    name: 'scale',
    shows:
      'The time to agreement grows with the logarithm of the number of hosts, and so does what each one keeps.',
    hosts: 100,
    setting: { safetyMs: 30_000 },
    plan: (random, hosts) => [
      { at: 15_000, kind: 'sign', by: 0, through: between(random, 0, hosts - 1), note: 10 },
    ],
  },
]
