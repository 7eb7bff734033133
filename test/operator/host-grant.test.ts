import assert from 'node:assert/strict'
import { it } from 'node:test'
import { takingAgent } from './taking-agent.ts'
import { addHost, fakeAgent, openCluster, openWorkspace } from './workspace.ts'

it('grants are added and taken away, and all else in the settings stays', async (t) => {
  const space = await openWorkspace(t)
  const env = { COVEY_CONFIG: space.path('agent.json') }
  const grant = (...argv: readonly string[]) => space.covey(['host', 'grant', ...argv], { env })
  assert.equal((await grant()).out, 'this host grants nothing\n')
  await space.write('agent.json', { log_level: 'warn', grants: ['path:/srv'] })
  const added = await grant('path:/srv', 'device:/dev/dri', 'sysctl:vm.x')
  assert.equal(added.out, '  path:/srv\n+ device:/dev/dri\n+ sysctl:vm.x\n')
  assert.equal((await grant('--revoke', 'path:/srv')).out.includes('- path:/srv\n'), true)
  const grants = ['device:/dev/dri', 'sysctl:vm.x']
  assert.deepEqual(JSON.parse(await space.read('agent.json')), { log_level: 'warn', grants })
  const refused = await grant('everything')
  assert.equal(refused.exit, 2)
  assert.match(refused.err, /everything: must be path:/)
  await space.write('agent.json', '{')
  assert.equal((await grant('path:/srv')).exit, 2)
  assert.equal(await space.read('agent.json'), '{')
})

it('the command that a plan prints leads to the host that it names', async (t) => {
  const space = await openCluster(t)
  const env = { COVEY_CONFIG: space.path('agent.json') }
  const away = await space.covey(['host', 'grant', 'pi', 'path:/srv'], { env })
  assert.equal(away.exit, 2)
  assert.match(away.err, /this is not pi.*\nhint: on pi, as root: covey host grant path:\/srv\n/)
  await addHost(space, 'pi', '192.0.2.1:51820')
  const layout = await space.read('cluster.yaml')
  await space.write('cluster.yaml', layout.replace('pi: {', 'pi: { ssh: root@192.0.2.1,'))
  const known = await space.covey(['host', 'grant', 'pi', 'path:/srv'], { env })
  assert.match(known.err, /hint: ssh root@192\.0\.2\.1 covey host grant path:\/srv\n/)
  const agent = takingAgent()
  agent.changes = { host: 'pi' }
  await fakeAgent(t, space, agent.routes)
  const here = await space.covey(['host', 'grant', 'pi', 'path:/srv'], { env })
  assert.equal(here.out, '+ path:/srv\n')
})
