import { cuts, ends, halves, lossy, often, signs } from '../actors/plans.ts'
import type { Stimulus } from '../actors/stimulus.ts'
import { between } from '../world/world.ts'
import type { Scenario } from './scenario.ts'

/** Trouble with links and with hosts that come and go. */
export const connectionsScenarios: readonly Scenario[] = [
  {
    name: 'partition',
    shows:
      'Whatever way the network is cut, both sides go on, and one head is left after the heal.',
    covers: ['stimulus cut', 'stimulus heal', 'connection silent', 'verdict accepted'],
    hosts: 8,
    setting: { network: lossy },
    plan: (random, hosts, endMs) => [
      ...cuts(random, hosts, endMs),
      ...signs(random, 12, hosts, endMs),
    ],
  },
  {
    name: 'long-cut',
    shows: 'After a cut as long as the faults, hosts are connected again within seconds.',
    covers: ['dial failed', 'stimulus cut'],
    hosts: 2,
    setting: { safetyMs: 240_000 },
    plan: (random, hosts, endMs) => {
      const [left, right] = halves(hosts)
      return [
        { at: 1_000, kind: 'cut', from: left, to: right, bothWays: true },
        ...signs(random, 4, left.length, endMs),
      ]
    },
  },
  {
    name: 'lossy',
    shows:
      'On connections that stay up and lose half of what they carry, the periodic exchange makes up for it.',
    covers: ['message lost', 'fetch failed'],
    hosts: 3,
    setting: { network: { lost: 0.5 }, paddingBytes: 60_000, safetyMs: 60_000 },
    plan: (random, hosts, endMs) => signs(random, 5, hosts, endMs),
  },
  {
    name: 'churn',
    shows:
      'Hosts that come, go, pause and restart all the time end with the same config as the rest.',
    covers: ['stimulus end', 'stimulus pause', 'verdict accepted'],
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
    name: 'reboot',
    shows:
      'A host that loses all of its kernel state, at any moment, has its tunnels back without being asked.',
    covers: ['host rebooted', 'connection silent'],
    hosts: 6,
    setting: {},
    plan: (random, hosts, endMs) => [
      ...signs(random, 10, hosts, endMs),
      ...ends(random, 25, hosts, endMs, 'rebooted'),
    ],
  },
  {
    name: 'outage',
    shows:
      'After an outage of everyone at once, with floors lost on some, the cluster finds its newest config again.',
    covers: ['cluster down', 'alarm floor-unknown'],
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
    covers: ['pair without a tunnel', 'host killed', 'verdict accepted'],
    hosts: 24,
    setting: { endpoints: 0.25 },
    plan: (random, hosts, endMs) => [
      ...signs(random, 8, hosts, endMs),
      ...ends(random, 12, hosts, endMs, 'killed'),
    ],
  },
  {
    // No other faults at the same time: a host that misses its own rekey behind a cut loses its
    // tunnels for good, since nothing takes a bad change back before trials exist.
    name: 'rekey',
    shows:
      'A WireGuard key that is replaced while all hosts are connected takes its tunnels along.',
    covers: ['tunnel rekeyed'],
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
]
