import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Config } from '../../protocol/documents/config.ts'
import type { HostPorts } from '../../reconcilers/host-ports.ts'
import type { PlanStep, Reconciler } from '../../reconcilers/reconciler.ts'

/** A host that a reconciler works on: a model, or a real network namespace. */
export interface ContractHost {
  /** Everything that the reconciler may touch. */
  readonly ports: HostPorts
  /** Everything on the host that matters, as text. */
  text(): Promise<string>
  /** Ends the host, and removes what it was made of. */
  close(): Promise<void>
}

/** A state of the world that someone else brings about. */
export interface ContractDrift {
  readonly name: string
  readonly happen: (host: ContractHost) => Promise<void>
}

/** The facts about a reconciler that the suite needs. */
export interface ContractSubject<Spec, Observed, Step extends PlanStep> {
  /** The reconciler under test. */
  readonly reconciler: Omit<Reconciler<Spec, Observed, Step>, 'types'>
  /** Name of the host in the configs. */
  readonly host: string
  /** Makes a host with nothing on it. */
  readonly open: () => Promise<ContractHost>
  /** Configs, each one reached from the one before. */
  readonly configs: readonly {
    /** Name in messages of the suite. */
    readonly name: string
    /** The config, valid for the reconciler. */
    readonly config: Config
  }[]
  /** Things that others have, made before covey comes. */
  readonly makeForeign: (host: ContractHost) => Promise<void>
  /** Lines of `text` that are about those things. */
  readonly foreign: (text: string) => string
  /** Changes by others that have to be repaired. */
  readonly drifts: readonly ContractDrift[]
  /** Looks and plans until a config is reached; 1 where absent, and more where processes end. */
  readonly roundsMax?: number
}

const never = new AbortController().signal

/** One look, and all steps of the plan that comes of it; descriptions of the steps. */
export async function reconcile<Spec, Observed, Step extends PlanStep>(
  reconciler: Omit<Reconciler<Spec, Observed, Step>, 'types'>,
  config: Config,
  host: string,
  ports: HostPorts,
): Promise<readonly string[]> {
  const { spec } = reconciler.resolve(config, host)
  const observed = await reconciler.observe(spec, ports, never)
  const steps = reconciler.plan(spec, observed)
  for (const step of steps) await reconciler.apply(step, ports, never)
  return steps.map((step) => reconciler.describe(step))
}

/** Reconciles until nothing is planned, or the rounds are over; the steps of the first round. */
async function reach<Spec, Observed, Step extends PlanStep>(
  subject: ContractSubject<Spec, Observed, Step>,
  config: Config,
  ports: HostPorts,
): Promise<readonly string[]> {
  const { reconciler, host, roundsMax = 1 } = subject
  const first = await reconcile(reconciler, config, host, ports)
  let last = first
  for (let round = 1; round < roundsMax && last.length > 0; round++) {
    last = await reconcile(reconciler, config, host, ports)
  }
  return first
}

type OnHost = (use: (open: ContractHost) => Promise<void>) => Promise<void>

/** Opens a host for as long as it is used. */
function hostsOf(open: () => Promise<ContractHost>): OnHost {
  return async (use) => {
    const host = await open()
    try {
      await use(host)
    } finally {
      await host.close()
    }
  }
}

/**
 * The law of every reconciler: what it applied needs nothing more, drift is repaired to the same
 * state, a host that was broken off at any step gets there all the same, and what others have stays
 * as it is.
 */
export function contractSuite<Spec, Observed, Step extends PlanStep>(
  name: string,
  subject: ContractSubject<Spec, Observed, Step>,
): void {
  suite(name, () => {
    testConfigs(subject)
    for (const drift of subject.drifts) testDrift(subject, drift)
    testForeign(subject)
    testBreaks(subject)
  })
}

function testConfigs<Spec, Observed, Step extends PlanStep>(
  subject: ContractSubject<Spec, Observed, Step>,
): void {
  const { reconciler, configs, host } = subject
  const onHost = hostsOf(subject.open)
  test('each config is reached in one plan, and needs nothing more', () =>
    onHost(async ({ ports }) => {
      for (const { name, config } of configs) {
        const first = await reach(subject, config, ports)
        assert.notDeepEqual(first, [], `${name} changes something`)
        assert.deepEqual(await reconcile(reconciler, config, host, ports), [], `${name} is settled`)
      }
    }))

  test('the way to a config does not matter, only the config', () =>
    onHost(async (walked) => {
      for (const { config } of configs) await reach(subject, config, walked.ports)
      const last = configs.at(-1)
      assert.ok(last)
      await onHost(async (direct) => {
        await reach(subject, last.config, direct.ports)
        assert.equal(await walked.text(), await direct.text())
      })
    }))
}

function testDrift<Spec, Observed, Step extends PlanStep>(
  subject: ContractSubject<Spec, Observed, Step>,
  drift: ContractDrift,
): void {
  const { reconciler, configs, host } = subject
  test(`drift is repaired: ${drift.name}`, () =>
    hostsOf(subject.open)(async (open) => {
      const [first] = configs
      assert.ok(first)
      await reach(subject, first.config, open.ports)
      const before = await open.text()
      await drift.happen(open)
      assert.notEqual(await open.text(), before, 'the drift is one')
      await reach(subject, first.config, open.ports)
      assert.equal(await open.text(), before)
      assert.deepEqual(await reconcile(reconciler, first.config, host, open.ports), [])
    }))
}

function testForeign<Spec, Observed, Step extends PlanStep>(
  subject: ContractSubject<Spec, Observed, Step>,
): void {
  const { configs } = subject
  test('what others have is never touched', () =>
    hostsOf(subject.open)(async (open) => {
      await subject.makeForeign(open)
      const before = subject.foreign(await open.text())
      assert.notEqual(before, '')
      for (const { name, config } of configs) {
        await reach(subject, config, open.ports)
        assert.equal(subject.foreign(await open.text()), before, name)
      }
    }))
}

function testBreaks<Spec, Observed, Step extends PlanStep>(
  subject: ContractSubject<Spec, Observed, Step>,
): void {
  const { reconciler, configs, host } = subject
  const onHost = hostsOf(subject.open)
  /**
   * Applies the first `count` steps only, then reconciles; how many steps there were, and the end.
   */
  const broken = async (config: Config, count: number): Promise<readonly [number, string]> => {
    let result: readonly [number, string] = [0, '']
    await onHost(async (open) => {
      const { spec } = reconciler.resolve(config, host)
      const steps = reconciler.plan(spec, await reconciler.observe(spec, open.ports, never))
      for (const step of steps.slice(0, count)) await reconciler.apply(step, open.ports, never)
      await reach(subject, config, open.ports)
      result = [steps.length, await open.text()]
    })
    return result
  }
  test('a plan that was broken off at any step is taken up again', async () => {
    const [first] = configs
    assert.ok(first)
    const [count, wanted] = await broken(first.config, 0)
    for (let stop = 1; stop < count; stop++) {
      const [, reached] = await broken(first.config, stop)
      assert.equal(reached, wanted, `after ${stop} steps`)
    }
  })
}
