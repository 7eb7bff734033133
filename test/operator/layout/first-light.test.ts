import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { clusterOf, digestFor, objectOf, sound } from './world.ts'

describe('a stack of one web service', () => {
  it('becomes a container with an address, a policy of nobody and a published port', async () => {
    const shop = 'services:\n  web:\n    image: nginx:1.27\n    ports: ["80:8080"]\n'
    const result = await sound(clusterOf(['cloud01'], { shop: ['ports: public', shop] }))
    assert.deepEqual(Object.keys(result.hosts['cloud01'] ?? {}), [
      ...['wg_network', 'mesh', 'agent', 'pods', 'pods_fwd', 'pods_out'],
      ...['shop-web', 'shop-web_80t'],
    ])
    const web = objectOf(result, 'cloud01', 'shop-web')
    assert.equal(
      web['image'],
      `docker.io/library/nginx:1.27@${digestFor('docker.io/library/nginx:1.27')}`,
    )
    assert.deepEqual(web['labels'], { 'covey.service': 'shop/web' })
    assert.deepEqual(objectOf(result, 'cloud01', 'shop-web_80t'), {
      type: 'nftables_publish',
      container: 'shop-web',
      protocol: 'tcp',
      host_port: 80,
      container_port: 8080,
      on: 'public',
    })
    assert.equal(result.lock.facts.get('placement.shop/web'), 'cloud01')
    assert.equal(result.lock.facts.get('address.cloud01.shop-web'), web['address'])
    assert.equal(result.lock.facts.get('host.cloud01.subnet'), '10.69.1.0/24')
  })
})
