import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { checkSchema } from '../../../reconcilers/cluster/parse.ts'
import { initFiles } from '../../../reconcilers/runc/bundle/init/init.ts'
import { initSource } from '../../../reconcilers/runc/bundle/init/programs.ts'
import { containerSchema } from '../../../reconcilers/runc/spec.ts'
import { at, bundleOf } from './bundles.ts'
import { containerObject } from './objects.ts'

function faults(more: object): readonly string[] {
  return checkSchema(containerSchema, 'c', containerObject(more)).faults.map(
    ({ path, message }) => `${path}: ${message}`,
  )
}

const docker: readonly string[] = [
  ...['CHOWN', 'DAC_OVERRIDE', 'FSETID', 'FOWNER', 'MKNOD', 'NET_RAW', 'SETGID', 'SETUID'],
  ...['SETFCAP', 'SETPCAP', 'NET_BIND_SERVICE', 'SYS_CHROOT', 'KILL', 'AUDIT_WRITE'],
]

const sound: readonly (readonly [string, object])[] = [
  ['a seed', { mounts: [{ volume: 'v', seed: true, path: '/x' }] }],
  ['a part of a volume', { mounts: [{ volume: 'v', subpath: 'a/b', create: true, path: '/x' }] }],
  ['an init and a terminal', { init: true, tty: true, stdin_open: true }],
  ['groups by name and number', { group_add: ['video', '44'] }],
  ['limits', { ulimits: { nofile: { soft: 1, hard: 2 }, memlock: { soft: -1, hard: -1 } } }],
  ['no core files', { ulimits: { core: { soft: 0, hard: 0 } } }],
  ['settings', { sysctls: { 'net.core.somaxconn': '9', 'net.ipv4.tcp_rmem': '1\t2 3' } }],
  ['memory as text and with a form', { tmpfs: ['/a', { path: '/b', size_bytes: 4096, uid: 5 }] }],
  ['memory with a sticky mode', { tmpfs: [{ path: '/b', mode: '1777', gid: 5, exec: true }] }],
  ['all of Docker’s capabilities', { capabilities: { add: docker, ambient: false } }],
  ['new privileges', { no_new_privileges: false }],
  ['swap', { resources: { memory_bytes: 1 << 24, memory_swap_bytes: 1 << 24 } }],
  ['swap without a limit', { resources: { memory_bytes: 1 << 24, memory_swap_bytes: -1 } }],
]

