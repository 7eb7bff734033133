import assert from 'node:assert/strict'
import { it } from 'node:test'
import { takingAgent } from './taking-agent.ts'
import { addHost, fakeAgent, openCluster } from './workspace.ts'

const image = `registry.lan/web:1@sha256:${'a'.repeat(64)}`
const rows = [{ name: 'db', state: 'running', pid: 7, image, restarts: 0 }]

it('hosts of a layout with a fault elsewhere are asked, and a line says so', async (t) => {
  const space = await openCluster(t)
  await addHost(space, 'pi', '192.0.2.1:51820')
  const agent = takingAgent()
  agent.changes = { host: 'pi' }
  const list = { 'GET /v1/containers': () => ({ status: 200, body: rows }) }
  await fakeAgent(t, space, { ...agent.routes, ...list })
  const layout = await space.read('cluster.yaml')
  const reached = layout.replace('pi: {', 'pi: { ssh: root@192.0.2.1,')
  await space.write('cluster.yaml', reached)
  const sound = await space.covey(['ps'])
  assert.deepEqual([sound.exit, sound.err], [0, ''])
  assert.match(sound.out, /^HOST .*\npi +db /)
  await space.write('cluster.yaml', `stakcs: {}\n${reached}notfy: 1\n`)
  const faulty = await space.covey(['ps'])
  assert.deepEqual([faulty.exit, faulty.out], [0, sound.out])
  assert.match(
    faulty.err,
    /^covey: warning: cluster\.yaml:1:1: stakcs: unknown key [^\n]* \(and 1 more fault\); its hosts are asked all the same\n$/,
  )
  // What is wrong with the hosts themselves, or with their name, is no way to them.
  await space.write('cluster.yaml', reached.replace('ssh:', 'shs:'))
  assert.match(
    (await space.covey(['ps'])).err,
    /^cluster\.yaml:\d+:\d+: hosts\.pi\.shs: unknown key/,
  )
  await space.write('cluster.yaml', reached.replace('hosts:', 'host:'))
  const none = await space.covey(['ps'])
  assert.equal(none.exit, 2)
  assert.match(none.err, /^cluster\.yaml:\d+:1: host: unknown key/)
})
