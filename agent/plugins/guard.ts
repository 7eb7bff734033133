import '../../protocol/schema-words.ts'
import * as z from 'zod'
import { CoveyError } from '../../protocol/fault.ts'
import { sectionOf, typeIn } from '../../reconcilers/cluster/references.ts'
import type { CommonPorts } from '../../reconcilers/host-ports.ts'
import type { PluginReconciler } from '../../reconcilers/plugin.ts'
import type { AnyReconciler, PlanStep, Resolved, Verdict } from '../../reconcilers/reconciler.ts'
import { pluginLookMsMax, pluginStepMsMax } from '../limits.ts'
import { createPatience } from './patience.ts'
import { firstLine, thrownError } from './words.ts'

const names = z.array(z.string())
const line = z.string().transform(firstLine)
const fault = z.object({ code: line, message: line, path: line.optional() })

const resolvedSchema = z.object({
  spec: z.unknown(),
  pending: z.array(z.object({ object: z.string(), reason: line })),
  faulty: z.array(z.object({ object: z.string(), fault })),
  references: z.record(z.string(), names),
})
const verdictsSchema = z.array(
  z.object({
    object: z.string(),
    state: z.enum(['pending', 'failed', 'converged']),
    reason: line,
    untilActed: z.literal(true).optional(),
  }),
)
const stepsSchema = z.array(
  z.looseObject({
    objects: names,
    takesDown: z.boolean().optional(),
    lane: z.string().optional(),
    protects: names.optional(),
    pace: z.enum(['usual', 'recurring', 'urgent']).optional(),
  }),
)
const dueSchema = z.number().nullish()

/**
 * Returns a package's answer if it has the form of docs/PLUGINS.md, else throws
 * `plugin-answer`.
 */
function expectForm<T>(schema: z.ZodType<T>, member: string, answer: unknown): T {
  const parsed = schema.safeParse(answer)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const path = [member, ...(issue?.path ?? [])].join('.')
  throw new CoveyError(
    'plugin-answer',
    firstLine(`its ${path} does not match docs/PLUGINS.md: ${issue?.message}`),
  )
}

/** Spec that a package made of a config, and the objects of the host that are its own. */
interface GuardedSpec {
  readonly spec: unknown
  readonly owned: ReadonlySet<string>
}

/** Times that a package may take, in ms. */
export interface GuardLimits {
  readonly lookMs: number
  readonly stepMs: number
}

/**
 * Stands between the loop and a package's reconciler, so that its faults stay its own: whatever it
 * throws, answers or never answers, only objects of its types fail, with a reason of one line. The
 * loop may trust what comes from here as it trusts covey's own reconcilers.
 */
export function guard(
  plugin: PluginReconciler,
  limits: GuardLimits = { lookMs: pluginLookMsMax, stepMs: pluginStepMsMax },
): AnyReconciler {
  const { name } = plugin
  // What covey asks of a schema is `safeParse` and what that answers, as zod does.
  const types = { ...plugin.types } as AnyReconciler['types']
  const patience = createPatience(name)
  const looked = (spec: unknown): GuardedSpec => spec as GuardedSpec
  return {
    name,
    types,
    resolve: (config, host) =>
      own(() => {
        const section = sectionOf(config, host) ?? {}
        const owned = new Set(
          Object.keys(section).filter((each) => Object.hasOwn(types, typeIn(section, each) ?? '')),
        )
        // A copy: who changes a config changes it for every other reconciler.
        return resolvedOf(plugin.resolve(structuredClone(config), host), owned)
      }),
    observe: (spec, host, signal) =>
      patience('observe', limits.lookMs, signal, (limited) =>
        plugin.observe(looked(spec).spec, commonOf(host), limited),
      ),
    judge: (spec, observed) =>
      own(() => {
        const answer = plugin.judge(looked(spec).spec, observed)
        const verdicts: readonly Verdict[] = expectForm(verdictsSchema, 'judge', answer)
        return verdicts.filter(({ object }) => looked(spec).owned.has(object))
      }),
    plan: (spec, observed) =>
      own(() => stepsOf(plugin.plan(looked(spec).spec, observed), looked(spec).owned)),
    ...(plugin.dueAt !== undefined && {
      dueAt: (spec: unknown, observed: unknown) =>
        own(() => dueOf(plugin.dueAt?.(looked(spec).spec, observed))),
    }),
    ...(plugin.judgesAfter === true && { judgesAfter: true }),
    apply: (step, host, signal) =>
      patience('apply', limits.stepMs, signal, (limited) =>
        plugin.apply(step, commonOf(host), limited),
      ),
    describe: (step) => described(plugin, step),
  }
}

/** Ports that a package gets: no private keys, secrets, images or containers. */
function commonOf({ run, files, clock, resolveName }: CommonPorts): CommonPorts {
  return { run, files, clock, resolveName }
}

function own<T>(call: () => T): T {
  try {
    return call()
  } catch (error) {
    throw thrownError(error)
  }
}

function resolvedOf(answer: unknown, owned: ReadonlySet<string>): Resolved<GuardedSpec> {
  const { spec, pending, faulty, references } = expectForm(resolvedSchema, 'resolve', answer)
  return {
    spec: { spec, owned },
    pending: pending.filter(({ object }) => owned.has(object)),
    faulty: faulty
      .filter(({ object }) => owned.has(object))
      .map(({ object, fault: { code, message, path } }) => ({
        object,
        fault: path === undefined ? { code, message } : { code, message, path },
      })),
    references: Object.fromEntries(Object.entries(references).filter(([each]) => owned.has(each))),
  }
}

function dueOf(answer: unknown): number | null {
  return expectForm(dueSchema, 'dueAt', answer) ?? null
}

/** The steps as the package made them, since they hold what it needs to apply them. */
function stepsOf(answer: readonly PlanStep[], owned: ReadonlySet<string>): readonly PlanStep[] {
  for (const { objects, protects = [] } of expectForm(stepsSchema, 'plan', answer)) {
    const foreign = [...objects, ...protects].find((object) => !owned.has(object))
    if (foreign === undefined) continue
    throw new CoveyError(
      'plugin-answer',
      firstLine(`its plan is for ${foreign}, which belongs to another reconciler`),
    )
  }
  return answer
}

function described(plugin: PluginReconciler, step: PlanStep): string {
  try {
    const text: unknown = plugin.describe(step)
    if (typeof text === 'string' && firstLine(text) !== '') return firstLine(text)
  } catch {
    // A step is taken also where nobody can say what it is.
  }
  return `a step of ${plugin.name} for ${step.objects.join(', ') || 'objects that are not wanted'}`
}
