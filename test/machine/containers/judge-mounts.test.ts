import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  type MountsWanted,
  mountsFault,
  type WantedMount,
} from '../../../machine/containers/mounts/judge-mounts.ts'
import {
  bytesOf,
  type MountEntry,
  parseMountTable,
} from '../../../machine/containers/mounts/mount-table.ts'

/** A host with a disk, another disk below /srv, and what every host has. */
const hostTable = `
20 1 254:0 / / rw - ext4 /dev/vda rw
21 20 0:20 / /proc rw - proc proc rw
22 20 0:21 / /sys rw - sysfs sysfs rw
23 20 0:5 / /dev rw - devtmpfs devtmpfs rw
24 20 0:22 / /run rw - tmpfs tmpfs rw
25 20 254:16 / /srv/disk rw - ext4 /dev/vdb rw
26 25 254:32 /in /srv/disk/more\\040room rw - ext4 /dev/vdc rw
30 24 0:40 / /run/covey/rootfs rw - overlay overlay rw
`

/** A container with a granted folder, a volume, memory and what the runtime makes. */
const containerTable = `
50 1 0:40 / / rw,nodev - overlay overlay rw
51 50 0:50 / /proc rw,nosuid - proc proc rw
52 50 0:51 / /dev rw,nosuid - tmpfs tmpfs rw
53 50 0:21 / /sys ro,nosuid - sysfs sysfs rw
54 53 0:52 / /sys/fs/cgroup rw - tmpfs tmpfs rw
55 54 0:30 /own /sys/fs/cgroup/cpu ro - cgroup cgroup rw
56 50 254:0 /srv/data /m ro,nosuid,nodev - ext4 /dev/vda rw
57 50 254:0 /var/lib/covey/volumes/v /v rw,nosuid,nodev - ext4 /dev/vda rw
58 50 0:53 / /memory rw,nosuid - tmpfs tmpfs rw
59 51 0:51 /null /proc/kcore rw,nosuid - tmpfs tmpfs rw
60 51 0:50 /sys /proc/sys ro - proc proc rw
`

function bind(init: Partial<WantedMount>): WantedMount {
  return {
    what: 'host_path /srv/data',
    destination: '/m',
    area: { device: '254:0', root: '/srv/data' },
    real: '/srv/data',
    options: ['ro', 'nosuid', 'nodev'],
    deepOptions: ['ro', 'nosuid', 'nodev'],
    isOwnPlace: false,
    ...init,
  }
}

const volume = bind({
  what: 'the volume v',
  destination: '/v',
  area: { device: '254:0', root: '/var/lib/covey/volumes/v' },
  real: '/var/lib/covey/volumes/v',
  options: ['nosuid', 'nodev'],
  deepOptions: null,
})

function wanted(init: Partial<MountsWanted> = {}, host: string = hostTable): MountsWanted {
  const mounts = parseMountTable(host)
  return {
    rootfs: { device: '0:40', root: '/' },
    binds: [bind({}), volume],
    places: ['/proc', '/dev', '/sys', '/sys/fs/cgroup', '/proc/kcore', '/proc/sys'],
    memory: ['/memory'],
    nodes: new Map(),
    host: {
      mounts,
      closed: [
        { name: 'a part of /run', area: { device: '0:22', root: '/' } },
        {
          name: 'a part of /var/lib/covey',
          area: { device: '254:0', root: '/var/lib/covey' },
        },
      ],
      top: { device: '254:0', root: '/' },
    },
    ...init,
  }
}

/** The container's table with a line exchanged, and lines added. */
function table(change: Readonly<Record<string, string>>, ...more: readonly string[]): MountEntry[] {
  const lines = containerTable.trim().split('\n')
  const changed = lines.map((line) => change[line.split(' ')[0] ?? ''] ?? line)
  return [...parseMountTable([...changed, ...more].filter((line) => line !== '').join('\n'))]
}

function fault(mounts: MountEntry[], by: MountsWanted = wanted()): string {
  return mountsFault(by, mounts)?.message ?? ''
}

