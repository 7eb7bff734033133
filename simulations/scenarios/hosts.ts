import type { Random } from '../../protocol/node/random.ts'
import { cuts, ends, often, signs } from '../actors/plans.ts'
import type { BadAct, Lie, Stimulus } from '../actors/stimulus.ts'
import { between, pick } from '../world/world.ts'
import type { Scenario } from './scenario.ts'

const badActs: readonly BadAct[] = [
  'old-head',
  'bogus-head',
  'forged-document',
  'other-document',
  'garbage',
  'flood',
]

const lies: readonly Lie[] = ['status-digest', 'status-forged', 'status-replayed']

/** Files get damaged, and an old config is handed to the host just when it is back. */
function damages(random: Random, count: number, hosts: number, endMs: number): readonly Stimulus[] {
  return Array.from({ length: count }, (): readonly Stimulus[] => {
    const at = between(random, 5_000, endMs)
    const host = between(random, 0, hosts - 1)
    const file = pick(random, ['head', 'head', 'previous', 'confirmed'] as const)
    return [
      { at, kind: 'damage', host, file },
      { at: at + 1_050, kind: 'replay', through: host, back: between(random, 1, 4) },
    ]
  }).flat()
}

/** Trouble inside a host, and with how many there are. */
export const hostsScenarios: readonly Scenario[] = [
  {
    name: 'slow-disk',
    shows:
      'Slow, full and failing disks delay a host, and never make it say what it does not hold.',
    covers: ['disk full', 'disk sync failed', 'disk write cut short'],
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
    covers: ['disk write cut short', 'alarm state-damaged'],
    hosts: 5,
    setting: { disk: { stepMsMax: 200, kills: 0.3 } },
    plan: (random, hosts, endMs) => [
      ...signs(random, 25, hosts, endMs),
      ...ends(random, 80, hosts, endMs, 'killed').map((end) => ({ ...end, downMs: 300 })),
      ...damages(random, 12, hosts, endMs),
    ],
  },
  {
    name: 'bad-member',
    shows:
      'A member that sends old heads, garbage, forgeries and empty promises changes nothing and delays nobody.',
    covers: [
      'misbehaves old-head',
      'misbehaves bogus-head',
      'misbehaves forged-document',
      'misbehaves other-document',
      'misbehaves garbage',
      'peer banned',
      'fetch failed',
    ],
    hosts: 8,
    setting: { fresh: true },
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
    name: 'lying-member',
    shows:
      'What a member claims of others, signs about them or replays silences nobody, through restarts with wrong clocks and old disks.',
    covers: [
      'misbehaves status-digest',
      'misbehaves status-forged',
      'misbehaves status-replayed',
      'host killed',
      'host rebooted',
      'stimulus skew',
      'stimulus snapshot',
    ],
    hosts: 6,
    setting: { fresh: true },
    plan: (random, hosts, endMs) => [
      ...signs(random, 4, hosts - 1, endMs),
      ...often(random, 60, endMs, (at, index) => ({
        at,
        kind: 'misbehave',
        host: hosts - 1,
        to: between(random, 0, hosts - 2),
        how: pick(random, lies),
        note: 9_000 + index,
      })),
      ...ends(random, 3, hosts - 1, endMs, 'killed'),
      ...Array.from({ length: 3 }, (_, index): readonly Stimulus[] => {
        const at = between(random, 5_000, endMs / 2)
        const years = between(random, -3, 3)
        return [
          { at, kind: 'skew', host: index, ms: years * 31_536_000_000 },
          { at: at + 5_000, kind: 'end', host: index, how: 'rebooted', downMs: 1_000 },
          { at: at + 30_000, kind: 'skew', host: index, ms: 0 },
          { at: at + 35_000, kind: 'end', host: index, how: 'rebooted', downMs: 1_000 },
        ]
      }).flat(),
      { at: between(random, 1_000, endMs / 2), kind: 'snapshot', host: 3, restoreMs: 30_000 },
    ],
  },
  {
    name: 'clock-skew',
    shows: 'Clocks that are years off change nothing: no rule reads one.',
    covers: ['stimulus skew', 'host rebooted'],
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
      'Configs, messages and statuses with members and kinds that an agent does not know split nobody off.',
    covers: ['stimulus future', 'message unknown', 'verdict accepted'],
    hosts: 8,
    setting: { newer: 0.5 },
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
    name: 'scale',
    shows:
      'The time to agreement grows with the logarithm of the number of hosts, and so does what each one keeps.',
    covers: ['verdict accepted'],
    hosts: 100,
    setting: { safetyMs: 30_000 },
    plan: (random, hosts) => [
      { at: 15_000, kind: 'sign', by: 0, through: between(random, 0, hosts - 1), note: 10 },
    ],
  },
]
