import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { readGrants } from '../../agent/commands/agent.ts'
import { temporaryFolder } from '../temporary.ts'

test('grants are read into the list in use, and stay where the file has faults', async (t) => {
  const said: string[] = []
  const say = (_: object, message: string): void => void said.push(message)
  const log = { debug: say, info: say, warn: say, error: say }
  const path = join(await temporaryFolder(t), 'agent.json')
  const grants = ['path:/srv']
  await writeFile(path, JSON.stringify({ grants: ['host-network', 'sysctl:vm.max_map_count'] }))
  assert.equal(await readGrants(path, grants, log), true)
  assert.deepEqual(grants, ['host-network', 'sysctl:vm.max_map_count'])
  await writeFile(path, JSON.stringify({ grants: ['everything'] }))
  assert.equal(await readGrants(path, grants, log), false)
  assert.deepEqual(grants, ['host-network', 'sysctl:vm.max_map_count'])
  assert.deepEqual(said.length, 2)
})

test('the list of a machine is that very list', { timeout: 30_000 }, async (t) => {
  const { openMachine, scriptObject } = await import('../machine/containers/machine.ts')
  const granted: string[] = []
  const host = await openMachine(t, { granted })
  const folder = join(host.folder, 'granted')
  await mkdir(folder)
  const mounts = [{ host_path: folder, path: '/host' }]
  host.adopt({ web: scriptObject('sleep 1000', { mounts, stop_grace_seconds: 0 }) })
  await host.until('it is refused', () => host.said('web').includes('is not granted'))
  granted.push(`path:${folder}`)
  host.loop().poke('grants')
  await host.running('web')
})