describe('mounts of a container', () => {
  it('are read with all that a path may hold', () => {
    const [entry] = parseMountTable(
      '7 6 8:1 /a\\134b /c\\040\\303\\244 rw,nosuid sh:1 - ext4 x rw\n',
    )
    assert.deepEqual(
      [entry?.area, entry?.point, entry?.type],
      [{ device: '8:1', root: '/a\\b' }, bytesOf('/c ä'), 'ext4'],
    )
    assert.deepEqual(parseMountTable('\n\nnonsense\n'), [])
  })

  it('are as they should be', () => assert.equal(fault(table({})), ''))

  it('are as they should be with control groups of version 2', () => {
    const line = '54 53 0:30 /own /sys/fs/cgroup ro - cgroup2 cgroup rw'
    assert.equal(fault(table({ 54: line, 55: '' })), '')
    assert.match(fault(table({}, '70 50 0:30 / /x rw - cgroup2 cgroup rw')), /is mounted at \/x/)
  })

  const evil: readonly (readonly [string, string, RegExp])[] = [
    ['the whole host', '254:0 /', /replaced while it was being mounted: \/ was mounted instead/],
    ['a folder above', '254:0 /srv', /: \/srv was mounted instead of \/srv\/data/],
    ['a folder beside it', '254:0 /srv/data2', /: \/srv\/data2 was mounted/],
    ['a folder that is deleted', '254:0 /srv/data//deleted', /: something else was mounted/],
    ['the same path of another disk', '254:16 /srv/data', /was mounted/],
    ['memory', '0:77 /', /something else was mounted/],
  ]
  for (const [what, place, reason] of evil) {
    it(`are refused with ${what} in the place of a granted folder`, () => {
      const line = `56 50 ${place} /m ro,nosuid,nodev - ext4 x rw`
      assert.match(fault(table({ 56: line })), reason)
    })
  }

  it('are refused where one stands for two', () => {
    const twice = wanted({ binds: [bind({}), bind({ destination: '/n' }), volume] })
    const line = '70 50 254:0 / /n ro,nosuid,nodev - ext4 x rw'
    assert.match(fault(table({}, line), twice), /replaced .* \/ was mounted instead/)
  })

  it('are refused where something more is there', () => {
    const more = (line: string): string => fault(table({}, line))
    assert.match(more('70 50 254:0 /root /x rw - ext4 x rw'), /^\/root is mounted at \/x, where no/)
    assert.match(more('70 50 0:20 / /x rw - proc proc rw'), /^\/proc is mounted at \/x/)
    assert.match(more('70 50 0:21 / /x rw - sysfs sysfs rw'), /^\/sys is mounted at \/x/)
    assert.match(more('70 50 0:99 / /x rw - nsfs nsfs rw'), /^something of type nsfs is mounted/)
    assert.match(more('70 56 254:0 / /m/in rw - ext4 x rw'), /is mounted at \/m\/in/)
    assert.match(more('70 50 254:0 / / rw - ext4 x rw'), /is mounted at \//)
    assert.match(more('70 51 0:50 /x /proc rw - proc proc rw'), /is mounted at \/proc/)
  })

  it('are refused without the restrictions that they should have', () => {
    const line = (options: string): string => `56 50 254:0 /srv/data /m ${options} - ext4 x rw`
    assert.match(fault(table({ 56: line('rw,nosuid,nodev') })), /was mounted without ro$/)
    assert.match(fault(table({ 56: line('ro,nodev') })), /was mounted without nosuid$/)
  })

  it('are refused with another root file system', () => {
    const line = '50 1 254:0 / / rw - ext4 x rw'
    assert.notEqual(fault(table({ 50: line })), '')
    assert.match(fault(table({ 50: '' })), /root file system is not the one of its image/)
  })

  const deep = wanted({
    binds: [
      bind({ area: { device: '254:0', root: '/srv' }, real: '/srv', what: 'host_path /srv' }),
      volume,
    ],
  })
  const top = '56 50 254:0 /srv /m ro,nosuid,nodev - ext4 x rw'
  const below = (options: string): readonly string[] => [
    `70 56 254:16 / /m/disk ${options} - ext4 x rw`,
    `71 70 254:32 /in /m/disk/more\\040room ${options} - ext4 x rw`,
  ]

  it('bring along what the host has below a folder, and nothing that it has not', () => {
    assert.equal(fault(table({ 56: top }, ...below('ro,nosuid,nodev')), deep), '')
    assert.match(
      fault(table({ 56: top }, ...below('rw,nosuid,nodev')), deep),
      /what is mounted below host_path \/srv was mounted without ro/,
    )
    const other = '70 56 254:0 / /m/disk ro,nosuid,nodev - ext4 x rw'
    assert.match(fault(table({ 56: top }, other), deep), /\/ is mounted at \/m\/disk/)
    const elsewhere = '70 50 254:16 / /n ro,nosuid,nodev - ext4 x rw'
    assert.match(fault(table({ 56: top }, elsewhere), deep), /\/srv\/disk is mounted at \/n/)
  })

  it('are refused with what is never mounted below a folder', () => {
    for (const [line, what] of [
      ['0:22 / /srv/x rw - tmpfs tmpfs rw', /holds a part of \/run at \/m\/x, which is never/],
      ['254:0 /var/lib /srv/x rw - ext4 x rw', /holds a part of \/var\/lib\/covey at \/m\/x/],
      ['254:0 / /srv/x rw - ext4 x rw', /holds the whole host at \/m\/x/],
      ['0:20 / /srv/x rw - proc proc rw', /holds a mount of proc at \/m\/x/],
    ] as const) {
      const on = wanted({ binds: deep.binds }, `${hostTable}33 20 ${line}\n`)
      const inside = line.replace('/srv/x rw', '/m/x ro,nosuid,nodev')
      assert.match(fault(table({ 56: top }, `70 56 ${inside}`), on), what)
    }
  })

  it('are where links lead them, but at no closed place', () => {
    const led = (point: string): string =>
      fault(
        table({ 57: `57 50 254:0 /var/lib/covey/volumes/v ${point} rw,nosuid,nodev - ext4 x rw` }),
      )
    assert.equal(led('/run/v'), '')
    for (const point of ['/sys/kernel', '/proc/x', '/.covey/busybox', '/dev', '/dev/pts', '/']) {
      assert.match(led(point), new RegExp(`^/v leads to ${point.replace('.', '\\.')} by a link`))
    }
    assert.equal(fault(table({ 58: '58 50 0:53 / /elsewhere rw - tmpfs tmpfs rw' })), '')
    assert.match(
      fault(table({ 58: '58 53 0:53 / /sys/kernel rw - tmpfs tmpfs rw' })),
      /^\/memory leads to \/sys\/kernel by a link/,
    )
    assert.match(
      fault(table({}, '70 53 0:53 / /sys/fs/cgroup rw - tmpfs tmpfs rw')),
      /leads to \/sys\/fs\/cgroup by a link/,
    )
  })

  it('of covey’s own stay at their places', () => {
    const own = bind({ what: 'its own', destination: '/.covey/env/A', isOwnPlace: true })
    const line = (point: string): string =>
      `56 50 254:0 /srv/data ${point} ro,nosuid,nodev - x x rw`
    const by = wanted({ binds: [own, volume] })
    assert.equal(fault(table({ 56: line('/.covey/env/A') }), by), '')
    assert.match(fault(table({ 56: line('/etc/A') }), by), /what covey mounts there must not be/)
  })

  it('of a user namespace show nodes of the host, and those alone', () => {
    const nodes = new Map([
      ['/dev/null', { device: '0:5', root: '/null' }],
      ['/dev/zero', { device: '0:5', root: '/zero' }],
    ])
    const by = wanted({ nodes, places: [...wanted().places, ...nodes.keys()] })
    const lines = (zero: string): readonly string[] => [
      '70 52 0:5 /null /dev/null rw - devtmpfs x rw',
      `71 52 0:5 ${zero} /dev/zero rw - devtmpfs x rw`,
    ]
    const masked = { 59: '59 51 0:5 /null /proc/kcore rw - devtmpfs x rw' }
    assert.equal(fault(table(masked, ...lines('/zero')), by), '')
    assert.match(fault(table(masked, ...lines('/vda')), by), /\/dev\/vda is mounted at \/dev\/zero/)
  })
})
