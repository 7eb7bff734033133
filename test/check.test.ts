import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, it } from 'node:test'

const root = join(import.meta.dirname, '..')

/**
 * The parts of `npm run check` that are programs of their own; the tidy test is a test file
 * already.
 */
const programs: readonly (readonly string[])[] = [
  ['tsc', '-b'],
  ['biome', 'check', '--colors=off', '.'],
  ['knip', '--no-progress'],
]

describe('checks', () => {
  for (const [program = '', ...args] of programs) {
    it([program, ...args].join(' '), () => {
      const path = `${join(root, 'node_modules/.bin')}:${process.env['PATH']}`
      const run = spawnSync(program, args, {
        cwd: root,
        encoding: 'utf8',
        // tsc keeps compiled code; in /tmp it would be another user's to make first.
        env: { ...process.env, PATH: path, NODE_COMPILE_CACHE: join(root, '.build/compile-cache') },
      })
      assert.equal(run.status, 0, `\n${run.stdout}${run.stderr}`)
    })
  }
})
