import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { createRulesetWatch } from '../../machine/kernel/watch-ruleset.ts'
import { quietLog } from '../reconcilers/loop/driver.ts'

/** A watch whose tool is this script, in place of nft. */
const watchOver = (script: string): ReturnType<typeof createRulesetWatch> =>
  createRulesetWatch({ log: quietLog, launcher: ['/bin/sh', '-c', script] })

/** Waits until it asks for a look for such a reason. */
async function asks(watch: ReturnType<typeof createRulesetWatch>, reason: RegExp): Promise<void> {
  await new Promise<void>((resolve) => {
    watch.start((said) => {
      if (reason.test(said)) resolve()
    })
  })
}

async function asksFor(script: string, reason: RegExp): Promise<void> {
  const watch = watchOver(script)
  try {
    await asks(watch, reason)
  } finally {
    await watch.stop()
  }
}

suite('the watch of the rules', () => {
  test('asks for a look when it begins, as what came before was not heard', () =>
    asksFor('exec sleep 1000', /started/))

  test('asks for a look when it breaks off, and is no witness from then on', async () => {
    const watch = watchOver('exit 139')
    try {
      await asks(watch, /stopped/)
      assert.equal(watch.changes(), null)
    } finally {
      await watch.stop()
    }
  })

  test("asks for a look when covey's table changes", () => {
    const change = 'delete element inet covey judged4 { 10.0.0.1 }'
    return asksFor(`sleep 1; echo "${change}"; exec sleep 1000`, /announced a change/)
  })
})
