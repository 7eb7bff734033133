import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { CoveyError } from '../../../protocol/fault.ts'
import { parseCidr } from '../../../reconcilers/addresses.ts'
import {
  batchCommand,
  parseBatchFailures,
  routeWords,
  setAliasCommand,
} from '../../../reconcilers/tools/ip.ts'
import { parseLook } from '../../../reconcilers/tools/ip-parse.ts'
import { linkSetting, parseAcceptRa, setCommand } from '../../../reconcilers/tools/sysctl.ts'
import {
  dumpCommand,
  isWireguardKey,
  parseDump,
  syncconfText,
} from '../../../reconcilers/tools/wg.ts'
import { word } from '../../../reconcilers/tools/words.ts'

const key = `${'A'.repeat(42)}A=`
const other = `${'B'.repeat(42)}A=`

function cidr(text: string) {
  const parsed = parseCidr(text)
  assert.ok(parsed)
  return parsed
}

/** True if a function throws only what callers expect. */
function isSound(act: () => unknown): boolean {
  try {
    act()
    return true
  } catch (error) {
    return error instanceof CoveyError
  }
}

describe('ip', () => {
  it('reads links, addresses and routes as iproute2 6.1 prints them', () => {
    const links = [
      { ifname: 'lo', flags: ['LOOPBACK'], mtu: 65536, addr_info: [] },
      {},
      {
        ifname: 'wg0',
        flags: ['POINTOPOINT', 'UP'],
        mtu: 1420,
        link_type: 'none',
        linkinfo: { info_kind: 'wireguard', info_data: {} },
        ifalias: 'covey:wg',
        addr_info: [
          { family: 'inet', local: '10.69.0.1', prefixlen: 16, scope: 'global' },
          { family: 'inet6', local: 'fe80::1', prefixlen: 64, scope: 'link' },
        ],
      },
    ]
    const routes = [
      { type: 'unicast', dst: '10.69.1.0/24', dev: 'wg0', table: 'main' },
      { type: 'unicast', dst: 'fd00::2', dev: 'wg0', table: 'main' },
      { type: 'unicast', dst: '10.9.0.0/24', dev: 'wg0', table: '51820' },
      { type: 'unicast', dst: 'default', dev: 'eth0', table: 'main' },
    ]
    const seen = parseLook(`${JSON.stringify(links)}\n${JSON.stringify(routes)}\n`)
    assert.deepEqual(seen.links[1], {
      name: 'wg0',
      kind: 'wireguard',
      alias: 'covey:wg',
      hardware: null,
      mtu: 1420,
      up: true,
      running: false,
      peerNamespace: null,
      addresses: [cidr('10.69.0.1/16')],
      linkLocal: [cidr('fe80::1/64')],
    })
    assert.deepEqual(seen.routes, [
      { destination: cidr('10.69.1.0/24'), link: 'wg0' },
      { destination: cidr('fd00::2/128'), link: 'wg0' },
    ])
    const { links: none, routes: also } = parseLook('[]\n')
    assert.deepEqual([...none, ...also], [])
  })

  it('reads links into namespaces, unreachable networks and forwarding', () => {
    const veth = {
      ifname: 'cv-0123456789ab',
      flags: ['BROADCAST', 'UP', 'LOWER_UP'],
      mtu: 1420,
      address: '02:00:00:00:00:01',
      link_netnsid: 7,
      linkinfo: { info_kind: 'veth' },
      addr_info: [{ family: 'inet', local: '169.254.1.1', prefixlen: 32, scope: 'link' }],
    }
    const routes = [
      { type: 'unreachable', dst: '10.69.1.0/24', table: 'main' },
      { type: 'unreachable', dst: 'fd00:1::/64', dev: 'lo', table: 'main' },
      { type: 'unreachable', dst: '10.9.0.0/24', table: '7' },
      { type: 'unreachable', dst: '10.69.0.0/16', table: 'main', metric: 4294967295 },
    ]
    const names = [{ name: 'covey-web', id: 7 }, { name: 'bare' }]
    const forwarding = [
      { family: 'inet', interface: 'all', forwarding: true, rp_filter: 'off' },
      { family: 'inet6', interface: 'all', forwarding: false },
      { family: 'inet6', interface: 'eth0', forwarding: true },
    ]
    const lines = [[veth], routes, names, forwarding].map((each) => `${JSON.stringify(each)}\n`)
    const seen = parseLook(lines.join(''))
    const [link] = seen.links
    assert.deepEqual([link?.hardware, link?.running, link?.peerNamespace], [veth.address, true, 7])
    assert.deepEqual(link?.linkLocal, [cidr('169.254.1.1/32')])
    assert.deepEqual(seen.routes, [])
    assert.deepEqual(seen.unreachable, [cidr('10.69.1.0/24'), cidr('fd00:1::/64')])
    assert.deepEqual(seen.guards, [cidr('10.69.0.0/16')])
    assert.deepEqual([...seen.namespaces], Object.entries({ 'covey-web': 7, bare: null }))
    assert.deepEqual([...seen.forwarding[4], ...seen.forwarding[6]], ['all', 'eth0'])
  })

  it('reads garbage as a fault, never as something else', () => {
    fc.assert(fc.property(fc.string(), (text) => isSound(() => parseLook(text))))
    fc.assert(fc.property(fc.json(), fc.json(), (a, b) => isSound(() => parseLook(`${a}\n${b}\n`))))
  })

  it('finds the lines of a batch that failed', () => {
    const stderr = [
      'Cannot find device "nosuch"',
      'Command failed -:3',
      'RTNETLINK answers: File exists',
      'Command failed -:5',
    ].join('\n')
    assert.deepEqual(
      [...parseBatchFailures({ exitCode: 1, stdout: '', stderr })],
      [
        [2, 'Cannot find device "nosuch"'],
        [4, 'RTNETLINK answers: File exists'],
      ],
    )
  })

  it('lets no value become an option, a second line or a comment', () => {
    for (const text of ['-x', '--help', 'a b', 'a\nb', '#a', "a'", 'a"', 'a\\', '', '@a', 'a;b']) {
      assert.throws(() => word(text), { code: 'unsafe-argument' }, JSON.stringify(text))
      assert.throws(() => setAliasCommand(text, 'x'), { code: 'unsafe-argument' })
      assert.throws(() => dumpCommand(text), { code: 'unsafe-argument' })
      const lines = [{ object: 'a', words: routeWords('add', cidr('10.0.0.0/8'), text) }]
      assert.throws(() => batchCommand(lines), { code: 'unsafe-argument' })
    }
    fc.assert(
      fc.property(fc.string(), (text) => {
        if (!/^[^\s#'"\\-][^\s#'"\\]*$/.test(text)) {
          assert.throws(() => word(text))
        }
      }),
    )
  })
})

describe('sysctl', () => {
  it('reads which links take router advertisements', () => {
    const lines = ['net.ipv6.conf.all.accept_ra = 1', 'net.ipv6.conf.eth0/5.accept_ra = 2', 'x']
    assert.deepEqual([...parseAcceptRa(lines.join('\n'))], Object.entries({ all: 1, 'eth0.5': 2 }))
  })

  it('writes settings in their order, and none that is not one', () => {
    const settings = [
      { name: linkSetting(6, 'eth0.5', 'accept_ra'), value: 2 },
      { name: 'net/ipv4/ip_forward', value: 1 },
    ]
    const written = ['net/ipv6/conf/eth0.5/accept_ra=2', 'net/ipv4/ip_forward=1']
    assert.deepEqual(setCommand(settings).args, ['-q', '-w', ...written])
    assert.deepEqual(setCommand(settings, true).args, ['-e', '-q', '-w', ...written])
    for (const name of ['-p', 'a b', 'a\nb', '']) {
      const isEmpty = name === ''
      const make = (): unknown => setCommand([{ name, value: 1 }])
      assert.throws(make, { code: 'unsafe-argument' }, isEmpty ? 'no name' : name)
    }
  })
})

describe('wg', () => {
  it('reads a dump', () => {
    const dump = [
      `${other}\t${key}\t51820\toff`,
      `${other}\t(none)\t[2001:DB8::1]:51820\t10.69.1.0/24,10.0.0.0/8\t1780000000\t1\t2\t25`,
      `${key}\t(none)\t(none)\t(none)\t0\t0\t0\toff`,
    ].join('\n')
    assert.deepEqual(parseDump(`${dump}\n`), {
      publicKey: key,
      listenPort: 51820,
      peers: [
        {
          publicKey: other,
          endpoint: '[2001:db8::1]:51820',
          allowedIps: ['10.0.0.0/8', '10.69.1.0/24'],
          handshakeSeconds: 1780000000,
          keepaliveSeconds: 25,
        },
        {
          publicKey: key,
          endpoint: null,
          allowedIps: [],
          handshakeSeconds: 0,
          keepaliveSeconds: 0,
        },
      ],
    })
    assert.equal(parseDump('(none)\t(none)\t0\toff\n').publicKey, null)
    fc.assert(fc.property(fc.string(), (text) => isSound(() => parseDump(text))))
  })

  it('knows the one spelling of a key', () => {
    assert.ok(isWireguardKey(key))
    for (const text of [
      `${'A'.repeat(43)}=`.replace(/A=$/, 'B='),
      'A'.repeat(44),
      '',
      `${key}\n`,
    ]) {
      assert.equal(isWireguardKey(text), false, text)
    }
  })

  it('writes a file that leaves out endpoints that are to stay', () => {
    const peer = { publicKey: other, allowedIps: [cidr('10.69.1.0/24')], keepaliveSeconds: 0 }
    const text = syncconfText(key, 51820, [
      { ...peer, endpoint: null },
      { ...peer, endpoint: '192.0.2.1:1', keepaliveSeconds: 25 },
    ])
    assert.equal(
      text,
      [
        `[Interface]\nPrivateKey = ${key}\nListenPort = 51820\n`,
        `[Peer]\nPublicKey = ${other}\nAllowedIPs = 10.69.1.0/24\nPersistentKeepalive = off\n`,
        `[Peer]\nPublicKey = ${other}\nAllowedIPs = 10.69.1.0/24\nEndpoint = 192.0.2.1:1`,
        'PersistentKeepalive = 25\n',
      ].join('\n'),
    )
    const evil = { ...peer, endpoint: '192.0.2.1:1\n[Peer]' }
    assert.throws(() => syncconfText(key, 1, [evil]), { code: 'unsafe-argument' })
    assert.throws(() => syncconfText('x\ny', 1, []), { code: 'unsafe-argument' })
  })
})
