import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openMachine, scriptObject, type TestMachine } from './machine.ts'

const timeout = 60_000

/** Adopts a container that writes into a volume, and waits for a line there. */
async function lineOf(host: TestMachine, script: string, members: object): Promise<string> {
  const mounts = [{ volume: 'v', path: '/v' }]
  const web = scriptObject(`(${script}) >/v/made; mv /v/made /v/line; sleep 1000`, {
    ...{ mounts, stop_grace_seconds: 0 },
    ...members,
  })
  host.adopt({ v: { type: 'volume' }, web })
  const path = join(host.folder, 'state/volumes/v/line')
  return await host.until('a line is written', () => {
    return existsSync(path) && readFileSync(path, 'utf8').trim()
  })
}

const asks = 'if test -t 0; then echo terminal; elif read line; then echo line; else echo end; fi'

test('a process has a terminal where its object says so', { timeout }, async (t) => {
  const host = await openMachine(t)
  const line = await lineOf(host, asks, { tty: true, stdin_open: true })
  assert.equal(line, 'terminal')
  await host.running('web')
})

test('a process finds its stdin at its end, or open for as long as it runs', {
  timeout,
}, async (t) => {
  const host = await openMachine(t)
  const line = await lineOf(host, asks, {})
  assert.equal(line, 'end')
  const script = 'if read line; then echo line; else echo end; fi >/v/second; sleep 1000'
  const mounts = [{ volume: 'v', path: '/v' }]
  const open = scriptObject(script, { mounts, stdin_open: true, stop_grace_seconds: 0 })
  host.adopt({ v: { type: 'volume' }, open })
  const { pid } = await host.running('open')
  await new Promise((resolve) => setTimeout(resolve, 300))
  const text = readFileSync(join(host.folder, 'state/volumes/v/second'), 'utf8')
  assert.equal(text, '')
  assert.ok(existsSync(`/proc/${pid}`))
})
