import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { checkSchema } from '../../../reconcilers/cluster/parse.ts'
import { containerSchema, secretSchema, volumeSchema } from '../../../reconcilers/runc/spec.ts'
import { containerObject, sealedText } from './objects.ts'

/** `path: message` of every fault. */
function faults(more: object): readonly string[] {
  return checkSchema(containerSchema, 'c', containerObject(more)).faults.map(
    ({ path, message }) => `${path}: ${message}`,
  )
}

const sound: readonly (readonly [string, object])[] = [
  ['the least', {}],
  ['a tag beside the digest', { image: `nginx:1.27@sha256:${'a'.repeat(64)}` }],
  ['an IPv6 address', { address: 'fd00::5' }],
  ['an empty command, which clears the image’s', { command: [], args: ['/bin/x'] }],
  ['variables with dots', { env: { 'discovery.type': 'single-node', A: '', _x: '1' } }],
  ['users by name and number', { user: 'www-data:33' }],
  ['a number beyond 16 bits', { user: '2147483647' }],
  ['a host name with labels', { hostname: 'web.example.com' }],
  ['signals by name, number and offset', { stop_signal: 'SIGRTMIN+3' }],
  [
    'all kinds of mounts',
    {
      mounts: [
        { volume: 'data', path: '/data' },
        { host_path: '/srv/x', path: '/data/x', read_only: true },
      ],
      tmpfs: ['/tmp', '/dev/shm'],
      files: [
        { path: '/etc/app.conf', content: 'a', mode: '640' },
        { path: '/etc/app.bin', content_base64: 'AP8=', uid: 0, gid: 70 },
      ],
      secrets: [
        { secret: 's', path: '/run/secrets/s', mode: '0440' },
        { secret: 's', env: 'S' },
        { secret: 's', env_all: true },
        { secret: 's', path: '/run/secrets/t', uid: 70, gid: 0 },
      ],
    },
  ],
  [
    'capabilities with and without their prefix',
    {
      capabilities: { add: ['NET_ADMIN', 'CAP_SYS_TIME'], drop: ['ALL'] },
    },
  ],
  ['the network of the host', { host_network: true, network: undefined, address: undefined }],
  ['health by each of the three', { health: { http: { port: 80, path: '/health?x=1' } } }],
  [
    'a patch that protects nothing away',
    {
      runtime_config: {
        hostname: 'x',
        annotations: { a: 'b' },
        process: {
          cwd: '/x',
          env: ['A=b'],
          args: ['/x'],
          oomScoreAdj: 500,
          noNewPrivileges: true,
          rlimits: [{ type: 'RLIMIT_MEMLOCK', soft: 1, hard: 1 }],
        },
        linux: {
          sysctl: { 'net.core.somaxconn': '4096' },
          resources: {
            cpu: { shares: 512, cpus: '0' },
            memory: { reservation: 1 },
            unified: { 'memory.high': '1' },
          },
        },
      },
    },
  ],
]

