import type { Compiled } from './compile.ts'
import type { Lock } from './lock.ts'

/** Kinds of facts that may belong to nothing any more. */
const prunable: readonly string[] = [
  'address',
  'image',
  'object',
  'placement',
  'sealed',
  'variable',
]

/** The lock without facts that nothing in the layout uses. Facts about hosts are kept. */
export function prunedLock({ lock, used }: Pick<Compiled, 'lock' | 'used'>): Lock {
  const facts = [...lock.facts].filter(([key]) => {
    return used.has(key) || !prunable.includes(key.slice(0, key.indexOf('.')))
  })
  return { facts: new Map(facts) }
}
