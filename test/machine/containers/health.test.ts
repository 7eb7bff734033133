import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { type TestContext, test } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { makeCheck } from '../../../machine/containers/health/checks.ts'
import type { HealthObject } from '../../../reconcilers/host-containers.ts'
import { createAuthority } from '../../registry/certificates.ts'
import { afterwards, temporaryFolder } from '../../temporary.ts'
import { openMachine, scriptObject, serving } from './machine.ts'

const timeout = 60_000
const never = new AbortController().signal
const quick = { interval_seconds: 1, timeout_seconds: 1, retries: 1, start_seconds: 0 }

async function listening(t: TestContext, server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  afterwards(t, () => new Promise((resolve) => server.close(resolve)))
  return (server.address() as AddressInfo).port
}

const target = {
  id: 'covey-none-000000000000',
  runcRoot: '/nonexistent',
  network: null,
  address: '127.0.0.1',
  pidFile: '/nonexistent/pid',
}

async function said(check: Partial<HealthObject>): Promise<string> {
  const result = await makeCheck(target, { ...quick, ...check }, never)
  return result.ok ? 'well' : result.reason
}

test('a port is asked for a connection', { timeout }, async (t) => {
  const server = createServer((socket) => socket.destroy())
  const port = await listening(t, server)
  assert.equal(await said({ tcp: { port } }), 'well')
  await new Promise((resolve) => server.close(resolve))
  assert.equal(await said({ tcp: { port } }), `port ${port} refuses connections`)
  server.listen(port, '127.0.0.1')
})

test('a page is asked for, and any answer below 400 is good', { timeout }, async (t) => {
  const answers: Readonly<Record<string, number>> = { '/good': 204, '/moved': 302, '/bad': 503 }
  const http = createHttpServer((request, response) => {
    const status = answers[request.url ?? '']
    // What has no answer here is never answered.
    if (status !== undefined) response.writeHead(status).end('a body that nobody reads')
  })
  const port = await listening(t, http)
  afterwards(t, async () => http.closeAllConnections())
  assert.equal(await said({ http: { port, path: '/good' } }), 'well')
  assert.equal(await said({ http: { port, path: '/moved' } }), 'well')
  assert.equal(await said({ http: { port, path: '/bad' } }), `GET :${port}/bad answered 503`)
  const late = await said({ http: { port, path: '/late' } })
  assert.equal(late, `GET :${port}/late did not answer in 1000 ms`)
})

test('a page is asked for as the check says', { timeout }, async (t) => {
  const heard: string[] = []
  const http = createHttpServer(({ rawHeaders }, response) => {
    heard.push(rawHeaders.join(' '))
    response.writeHead(rawHeaders.includes('web.example') ? 200 : 404).end()
  })
  const port = await listening(t, http)
  const page = { port, path: '/' }
  assert.equal(await said({ http: page }), `GET :${port}/ answered 404`)
  assert.equal(await said({ http: { ...page, host: 'web.example' } }), 'well')
  assert.equal(await said({ http: { ...page, headers: { Host: 'web.example', A: 'b' } } }), 'well')
  assert.match(heard[0] ?? '', new RegExp(`^Host 127\\.0\\.0\\.1:${port}`))
  assert.match(heard[1] ?? '', /^host web\.example/)
  assert.match(heard[2] ?? '', /A b/)
})

test('a page is asked for by TLS, with whatever certificate', { timeout }, async (t) => {
  const folder = await temporaryFolder(t)
  const { keyFile, certFile } = createAuthority(folder).issue('own', ['own.example'])
  const names: unknown[] = []
  const [key, cert] = [readFileSync(keyFile), readFileSync(certFile)]
  const server = createTlsServer({ key, cert }, ({ socket }, response) => {
    names.push((socket as TLSSocket).servername)
    response.end()
  })
  const port = await listening(t, server)
  const page = { port, path: '/', https: true }
  assert.equal(await said({ http: page }), 'well')
  assert.equal(await said({ http: { ...page, host: 'web.example:8443' } }), 'well')
  assert.equal(await said({ http: { ...page, headers: { HOST: 'b.example' } } }), 'well')
  assert.equal(await said({ http: { ...page, host: '192.0.2.1' } }), 'well')
  assert.deepEqual(names, [false, 'web.example', 'b.example', false])
  const plain = createHttpServer((_request, response) => response.end())
  const other = await listening(t, plain)
  const failed = await said({ http: { ...page, port: other } })
  assert.match(failed, new RegExp(`^GET https :${other}/ fails \\(\\w+\\)$`))
})

test('a command is run in the container; it is well, then not, then started again', {
  timeout,
}, async (t) => {
  const on = await openMachine(t)
  const ask = 'cat /well || { echo not well; exit 3; }'
  const health = { ...quick, start_seconds: 30, command: ['/bin/sh', '-c', ask] }
  on.adopt({ web: scriptObject(`touch /well; sleep 1.5; rm /well; ${serving}`, { health }) })
  const first = await on.running('web')
  await on.until('it is well', () => on.events.some(({ what }) => what === 'healthy'))
  await on.until('it is told', () => on.said('web') === 'converged')
  const why = '/bin/sh ended with exit code 3: not well'
  await on.until('it is not', () => {
    return on.events.some(({ what, detail }) => what === 'unhealthy' && detail === why)
  })
  const second = await on.until('it is started again', async () => {
    const now = await on.running('web')
    return now.pid !== first.pid && now
  })
  // On a busy machine it may have been started more than once before anybody looked.
  const { restarts, streak } = second.count
  assert.ok(restarts >= 1)
  assert.equal(streak, restarts)
})

test('a command that hangs is ended, and the agent goes on', { timeout }, async (t) => {
  const on = await openMachine(t)
  const health = { ...quick, command: ['/bin/sleep', '1000'] }
  on.adopt({ web: scriptObject(serving, { health, restart: 'on-failure' }) })
  await on.until('it is said', () => {
    return on.said('web') === 'failed: unhealthy: /bin/sleep did not end in 1000 ms'
  })
  const { state } = on.machine()
  const { id } = await on.running('web')
  await on.restart()
  // The server, its own sleep, and what the next agent asks by now; nothing of earlier checks.
  assert.ok(state.cgroups.processes(id).length <= 3)
  const [seen] = await on.look()
  assert.equal(seen?.health?.state, 'unhealthy')
})

test('a command that the image has not is told as such', { timeout }, async (t) => {
  const on = await openMachine(t)
  const health = { ...quick, command: ['/nope', 'x'] }
  on.adopt({ web: scriptObject(serving, { health, restart: 'never' }) })
  await on.until('it is said', () => {
    return on.said('web') === 'failed: unhealthy: the image has no command /nope'
  })
})