const refused: readonly (readonly [string, object, string])[] = [
  ['a number that the runtime refuses', { user: '2147483648' }, 'c.user: must be a user'],
  [
    'a name that no file has',
    { working_dir: `/x/${'ä'.repeat(128)}` },
    'c.working_dir: has a part of more than 255 bytes',
  ],
  ['an image without digest', { image: 'nginx:1' }, 'c.image: has no digest'],
  ['an image with a damaged digest', { image: 'nginx@sha256:ab' }, 'c.image: '],
  ['a missing network', { network: undefined }, 'c.network: is required, unless host_network'],
  [
    'a mode of a variable',
    { secrets: [{ secret: 's', env: 'S', mode: '0400' }] },
    'c.secrets.0.mode: cannot be set with env',
  ],
  ['a number for a text', { hostname: 5 }, 'c.hostname: must be a string'],
  ['a text for a number', { resources: { pids: '9' } }, 'c.resources.pids: must be a n'],
  ['a missing address', { address: undefined }, 'c.address: is required, unless host_network'],
  ['an address with a prefix', { address: '10.0.0.1/24' }, 'c.address: must be an address'],
  [
    'a network beside the host’s',
    { host_network: true, address: undefined },
    'c.network: cannot be set',
  ],
  ['a program without a name', { command: [''] }, 'c.command.0: must name a program'],
  ['a NUL in an argument', { args: ['a\0'] }, 'c.args.0: must not hold a NUL'],
  ['an argument that the kernel refuses', { args: ['x'.repeat(131_072)] }, 'c.args.0: is longer'],
  ['a variable without a name', { env: { '': 'x' } }, 'c.env.: must have a name'],
  ['a variable with an equals sign', { env: { 'A=B': 'x' } }, 'c.env.A=B: must have a name'],
  ['a NUL in a variable', { env: { A: '\0' } }, 'c.env.A: must not hold a NUL'],
  ['a relative folder', { working_dir: 'x' }, 'c.working_dir: must be an absolute path'],
  ['a folder with dots', { working_dir: '/a/../b' }, 'c.working_dir: must have no empty part'],
  ['a user with too many parts', { user: 'a:b:c' }, 'c.user: must be a user or user:group'],
  ['the user that means none', { user: '4294967295' }, 'c.user: must be a user or user:group'],
  ['a user that is an option', { user: '-x' }, 'c.user: must be'],
  ['a host name with an underscore', { hostname: 'a_b' }, 'c.hostname: must be a host name'],
  ['a host name that is too long', { hostname: 'a'.repeat(65) }, 'c.hostname: must be'],
  ['an unknown signal', { stop_signal: 'SIGFOO' }, 'c.stop_signal: must be a signal'],
  ['signal zero', { stop_signal: '0' }, 'c.stop_signal: must be a signal'],
  ['a mount of nothing', { mounts: [{ path: '/x' }] }, 'c.mounts.0: must have exactly one of'],
  [
    'a mount of two things',
    { mounts: [{ volume: 'v', host_path: '/srv', path: '/x' }] },
    'c.mounts.0: must have exactly one of volume, host_path, but has volume and host_path',
  ],
  ['a mount over the image', { tmpfs: ['/'] }, 'c.tmpfs.0: nothing can be mounted over'],
  [
    'a mount below /proc',
    { tmpfs: ['/proc/sys'] },
    'c.tmpfs.0: nothing can be mounted below /proc',
  ],
  ['a mount over /dev', { tmpfs: ['/dev'] }, 'c.tmpfs.0: /dev is managed by covey'],
  [
    'a mount in covey’s folder',
    { tmpfs: ['/.covey/x'] },
    'c.tmpfs.0: nothing can be mounted below',
  ],
  [
    'one path twice',
    { tmpfs: ['/x'], files: [{ path: '/x', content: '' }] },
    'c.files.0.path: /x is already used by tmpfs.0',
  ],
  [
    'a path below a file',
    { files: [{ path: '/x', content: '' }], tmpfs: ['/x/y'] },
    'c.tmpfs.0: lies below /x, which is a file (files.0.path)',
  ],
  [
    'the whole host',
    { user_namespace: true, mounts: [{ host_path: '/', path: '/x' }] },
    'c.mounts.0.read_only: must be true for / of the host',
  ],
  [
    'the host’s /run',
    { mounts: [{ host_path: '/run/docker.sock', path: '/x' }] },
    'c.mounts.0.host_path: /run of the host is never mounted',
  ],
  [
    'the host’s /dev',
    { mounts: [{ host_path: '/dev/sda', path: '/x' }] },
    'c.mounts.0.host_path: /dev of the host is never mounted',
  ],
  [
    'covey’s state',
    { mounts: [{ host_path: '/var/lib/covey/x', path: '/x' }] },
    'c.mounts.0.host_path: lies in /var/lib/covey',
  ],
  [
    'what holds covey’s state',
    { mounts: [{ host_path: '/var', path: '/x' }] },
    'c.mounts.0.host_path: holds /var/lib/covey',
  ],
  [
    'files of more than 256 KiB',
    { files: [{ path: '/x', content: 'é'.repeat(131_073) }] },
    'c.files: hold 262146 bytes together',
  ],
  [
    'a mode that is none',
    { files: [{ path: '/x', content: '', mode: '4755' }] },
    'c.files.0.mode: must be an octal mode',
  ],
  ['a secret for nothing', { secrets: [{ secret: 's' }] }, 'c.secrets.0: must have exactly one of'],
  [
    'a secret over a variable',
    { env: { A: '1' }, secrets: [{ secret: 's', env: 'A' }] },
    'c.secrets.0.env: A is already set by env.A',
  ],
  [
    'a secret in a variable that no shell can set',
    { secrets: [{ secret: 's', env: 'a.b' }] },
    'c.secrets.0.env: must be letters',
  ],
  ['a device outside /dev', { devices: ['/etc/x'] }, 'c.devices.0: must be a path below /dev'],
  [
    'a device twice',
    { devices: ['/dev/dri', '/dev/dri/card0'] },
    'c.devices.1: is already included in devices.0',
  ],
  ['too little memory', { resources: { memory_bytes: 1 } }, 'c.resources.memory_bytes: '],
  ['a quota that the kernel refuses', { resources: { cpu_milli: 1 } }, 'c.resources.cpu_milli: '],
  [
    'an unknown capability',
    { capabilities: { add: ['FLY'] } },
    'c.capabilities.add.0: is not a capability',
  ],
  ['all capabilities', { capabilities: { add: ['ALL'] } }, 'c.capabilities.add.0: ALL cannot'],
  [
    'a capability added and dropped',
    { capabilities: { add: ['KILL'], drop: ['CAP_KILL'] } },
    'c.capabilities.drop.0: CAP_KILL is also in add',
  ],
  [
    'health by two',
    { health: { tcp: { port: 1 }, command: ['x'] } },
    'c.health: must have exactly',
  ],
  [
    'health by the image and more',
    { health: { tcp: { port: 1 }, from_image: true } },
    'c.health: must have exactly one of command, http, tcp, from_image, but has tcp and from_image',
  ],
  [
    'health by none',
    { health: {} },
    'c.health: must have exactly one of command, http, tcp, from_image',
  ],
  [
    'a health path with a line end',
    { health: { http: { port: 1, path: '/a\r\nX: y' } } },
    'c.health.http.path: must start with /',
  ],
  ['a label with a line end', { labels: { a: '\n' } }, 'c.labels.a: names and values'],
  ['an unknown field', { flying: true }, 'c.flying: no such field'],
]

