import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { checkSchema } from '../../../reconcilers/cluster/parse.ts'
import { mergePatch } from '../../../reconcilers/runc/bundle/patch/patch.ts'
import { containerSchema } from '../../../reconcilers/runc/spec.ts'
import { containerObject } from './objects.ts'

function faults(patch: object): readonly string[] {
  const object = containerObject({ runtime_config: patch })
  return checkSchema(containerSchema, 'c', object).faults.map(
    ({ path, message }) => `${path}: ${message}`,
  )
}

const patches: readonly (readonly [string, object, string])[] = [
  ['no new privileges', { process: { noNewPrivileges: false } }, 'process.noNewPrivileges'],
  ['the process as a whole', { process: null }, 'process'],
  [
    'capabilities',
    { process: { capabilities: { bounding: ['CAP_SYS_ADMIN'] } } },
    'process.capabilities',
  ],
  ['the user', { process: { user: { uid: 0 } } }, 'process.user'],
  [
    'core files',
    { process: { rlimits: [{ type: 'RLIMIT_CORE', soft: 1, hard: 1 }] } },
    'process.rlimits.0',
  ],
  ['going before the host', { process: { oomScoreAdj: -1 } }, 'process.oomScoreAdj'],
  [
    'real-time scheduling',
    { process: { scheduler: { policy: 'SCHED_FIFO' } } },
    'process.scheduler.policy',
  ],
  ['seccomp', { linux: { seccomp: null } }, 'linux.seccomp'],
  ['namespaces', { linux: { namespaces: [] } }, 'linux.namespaces'],
  ['masked paths', { linux: { maskedPaths: [] } }, 'linux.maskedPaths'],
  ['read-only paths', { linux: { readonlyPaths: null } }, 'linux.readonlyPaths'],
  ['the cgroup', { linux: { cgroupsPath: '/' } }, 'linux.cgroupsPath'],
  ['devices', { linux: { devices: [] } }, 'linux.devices'],
  ['access to devices', { linux: { resources: { devices: [] } } }, 'linux.resources.devices'],
  [
    'the memory limit',
    { linux: { resources: { memory: { limit: -1 } } } },
    'linux.resources.memory.limit',
  ],
  [
    'the memory limit by its file',
    { linux: { resources: { unified: { 'memory.max': 'max' } } } },
    'linux.resources.unified.memory.max',
  ],
  ['all limits', { linux: { resources: null } }, 'linux.resources'],
  ['the root', { root: { path: '/' } }, 'root'],
  ['mounts', { mounts: [{ destination: '/x', source: '/', type: 'bind' }] }, 'mounts'],
  ['hooks', { hooks: { prestart: [{ path: '/bin/sh' }] } }, 'hooks'],
  ['links of the host', { linux: { netDevices: { eth0: {} } } }, 'linux.netDevices'],
  [
    'a member in another case, which runc takes for the same',
    { Linux: { Seccomp: null } },
    'Linux',
  ],
  ['a member with a letter that folds to another', { linux: { ſeccomp: null } }, 'linux.ſeccomp'],
]

describe('runtime_config', () => {
  for (const [says, patch, at] of patches) {
    it(`cannot undo ${says}`, () => {
      const found = faults(patch)
      assert.deepEqual(
        found.map((text) => text.split(': ')[0]),
        [`c.runtime_config.${at}`],
      )
    })
  }

  it('names the field that is for it', () => {
    const [fault] = faults({ root: { readonly: false } })
    assert.equal(fault, 'c.runtime_config.root: set read_only_root of the object instead')
  })

  it('is merged as RFC 7396 has it', () => {
    const target = { a: 'b', c: { d: 'e', f: 'g' }, list: [1, 2] }
    const patch = { a: 'z', c: { f: null }, list: [3], n: { x: null, y: 1 } }
    assert.deepEqual(mergePatch(target, patch), { a: 'z', c: { d: 'e' }, list: [3], n: { y: 1 } })
    const own = JSON.parse('{"__proto__":{"x":1}}')
    assert.deepEqual(Object.keys(mergePatch({}, own) as object), ['__proto__'])
    assert.equal(({} as Record<string, unknown>)['x'], undefined)
  })
})