const refused: readonly (readonly [string, object, string])[] = [
  [
    'a part of a path',
    { mounts: [{ host_path: '/srv', subpath: 'a', path: '/x' }] },
    'c.mounts.0.subpath: is for a',
  ],
  [
    'a part above',
    { mounts: [{ volume: 'v', subpath: '../a', path: '/x' }] },
    'c.mounts.0.subpath: must have no',
  ],
  [
    'a part from the top',
    { mounts: [{ volume: 'v', subpath: '/a', path: '/x' }] },
    'c.mounts.0.subpath: must be relative',
  ],
  [
    'a seed of a path',
    { mounts: [{ host_path: '/srv', seed: true, path: '/x' }] },
    'c.mounts.0.seed: is for a volume',
  ],
  [
    'a seed of a part',
    { mounts: [{ volume: 'v', subpath: 'a', seed: true, path: '/x' }] },
    'c.mounts.0.seed: is for a whole',
  ],
  ['a user for a group', { group_add: ['a:b'] }, 'c.group_add.0: must be one group'],
  [
    'an unknown limit',
    { ulimits: { files: { soft: 1, hard: 1 } } },
    'c.ulimits.files: is no limit',
  ],
  ['core files', { ulimits: { core: { soft: 0, hard: 9 } } }, 'c.ulimits.core: stays 0'],
  ['a soft limit above', { ulimits: { cpu: { soft: 2, hard: 1 } } }, 'c.ulimits.cpu: has a soft'],
  ['none above one', { ulimits: { cpu: { soft: -1, hard: 1 } } }, 'c.ulimits.cpu: has a soft'],
  ['half a limit', { ulimits: { cpu: { soft: 2 } } }, 'c.ulimits.cpu.hard: is required'],
  [
    'a path as a setting',
    { sysctls: { 'net/../x': '1' } },
    'c.sysctls.net/../x: must be a setting',
  ],
  ['dots alone', { sysctls: { 'net..x': '1' } }, 'c.sysctls.net..x: must be a setting'],
  ['two lines', { sysctls: { 'net.core.x': '1\n2' } }, 'c.sysctls.net.core.x: must be printable'],
  ['a number', { sysctls: { 'net.core.x': 1 } }, 'c.sysctls.net.core.x: must be a s'],
  ['the host name', { sysctls: { 'kernel.hostname': 'x' } }, 'c.sysctls.kernel.hostname: is what'],
  ['memory at /proc', { tmpfs: [{ path: '/proc/x' }] }, 'c.tmpfs.0.path: nothing can be'],
  ['memory without a path', { tmpfs: [{ size_bytes: 4096 }] }, 'c.tmpfs.0.path: is required'],
  ['memory of another kind', { tmpfs: [5] }, 'c.tmpfs.0: must be of type string or object'],
  ['an unknown member', { tmpfs: [{ path: '/a', size: 1 }] }, 'c.tmpfs.0.size: no such field'],
  ['a set-user-id mode', { tmpfs: [{ path: '/a', mode: '4777' }] }, 'c.tmpfs.0.mode: must be an'],
  ['no memory', { tmpfs: [{ path: '/a', size_bytes: 0 }] }, 'c.tmpfs.0.size_bytes: '],
  [
    'memory at one place twice',
    { tmpfs: ['/a', { path: '/a' }] },
    'c.tmpfs.1.path: /a is already used by tmpfs.0',
  ],
  [
    'the size of memory twice',
    { shm_bytes: 65_536, tmpfs: [{ path: '/dev/shm' }] },
    'c.shm_bytes: cannot be set with a mount',
  ],
  [
    'swap of nothing',
    { resources: { memory_swap_bytes: 1 << 24 } },
    'c.resources.memory_swap_bytes: needs memory_bytes',
  ],
  [
    'swap below memory',
    { resources: { memory_bytes: 1 << 24, memory_swap_bytes: 1 << 23 } },
    'c.resources.memory_swap_bytes: is memory and swap together',
  ],
  [
    'new privileges by a patch',
    { runtime_config: { process: { noNewPrivileges: false } } },
    'c.runtime_config.process.noNewPrivileges: set no_new_privileges of the object instead',
  ],
]

