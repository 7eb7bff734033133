import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { isObject } from '../../../protocol/documents/canonical-json.ts'
import { lintConfig } from '../../../reconcilers/lint.ts'
import { mergePatch, patchFaults } from '../../../reconcilers/runc/bundle/patch/patch.ts'
import { containerObject } from './objects.ts'

const device = { major: 8, minor: 0 }
const rate = [{ ...device, rate: 1024 }]

/** Every member that a patch may set, with a value of its type (runtime-spec, specs-go). */
const sound = {
  hostname: 'h',
  domainname: 'd',
  annotations: { 'org.example.a': 'b' },
  process: {
    noNewPrivileges: true,
    oomScoreAdj: 500,
    rlimits: [{ type: 'RLIMIT_NOFILE', soft: 10, hard: 20 }],
    scheduler: {
      ...{ policy: 'SCHED_BATCH', nice: -5, priority: 0, flags: ['SCHED_FLAG_RESET_ON_FORK'] },
      ...{ runtime: 0, deadline: 0, period: 0 },
    },
    args: ['sh'],
    env: ['A=b'],
    consoleSize: { height: 25, width: 80 },
    apparmorProfile: 'p',
    selinuxLabel: 'l',
    ioPriority: { class: 'IOPRIO_CLASS_IDLE', priority: 3 },
    execCPUAffinity: { initial: '0', final: '0-1' },
  },
  linux: {
    sysctl: { 'net.core.somaxconn': '256' },
    intelRdt: {
      ...{ closID: 'c', l3CacheSchema: 'L3:0=f', memBwSchema: 'MB:0=20', schemata: ['L3:0=f'] },
      ...{ enableCMT: true, enableMBM: false, enableMonitoring: true },
    },
    personality: { domain: 'LINUX', flags: [] },
    mountLabel: 'm',
    timeOffsets: { monotonic: { secs: -5, nanosecs: 7 } },
    memoryPolicy: { mode: 'MPOL_BIND', nodes: '0', flags: ['MPOL_F_STATIC_NODES'] },
    resources: {
      memory: {
        ...{ reservation: -1, kernel: 1, kernelTCP: 1, swappiness: 60, useHierarchy: true },
        checkBeforeUpdate: true,
      },
      cpu: { shares: 512, burst: 100, cpus: '0-1', mems: '0', idle: 1 },
      blockIO: {
        weight: 100,
        leafWeight: 100,
        weightDevice: [{ ...device, weight: 100, leafWeight: 100 }],
        throttleReadBpsDevice: rate,
        throttleWriteBpsDevice: rate,
        throttleReadIOPSDevice: rate,
        throttleWriteIOPSDevice: rate,
      },
      hugepageLimits: [{ pageSize: '2MB', limit: 0 }],
      network: { classID: 1_048_577, priorities: [{ name: 'eth0', priority: 5 }] },
      rdma: { mlx5_1: { hcaHandles: 3, hcaObjects: 10_000 } },
      unified: { 'memory.high': 'max' },
    },
  },
}

const odd: readonly unknown[] = [
  ...[
    null,
    true,
    -1,
    0,
    1,
    65_535,
    65_536,
    2 ** 32 - 1,
    2 ** 32,
    2 ** 53 - 1,
    1.5,
    1e21,
    -(2 ** 53),
  ],
  ...['', 'x', '12', [], ['x'], [5], [null], [{}], {}, { x: 'y' }, { x: 5 }, { x: {} }],
  ...[[{ type: ['RLIMIT_NOFILE'], soft: 1, hard: 1 }], [{ major: 'x' }], { nodes: ['0'] }],
]

/** Paths of all members and items of a value. */
function pathsIn(value: unknown): readonly (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, inner]) => [
    [name],
    ...pathsIn(inner).map((path) => [name, ...path]),
  ])
}

/** A copy of `value` that has `inner` at a path. */
function replaced(value: unknown, [name, ...rest]: readonly string[], inner: unknown): unknown {
  if (name === undefined) return inner
  if (Array.isArray(value))
    return value.with(Number(name), replaced(value[Number(name)], rest, inner))
  const members = isObject(value) ? value : {}
  return { ...members, [name]: replaced(members[name], rest, inner) }
}