describe('runc_container', () => {
  for (const [says, more] of sound) {
    it(`takes ${says}`, () => assert.deepEqual(faults(more), []))
  }
  for (const [says, more, expected] of refused) {
    it(`refuses ${says}, in one line`, () => {
      const found = faults(more)
      assert.equal(found.length, 1, found.join('\n'))
      assert.ok(found[0]?.startsWith(expected), found.join())
    })
  }
})

describe('volume and secret', () => {
  it('keeps a volume unless told otherwise', () => {
    const { value } = checkSchema(volumeSchema, 'v', { type: 'volume' })
    assert.equal(value?.on_remove, 'keep')
    assert.equal(
      checkSchema(volumeSchema, 'v', { type: 'volume', on_remove: 'x' }).faults.length,
      1,
    )
  })

  const jwes: readonly (readonly [string, string, string | null])[] = [
    ['a sealed secret', sealedText(), null],
    ['plain text', 'hunter2', 'must be a JWE in compact form'],
    ['another algorithm', sealedText({ alg: 'PBES2-HS256+A128KW' }), 'must be sealed with ECDH-ES'],
    ['another cipher', sealedText({ enc: 'A128CBC-HS256' }), 'must be sealed with ECDH-ES'],
    ['compression', sealedText({ zip: 'DEF' }), 'has an unknown member "zip" in'],
    ['a critical extension', sealedText({ crit: ['exp'] }), 'has an unknown member "crit" in'],
    [
      'another curve',
      sealedText({ epk: { kty: 'EC', crv: 'P-256' } }),
      'must be sealed to an X25519',
    ],
    ['no host', sealedText({ host: undefined }), 'must name its cluster, host and secret'],
    ['another kind of JWE', sealedText({ typ: 'JWT' }), 'must have the typ covey-secret+jwe'],
    ['a padded part', `${sealedText()}=`, 'must be a JWE in compact form'],
  ]
  for (const [says, jwe, message] of jwes) {
    it(`${message === null ? 'takes' : 'refuses'} ${says}`, () => {
      const { faults: found } = checkSchema(secretSchema, 's', { type: 'secret', jwe })
      const [fault, ...others] = found.map((each) => `${each.path}: ${each.message}`)
      assert.deepEqual(others, [])
      if (message === null) assert.equal(fault, undefined)
      else assert.ok(fault?.startsWith(`s.jwe: ${message}`), String(fault))
    })
  }
})
