import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Mount } from '../../../reconcilers/runc/bundle/mounts.ts'
import { at, bundleOf } from './bundles.ts'

function mounts(object: object, image: object = {}, secrets: object = {}): readonly Mount[] {
  return bundleOf(object, image, {}, secrets).config['mounts'] as readonly Mount[]
}

describe('what every container has', () => {
  const { config } = bundleOf({})

  it('keeps what the runtime wrote and nobody asked otherwise', () => {
    assert.equal(config['ociVersion'], '1.0.2-dev')
    assert.equal(at(config, 'process', 'later'), 1)
    assert.ok((at(config, 'linux', 'maskedPaths') as string[]).includes('/proc/kcore'))
    assert.deepEqual(at(config, 'linux', 'readonlyPaths'), ['/proc/sys'])
  })

  it('is protected', () => {
    const process = config['process']
    const names = [
      'CHOWN',
      'DAC_OVERRIDE',
      'FOWNER',
      'KILL',
      'SETGID',
      'SETUID',
      'NET_BIND_SERVICE',
    ]
    const capabilities = names.map((name) => `CAP_${name}`)
    assert.deepEqual(at(process, 'capabilities'), {
      ...{ bounding: capabilities, effective: capabilities, permitted: capabilities },
      ...{ inheritable: [], ambient: [] },
    })
    assert.equal(at(process, 'noNewPrivileges'), true)
    assert.equal(at(process, 'terminal'), false)
    assert.deepEqual(at(process, 'rlimits'), [
      { type: 'RLIMIT_NOFILE', soft: 20_000, hard: 20_000 },
      { type: 'RLIMIT_CORE', soft: 0, hard: 0 },
    ])
    const namespaces = at(config, 'linux', 'namespaces') as { type: string; path?: string }[]
    assert.deepEqual(namespaces.map(({ type }) => type).sort(), [
      ...['cgroup', 'ipc', 'mount', 'network', 'pid', 'uts'],
    ])
    assert.equal(namespaces.at(-1)?.path, '/run/netns/covey.00000000.web')
    assert.equal(at(config, 'linux', 'cgroupsPath'), '/covey/id')
    assert.deepEqual(at(config, 'linux', 'resources'), {
      devices: [{ allow: false, access: 'rwm' }],
      pids: { limit: 2048 },
    })
    const seccomp = at(config, 'linux', 'seccomp')
    assert.equal(at(seccomp, 'defaultAction'), 'SCMP_ACT_ERRNO')
    assert.deepEqual(at(seccomp, 'architectures'), ['SCMP_ARCH_X86_64'])
  })

  it('has hosts, resolvers and a host name', () => {
    const names = bundleOf({}).files.map(({ name, content }) => `${name}: ${content}`)
    assert.deepEqual(names, [
      'hosts: 127.0.0.1 localhost\n',
      'resolv.conf: nameserver 192.0.2.53\n',
      'hostname: web\n',
    ])
    const hosts = mounts({}).find(({ destination }) => destination === '/etc/hosts')
    assert.equal(hosts?.source, '/run/covey/containers/id/files/hosts')
    assert.ok(hosts?.options?.includes('ro'))
    const own = { files: [{ path: '/etc/hosts', content: 'x' }] }
    const taken = mounts(own).filter(({ destination }) => destination === '/etc/hosts')
    assert.deepEqual(
      taken.map(({ source }) => source?.split('/').at(-1)),
      ['file-0'],
    )
  })
})

