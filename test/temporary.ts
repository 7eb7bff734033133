import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

const steps = new WeakMap<TestContext, (() => Promise<unknown>)[]>()

/**
 * Does `step` after a test, the last one first: an agent ends before its folder goes. (`t.after`
 * runs hooks in the order of their registration, and none after one that fails.)
 */
export function afterwards(t: TestContext, step: () => Promise<unknown>): void {
  const known = steps.get(t)
  if (known !== undefined) {
    known.push(step)
    return
  }
  const mine = [step]
  steps.set(t, mine)
  t.after(async () => {
    const errors: unknown[] = []
    for (const one of mine.reverse()) await one().catch((error) => errors.push(error))
    if (errors.length > 0) throw new AggregateError(errors, 'cleaning up failed')
  })
}

/** A folder that is gone after the test. */
export async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'covey-'))
  afterwards(t, () => rm(folder, { recursive: true, force: true }))
  return folder
}
