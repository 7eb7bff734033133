import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'

const read = (path: string): string => readFileSync(join(import.meta.dirname, '..', path), 'utf8')

describe('setting a checkout up', () => {
  it('runs no script of a package, and looks for itself at the one that has one', () => {
    const calls = read('bin/setup').match(/^ *npm (?:ci|install)\b.*$/gm) ?? []
    assert.ok(calls.length > 0)
    for (const call of calls) assert.match(call, / --ignore-scripts /)
    const { packages } = JSON.parse(read('package-lock.json'))
    const withScripts = Object.entries<{ hasInstallScript?: boolean }>(packages)
      .filter(([, { hasInstallScript }]) => hasInstallScript === true)
      .map(([path]) => path)
    // Whatever comes to this list needs a step of its own, as expect_esbuild is one.
    assert.deepEqual(withScripts, ['node_modules/esbuild'])
  })

  it('keeps compiled code in the checkout, not where another user may have put some', () => {
    const { scripts } = JSON.parse(read('package.json'))
    for (const [name, line] of Object.entries<string>(scripts)) {
      if (!/\btsc\b/.test(line)) continue
      assert.match(line, /NODE_COMPILE_CACHE=\.build\/\S+ tsc\b/, name)
    }
  })
})
