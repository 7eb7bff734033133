import assert from 'node:assert/strict'
import { stat, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { type Agent, startAgent } from '../../agent/agent.ts'
import { enrolHost } from '../../agent/commands/enrol.ts'
import { showIdentity } from '../../agent/commands/identity.ts'
import { noReconcilers } from '../../agent/reconcilers.ts'
import { defaultSettings } from '../../agent/settings.ts'
import type { Envelope } from '../../protocol/documents/envelope.ts'
import {
  configText,
  digestOf,
  documentIn,
  makeCluster,
  makeKey,
  signEnvelope,
  type TestCluster,
} from '../protocol/cluster.ts'
import { afterwards, temporaryFolder } from '../temporary.ts'

interface Answer {
  readonly status: number
  readonly type: string
  readonly text: string
}

interface TestAgent {
  readonly cluster: TestCluster
  readonly stateDir: string
  readonly runDir: string
  readonly agent: Agent
  call(method: string, path: string, body?: string): Promise<Answer>
}

function bundleOf(cluster: TestCluster, members: object = {}): string {
  const roots = [cluster.rootEnvelope]
  return JSON.stringify({
    host: 'h0',
    root_digest: cluster.id,
    roots,
    floor: null,
    config: null,
    ...members,
  })
}

function start(stateDir: string, runDir: string): Promise<Agent> {
  const onFatal = (error: unknown): void => assert.fail(String(error))
  const log = pino({ level: 'silent' })
  return startAgent({
    ...{ stateDir, runDir, onFatal },
    log,
    settings: defaultSettings,
    settingsFile: '/etc/covey/agent.json',
    reconcilers: noReconcilers(log),
  })
}

async function enrolled(t: TestContext): Promise<TestAgent> {
  const folder = await temporaryFolder(t)
  const [stateDir, runDir] = [join(folder, 'state'), join(folder, 'run')]
  const cluster = makeCluster()
  await showIdentity({ stateDir, host: 'h0', newWireguardKey: false })
  await enrolHost(stateDir, bundleOf(cluster))
  const agent = await start(stateDir, runDir)
  afterwards(t, () => agent.stop())
  return {
    cluster,
    stateDir,
    runDir,
    agent,
    call: (...call) => callSocket(join(runDir, 'covey.sock'), ...call),
  }
}

function callSocket(socketPath: string, method: string, path: string, body = ''): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, method, path }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk) => chunks.push(chunk))
      response.on('end', () => {
        const type = response.headers['content-type'] ?? ''
        resolve({ status: response.statusCode ?? 0, type, text: Buffer.concat(chunks).toString() })
      })
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

function signed(cluster: TestCluster, version: number, members: object = {}): string {
  return JSON.stringify(signEnvelope(configText(cluster, version, members), cluster.operators))
}

test('agent: a host without keys or membership is told what to do', async (t) => {
  const folder = await temporaryFolder(t)
  await assert.rejects(start(folder, join(folder, 'run')), { code: 'not-enrolled' })
  await assert.rejects(enrolHost(folder, bundleOf(makeCluster())), { code: 'no-identity' })
  await assert.rejects(
    showIdentity({ stateDir: folder, host: undefined, newWireguardKey: false }),
    { code: 'usage' },
  )
  await assert.rejects(showIdentity({ stateDir: folder, host: '../x', newWireguardKey: false }), {
    code: 'usage',
  })
})

test('identity: the same at every call, only the WireGuard key can be added', async (t) => {
  const stateDir = await temporaryFolder(t)
  const first = await showIdentity({ stateDir, host: 'h0', newWireguardKey: false })
  assert.deepEqual(await showIdentity({ stateDir, host: undefined, newWireguardKey: false }), first)
  await assert.rejects(showIdentity({ stateDir, host: 'h1', newWireguardKey: false }), {
    code: 'other-host',
  })
  const second = await showIdentity({ stateDir, host: 'h0', newWireguardKey: true })
  assert.notEqual(second.wireguard_public_key, first.wireguard_public_key)
  assert.equal(second.peer_id, first.peer_id)
  assert.equal((await stat(join(stateDir, 'identity.json'))).mode & 0o777, 0o600)
})

