import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ContainerRecord } from '../../../reconcilers/host-containers.ts'
import { runc } from '../../../reconcilers/runc/index.ts'
import { type ContractHost, contractSuite, reconcile } from '../contract-suite.ts'
import type { FakeContainers } from '../fake/containers.ts'
import { createFakeHost, type FakeHost } from '../fake/host.ts'
import { readyImage } from '../fake/images.ts'
import { configOf, containerObject, imageReference } from './looks.ts'

const other = 'covey-other-000000000000'
const hosts = new WeakMap<ContractHost, FakeHost>()

function fakeOf(host: ContractHost): FakeContainers {
  const found = hosts.get(host)
  if (found === undefined) throw new Error('no host of this test')
  return found.containers
}

/** The one container of the first config. */
function onlyId(containers: FakeContainers): string {
  const [id, ...more] = containers.all.keys()
  assert.ok(id !== undefined && more.length === 0)
  return id
}

const web = containerObject({ mounts: [{ volume: 'data', path: '/data' }] })
const data = { type: 'volume' }

contractSuite('containers on a model', {
  reconciler: runc,
  host: 'h',
  roundsMax: 3,
  async open() {
    const host = createFakeHost()
    host.images.states.set(imageReference, readyImage())
    const text = async (): Promise<string> => {
      const files = [...host.model.files].map(([path, content]) => `file ${path} ${content.trim()}`)
      return [host.containers.text(), ...files].join('\n')
    }
    const open: ContractHost = { ports: host.ports, text, close: async () => {} }
    hosts.set(open, host)
    return open
  },
  configs: [
    { name: 'one', config: configOf({ data, web }) },
    {
      name: 'two',
      config: configOf({ data, web, api: containerObject({ address: '10.70.0.6' }) }),
    },
    {
      name: 'another revision',
      config: configOf({ data, web: { ...web, env: { A: '1' } }, api: containerObject() }),
    },
    {
      name: 'another policy',
      config: configOf({ data, web: { ...web, env: { A: '1' }, restart: 'on-failure' } }),
    },
  ],
  // There is nothing else in covey's own runtime root; what others run is never even looked at.
  async makeForeign(host) {
    host.ports.files.write('elsewhere.json', 'theirs')
  },
  foreign: (text) =>
    text
      .split('\n')
      .filter((line) => line.includes('theirs'))
      .join('\n'),
  drifts: [
    {
      name: 'the process is killed',
      happen: async (host) => fakeOf(host).exit(onlyId(fakeOf(host)), 137),
    },
    {
      name: 'the supervisor is killed',
      async happen(host) {
        const container = fakeOf(host).all.get(onlyId(fakeOf(host)))
        if (container !== undefined) container.broken = 'its supervisor conmon is gone'
      },
    },
    { name: 'the host boots', happen: async (host) => fakeOf(host).reboot() },
    {
      name: 'everything of it is removed',
      async happen(host) {
        fakeOf(host).all.clear()
        fakeOf(host).volumes.clear()
      },
    },
    {
      name: 'its names of the cluster are overwritten',
      async happen(host) {
        const container = fakeOf(host).all.get(onlyId(fakeOf(host)))
        if (container !== undefined) container.hosts = 'nobody'
      },
    },
    {
      name: 'a container is left of which no object is known',
      async happen(host) {
        const port = fakeOf(host)
        port.all.set(other, { ...requireFirst(port), record: null })
      },
    },
  ],
})

function requireFirst(containers: FakeContainers) {
  const first = containers.all.get(onlyId(containers))
  assert.ok(first)
  return first
}

describe('containers on a model, when something cannot be', () => {
  const open = (): FakeHost => {
    const host = createFakeHost()
    host.images.states.set(imageReference, readyImage())
    return host
  }
  const first = configOf({ web: containerObject() })
  const second = configOf({ web: containerObject({ env: { A: '1' } }) })
  const recordOf = (host: FakeHost): ContainerRecord => {
    const record = requireFirst(host.containers).record
    assert.ok(record)
    return record
  }

  it('keeps the container before, where the next one cannot be made', async () => {
    const host = open()
    await reconcile(runc, first, 'h', host.ports)
    const old = recordOf(host)
    const { spec } = runc.resolve(second, 'h')
    const next = `covey-web-${spec.containers[0]?.revision.slice(0, 12)}`
    host.containers.refused.set(next, 'the image has no command nginx')
    await assert.rejects(reconcile(runc, second, 'h', host.ports), {
      code: 'container-create',
      message: 'the image has no command nginx; the previous container keeps running',
    })
    assert.equal(host.containers.all.get(old.id)?.process.state, 'running')
    host.containers.refused.clear()
    await reconcile(runc, second, 'h', host.ports)
    assert.deepEqual([...host.containers.all.keys()], [next])
  })

  it('waits for one that does not stop, and kills it when its grace is over', async () => {
    const host = open()
    await reconcile(runc, first, 'h', host.ports)
    const { id } = recordOf(host)
    host.containers.stubborn.add(id)
    await reconcile(runc, second, 'h', host.ports)
    assert.equal(host.containers.all.size, 2)
    assert.deepEqual(await reconcile(runc, second, 'h', host.ports), [])
    await host.clock.advance(10_000)
    await reconcile(runc, second, 'h', host.ports)
    await reconcile(runc, second, 'h', host.ports)
    assert.deepEqual(await reconcile(runc, second, 'h', host.ports), [])
    assert.equal(host.containers.all.size, 1)
    assert.equal(recordOf(host).id === id, false)
    assert.equal(requireFirst(host.containers).process.state, 'running')
  })

  it('asks for an image, and goes on when it is there', async () => {
    const host = open()
    host.images.states.delete(imageReference)
    await reconcile(runc, first, 'h', host.ports)
    assert.deepEqual(host.images.pulls, [imageReference])
    host.images.states.set(imageReference, {
      state: 'pulling',
      progress: '1 of 2 MB',
      failure: null,
    })
    assert.deepEqual(await reconcile(runc, first, 'h', host.ports), [])
    host.images.states.set(imageReference, readyImage())
    await reconcile(runc, first, 'h', host.ports)
    assert.equal(requireFirst(host.containers).process.state, 'running')
  })

  it('makes nothing that the host does not grant', async () => {
    const host = open()
    const config = configOf({
      web: { type: 'runc_container', image: imageReference, host_network: true },
    })
    await assert.rejects(reconcile(runc, config, 'h', host.ports), { code: 'not-granted' })
    assert.equal(host.containers.all.size, 0)
  })

  it('starts a job once, also over a boot of the host', async () => {
    const host = open()
    const config = configOf({ web: containerObject({ restart: 'on-failure' }) })
    await reconcile(runc, config, 'h', host.ports)
    host.containers.exit(recordOf(host).id, 0)
    await reconcile(runc, config, 'h', host.ports)
    host.containers.reboot()
    assert.deepEqual(await reconcile(runc, config, 'h', host.ports), [])
  })
})
