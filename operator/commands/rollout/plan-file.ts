import * as z from 'zod'
import { headSchema } from '../../../protocol/api/status.ts'
import type { Config } from '../../../protocol/documents/config.ts'
import { type Head, headText } from '../../../protocol/heads.ts'
import type { PlanJson } from '../../diff/plan-json.ts'
import { readSource } from '../../files/read-text.ts'
import type { OperatorFolder } from '../../folder/folder.ts'
import { configSourceBytesMax } from '../../limits.ts'
import { configFaults } from '../../signing/draft.ts'
import { parseJsonSource } from '../../sources/json-source.ts'
import { expectNoFaults, type Located } from '../../sources/located.ts'
import { Failure } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'
import type { NodeLook } from './look-at-node.ts'

/** A plan that is kept in a file: what is to be signed, and on top of what. */
export interface PlanFile {
  readonly covey_plan: 1
  readonly cluster_id: string
  /** The head that it was made for; null for a node without a config. */
  readonly base: Head | null
  readonly hosts: Config['hosts']
  readonly plan: PlanJson
}

const planFileSchema = z.object({
  covey_plan: z.literal(1),
  cluster_id: z.string(),
  base: headSchema.nullable(),
  hosts: z.record(z.string(), z.unknown()),
})

/** True if the JSON of a file is a plan, and no config. */
export function isPlanFile(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'covey_plan' in value
}

/**
 * Reads a plan of this cluster. Throws `Failure`: `plan-file` (exit code 2) for what is none,
 * `other-cluster` (4), and the faults of its hosts (2).
 */
export async function readPlanFile(
  session: Session,
  { chain }: OperatorFolder,
  file: string,
): Promise<Pick<PlanFile, 'base' | 'hosts'>> {
  const source = await readSource(session, file, {
    bytesMax: configSourceBytesMax,
    kind: 'a plan',
    hint: 'covey plan --out FILE makes one',
  })
  return planIn(parseJsonSource(source), chain)
}

/** The plan in a file that was read. Throws as `readPlanFile`. */
export function planIn(
  located: Located,
  chain: OperatorFolder['chain'],
): Pick<PlanFile, 'base' | 'hosts'> {
  const { file } = located
  const { data } = planFileSchema.safeParse(located.value)
  if (data === undefined) {
    throw new Failure(2, 'plan-file', `${file}: it is no plan`, {
      hint: 'covey plan --out FILE makes one',
    })
  }
  if (data.cluster_id !== chain.clusterId) {
    throw new Failure(4, 'other-cluster', `${file}: it is a plan for another cluster`)
  }
  expectNoFaults(located, configFaults({ hosts: data.hosts }))
  return { base: data.base, hosts: data.hosts as Config['hosts'] }
}

/** Refuses a plan that was made for another head than the node has. Exit code 4, `head-moved`. */
export function expectSameHead(base: Head | null, { head, status }: NodeLook): void {
  if ((base?.digest ?? null) === (head?.head.digest ?? null)) return
  const message = `the plan is for ${headText(base)}, and ${status.host} holds ${headText(head?.head ?? null)}`
  throw new Failure(4, 'head-moved', message, {
    hint: 'make it again: covey plan --out FILE',
  })
}
