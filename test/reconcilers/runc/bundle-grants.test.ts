import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { grantFault, refusalOf } from '../../../reconcilers/runc/bundle/grants.ts'
import { signalNumber } from '../../../reconcilers/runc/bundle/signals.ts'
import { containerSpec } from './bundles.ts'

/** Where links lead; what is not here is not there. */
const paths: Readonly<Record<string, string>> = {
  '/srv': '/mnt/disk/srv',
  '/srv/data': '/mnt/disk/srv/data',
  '/srv/out': '/etc/cron.d',
  '/srv/back': '/state/covey/x',
  '/opt/x': '/opt/x',
  '/opt/alice/data': '/root',
  '/dev/dri': '/dev/dri',
  '/dev/dri/card0': '/dev/dri/card0',
  '/dev/sneaky': '/opt/y',
  '/dev/by-id/a': '/dev/ttyUSB0',
  '/dev/by-id/b': '/dev/ttyUSB1',
}

/** Where grants go by links that others than root may change. */
const loose: Readonly<Record<string, string>> = { '/opt/alice/data': '/opt/alice/data' }

function refusal(object: object, ...grants: readonly string[]): string | undefined {
  return refusalOf(containerSpec(object).container, {
    grants,
    settingsFile: '/etc/covey/agent.json',
    ownFolders: ['/state/covey'],
    realPath: (path) => paths[path] ?? null,
    grantedPath: (path) => {
      const link = loose[path]
      return link === undefined ? { real: paths[path] ?? path } : { link }
    },
  })
}

const mount = (host_path: string): object => ({ mounts: [{ host_path, path: '/x' }] })
const hostNetwork = { host_network: true, network: undefined, address: undefined }

describe('grants of a host', () => {
  const granted: readonly (readonly [string, object, readonly string[]])[] = [
    ['nothing for what asks for nothing', {}, []],
    ['a folder', mount('/srv'), ['path:/srv']],
    ['what lies in a folder', mount('/srv/data'), ['path:/srv']],
    ['a folder by the place that its link leads to', mount('/srv/data'), ['path:/mnt/disk']],
    ['a device', { devices: ['/dev/dri/card0'] }, ['device:/dev/dri']],
    ['a device by its link', { devices: ['/dev/by-id/a'] }, ['device:/dev/by-id/a']],
    ['a device by where its link leads', { devices: ['/dev/by-id/a'] }, ['device:/dev/ttyUSB0']],
    ['the network', hostNetwork, ['host-network']],
    ['settings of its own', { sysctls: { 'net.core.somaxconn': '9', 'fs.mqueue.x': '1' } }, []],
    ['a setting of the host', { sysctls: { 'vm.x': '9' } }, ['sysctl:vm.x']],
  ]
  for (const [says, object, grants] of granted) {
    it(`allow ${says}`, () => assert.equal(refusal(object, ...grants), undefined))
  }

  const refused: readonly (readonly [string, object, readonly string[], RegExp])[] = [
    ['a setting', { sysctls: { 'vm.x': '9' } }, ['sysctl:vm.y'], /sysctls vm.x.*"sysctl:vm.x"/],
    [
      'a setting of its network',
      { ...hostNetwork, sysctls: { 'net.core.x': '1' } },
      ['host-network'],
      /sysctls net.core.x/,
    ],
    ['a path', mount('/opt/x'), [], /"grants":\["path:\/opt\/x"\]\} to \/etc\/covey\/agent\.json/],
    [
      'a path beside one',
      mount('/opt/x'),
      ['path:/opt/xy', 'path:/op'],
      /is not granted on this host/,
    ],
    [
      'a link out of a folder',
      mount('/srv/out'),
      ['path:/srv'],
      /leads to \/etc\/cron\.d, is not granted/,
    ],
    [
      'a link into covey’s state',
      mount('/srv/back'),
      ['path:/srv', 'path:/'],
      /covey's own folder/,
    ],
    [
      'a grant that others may move',
      mount('/opt/alice/data'),
      ['path:/opt/alice/data'],
      /the grant path:\/opt\/alice\/data goes through the link .*: grant the real folder$/,
    ],
    ['what is not there', mount('/srv/none'), ['path:/srv/none'], /does not exist on this host/],
    [
      'a device behind a link beside one',
      { devices: ['/dev/by-id/b'] },
      ['device:/dev/by-id', 'device:/dev/ttyUSB0'],
      /device \/dev\/by-id\/b, which leads to \/dev\/ttyUSB1, is not granted/,
    ],
    ['a device by a path', { devices: ['/dev/dri'] }, ['path:/dev/dri'], /\["device:\/dev\/dri"\]/],
    [
      'a device that is none',
      { devices: ['/dev/sneaky'] },
      ['device:/dev/sneaky'],
      /outside \/dev/,
    ],
    [
      'a missing device',
      { devices: ['/dev/kvm'] },
      ['device:/dev/kvm'],
      /has no device \/dev\/kvm/,
    ],
    ['the network', hostNetwork, ['path:/srv'], /\{"grants":\["host-network"\]\}/],
  ]
  for (const [says, object, grants, reason] of refused) {
    it(`refuse ${says}, and say why`, () => assert.match(refusal(object, ...grants) ?? '', reason))
  }

  it('are words that mean something', () => {
    for (const text of ['path:/srv', 'device:/dev/dri', 'host-network']) {
      assert.equal(grantFault(text), undefined, text)
    }
    const wrong = [
      '',
      'srv',
      'path:',
      'path:/',
      'path:srv',
      'path:/a/../b',
      'path:/run/x',
      'path:/var',
    ]
    for (const text of [...wrong, 'device:/srv', 'device:/dev', 'host-network ', 'path:/a\n']) {
      assert.ok(grantFault(text), text)
    }
  })
})

describe('signals', () => {
  const cases: readonly (readonly [string, number | undefined])[] = [
    ...([
      ['SIGTERM', 15],
      ['term', 15],
      ['9', 9],
      ['SIGSYS', 31],
      ['SIGUSR1', 10],
    ] as const),
    ...([
      ['SIGRTMIN', 34],
      ['SIGRTMIN+3', 37],
      ['RTMAX-1', 63],
      ['SIGRTMAX', 64],
    ] as const),
    ...([
      ['', undefined],
      ['0', undefined],
      ['65', undefined],
      ['SIGRTMIN-1', undefined],
    ] as const),
    ...([
      ['SIGRTMIN+31', undefined],
      ['SIG', undefined],
      ['15 ', undefined],
    ] as const),
  ]
  for (const [text, number] of cases) {
    it(`has ${number ?? 'no number'} for "${text}"`, () => assert.equal(signalNumber(text), number))
  }
})
