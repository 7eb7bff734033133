import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { buildBusybox } from '../registry/busybox.ts'
import {
  container,
  registrySettings,
  withContainerNetworks,
  writeSettings,
} from './container-config.ts'
import { rowOf } from './container-rows.ts'
import type { VirtualHost } from './host.ts'
import { createLab, type Lab } from './lab.ts'
import { serveOn } from './registry-host.ts'
import { until } from './waiting.ts'

describe('whom containers ask for names', () => {
  let lab: Lab
  let host: VirtualHost

  /** Rewrites the host's own file, as DHCP does, without covey knowing. */
  function hostAsks(text: string): void {
    writeFileSync(join(lab.record.folder, 'resolv.conf'), text)
  }

  async function inside(object: string, ...command: readonly string[]): Promise<string> {
    return await host.must('covey', ['exec', object, '--', ...command])
  }

  before(async () => {
    lab = await createLab()
    hostAsks('nameserver 127.0.0.1\nnameserver 2001:db8::53\n')
    await buildBusybox(join(lab.record.folder, 'busybox'))
    const images = { busybox: join(lab.record.folder, 'busybox') }
    const registry = await serveOn(await lab.host('registry'), { tls: true }, images)
    host = await lab.host('cloud01')
    const registries = { [registry.host]: registrySettings(host, registry) }
    writeSettings(host, { registries, grants: ['host-network'] })
    await lab.operator.enrol([host])
    await host.startAgent()
    const found = withContainerNetworks(await lab.operator.hosts())
    const { busybox = '' } = registry.images
    const more = { command: ['sleep', '100000'] }
    const web = container(busybox, '10.69.101.10', more)
    const { network: _network, address: _address, ...shared } = web
    const near = { ...shared, host_network: true }
    await lab.operator.release({ cloud01: { ...found['cloud01'], web, near } }, host)
    await host.waitFor(
      'runs both',
      ({ objects }) =>
        ['web', 'near'].every((name) =>
          objects.some((each) => each.name === name && each.state === 'converged'),
        ),
      60_000,
    )
  })
  after(() => lab?.close())

  it('is nobody, and that is said, where the host has none that they can reach', async () => {
    assert.equal(await inside('web', 'cat', '/etc/resolv.conf'), '')
    assert.match(host.logTail(), /has no resolver that an IPv4 container can reach/)
    const { stdout } = await host.covey(['doctor'])
    assert.match(stdout, /the host has no resolver that an IPv4 container can reach/)
    const status = await host.status()
    assert.equal(status.objects.find(({ name }) => name === 'web')?.state, 'converged')
  })

  it('changes with the host, in the file that they have open, and restarts nobody', async () => {
    const rows = [await rowOf(host, 'web'), await rowOf(host, 'near')]
    const number = await inside('web', 'stat', '-c', '%i', '/etc/resolv.conf')
    const text = 'nameserver 2001:db8::53\nnameserver 192.0.2.53\nsearch home.example\n'
    hostAsks(text)
    const asks = 'nameserver 192.0.2.53\nsearch home.example\n'
    await until(
      'it asks another',
      async () => (await inside('web', 'cat', '/etc/resolv.conf')) === asks,
    )
    await until(
      'so does the one in the network of the host',
      async () => (await inside('near', 'cat', '/etc/resolv.conf')) === text,
    )
    assert.equal(await inside('web', 'stat', '-c', '%i', '/etc/resolv.conf'), number)
    assert.deepEqual([await rowOf(host, 'web'), await rowOf(host, 'near')], rows)
    const { stdout } = await host.covey(['doctor'])
    assert.match(stdout, /containers have a resolver that they can reach/)
  })
})