test("D9, R14: what is not this host's or cluster's is refused, and changes nothing", async (t) => {
  const { cluster, stateDir, agent } = await enrolled(t)
  await assert.rejects(enrolHost(stateDir, bundleOf(cluster)), { code: 'state-locked' })
  await agent.stop()
  const other = makeCluster()
  const forged = { ...cluster.rootEnvelope, signatures: other.rootEnvelope.signatures }
  const config = signEnvelope(configText(cluster, 1), [makeKey()])
  const refusals: readonly (readonly [text: string, code: string])[] = [
    ['{', 'invalid-input'],
    ['{}', 'invalid-input'],
    [bundleOf(cluster, { host: 'h1' }), 'refused'],
    [bundleOf(cluster, { root_digest: other.id }), 'refused'],
    [bundleOf(cluster, { roots: [forged] }), 'refused'],
    [bundleOf(cluster, { config }), 'refused'],
    [bundleOf(other), 'refused'],
  ]
  for (const [text, code] of refusals) await assert.rejects(enrolHost(stateDir, text), { code })
  const good = await enrolHost(
    stateDir,
    bundleOf(cluster, { config: JSON.parse(signed(cluster, 3)) }),
  )
  assert.equal(good.head?.version, 3)
  const older = await enrolHost(
    stateDir,
    bundleOf(cluster, { config: JSON.parse(signed(cluster, 2)) }),
  )
  assert.equal(older.head?.version, 3)
})

test('control: sockets have their modes, the folder is 0750', async (t) => {
  const { runDir } = await enrolled(t)
  const mode = async (name: string): Promise<number> =>
    (await stat(join(runDir, name))).mode & 0o777
  assert.equal((await stat(runDir)).mode & 0o777, 0o750)
  assert.equal(await mode('covey.sock'), 0o660)
  assert.equal(await mode('admin.sock'), 0o600)
})

test('control: every refusal has its own code, and the head stays', async (t) => {
  const { cluster, call } = await enrolled(t)
  const accepted = await call('POST', '/v1/config', signed(cluster, 1))
  assert.equal(accepted.status, 200)
  const two = signed(cluster, 2, { iat: 1 })
  const version2 = await call('POST', '/v1/config', two)
  assert.deepEqual(JSON.parse(version2.text).verdict, 'accepted')
  const { head } = JSON.parse((await call('GET', '/v1/status')).text)
  const tampered = (of: string, by: string): string =>
    JSON.stringify({ ...JSON.parse(of), payload: JSON.parse(by).payload })
  const three: Envelope = JSON.parse(signed(cluster, 3))
  const forked = [3, 4, 5, 6, 7, 8].map((iat) => signed(cluster, 2, { iat }))
  const loser = forked.find((text) => digestOf(documentIn(JSON.parse(text)).payload) > head.digest)
  const cases: readonly (readonly [text: string, status: number, code: string])[] = [
    ['', 422, 'envelope-not-json'],
    [two.slice(0, -5), 422, 'envelope-not-json'],
    ['{}', 422, 'envelope-shape'],
    [JSON.stringify({ ...three, signatures: [] }), 422, 'no-signatures'],
    [JSON.stringify({ ...three, payload: 'A'.repeat(6_000_000) }), 422, 'payload-too-large'],
    ['x'.repeat(8_000_000), 413, 'payload-too-large'],
    [tampered(JSON.stringify(three), signed(cluster, 4)), 422, 'bad-signature'],
    [tampered(two, signed(cluster, 3)), 422, 'payload-tampered'],
    [JSON.stringify(signEnvelope(configText(cluster, 3), [makeKey()])), 422, 'unknown-key'],
    [
      JSON.stringify(signEnvelope(configText(makeCluster(), 3), cluster.operators)),
      422,
      'other-cluster',
    ],
    [JSON.stringify(signEnvelope('{"a":1,"a":2}', cluster.operators)), 422, 'duplicate-member'],
    [
      JSON.stringify(
        signEnvelope(
          configText(cluster, 3).replace('"version":3', '"version":9007199254740993'),
          cluster.operators,
        ),
      ),
      422,
      'unsafe-integer',
    ],
    [signed(cluster, 1), 409, 'older'],
    [signed(cluster, 4), 422, 'gap'],
    [signed(cluster, 3, { hosts: { h0: { X: { type: 'a' } } } }), 422, 'name'],
    ...(loser === undefined ? [] : ([[loser, 409, 'fork']] as const)),
  ]
  for (const [text, status, code] of cases) {
    const answer = await call('POST', '/v1/config', text)
    const body = JSON.parse(answer.text)
    assert.deepEqual([answer.status, body.code], [status, code])
    assert.equal(answer.type, 'application/problem+json')
    assert.ok(['refused', 'older', 'fork'].includes(body.verdict))
    assert.deepEqual(body.head, head)
  }
  const again = await call('POST', '/v1/config', two)
  assert.equal(JSON.parse(again.text).verdict, 'already-head')
})

