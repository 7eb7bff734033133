import type { Random } from '../../protocol/node/random.ts'
import { cuts, ends, halves, often, signs } from '../actors/plans.ts'
import type { Forging, Stimulus } from '../actors/stimulus.ts'
import { between, pick } from '../world/world.ts'
import type { Scenario } from './scenario.ts'

const forgings: readonly Forging[] = [
  'too-few',
  'one-twice',
  'root-keys',
  'old-keys',
  'other-cluster',
  'root-too-few',
  'root-unproven',
]

/**
 * Three times the cluster is cut in halves, and on each side an operator signs what the other
 * cannot see.
 */
function twoSides(random: Random, hosts: number, endMs: number): readonly Stimulus[] {
  const stimuli: Stimulus[] = []
  const roundMs = endMs / 3
  const [left, right] = halves(hosts)
  for (let round = 0; round < 3; round++) {
    const at = round * roundMs + 1_000
    stimuli.push({ at, kind: 'cut', from: left, to: right, bothWays: true })
    for (const [by, side] of [left, right].entries()) {
      for (let count = between(random, 1, 3); count > 0; count--) {
        const signAt = at + between(random, 1_000, roundMs / 2)
        const note = round * 100 + by * 10 + count
        stimuli.push({ at: signAt, kind: 'sign', by, through: pick(random, side), note })
      }
    }
    stimuli.push({ at: at + roundMs / 2 + 1_000, kind: 'heal' })
    // One of the two goes on from what has won.
    const through = between(random, 0, hosts - 1)
    const note = round * 100 + 50
    stimuli.push({ at: at + roundMs * 0.9, kind: 'sign', by: between(random, 0, 1), through, note })
  }
  return stimuli
}

/** Trouble with what is signed, and by whom. */
export const operatorsScenarios: readonly Scenario[] = [
  {
    name: 'two-operators',
    shows:
      'Two operators who sign on the two sides of a cut lose nothing unseen: one wins, the other is kept and named.',
    covers: ['alarm fork', 'alarm lost-branch'],
    hosts: 8,
    setting: { operators: 2 },
    plan: (random, hosts, endMs) => twoSides(random, hosts, endMs),
  },
  {
    name: 'equivocation',
    shows:
      'An operator who signs one version twice is found out by every connected host, and the lower digest wins.',
    covers: ['stimulus twice', 'alarm fork'],
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
      // A host that loses its head just then is offered both sides again.
      ...Array.from({ length: 3 }, (_, index): readonly Stimulus[] => {
        const at = Math.round((endMs * (index + 1)) / 4)
        const host = between(random, 0, hosts - 1)
        const [first, second] = [between(random, 0, hosts - 1), between(random, 0, hosts - 1)]
        return [
          { at, kind: 'twice', by: 0, through: [first, second], note: 2_000 + index * 10 },
          { at: at + 5_000, kind: 'damage', host, file: 'head' },
          { at: at + 6_050, kind: 'replay', through: host, back: 0 },
          { at: at + 6_060, kind: 'replay', through: host, back: 1 },
        ]
      }).flat(),
    ],
  },
  {
    name: 'stolen-key',
    shows: 'With one key fewer than the threshold a thief changes nothing anywhere.',
    covers: ['stimulus forge', 'refused below-threshold'],
    hosts: 6,
    setting: { keys: 3, threshold: 2 },
    plan: (random, hosts, endMs) => [
      ...signs(random, 6, hosts, endMs),
      ...often(random, 24, endMs, (at, index) => ({
        at,
        kind: 'forge',
        through: between(random, 0, hosts - 1),
        how: pick(
          random,
          forgings.filter((how) => how !== 'old-keys'),
        ),
        note: 5_000 + index,
      })),
    ],
  },
  {
    name: 'rotation-under-partition',
    shows:
      'Hosts that were cut off during rotations of the root follow through the whole chain when they are back.',
    covers: ['stimulus rotate', 'epoch followed', 'fetch brought roots'],
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
      ...often(random, 8, endMs, (at, index) => ({
        at,
        kind: 'forge',
        through: between(random, 0, hosts - 1),
        how: pick(random, forgings),
        note: 5_000 + index,
      })),
      ...ends(random, 8, hosts, endMs, 'killed'),
    ],
  },
  {
    name: 'root-fork',
    shows:
      'Two second roots are noticed on both sides, nobody is banned for it, and a third one settles it.',
    covers: ['alarm root-fork', 'stimulus settle', 'epoch followed'],
    hosts: 6,
    setting: { operators: 2 },
    plan: (random, hosts) => {
      const [left, right] = halves(hosts)
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
        ...ends(random, 8, hosts, 40_000, 'killed').map((end) => ({
          ...end,
          at: end.at + 35_000,
          downMs: 3_000,
        })),
        { at: 100_000, kind: 'settle', through: between(random, 0, hosts - 1), note: 1 },
      ]
    },
  },
  {
    name: 'remove-then-rollback',
    shows:
      'A removed host is disconnected in time, older configs do not bring it back, and a new one does.',
    covers: ['host removed', 'host listed again', 'verdict older', 'head rewound'],
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
      ...often(random, 4, endMs, (at) => ({
        at,
        kind: 'replay',
        through: between(random, 0, hosts - 2),
        back: between(random, 1, 4),
      })),
      { at: endMs / 2, kind: 'snapshot', host: between(random, 0, hosts - 2), restoreMs: 20_000 },
    ],
  },
]
