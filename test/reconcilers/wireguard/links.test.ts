import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { wireguard } from '../../../reconcilers/wireguard/index.ts'
import { memoryText, parseMemory } from '../../../reconcilers/wireguard/memory.ts'
import { configOf } from '../configs.ts'
import { reconcile } from '../contract-suite.ts'
import { createFakeHost, type FakeHost } from '../fake/host.ts'
import { makeKeyPair } from '../fake/keys.ts'
import { makeLink, modelText } from '../fake/model.ts'

const network = { type: 'wireguard_network', link_name: 'wg0', address: '10.69.0.1/16' }
const config = configOf({ a: { wg: network } })
const never = new AbortController().signal

/** The verdicts on a link that is not touched, though its range is guarded. */
async function verdicts(host: FakeHost, desired = config): Promise<readonly string[]> {
  for (const step of await reconcile(wireguard, desired, 'a', host.ports)) {
    assert.match(step, /^route add unreachable|^record the ranges/)
  }
  const { spec } = wireguard.resolve(desired, 'a')
  const observed = await wireguard.observe(spec, host.ports, never)
  assert.deepEqual(wireguard.plan(spec, observed), [])
  return wireguard.judge(spec, observed).map(({ object, reason }) => `${object}: ${reason}`)
}

describe('whose a link is', () => {
  it("refuses one of its name that is another's", async () => {
    for (const kind of ['wireguard', 'tun', 'veth']) {
      const host = createFakeHost()
      host.model.links.set('wg0', makeLink(kind))
      const before = modelText(host.model)
      assert.deepEqual(await verdicts(host), ["wg: not covey's link"])
      const guard = 'route 10.69.0.0/16 unreachable proto 190 metric 4294967295'
      assert.equal(modelText(host.model), `${before}\n${guard}`)
    }
  })

  it('takes up one that it could not name any more before it was killed', async () => {
    const host = createFakeHost()
    host.model.hasKernelWireguard = false
    host.model.broken.set('ip link set', new Error('killed'))
    await assert.rejects(reconcile(wireguard, config, 'a', host.ports))
    assert.match(modelText(host.model), /alias null/)
    host.model.broken.clear()
    await reconcile(wireguard, config, 'a', host.ports)
    assert.match(modelText(host.model), /up mtu 1420 alias covey:wg 10.69.0.1\/16/)
  })

  it('does not take one that someone else made after it had failed to', async () => {
    const host = createFakeHost()
    host.model.hasKernelWireguard = false
    host.model.broken.set('wireguard-go', new Error('not installed'))
    await assert.rejects(reconcile(wireguard, config, 'a', host.ports))
    const theirs = makeLink('tun')
    if (theirs.device) theirs.device.publicKey = makeKeyPair().publicKey
    host.model.links.set('wg0', theirs)
    assert.deepEqual(await verdicts(host), ["wg: not covey's link"])
  })

  it('names the link of a renamed object anew, without disturbing it', async () => {
    const host = createFakeHost()
    await reconcile(wireguard, config, 'a', host.ports)
    const steps = await reconcile(wireguard, configOf({ a: { net: network } }), 'a', host.ports)
    assert.deepEqual(steps, ['name link wg0 covey:net', 'record what was applied'])
  })

  it('makes one again whose wireguard-go does not answer', async () => {
    const host = createFakeHost()
    await reconcile(wireguard, config, 'a', host.ports)
    const before = modelText(host.model)
    const device = host.model.links.get('wg0')?.device
    assert.ok(device)
    device.isDead = true
    assert.deepEqual((await reconcile(wireguard, config, 'a', host.ports)).slice(0, 2), [
      'remove link wg0',
      'make link wg0',
    ])
    assert.equal(modelText(host.model), before)
  })
})

