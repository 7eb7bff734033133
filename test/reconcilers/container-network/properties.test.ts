import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { containerNetwork } from '../../../reconcilers/container-network/index.ts'
import { configOf } from '../configs.ts'
import { reconcile } from '../contract-suite.ts'
import { createFakeHost } from '../fake/host.ts'
import { modelText } from '../fake/model.ts'
import { byHand } from '../wireguard/cases.ts'
import { container, ip, makeTunnels, sections, tunnels } from './cases.ts'

const lan = { type: 'container_network', subnet: '192.168.7.0/24' }

describe('plans for any config', () => {
  const network = fc.constantFrom('cn', 'lan', 'cn6')
  const address = fc.constantFrom('10.69.1.5', '10.69.1.6', '192.168.77.9', 'fd00:69:1::5')
  const box = fc.tuple(network, address).map(([on, at]) => container(on, at))
  const { wg, six, cn, cn6 } = sections.first as Record<string, unknown>
  const section = fc.record(
    {
      wg: fc.constant(wg),
      six: fc.constantFrom(six, { ...(six as object), mtu: 1300 }),
      cn: fc.constantFrom(cn, { ...(cn as object), subnet: '10.69.0.0/20' }),
      cn6: fc.constant(cn6),
      lan: fc.constantFrom(lan, { ...lan, subnet: '192.168.77.0/24' }),
      x: box,
      y: box,
      z: box,
    },
    { requiredKeys: [] },
  )

  it('need nothing more once they were applied, and touch nothing of others', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(section, { minLength: 1, maxLength: 4 }), async (list) => {
        const host = createFakeHost()
        await makeTunnels(host.ports)
        await byHand(host.ports, ip('netns add theirs'))
        const before = modelText(host.model)
        for (const each of list) {
          await reconcile(containerNetwork, configOf({ a: each }), 'a', host.ports)
          const again = await reconcile(containerNetwork, configOf({ a: each }), 'a', host.ports)
          assert.deepEqual(again, [])
        }
        await reconcile(containerNetwork, configOf({ a: {} }), 'a', host.ports)
        const left = modelText(host.model).split('\n')
        const kept = left.filter((line) => !/^setting net\/ipv[46]\/conf\/all\/forw/.test(line))
        assert.equal(kept.join('\n'), before)
        assert.ok(host.model.links.has(tunnels.wg))
      }),
      { numRuns: 200 },
    )
  })
})
