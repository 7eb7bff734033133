import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Config } from '../../protocol/documents/config.ts'
import type { HostPorts } from '../../reconcilers/host-ports.ts'
import type { PlanStep, Reconciler } from '../../reconcilers/reconciler.ts'

/** A host that a reconciler works on: a model, or a real network namespace. */
export interface ContractHost {
  readonly ports: HostPorts
  /** Everything on the host that matters, as text. */
  text(): Promise<string>
  close(): Promise<void>
}

/** A state of the world that someone else brings about. */
export interface ContractDrift {
  readonly name: string
  readonly happen: (host: ContractHost) => Promise<void>
}

/** What the suite needs to know of a reconciler. */
export interface ContractSubject<Spec, Observed, Step extends PlanStep> {
  readonly reconciler: Reconciler<Spec, Observed, Step>
  readonly host: string
  readonly open: () => Promise<ContractHost>
  /** Configs, each one reached from the one before. */
  readonly configs: readonly { readonly name: string; readonly config: Config }[]
  /** Things that others have, made before covey comes. */
  readonly makeForeign: (host: ContractHost) => Promise<void>
  /** Lines of `text` that are about those things. */
  readonly foreign: (text: string) => string
  readonly drifts: readonly ContractDrift[]
}

const never = new AbortController().signal

/** One look, and all steps of the plan that comes of it; descriptions of the steps. */
export async function reconcile<Spec, Observed, Step extends PlanStep>(
  reconciler: Reconciler<Spec, Observed, Step>,
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

/**
 * The law of every reconciler: what it applied needs nothing more, drift is repaired to the same state, a
 * host that was broken off at any step gets there all the same, and what others have stays as it is.
 */
export function contractSuite<Spec, Observed, Step extends PlanStep>(
  name: string,
  subject: ContractSubject<Spec, Observed, Step>,
): void {
  const { reconciler, configs, host } = subject
  const onHost = async (use: (open: ContractHost) => Promise<void>): Promise<void> => {
    const open = await subject.open()
    try {
      await use(open)
    } finally {
      await open.close()
    }
  }
  const once = (config: Config, open: ContractHost): Promise<readonly string[]> =>
    reconcile(reconciler, config, host, open.ports)

  suite(name, () => {
    test('each config is reached in one plan, and needs nothing more', () =>
      onHost(async (open) => {
        for (const { name: step, config } of configs) {
          assert.notDeepEqual(await once(config, open), [], `${step} changes something`)
          assert.deepEqual(await once(config, open), [], `${step} is settled`)
        }
      }))

    test('the way to a config does not matter, only the config', () =>
      onHost(async (walked) => {
        for (const { config } of configs) await once(config, walked)
        const last = configs.at(-1)
        assert.ok(last)
        await onHost(async (direct) => {
          await once(last.config, direct)
          assert.equal(await walked.text(), await direct.text())
        })
      }))

    for (const drift of subject.drifts) {
      test(`drift is repaired: ${drift.name}`, () =>
        onHost(async (open) => {
          const [first] = configs
          assert.ok(first)
          await once(first.config, open)
          const before = await open.text()
          await drift.happen(open)
          assert.notEqual(await open.text(), before, 'the drift is one')
          await once(first.config, open)
          assert.equal(await open.text(), before)
          assert.deepEqual(await once(first.config, open), [])
        }))
    }

    test('what others have is never touched', () =>
      onHost(async (open) => {
        await subject.makeForeign(open)
        const before = subject.foreign(await open.text())
        assert.notEqual(before, '')
        for (const { name: step, config } of configs) {
          await once(config, open)
          assert.equal(subject.foreign(await open.text()), before, step)
        }
      }))

    test('a plan that was broken off at any step is taken up again', () =>
      onHost(async (whole) => {
        const [first] = configs
        assert.ok(first)
        await once(first.config, whole)
        const wanted = await whole.text()
        const { spec } = reconciler.resolve(first.config, host)
        for (let stop = 1; ; stop++) {
          let isWhole = false
          await onHost(async (open) => {
            const steps = reconciler.plan(spec, await reconciler.observe(spec, open.ports, never))
            isWhole = stop >= steps.length
            for (const step of steps.slice(0, stop)) await reconciler.apply(step, open.ports, never)
            await once(first.config, open)
            assert.equal(await open.text(), wanted, `after ${stop} steps`)
          })
          if (isWhole) break
        }
      }))
  })
}