describe('fields of the runtime', () => {
  for (const [says, more] of sound) it(`take ${says}`, () => assert.deepEqual(faults(more), []))
  for (const [says, more, expected] of refused) {
    it(`refuse ${says}, in one line`, () => {
      const found = faults(more)
      assert.equal(found.length, 1, found.join('\n'))
      assert.ok(found[0]?.startsWith(expected), found.join())
    })
  }

  it('add groups of the image to those of the user', () => {
    const groups = { user: 'web', group_add: ['disk', '4242', 'staff'] }
    const user = at(bundleOf(groups).config, 'process', 'user', 'additionalGids')
    assert.deepEqual(user, [50, 6, 4242])
    assert.throws(() => bundleOf({ group_add: ['nobody-here'] }), /user-unknown: .*nobody-here/)
  })

  it('limit the process, within what the machine has', () => {
    const ulimits = { nofile: { soft: 10, hard: -1 }, memlock: { soft: -1, hard: -1 } }
    const limits = at(bundleOf({ ulimits }).config, 'process', 'rlimits')
    const none = Number.MAX_SAFE_INTEGER
    assert.deepEqual(limits, [
      { type: 'RLIMIT_NOFILE', soft: 10, hard: 20_000 },
      { type: 'RLIMIT_MEMLOCK', soft: none, hard: none },
      { type: 'RLIMIT_CORE', soft: 0, hard: 0 },
    ])
    const tooMany = { ulimits: { nofile: { soft: 1, hard: 20_001 } } }
    assert.throws(() => bundleOf(tooMany), /open-files: .*20001 is above 20000/)
  })

  it('set what is the container’s own in the kernel, over what covey sets', () => {
    const sysctls = { 'net.ipv4.ping_group_range': '1 0', 'kernel.shmmax': '5' }
    assert.deepEqual(at(bundleOf({ sysctls }).config, 'linux', 'sysctl'), {
      'net.ipv4.ip_unprivileged_port_start': '0',
      'net.ipv4.ping_group_range': '1 0',
      'kernel.shmmax': '5',
    })
  })

  it('copy the host’s time, where it has one', () => {
    const mounts = [
      ...['/etc/localtime', '/etc/timezone'].map((path) => ({ host_path: path, path })),
    ]
    const time = new Map([['localtime', new Uint8Array([1])]])
    const { config, files } = bundleOf({ mounts }, {}, { time })
    const found = at(config, 'mounts') as {
      destination: string
      source: string
      options: string[]
    }[]
    const [own] = found.filter(({ destination }) => destination === '/etc/localtime')
    assert.equal(own?.source, '/run/covey/containers/id/files/localtime')
    assert.ok(own?.options.includes('ro'))
    assert.deepEqual(
      found.filter(({ destination }) => destination === '/etc/timezone'),
      [],
    )
    assert.deepEqual(files.find(({ name }) => name === 'localtime')?.content, new Uint8Array([1]))
  })

  it('leave what is the host’s to the host, also in its network', () => {
    const sysctls = { 'vm.max_map_count': '262144', 'net.core.somaxconn': '9' }
    const own = bundleOf({ sysctls })
    assert.deepEqual(own.hostSettings, { 'vm.max_map_count': '262144' })
    assert.equal(at(own.config, 'linux', 'sysctl', 'net.core.somaxconn'), '9')
    assert.equal(at(own.config, 'linux', 'sysctl', 'vm.max_map_count'), undefined)
    const near = { host_network: true, network: undefined, address: undefined, sysctls }
    assert.deepEqual(bundleOf(near).hostSettings, sysctls)
    assert.equal(at(bundleOf(near).config, 'linux', 'sysctl'), undefined)
  })

  it('give memory with a size, an owner and a mode', () => {
    const tmpfs = [{ path: '/m', size_bytes: 8192, mode: '750', gid: 7, exec: true }]
    const { config } = bundleOf({ user: 'web', tmpfs })
    const mounts = at(config, 'mounts') as { destination: string; options: string[] }[]
    const options = mounts.find(({ destination }) => destination === '/m')?.options
    const plain = ['nosuid', 'nodev', 'exec', 'tmpcopyup', 'mode=750', 'uid=33', 'gid=7']
    assert.deepEqual(options, [...plain, 'size=8192'])
  })

  it('leave swap and privileges as they are unless asked', () => {
    const swap = { resources: { memory_bytes: 1 << 24, memory_swap_bytes: 1 << 25 } }
    const { config } = bundleOf({ ...swap, no_new_privileges: false })
    const memory = { limit: 1 << 24, swap: 1 << 25 }
    assert.deepEqual(at(config, 'linux', 'resources', 'memory'), memory)
    assert.equal(at(config, 'process', 'noNewPrivileges'), false)
    assert.equal(at(bundleOf({}).config, 'process', 'noNewPrivileges'), true)
  })

  it('keep capabilities from another user, unless by a program that has them', () => {
    const capabilities = { add: ['NET_RAW'], ambient: false }
    const found = at(bundleOf({ user: 'web', capabilities }).config, 'process', 'capabilities')
    assert.deepEqual(at(found, 'ambient'), [])
    assert.deepEqual(at(found, 'inheritable'), [])
    assert.ok((at(found, 'bounding') as string[]).includes('CAP_NET_RAW'))
  })

  it('run an init before whatever is run', () => {
    const { config, files } = bundleOf({
      init: true,
      runtime_config: { process: { args: ['/z'] } },
    })
    assert.deepEqual(at(config, 'process', 'args'), ['/.covey/init', '/z'])
    const file = files.find(({ name }) => name === 'init')
    assert.equal(file?.mode, 0o555)
    const secret = { init: true, secrets: [{ secret: 's', env: 'S' }] }
    const withSecret = bundleOf(secret, {}, {}, { s: 'jwe' }).config
    const args = at(withSecret, 'process', 'args') as string[]
    assert.deepEqual(args.slice(0, 3), ['/.covey/init', '/.covey/busybox', 'sh'])
    assert.throws(
      () => bundleOf({ init: true }, {}, { architecture: 'riscv64' }),
      /init: .*riscv64/,
    )
  })

  it('have an init that is made of the source beside it', () => {
    const folder = join(import.meta.dirname, '../../../reconcilers/runc/bundle/init')
    assert.equal(hash('sha256', readFileSync(join(folder, 'init.c'))), initSource)
    for (const [architecture, machine] of [
      ['x64', 62],
      ['arm64', 183],
    ] as const) {
      const bytes = Buffer.from(initFiles(architecture)[0]?.content ?? '')
      assert.equal(bytes.readUInt32BE(0), 0x7f454c46)
      assert.equal(bytes.readUInt16LE(18), machine)
    }
  })
})
