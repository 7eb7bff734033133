import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { at, bundleOf } from './bundles.ts'

const hostNetwork = { host_network: true, network: undefined, address: undefined }

describe('limits and devices', () => {
  it('says memory, time and processes as both versions of cgroups take them', () => {
    const resources = { memory_bytes: 64 << 20, cpu_milli: 1500, pids: 10 }
    const found = at(bundleOf({ resources }).config, 'linux', 'resources')
    assert.deepEqual(at(found, 'memory'), { limit: 64 << 20, swap: 64 << 20 })
    assert.deepEqual(at(found, 'cpu'), { quota: 150_000, period: 100_000 })
    assert.deepEqual(at(found, 'pids'), { limit: 10 })
    const noSwap = bundleOf({ resources }, {}, { limitsSwap: false }).config
    assert.deepEqual(at(noSwap, 'linux', 'resources', 'memory'), { limit: 64 << 20 })
  })

  it('gives the devices that are asked for, and no others', () => {
    const node = { type: 'c' as const, major: 226, minor: 0, mode: 0o660, uid: 0, gid: 44 }
    const devices = [
      { ...node, path: '/dev/dri/card0' },
      { ...node, path: '/dev/drink' },
    ]
    const { config } = bundleOf({ devices: ['/dev/dri'] }, {}, { devices })
    const { mode, ...rest } = node
    assert.deepEqual(at(config, 'linux', 'devices'), [
      { ...rest, path: '/dev/dri/card0', fileMode: mode },
    ])
    assert.deepEqual(at(config, 'linux', 'resources', 'devices'), [
      { allow: false, access: 'rwm' },
      { allow: true, type: 'c', major: 226, minor: 0, access: 'rw' },
    ])
    assert.throws(() => bundleOf({ devices: ['/dev/kvm'] }), /device-missing: .*\/dev\/kvm/)
  })

  it('leaves the host’s network its own settings and resolvers', () => {
    const facts = { resolvConf: 'nameserver 127.0.0.53\n' }
    const { config, files } = bundleOf(hostNetwork, {}, facts)
    assert.equal(at(config, 'linux', 'sysctl'), undefined)
    assert.equal(files.find(({ name }) => name === 'resolv.conf')?.content, facts.resolvConf)
    const namespaces = at(config, 'linux', 'namespaces') as { type: string }[]
    assert.ok(namespaces.every(({ type }) => type !== 'network'))
  })

  it('patches at the end, and keeps what a patch leaves out of its limits', () => {
    const rlimits = [{ type: 'RLIMIT_MEMLOCK', soft: 1, hard: 1 }]
    const runtime_config = {
      process: { rlimits, args: ['/z'], env: ['A=b'] },
      linux: { sysctl: { 'net.core.somaxconn': '1' }, resources: { cpu: { shares: 2 } } },
    }
    const { config } = bundleOf({ runtime_config, resources: { cpu_milli: 10 } })
    const types = (at(config, 'process', 'rlimits') as { type: string }[]).map(({ type }) => type)
    assert.deepEqual(types, ['RLIMIT_NOFILE', 'RLIMIT_MEMLOCK', 'RLIMIT_CORE'])
    assert.deepEqual(at(config, 'process', 'args'), ['/z'])
    assert.deepEqual(at(config, 'linux', 'resources', 'cpu'), {
      ...{ quota: 1000, period: 100_000, shares: 2 },
    })
    const tooMany = [{ type: 'RLIMIT_NOFILE', soft: 1, hard: 30_000 }]
    const asked = { runtime_config: { process: { rlimits: tooMany } } }
    assert.throws(() => bundleOf(asked), /open-files: .*30000 is above 20000/)
  })

  it('needs cgroup v2 for its own files', () => {
    const linux = { resources: { unified: { 'memory.high': '1' } } }
    const asked = { runtime_config: { linux } }
    bundleOf(asked)
    assert.throws(() => bundleOf(asked, {}, { cgroupVersion: 1 }), /cgroup-version: /)
  })
})
