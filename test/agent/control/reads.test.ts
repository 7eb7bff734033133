import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { until } from '../../lab/waiting.ts'
import { tracesBelow } from '../../live-folder.ts'
import { afterwards } from '../../temporary.ts'
import { answers, startAgentAlone } from '../alone.ts'

const page = join(import.meta.dirname, '../../../docs/API.md')

/** Every path that the documentation lets be asked with GET, by its socket. */
function documentedReads(): readonly { readonly socket: string; readonly path: string }[] {
  const rows = readFileSync(page, 'utf8').match(/^\| `(?:GET|POST) \/.*$/gm) ?? []
  return rows.flatMap((row) => {
    const socket = row.includes('| admin |') ? 'admin.sock' : 'covey.sock'
    const paths = [...row.matchAll(/`GET (\/[^`]*)`/g)].map(([, path = '']) => path)
    return paths.map((path) => ({ socket, path: path.replace('NAME', 'web').replace('…', 'web') }))
  })
}

/** Asks once; the status, and the text as far as it came within a moment where it never ends. */
function get(socketPath: string, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, path, agent: false }, (response) => {
      resolve(response.statusCode ?? 0)
      response.on('error', () => undefined)
      response.resume()
      if (path === '/v1/events') response.destroy()
    })
    outgoing.on('error', reject)
    outgoing.end()
  })
}

suite('what is asked with GET', () => {
  const reads = documentedReads()
  test('is documented', () => assert.ok(reads.length >= 9))

  test('writes nothing and tells nobody, on a read-only state folder', {
    timeout: 120_000,
  }, async (t) => {
    const { stateDir, runDir, agent, inMounts } = await startAgentAlone(t)
    await until(`the agent answers; it said ${agent.said()}`, () => answers(runDir))
    // What a start writes beside everything else is written.
    await until('its reserve is there', () => existsSync(join(stateDir, 'reserve')))
    let told = ''
    const feed = request({ socketPath: join(runDir, 'covey.sock'), path: '/v1/events' }, (events) =>
      events.on('data', (text) => {
        told += text
      }),
    )
    feed.on('error', () => undefined)
    feed.end()
    afterwards(t, async () => void feed.destroy())
    inMounts(`mount --bind '${stateDir}' '${stateDir}'; mount -o bind,remount,ro '${stateDir}'`)
    const before = [stateDir, runDir].map(tracesBelow)
    await until('the feed is open', () => told.includes('event: status'))
    const heard = told
    for (const { socket, path } of reads) {
      const status = await get(join(runDir, socket), path)
      assert.ok(status < 500, `${path} answered ${status}`)
    }
    assert.deepEqual([stateDir, runDir].map(tracesBelow), before)
    assert.equal(told, heard)
  })
})
