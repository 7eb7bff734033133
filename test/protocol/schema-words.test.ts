import '../../protocol/schema-words.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as z from 'zod'

/** A schema, a value that it does not take, and what is said of that. */
const cases: readonly (readonly [z.ZodType, unknown, string])[] = [
  [z.string(), 1, 'must be a string'],
  [z.string(), undefined, 'is missing'],
  [z.array(z.string()), {}, 'must be a list'],
  [z.record(z.string(), z.string()), [], 'must be an object'],
  [z.int(), 1.5, 'must be a whole number'],
  [z.enum(['a', 'b']), 'c', 'must be one of a, b'],
  [z.literal(1), 2, 'must be 1'],
  [z.number().max(3), 4, 'must be at most 3'],
  [z.number().gt(3), 3, 'must be more than 3'],
  [z.string().min(2), 'a', 'must have at least 2 characters'],
  [z.array(z.int()).length(2), [1], 'must have exactly 2 entries'],
  [z.number().multipleOf(4), 3, 'must be a multiple of 4'],
  [z.string().regex(/^a$/), 'b', 'must have the form /^a$/'],
  [z.string().regex(/^a$/, 'must be a'), 'b', 'must be a'],
  [z.ipv4(), 'b', 'must be of the form ipv4'],
  [z.strictObject({}), { a: 1, b: 2 }, 'has unknown members: a, b'],
  [z.record(z.string().max(1), z.int()), { ab: 1 }, 'has a member whose name must have at most 1'],
  [z.union([z.int(), z.boolean()]), 'a', 'has none of the forms that it may have'],
]

for (const [schema, value, words] of cases) {
  test(`words of a schema: ${words}`, () => {
    const said = schema.safeParse(value).error?.issues[0]?.message ?? ''
    assert.equal(said.slice(0, words.length), words)
    assert.ok(said.length <= words.length + ' characters'.length)
  })
}
