import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { clusterOf } from '../../../reconcilers/cluster/index.ts'
import { resolveRunc } from '../../../reconcilers/runc/resolve.ts'
import { configOf } from '../configs.ts'
import { containerObject, networkObjects } from './objects.ts'

/**
 * Revisions that version 0.1.0 made of objects. A container whose revision is another one is
 * replaced, so an upgrade that changes one of these restarts everybody's containers.
 */
const samples: Readonly<Record<string, { readonly is: string; readonly object: object }>> = {
  least: {
    is: '4cd2fbf47da3cf77b1c7390e0eb002444db0b5af22174e7f60d93fbcbb2adc96',
    object: {},
  },
  rich: {
    is: 'd662d5c76e7764f89551b7fe3516063b6b953996836e9657682947f788fea3e8',
    object: {
      command: ['/bin/server'],
      args: [],
      env: { B: '2', A: '1' },
      working_dir: '/srv',
      user: 'www-data:33',
      hostname: 'web.example',
      mounts: [{ volume: 'data', path: '/data' }],
      tmpfs: ['/tmp'],
      files: [{ path: '/etc/app.conf', content: 'a', mode: '640' }],
      resources: { memory_bytes: 268_435_456, cpu_milli: 500 },
      capabilities: { add: ['NET_ADMIN'], drop: ['CHOWN'] },
      read_only_root: true,
      stop_signal: 'SIGINT',
      runtime_config: { linux: { sysctl: { 'net.core.somaxconn': '9' } } },
    },
  },
  near: {
    is: 'ef03c0e565940a3cdf68814714aa839e6ab0358ceec5012070887850b67f6b6d',
    object: { network: undefined, address: undefined, host_network: true },
  },
  mapped: {
    is: 'c788c4efa3304384a559996ffaba1d23cbd25deb24c4d7120eb04f1ec342d7b8',
    object: { user_namespace: true, devices: ['/dev/fuse'] },
  },
  policy: {
    is: '4cd2fbf47da3cf77b1c7390e0eb002444db0b5af22174e7f60d93fbcbb2adc96',
    object: {
      restart: 'on-failure',
      stop_grace_seconds: 1,
      labels: { a: 'b' },
      health: { http: { port: 80, path: '/' } },
    },
  },
}

function resolved(object: object) {
  const own = { ...networkObjects(), data: { type: 'volume' }, web: containerObject(object) }
  const { spec, faulty } = resolveRunc(clusterOf(configOf({ a: own })), 'a')
  assert.deepEqual(faulty, [])
  const [web] = spec.containers
  assert.ok(web)
  return web
}

describe('revisions of objects of earlier versions', () => {
  for (const [name, { is, object }] of Object.entries(samples)) {
    it(`are what they were: ${name}`, () => assert.equal(resolved(object).revision, is))
  }

  it('have a health check that is what it was, byte for byte', () => {
    const { health } = resolved(samples['policy']?.object ?? {}).container
    const numbers = '"interval_seconds":10,"timeout_seconds":5,"retries":3,"start_seconds":0'
    assert.equal(JSON.stringify(health), `{"http":{"port":80,"path":"/"},${numbers}}`)
  })

  it('change with what only a false takes away', () => {
    const revisions = [{}, { no_new_privileges: false }, { capabilities: { ambient: false } }]
    assert.equal(new Set(revisions.map((object) => resolved(object).revision)).size, 3)
    assert.equal(resolved({ capabilities: {} }).revision, resolved({}).revision)
  })

  it('change with the shared memory, and not with how a page is asked for', () => {
    const least = resolved({}).revision
    assert.notEqual(resolved({ shm_bytes: 65_536 }).revision, least)
    const http = { port: 80, path: '/', host: 'a', headers: { B: 'c' }, https: true }
    assert.equal(resolved({ health: { http } }).revision, least)
    const health = { from_image: true, start_interval_seconds: 2, restart: false }
    assert.equal(resolved({ health }).revision, least)
  })
})