const faultsOf = (patch: unknown): ReturnType<typeof patchFaults> =>
  patchFaults(patch as Readonly<Record<string, unknown>>)

describe('types in runtime_config', () => {
  let folder: string
  let base: unknown
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'covey-patch-'))
    const written = execFileSync('runc', ['spec'], { cwd: folder, encoding: 'utf8' })
    assert.equal(written, '')
    base = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'))
  })
  after(() => rmSync(folder, { recursive: true }))

  /** The answer of runc: it reads the whole file before it looks at `cwd`, and makes nothing. */
  function decoded(patch: unknown): string {
    const config = mergePatch(mergePatch(base, patch), { process: { cwd: '' } })
    writeFileSync(join(folder, 'config.json'), JSON.stringify(config))
    const args = ['--root', join(folder, 'root'), 'create', '--bundle', folder, 'none']
    return spawnSync('runc', args, { encoding: 'utf8' }).stderr
  }

  it('are taken as the runtime spec has them', () => {
    assert.deepEqual(faultsOf(sound), [])
    assert.match(decoded(sound), /Cwd property must not be empty/)
  })

  it('are never taken where runc cannot read them', () => {
    for (const path of pathsIn(sound)) {
      for (const value of odd) {
        const patch = replaced(sound, path, value)
        if (faultsOf(patch).length > 0) continue
        const says = `${path.join('.')}: ${JSON.stringify(value)}`
        assert.match(decoded(patch), /Cwd property must not be empty/, says)
      }
    }
  })

  it('are refused in every place for which there is a wrong one', () => {
    for (const path of pathsIn(sound)) {
      const wrong = [5.5, { x: { y: [] } }]
      for (const value of wrong) {
        const found = faultsOf(replaced(sound, path, value))
        const at = path.join('.')
        assert.ok(found.length > 0, at)
        // A limit of a process is judged as a whole.
        const whole = at.startsWith('process.rlimits.') ? 'process.rlimits.0' : at
        const isArgument = at.startsWith('process.args.')
        for (const fault of found) {
          assert.ok(fault.path.join('.').startsWith(isArgument ? 'process.args' : whole), at)
        }
      }
    }
  })

  it('may be null wherever a patch can remove something', () => {
    const kept = ['args', 'oomScoreAdj', 'noNewPrivileges', 'scheduler.policy', 'rlimits.0']
    for (const path of pathsIn(sound)) {
      const at = path.join('.')
      const isItem = path.some((step) => /^\d+$/.test(step))
      const holdsProtection = ['process', 'linux', 'linux.resources', 'linux.resources.cpu']
      const isFixed = kept.some((name) => at.startsWith(`process.${name}`))
      if (isItem || isFixed || [...holdsProtection, 'linux.resources.memory'].includes(at)) continue
      assert.deepEqual(faultsOf(replaced(sound, path, null)), [], at)
    }
  })

  it('are told with the path in the config, whatever else is wrong with the object', () => {
    const patch = {
      hostname: 5,
      mounts: {},
      process: { args: 'sh' },
      linux: { resources: { memory: { limit: 'x' }, blockIO: { Weight: 1 } } },
    }
    const web = { ...containerObject({ runtime_config: patch }), image: 5 }
    const config = { aud: '', epoch: 1, version: 1, ancestors: [], iat: null, allowIsolation: [] }
    const found = lintConfig({ ...config, hosts: { h: { web } } } as never)
    const texts = found.map(({ path, code, message }) => `${path} ${code}: ${message}`)
    const at = 'hosts.h.web.runtime_config'
    assert.deepEqual(texts.filter((text) => text.startsWith(at)).sort(), [
      `${at}.hostname field-invalid: must be a string without NUL`,
      `${at}.linux.resources.blockIO.Weight field-invalid: is not a member of the OCI runtime spec here`,
      `${at}.linux.resources.memory.limit field-invalid: set resources.memory_bytes of the object instead`,
      `${at}.mounts field-invalid: set mounts, tmpfs, files or secrets of the object instead`,
      `${at}.process.args field-invalid: must be a list of strings without NUL`,
    ])
    assert.ok(texts.some((text) => text.startsWith('hosts.h.web.image ')))
  })
})