describe('which key a link has', () => {
  const [old, fresh] = [makeKeyPair(), makeKeyPair()]
  const named = (publicKey: string) =>
    configOf({ a: { wg: { ...network, public_key: publicKey } } })
  const keyOf = (host: FakeHost): unknown => host.model.links.get('wg0')?.device?.publicKey

  it('is the newest, or the one that the object names', async () => {
    const host = createFakeHost([fresh, old])
    await reconcile(wireguard, config, 'a', host.ports)
    assert.equal(keyOf(host), fresh.publicKey)
    await reconcile(wireguard, named(old.publicKey), 'a', host.ports)
    assert.equal(keyOf(host), old.publicKey)
    assert.deepEqual(await reconcile(wireguard, named(old.publicKey), 'a', host.ports), [])
  })

  it("is refused if it is not the host's own, and the link stays", async () => {
    const host = createFakeHost([fresh])
    await reconcile(wireguard, config, 'a', host.ports)
    const before = modelText(host.model)
    const other = named(makeKeyPair().publicKey)
    assert.deepEqual(await verdicts(host, other), [
      "wg: public_key is not one of this host's own keys",
    ])
    assert.equal(modelText(host.model), before)
    assert.deepEqual(await verdicts(createFakeHost([]), config), [
      'wg: this host has no WireGuard key',
    ])
  })

  it('never shows in a command, and its file is gone afterwards', async () => {
    const host = createFakeHost([fresh])
    await reconcile(wireguard, config, 'a', host.ports)
    assert.equal(
      host.commands.some((each) => each.includes(fresh.privateKey)),
      false,
    )
    assert.equal([...host.model.files.values()].join().includes(fresh.privateKey), false)
    assert.equal(host.model.temporary.size, 0)
  })
})

