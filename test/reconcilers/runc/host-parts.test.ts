import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { lintConfig } from '../../../reconcilers/lint.ts'
import { grantFault, grantsFor, refusalOf } from '../../../reconcilers/runc/bundle/grants.ts'
import { at, bundleOf, containerSpec } from './bundles.ts'
import { configOf, lintedFaults } from './looks.ts'

const reading = (host_path: string): object => ({
  mounts: [{ host_path, path: '/x', read_only: true }],
})
const mapped = { user_namespace: true }

function faultsOf(members: object): string {
  return lintedFaults(members).join('\n')
}

const real: Readonly<Record<string, string>> = {
  '/run/dbus': '/run/dbus',
  '/var/run/dbus/system_bus_socket': '/run/dbus/system_bus_socket',
  '/run/udev/evil': '/run/secrets',
  '/run/udev': '/run/udev',
  '/': '/',
  '/proc': '/proc',
  '/sys/class/net': '/sys/class/net',
}

function refusal(members: object, ...grants: readonly string[]): string | undefined {
  return refusalOf(containerSpec(members).container, {
    grants,
    settingsFile: 'agent.json',
    ownFolders: ['/var/lib/covey'],
    realPath: (path) => real[path] ?? null,
    grantedPath: (path) => ({ real: path }),
  })
}

describe('parts of the host', () => {
  const taken = ['/run/dbus', '/var/run/dbus/system_bus_socket', '/run/udev', '/sys/class/net']
  for (const path of taken) {
    it(`may be read: ${path}`, () => assert.equal(faultsOf(reading(path)), ''))
  }

  it('are seen by users of the container alone, where they show its processes or files', () => {
    for (const members of [reading('/'), reading('/proc'), { host_pid: true }]) {
      assert.match(faultsOf(members), /^c\.user_namespace: must be true for a container that sees/)
      assert.equal(faultsOf({ ...members, ...mapped }), '')
      const near = {
        ...members,
        ...mapped,
        host_network: true,
        network: undefined,
        address: undefined,
      }
      assert.equal(faultsOf(near), '')
    }
  })

  const refused: readonly (readonly [string, object, RegExp])[] = [
    [
      'writing',
      { mounts: [{ host_path: '/run/dbus', path: '/x' }] },
      /read_only: must be true for/,
    ],
    [
      'making',
      { mounts: [{ host_path: '/sys/x', path: '/x', read_only: true, create: true }] },
      /create/,
    ],
    ['what lies beside', reading('/run/dbusx'), /\/run of the host is never mounted/],
    ['a way up', reading('/run/dbus/../x'), /must have no empty part/],
    ['a process', reading('/proc/1/root'), /\/proc of the host is never mounted/],
    ['other sockets', reading('/run/docker.sock'), /\/run of the host is never mounted/],
  ]
  for (const [says, members, reason] of refused) {
    it(`allow no ${says}`, () => assert.match(faultsOf(members), reason))
  }

  it('are never volumes', () => {
    const config = configOf({ v: { type: 'volume', path: '/run/dbus' } })
    assert.match(JSON.stringify(lintConfig(config)), /never mounted/)
  })

  it('need their own grant, and no path opens them', () => {
    assert.deepEqual(grantsFor(containerSpec(reading('/run/dbus')).container), ['dbus'])
    const all = {
      ...mapped,
      host_pid: true,
      mounts: [
        ...(at(reading('/'), 'mounts') as []),
        ...(at(reading('/sys/class/net'), 'mounts') as []),
      ],
    }
    assert.equal(
      grantsFor(containerSpec({ ...mapped, host_pid: true }).container)[0],
      'host-metrics',
    )
    assert.deepEqual(
      new Set(grantsFor(containerSpec({ ...all, mounts: [all.mounts[0]] }).container)),
      new Set(['host-metrics']),
    )
    assert.match(refusal(reading('/run/dbus'), 'udev', 'path:/run/dbus') ?? '', /"dbus"/)
    assert.equal(refusal(reading('/run/dbus'), 'dbus'), undefined)
    assert.equal(refusal(reading('/var/run/dbus/system_bus_socket'), 'dbus'), undefined)
    assert.match(refusal({ ...mapped, ...reading('/') }, 'path:/srv') ?? '', /"host-metrics"/)
    assert.match(refusal({ ...mapped, host_pid: true }) ?? '', /^host_pid is not granted/)
    assert.equal(
      refusal({ ...mapped, ...reading('/proc'), host_pid: true }, 'host-metrics'),
      undefined,
    )
    assert.match(refusal(reading('/sys/class/none'), 'host-metrics') ?? '', /does not exist/)
    assert.match(
      refusal(reading('/run/udev/evil'), 'udev') ?? '',
      /leads to \/run\/secrets, which udev/,
    )
    for (const grant of ['dbus', 'udev', 'host-metrics']) assert.equal(grantFault(grant), undefined)
    for (const grant of ['dbus:x', 'host-metric', 'path:/run/dbus', 'path:/', 'path:/proc']) {
      assert.ok(grantFault(grant), grant)
    }
  })

  it('are mounted read-only, the root without what is mounted below it', () => {
    const sourceOf = (members: object): unknown => {
      const mounts = at(bundleOf(members).config, 'mounts') as { destination: string }[]
      return mounts.find(({ destination }) => destination === '/x')
    }
    const options = ['rbind', 'rprivate', 'rnosuid', 'rnodev', 'rro']
    const bind = (source: string) => ({ destination: '/x', type: 'bind', source, options })
    assert.deepEqual(sourceOf({ ...mapped, ...reading('/') }), bind('/run/covey-roots/id.host'))
    assert.deepEqual(sourceOf(reading('/var/run/udev')), bind('/run/udev'))
    assert.deepEqual(bundleOf({ ...mapped, ...reading('/') }).mountNeeds.hostRoot, true)
    assert.equal(bundleOf(reading('/sys/class/net')).mountNeeds.hostRoot, undefined)
  })

  it('show the processes of the host in place of those of the container', () => {
    const { config } = bundleOf({ ...mapped, host_pid: true })
    const types = (at(config, 'linux', 'namespaces') as { type: string }[]).map(({ type }) => type)
    assert.deepEqual(types, ['ipc', 'uts', 'mount', 'cgroup', 'user'])
    const proc = (at(config, 'mounts') as { destination: string; type: string }[]).find(
      ({ destination }) => destination === '/proc',
    )
    assert.equal(proc?.type, 'bind')
    assert.deepEqual(at(config, 'linux', 'readonlyPaths'), [])
  })
})
