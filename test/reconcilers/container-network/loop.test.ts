import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Config } from '../../../protocol/documents/config.ts'
import { containerNetwork } from '../../../reconcilers/container-network/index.ts'
import { namespaceName, vethName } from '../../../reconcilers/container-network/names.ts'
import { agentType } from '../../../reconcilers/loop/index.ts'
import { containerSchema, secretSchema } from '../../../reconcilers/runc/spec.ts'
import { wireguard } from '../../../reconcilers/wireguard/index.ts'
import { configOf } from '../configs.ts'
import { settle } from '../fake/clock.ts'
import { fakeNamespaces } from '../fake/containers.ts'
import { createFakeHost } from '../fake/host.ts'
import { makeLink, modelText } from '../fake/model.ts'
import { type Driven, drive } from '../loop/driver.ts'
import { container } from './cases.ts'

const wg = { type: 'wireguard_network', link_name: 'wg0', address: '10.69.0.1/16' }
const cn = { type: 'container_network', network: 'wg', subnet: '10.69.1.0/24' }
const section = {
  db: container('cn', '10.69.1.6'),
  web: container('cn', '10.69.1.5'),
  cn,
  wg,
  lan: { type: 'container_network', subnet: '192.168.7.0/24' },
  cache: container('lan', '192.168.7.5'),
}

/** A loop over the network alone; containers count as converged as soon as they have theirs. */
function driveNetwork(host = createFakeHost()): Driven {
  const boxes = { type: 'runc_container', schema: containerSchema, references: [] }
  const secrets = { type: 'secret', schema: secretSchema, references: [] }
  const reconcilers = [wireguard, containerNetwork]
  return drive({ reconcilers, extraTypes: [agentType, boxes, secrets] }, host)
}

async function states(driven: Driven, config: Config): Promise<readonly string[]> {
  driven.adopt(config, 'a')
  await settle()
  await driven.host.clock.advance(5_000)
  return [...driven.states()].sort()
}

describe("the containers' network in the loop", () => {
  it('comes after the link that it is reached through, in whatever order all stand', async () => {
    const driven = driveNetwork()
    const all = ['cache', 'cn', 'db', 'lan', 'web', 'wg'].map((name) => `${name}: converged`)
    assert.deepEqual(await states(driven, configOf({ a: section })), all)
    const from = /^route 10.69.1.5\/32 dev cv-\w+ proto 190 src 10.69.0.1$/m
    assert.match(modelText(driven.host.model), from)
    await driven.loop.stop()
  })

  it('waits for a link that cannot be, and the rest does not', async () => {
    const host = createFakeHost()
    host.model.links.set('wg0', makeLink('bridge'))
    const driven = driveNetwork(host)
    assert.deepEqual(await states(driven, configOf({ a: section })), [
      'cache: converged',
      'cn: pending: waits for wg',
      'db: pending: waits for cn',
      'lan: converged',
      'web: pending: waits for cn',
      "wg: failed: not covey's link",
    ])
    await driven.loop.stop()
  })

  it('fails for one container without holding back its neighbours', async () => {
    const host = createFakeHost()
    const stderr = 'RTNETLINK answers: Cannot allocate memory\n'
    host.model.broken.set(`ip -n ${namespaceName('web', fakeNamespaces)}`, {
      exitCode: 2,
      stdout: '',
      stderr,
    })
    const driven = driveNetwork(host)
    assert.deepEqual(await states(driven, configOf({ a: section })), [
      'cache: converged',
      'cn: converged',
      'db: converged',
      'lan: converged',
      'web: failed: ip: RTNETLINK answers: Cannot allocate memory',
      'wg: converged',
    ])
    host.model.broken.clear()
    await host.clock.advance(20_000)
    assert.ok(driven.states().includes('web: converged'))
    await driven.loop.stop()
  })

  it('makes what a neighbour with a faulty secret does not hold back', async () => {
    const driven = driveNetwork()
    const web = container('cn', '10.69.1.5', { secrets: [{ secret: 'key', path: '/key' }] })
    const config = configOf({ a: { ...section, web, key: { type: 'secret', jwe: 7 } } })
    const found = await states(driven, config)
    assert.ok(found.includes('db: converged'), found.join('\n'))
    assert.ok(driven.host.model.links.has(vethName('db')))
    assert.equal(driven.host.model.links.has(vethName('web')), false)
    await driven.loop.stop()
  })

  it('says so where something else undoes it again and again', async () => {
    const driven = driveNetwork()
    await states(driven, configOf({ a: section }))
    // A round in which something was mended is followed by the next one after a second.
    for (let second = 0; second < 12; second++) {
      const link = driven.host.model.links.get(vethName('web'))
      assert.ok(link)
      link.mtu = 1300
      await driven.host.clock.advance(1_000)
    }
    const fought = 'web: failed: does not stay as it was applied'
    assert.deepEqual(
      driven.states().filter((each) => !each.endsWith(': converged')),
      [fought],
    )
    await driven.loop.stop()
  })
})
