import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { describe, it } from 'node:test'
import { stopProject } from '../../../operator/docker/stop-project.ts'
import { addHost, openCluster } from '../workspace.ts'
import { fakeHost } from './fake-ssh.ts'

describe('a Compose project with more than one command line holds', () => {
  it('is looked at in several questions', async (t) => {
    const space = await openCluster(t)
    await addHost(space, 'pi', '192.0.2.7:51820')
    const host = await fakeHost(t)
    const name = 'v'.repeat(100)
    const mounts = Array.from({ length: 1_500 }, (_, n) => `"./${name}${n}:/m${n}"`).join(', ')
    const volumes = Array.from({ length: 1_000 }, (_, n) => `${name}${n}: {}`).join(', ')
    const service = `{ image: "web:1", volumes: [${mounts}] }`
    const text = `services: { web: ${service} }\nvolumes: { ${volumes} }\n`
    await host.write('opt/app/compose.yaml', text)
    const source = `root@192.0.2.7:${host.path('opt/app')}`
    const { exit, err } = await space.covey(['stack', 'import', source], { env: host.env })
    assert.equal(exit, 0, err)
    assert.doesNotMatch(err, /E2BIG/)
  })
})

describe('a backup of a volume', () => {
  it('is refused before a host is asked where its file can have no place', async (t) => {
    const space = await openCluster(t)
    for (const [output, why] of [
      ['.', /-o \. is a folder/],
      ['none/data.tar.zst', /is in no folder that is there/],
    ] as const) {
      const { exit, err } = await space.covey(['volume', 'backup', 'data', '-o', output])
      assert.equal(exit, 2, err)
      assert.match(err, why)
    }
  })
})

describe('a project that is stopped by a host', () => {
  it('is given up where the host sends a line without an end', { timeout: 20_000 }, async () => {
    const start = () => spawn('cat', ['/dev/zero'], { stdio: 'pipe' })
    const shell = { name: 'pi', start, run: () => Promise.reject(new Error('not used')) }
    const project = { project: 'shop', running: ['0'.repeat(12)], always: [] }
    await assert.rejects(stopProject(shell, project), { code: 'docker-lost' })
  })
})