describe('the process', () => {
  const commands: readonly (readonly [string, object, string])[] = [
    ['the image’s own', {}, '/entry serve'],
    ['a command in place of all of it', { command: ['/x'] }, '/x'],
    ['arguments in place of the image’s', { args: ['a', 'b'] }, '/entry a b'],
    ['both', { command: ['/x'], args: ['a'] }, '/x a'],
    ['arguments as they are', { command: [], args: ['/y'] }, '/y'],
    ['no arguments', { args: [] }, '/entry'],
  ]
  for (const [says, object, expected] of commands) {
    it(`runs ${says}`, () => {
      const args = at(bundleOf(object).config, 'process', 'args') as string[]
      assert.equal(args.join(' '), expected)
    })
  }

  it('says what to do for an image without a program', () => {
    assert.throws(
      () => bundleOf({}, { entrypoint: [], command: [] }),
      /command-missing: .*set command/,
    )
  })

  const users: readonly (readonly [string | undefined, string, object])[] = [
    [undefined, '', { uid: 0, gid: 0, additionalGids: [6] }],
    [undefined, 'web', { uid: 33, gid: 34, additionalGids: [50, 6] }],
    ['33', 'root', { uid: 33, gid: 34, additionalGids: [50, 6] }],
    ['web:staff', '', { uid: 33, gid: 50, additionalGids: [] }],
    ['web:7', '', { uid: 33, gid: 7, additionalGids: [] }],
    ['1000', '', { uid: 1000, gid: 0, additionalGids: [] }],
  ]
  for (const [user, ofImage, expected] of users) {
    it(`is ${user ?? 'nobody named'} where the image says "${ofImage}"`, () => {
      const { config } = bundleOf({ user }, { user: ofImage })
      assert.deepEqual(at(config, 'process', 'user'), { ...expected, umask: 0o022 })
    })
  }

  it('names the user that an image has not', () => {
    assert.throws(() => bundleOf({ user: 'nobody' }), /user-unknown: .*no user "nobody"/)
    assert.throws(() => bundleOf({ user: 'web:nogroup' }), /user-unknown: .*no group "nogroup"/)
  })

  it('has an environment from the runtime, the image and the object, in that order', () => {
    const image = { environment: ['PATH=/opt/bin', 'A=1', 'broken'], user: 'web' }
    const env = at(bundleOf({ env: { A: '2', 'b.c': 'x y' } }, image).config, 'process', 'env')
    assert.deepEqual(env, [
      ...['PATH=/opt/bin', 'TERM=xterm', 'HOSTNAME=web', 'HOME=/var/www', 'A=2', 'b.c=x y'],
    ])
  })

  it('gives another user what is added by name', () => {
    const object = { user: '33', capabilities: { add: ['NET_ADMIN'], drop: ['ALL'] } }
    const sets = at(bundleOf(object).config, 'process', 'capabilities')
    assert.deepEqual(at(sets, 'ambient'), ['CAP_NET_ADMIN'])
    assert.deepEqual(at(sets, 'bounding'), ['CAP_NET_ADMIN'])
  })

  it('stops by the object’s signal, or the image’s, or TERM', () => {
    assert.equal(bundleOf({ stop_signal: 'SIGRTMIN+3' }, { stopSignal: '3' }).stopSignal, 37)
    assert.equal(bundleOf({}, { stopSignal: 'SIGQUIT' }).stopSignal, 3)
    assert.equal(bundleOf({}, { stopSignal: 'nonsense' }).stopSignal, 15)
  })
})

