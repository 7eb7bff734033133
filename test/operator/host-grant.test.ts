import assert from 'node:assert/strict'
import { it } from 'node:test'
import { openWorkspace } from './workspace.ts'

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
