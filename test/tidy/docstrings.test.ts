import assert from 'node:assert/strict'
import { test } from 'node:test'
import { plainDocstrings } from './docstrings.ts'

test('plain docstrings: sees those that open like a question', () => {
  // `/+` stands for the opening of a docstring: this file is held to the rule, too.
  const planted = {
    'test/h.test.ts': '/+ Why it is. */\n',
    'reconcilers/e.ts': '/+ What it says. */\n',
    'simulations/g.ts': '/+ How it is. */\n',
    'operator/f.ts': '/+ Whether it is. */\n',
    'agent/a.ts': '/+ What it is. */\n/+\n * Whether it is.\n */\n/+ However. */\n',
    'machine/a/b.ts': 'x {\n  /+ How it is. */\n  /+\n   * The way.\n   * Why so.\n   */\n}\n',
    'protocol/c.ts': '/* What a comment says. */\n// Why not.\n/+ The reason. Why not. */\n',
    'protocol/node/d.ts': 'x\n\n  /+ Why it is. */\n',
  }
  const files = new Map<string, string>()
  for (const [path, text] of Object.entries(planted)) files.set(path, text.replaceAll('/+', '/**'))
  assert.deepEqual(
    plainDocstrings(files).map(({ path, line }) => `${path}:${line}`),
    [
      'test/h.test.ts:1',
      'reconcilers/e.ts:1',
      'simulations/g.ts:1',
      'operator/f.ts:1',
      'agent/a.ts:1',
      'agent/a.ts:3',
      'machine/a/b.ts:2',
      'protocol/node/d.ts:3',
    ],
  )
})
