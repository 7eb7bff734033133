import type { Random } from '../../protocol/node/random.ts'
import { createOperator, signNext } from '../actors/operators.ts'
import { byTime, type Stimulus } from '../actors/stimulus.ts'
import { cover } from '../checks/coverage.ts'
import { createFreshness } from '../checks/freshness.ts'
import { type Checker, createChecker } from '../checks/invariants.ts'
import { createSpread, type Spread } from '../checks/spread.ts'
import { createVigil } from '../checks/vigil.ts'
import { createSampler, type Sampler } from '../report/samples.ts'
import { calm, type Scenario, type Setting } from '../scenarios/scenario.ts'
import { type Cluster, hostName, type NetworkFaults, peerIdOf, type SimHost } from './cluster.ts'
import { createDisk, type DiskFaults } from './disk.ts'
import { createHosts } from './hosts.ts'
import { keyNamed, makeRoot, rootKeyOf } from './signing.ts'
import type { Stage } from './stage.ts'
import { joinWatches, type Watch } from './watch.ts'
import { createWorld } from './world.ts'

/** The request for one run. */
export interface RunRequest {
  readonly scenario: Scenario
  readonly seed: number
  readonly hosts: number
  /** Only the stimuli with these numbers happen; all of them where absent. */
  readonly only?: ReadonlySet<number>
  /** True if to keep samples for a report. */
  readonly sampled?: boolean
  /** Watches as well; what it makes the checker fail is a violation like any other. */
  readonly alsoWatch?: (cluster: Cluster, checker: Checker) => Watch
}

/** A run that has been set up. */
export interface Run {
  readonly request: RunRequest
  readonly setting: Setting
  readonly stage: Stage
  readonly checker: Checker
  readonly sampler: Sampler
  readonly spread: Spread
  /** Faults, which the phases of a run set. */
  readonly network: NetworkFaults
  readonly disk: DiskFaults
  /** In the order in which they happen. */
  readonly stimuli: readonly Stimulus[]
}

/** Everything that a run needs, with all hosts down. */
export function setUp(request: RunRequest): Run {
  const { scenario, hosts: count } = request
  const setting: Setting = { ...calm, ...scenario.setting }
  const network: NetworkFaults = {
    latencyMs: 5,
    jitterMs: 40,
    bytesPerMs: 1_250,
    lost: 0,
    doubled: 0,
    reordered: 0,
  }
  const disk: DiskFaults = { stepMsMax: 4, full: 0, syncFails: 0, kills: 0 }
  const cluster = makeCluster(request, setting, network, disk)
  const checker = createChecker(cluster)
  const spread = createSpread(cluster)
  const others = request.alsoWatch?.(cluster, checker)
  cluster.watch = joinWatches([
    checker,
    createVigil(cluster, checker),
    ...(setting.fresh ? [createFreshness(cluster, checker)] : []),
    spread,
    ...(others === undefined ? [] : [others]),
  ])
  const hosts = createHosts(cluster)
  checker.network = hosts.network
  const operators = Array.from({ length: setting.operators }, (_, index) =>
    createOperator(cluster, `op${index}`),
  )
  const stage: Stage = { cluster, hosts, operators, rewound: (host) => checker.rewound(host) }
  const sampler = createSampler(cluster, request.sampled === true)
  const stimuli = plan(scenario, cluster.world.random, count, setting.safetyMs)
  return { request, setting, stage, checker, sampler, spread, network, disk, stimuli }
}

function plan(
  scenario: Scenario,
  random: Random,
  hosts: number,
  safetyMs: number,
): readonly Stimulus[] {
  return [...scenario.plan(random, hosts, safetyMs)].sort(byTime)
}

function makeCluster(
  request: RunRequest,
  setting: Setting,
  faults: NetworkFaults,
  disk: DiskFaults,
): Cluster {
  const world = createWorld(request.seed)
  const book = { signed: new Set<string>() }
  const firstKeys = Array.from({ length: setting.keys }, (_, index) => keyNamed(`first ${index}`))
  const firstRoot = makeRoot(book, 1, null, firstKeys, setting.threshold, firstKeys.map(rootKeyOf))
  const hosts = Array.from(
    { length: request.hosts },
    (_, index): SimHost => ({
      index,
      name: hostName(index),
      peerId: peerIdOf(index),
      disk: createDisk(world, [firstRoot], disk),
      hasEndpoint: isOneOf(setting.endpoints, index),
      isNewer: isOneOf(setting.newer, index),
      node: null,
      runner: null,
      life: 0,
      pausedUntil: 0,
      waiting: [],
      skewMs: 0,
      kernel: null,
      isBad: false,
      admitted: null,
    }),
  )
  const cluster: Cluster = {
    world,
    book,
    hosts,
    byPeer: new Map(hosts.map((host) => [host.peerId, host])),
    firstRoot,
    firstKeys,
    faults,
    paddingBytes: setting.paddingBytes,
    cuts: new Set(),
    positions: new Map(),
    signed: [],
    forged: new Set(),
    said: new Map(),
    watch: joinWatches([]),
    counts: { messages: 0, documents: 0, bytes: 0, dials: 0, kills: 0 },
    coverage: new Map(),
  }
  const closed = hosts.filter((host) => !host.hasEndpoint).length
  cover(cluster, 'pair without a tunnel', (closed * (closed - 1)) / 2)
  return cluster
}

/** True if number `index` belongs to a share of all, spread evenly. */
function isOneOf(share: number, index: number): boolean {
  return share > 0 && index % Math.max(1, Math.round(1 / share)) === 0
}

/** Every host starts with the first config in its bundle, as `covey enrol` leaves it. */
export function enrol({ cluster, hosts, operators }: Stage): void {
  const [operator] = operators
  if (operator === undefined) return
  const config = signNext(cluster, operator, 0)
  for (const other of operators.slice(1)) {
    other.head = operator.head
    other.ancestors = operator.ancestors
  }
  for (const host of cluster.hosts) {
    hosts.start(host)
    hosts.inject(host, { roots: [], config }, () => undefined)
  }
}