describe('mounts', () => {
  it('come outer ones first, whatever their kind', () => {
    const object = {
      mounts: [
        { volume: 'v', path: '/data/deep/er' },
        { host_path: '/srv/x', path: '/data', read_only: true },
      ],
      tmpfs: ['/data/deep'],
      files: [{ path: '/data/deep/er/file', content: 'x', mode: '0600' }],
    }
    const found = mounts(object).filter(({ destination }) => destination.startsWith('/data'))
    assert.deepEqual(
      found.map(({ destination, source }) => `${destination} ${source}`),
      [
        '/data /srv/x',
        '/data/deep tmpfs',
        '/data/deep/er /var/lib/covey/volumes/v',
        '/data/deep/er/file /run/covey/containers/id/files/file-0',
      ],
    )
    assert.deepEqual(found[0]?.options, ['rbind', 'rprivate', 'rnosuid', 'rnodev', 'rro'])
    assert.ok(found.slice(1).every(({ options }) => options?.includes('nosuid')))
    const { files, volumes } = bundleOf({ ...object, user: 'web' })
    const { name, content, mode, uid, gid } = files.at(-1) ?? {}
    assert.deepEqual([name, content, mode, uid, gid], ['file-0', 'x', 0o600, 33, 34])
    assert.deepEqual(volumes, [{ object: 'v', uid: 33, gid: 34 }])
  })

  it('have the bytes and the owner that the object gives a file', () => {
    const file = { path: '/x', content_base64: 'AP8=', uid: 5 }
    const { content, uid, gid } = bundleOf({ user: 'web', files: [file] }).files.at(-1) ?? {}
    assert.deepEqual([content, uid, gid], [Buffer.from([0, 255]), 5, 34])
    const beyond = { user_namespace: true, files: [{ ...file, uid: 65_536 }] }
    assert.throws(() => bundleOf(beyond), /user-namespace: .* an owner is 65536/)
  })

  it('of the host are of what its links lead to', () => {
    const hostPaths = new Map([['/srv/x', '/mnt/disk/x']])
    const object = { mounts: [{ host_path: '/srv/x', path: '/x' }] }
    const found = bundleOf(object, {}, { hostPaths }).config['mounts'] as Mount[]
    assert.ok(found.some(({ source }) => source === '/mnt/disk/x'))
  })

  it('take the place of the runtime’s', () => {
    const found = mounts({ tmpfs: ['/dev/shm'] }).filter(
      ({ destination }) => destination === '/dev/shm',
    )
    assert.equal(found.length, 1)
    assert.ok(found[0]?.options?.includes('mode=1777'))
  })

  it('have the shared memory that the object says', () => {
    const shm = (object: object): readonly string[] | undefined =>
      mounts(object).find(({ destination }) => destination === '/dev/shm')?.options
    assert.deepEqual(shm({}), ['nodev', 'size=65536k'])
    assert.deepEqual(shm({ shm_bytes: 1_048_576 }), ['nodev', 'size=1048576'])
    assert.deepEqual(shm({ shm_bytes: 65_536, user_namespace: true }), ['nodev', 'size=65536'])
  })

  it('make an image’s volumes writable below a root that is not', () => {
    const image = { volumes: ['/var/cache/', '/proc/x', 'relative', '/own', '/a/../b'] }
    const object = { tmpfs: ['/own'], read_only_root: true }
    const found = mounts(object, image).filter(({ type }) => type === 'tmpfs')
    assert.deepEqual(
      found.map(({ destination }) => destination),
      ['/dev/shm', '/own', '/var/cache'],
    )
    assert.deepEqual(mounts({}, image).filter(({ type }) => type === 'tmpfs').length, 1)
  })

  it('have a folder for each volume of an image, at a place of its own', () => {
    const image = { volumes: ['/var/cache/', '/proc/x', 'relative', '/a/../b'] }
    const folder = { path: '/var/cache', uid: 0, gid: 0 }
    assert.deepEqual(bundleOf({}, image).folders, [folder])
    const mapped = { path: '/var/cache', uid: 0x77000000, gid: 0x77000000 }
    assert.deepEqual(bundleOf({ user_namespace: true }, image).folders, [mapped])
  })
})

describe('secrets', () => {
  const object = {
    user: 'web',
    env: { PLAIN: '1', 'a.b': "it's" },
    secrets: [
      { secret: 's', path: '/etc/key', mode: '0440' },
      { secret: 's', env: 'TOKEN' },
    ],
  }

  it('are files of the user, and in no config', () => {
    const { config, secrets } = bundleOf(object, {}, {}, { s: 'sealed' })
    assert.deepEqual(secrets, [
      { name: 'secret-0', secret: 's', jwe: 'sealed', mode: 0o440, uid: 33, gid: 34 },
      { name: 'secret-1', secret: 's', jwe: 'sealed', mode: 0o400, uid: 33, gid: 34 },
    ])
    const found = mounts(object, {}, { s: 'sealed' }).map(
      (mount) => `${mount.destination} ${mount.source}`,
    )
    assert.ok(found.includes('/etc/key /run/covey/secrets/id/secret-0'))
    assert.ok(found.includes('/.covey/env/TOKEN /run/covey/secrets/id/secret-1'))
    assert.ok(found.includes('/.covey/busybox /bin/busybox'))
    assert.ok(!JSON.stringify(config).includes('sealed'))
    const args = at(config, 'process', 'args') as string[]
    assert.deepEqual(args.slice(-3), ['covey', '/entry', 'serve'])
  })

  it('are variables that a shell reads, or files of somebody else', () => {
    const uses = [
      { secret: 's', env_all: true },
      { secret: 's', path: '/key', uid: 7, gid: 8 },
    ]
    const { secrets } = bundleOf({ secrets: uses }, {}, {}, { s: 'sealed' })
    const [all, file] = secrets
    assert.deepEqual([all?.isVariables, all?.mode, all?.uid], [true, 0o400, 0])
    assert.deepEqual(
      [file?.isVariables, file?.mode, file?.uid, file?.gid],
      [undefined, 0o400, 7, 8],
    )
    const found = mounts({ secrets: uses }, {}, { s: 'sealed' })
    assert.ok(found.some(({ destination }) => destination === '/.covey/variables-0'))
  })

  it('need a busybox only where they go into an environment', () => {
    const without = { busybox: null }
    assert.throws(() => bundleOf(object, {}, without, { s: 'x' }), /busybox-missing: .*apt install/)
    bundleOf({ ...object, secrets: object.secrets.slice(0, 1) }, {}, without, { s: 'x' })
  })
})