describe('plans for any config', () => {
  const octet = fc.nat(3)
  const range = fc.tuple(octet, octet, fc.constantFrom(16, 24, 32)).map(([third, last, length]) => {
    const host = length === 32 ? last : 0
    return `10.69.${length === 16 ? 0 : third}.${host}/${length}`
  })
  const keys = Array.from({ length: 4 }, () => makeKeyPair().publicKey)
  const publicKey = fc.constantFrom(...keys)
  const peer = fc.record({
    type: fc.constant('wireguard_peer'),
    network: fc.constantFrom('wg', 'wh'),
    allowed_ips: fc.array(range, { minLength: 1, maxLength: 3 }),
    public_key: publicKey,
    endpoint: fc.constantFrom('192.0.2.1:1', '192.0.2.2:2', 'b.example:3', 'no.example:4'),
    persistent_keepalive: fc.constantFrom(0, 25),
  })
  const link = fc.record({
    type: fc.constant('wireguard_network'),
    link_name: fc.constantFrom('wg0', 'wg1'),
    address: fc.constantFrom('10.69.0.1/16', '10.69.0.2/16', '10.70.0.1/16', 'fd00::1/64'),
    listen_port: fc.constantFrom(1, 2),
    mtu: fc.constantFrom(1420, 1380),
  })
  const section = fc.record(
    {
      wg: link,
      wh: link,
      p: peer,
      q: peer,
      r: peer,
      mesh: fc.constant({ type: 'wireguard_mesh', network: 'wg' }),
    },
    { requiredKeys: [] },
  )
  const other = fc.record({
    wg: fc.record({
      type: fc.constant('wireguard_network'),
      link_name: fc.constant('wg0'),
      address: fc.constantFrom('10.69.0.3/16', '10.69.0.4/16'),
      public_key: publicKey,
    }),
  })
  const configs = fc.array(fc.record({ a: section, b: other }), { minLength: 1, maxLength: 4 })

  // Found by the property below: the peer of the faulty object kept a network, and with it the
  // route, that a sound peer of another link now has.
  it('let a kept peer yield its network to a sound peer of another link', async () => {
    const [key] = keys
    const network = { type: 'wireguard_network', listen_port: 1, address: '10.69.0.1/16' }
    const taken = { type: 'wireguard_peer', public_key: key, allowed_ips: ['10.69.2.0/24'] }
    const before = { wg: { ...network, link_name: 'wg0' }, p: { ...taken, network: 'wg' } }
    const after = {
      wg: { ...network, link_name: 'wg0', listen_port: 2, address: 'fd00::1/64' },
      wh: { ...network, link_name: 'wg1' },
      p: { ...taken, network: 'wg' },
      q: { ...taken, network: 'wh' },
    }
    const host = createFakeHost()
    for (const section of [before, after]) {
      await reconcile(wireguard, configOf({ a: section }), 'a', host.ports)
      assert.deepEqual(await reconcile(wireguard, configOf({ a: section }), 'a', host.ports), [])
    }
    assert.match(modelText(host.model), /^route 10\.69\.2\.0\/24 dev wg1 proto 190$/m)
  })

  // Found by it as well: each of two links kept the network, and its route went to and fro.
  it('let the kept peer have a network to which its route leads, of two', async () => {
    const [key] = keys
    const network = { type: 'wireguard_network', listen_port: 1, address: '10.69.0.1/16' }
    const peer = { type: 'wireguard_peer', public_key: key }
    const link = (object: string, allowed: string): object => {
      return { ...peer, network: object, allowed_ips: [allowed] }
    }
    const wh = { ...network, link_name: 'wg0' }
    const first = { wh, r: link('wh', '10.69.3.0/24') }
    const second = { wh, wg: { ...network, link_name: 'wg1' }, p: link('wg', '10.69.3.0/24') }
    const turned = {
      wh: { ...network, link_name: 'wg1' },
      wg: { ...network, link_name: 'wg0', listen_port: 2, address: '10.70.0.1/16' },
      p: link('wg', '10.69.0.0/16'),
      r: link('wg', '10.69.0.0/16'),
    }
    const host = createFakeHost()
    for (const section of [first, second, turned]) {
      await reconcile(wireguard, configOf({ a: section }), 'a', host.ports)
      assert.deepEqual(await reconcile(wireguard, configOf({ a: section }), 'a', host.ports), [])
    }
    assert.match(modelText(host.model), /^route 10\.69\.3\.0\/24 dev wg1 proto 190$/m)
  })

  it('need nothing more once they were applied, and touch nothing of others', async () => {
    await fc.assert(
      fc.asyncProperty(configs, async (list) => {
        const host = createFakeHost()
        host.model.names.set('b.example', ['192.0.2.7'])
        host.model.links.set('eth0', { ...makeLink('veth'), up: true })
        const theirs = { family: 4 as const, bits: 0x0a630000n, length: 16 }
        host.model.routes.push({ destination: theirs, link: 'eth0', protocol: 190 })
        for (const each of list) {
          await reconcile(wireguard, configOf(each), 'a', host.ports)
          assert.deepEqual(await reconcile(wireguard, configOf(each), 'a', host.ports), [])
          assert.match(modelText(host.model), /^link eth0 veth up mtu 1500 alias null$/m)
          assert.match(modelText(host.model), /^route 10.99.0.0\/16 dev eth0 proto 190$/m)
        }
        await reconcile(wireguard, configOf({ a: {} }), 'a', host.ports)
        assert.equal(modelText(host.model).split('\n').length, 2)
      }),
      { numRuns: 300 },
    )
  })
})

describe('what is remembered', () => {
  it('comes back from its text, and garbage is nothing', () => {
    const peers = new Map([['k', { object: 'p', host: null, endpoint: null, sinceMs: 1 }]])
    const links = new Map([['wg0', { object: 'wg', making: false, peers }]])
    const names = new Map([['__proto__', { address: null, askedMs: 2, tries: 3 }]])
    const text = memoryText({ links, names })
    assert.equal(memoryText(parseMemory(text)), text)
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (each) => {
        assert.equal(parseMemory(each).links.size, 0)
      }),
    )
  })
})