test('control: what is asked wrongly is a problem with a code, never a crash', async (t) => {
  const { cluster, call, runDir } = await enrolled(t)
  const code = async (method: string, path: string): Promise<string> => {
    const answer = await call(method, path)
    return `${answer.status} ${JSON.parse(answer.text).code}`
  }
  assert.equal(await code('GET', '/v1/config'), '404 no-config')
  assert.equal(await code('GET', '/nothing'), '404 not-found')
  assert.equal(await code('DELETE', '/v1/status'), '405 method')
  assert.equal(await code('GET', '//'), '404 not-found')
  const text = signed(cluster, 1)
  await call('POST', '/v1/config', text)
  assert.equal((await call('GET', '/v1/config')).text, text)
  assert.match((await call('GET', '/metrics')).text, /^covey_head_version 1$/m)
  assert.equal((await callSocket(join(runDir, 'admin.sock'), 'GET', '/v1/status')).status, 200)
})

test('agent: it says the same after a new start; a second one waits for the lock', async (t) => {
  const { cluster, stateDir, runDir, agent, call } = await enrolled(t)
  await call('POST', '/v1/config', signed(cluster, 1, { hosts: { h0: {} } }))
  const before = JSON.parse((await call('GET', '/v1/status')).text)
  const waiting = start(stateDir, runDir)
  await agent.stop()
  const second = await waiting
  afterwards(t, () => second.stop())
  const status = JSON.parse((await call('GET', '/v1/status')).text)
  assert.equal(status.head.version, 1)
  // Applying takes its own time: what was said of it is said again, and not more is promised.
  if (before.applied !== null) assert.deepEqual(status.applied, before.applied)
})

test('agent: damaged keys are said, not used', async (t) => {
  const { stateDir, runDir, agent } = await enrolled(t)
  await agent.stop()
  await writeFile(join(stateDir, 'identity.json'), '{"host":"h0"')
  await assert.rejects(start(stateDir, runDir), { code: 'identity-damaged' })
})

test('events: the status first, then what happens', async (t) => {
  const { cluster, runDir, call } = await enrolled(t)
  const seen = Promise.withResolvers<string>()
  let text = ''
  const outgoing = request(
    { socketPath: join(runDir, 'covey.sock'), path: '/v1/events' },
    (response) => {
      response.on('data', (chunk) => {
        text += chunk
        if (text.startsWith('event: status') && text.split('\n\n').length === 2) {
          void call('POST', '/v1/config', signed(cluster, 1, { hosts: { h0: {} } }))
        }
        if (text.includes('event: applied')) seen.resolve(text)
      })
    },
  )
  outgoing.on('error', seen.reject)
  outgoing.end()
  const events = [...(await seen.promise).matchAll(/^event: (.*)$/gm)].map((match) => match[1])
  outgoing.destroy()
  assert.deepEqual(
    events.filter((event) => event !== 'state'),
    ['status', 'head', 'applied'],
  )
})

test('D9: what was damaged is mended by enrolling again', async (t) => {
  const { cluster, stateDir, runDir, agent } = await enrolled(t)
  await agent.stop()
  const config = JSON.parse(signed(cluster, 2))
  for (const file of ['enrolment.json', 'roots/1.json', 'floor.json', 'head.json']) {
    await writeFile(join(stateDir, file), 'x')
    await enrolHost(stateDir, bundleOf(cluster, { config }))
    const again = await start(stateDir, runDir)
    await again.stop()
  }
})
