import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { lockNetwork, type NetworkLockInit } from '../../machine/kernel/network-lock.ts'
import { afterwards } from '../temporary.ts'

const timeout = 30_000
const modulePath = join(import.meta.dirname, '../../machine/kernel/network-lock.ts')

/** A name of its own for each test: others run in this network namespace at the same time. */
function initOf(t: TestContext): NetworkLockInit & { readonly warned: string[] } {
  const warned: string[] = []
  const quiet = (): void => undefined
  const warn = (_fields: object, message: string): void => void warned.push(message)
  const log = { debug: quiet, info: quiet, warn, error: quiet }
  const name = `covey-test-${process.pid}-${t.name.replace(/[^a-z]/g, '-')}`
  return { log, name, waitMs: 0, warned }
}

/** Takes the lock in a process of its own, by way of `how`; gives what it says. */
async function elsewhere(
  t: TestContext,
  name: string | undefined,
  how: readonly string[],
): Promise<{ readonly child: ChildProcess; readonly said: string }> {
  const script = `
    const quiet = () => {}
    const log = { debug: quiet, info: quiet, warn: quiet, error: quiet }
    const { lockNetwork } = await import(${JSON.stringify(modulePath)})
    await lockNetwork({ log, name: ${JSON.stringify(name)}, waitMs: 0 }).then(
      () => { console.log('held'); setInterval(quiet, 1000) },
      (error) => console.log(error.code),
    )`
  const line = [...how, process.execPath, '--input-type=module', '-e', script]
  const child = spawn(line[0] ?? '', line.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] })
  afterwards(t, async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  })
  const lines = createInterface({ input: child.stdout })
  const [said] = await once(lines, 'line')
  return { child, said: String(said) }
}

test('a second one in the same network namespace is refused', { timeout }, async (t) => {
  const init = initOf(t)
  const lock = await lockNetwork(init)
  const second = await elsewhere(t, init.name, [])
  assert.equal(second.said, 'network-locked')
  await assert.rejects(lockNetwork(init), (error: Error & { hint?: string }) => {
    assert.equal(
      error.message,
      `another covey agent (process ${process.pid}) runs in this network namespace`,
    )
    return error.hint?.includes('a network namespace, a --state-dir and a --run-dir') === true
  })
  await lock.release()
  assert.equal((await elsewhere(t, init.name, [])).said, 'held')
})

test('in another network namespace there is one more', { timeout }, async (t) => {
  const init = initOf(t)
  const lock = await lockNetwork(init)
  assert.equal((await elsewhere(t, init.name, ['unshare', '--net'])).said, 'held')
  await lock.release()
})

test('one that starts waits for one that ends, however that ends', { timeout }, async (t) => {
  const init = initOf(t)
  const { child, said } = await elsewhere(t, init.name, [])
  assert.equal(said, 'held')
  const waiting = lockNetwork({ ...init, waitMs: timeout })
  child.kill('SIGKILL')
  const lock = await waiting
  await lock.release()
})

test('who may not touch the network keeps no agent from starting', { timeout }, async (t) => {
  const init = initOf(t)
  // All capabilities, but in a user namespace that does not own this network.
  const { said } = await elsewhere(t, init.name, ['unshare', '--user', '--map-root-user'])
  assert.equal(said, 'held')
  const lock = await lockNetwork(init)
  assert.match(init.warned.join(), /a process that is not an agent holds the name/)
  await lock.release()
})
