import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { parseImageConfig } from '../../../../machine/images/formats/image-config.ts'

const diffId = `sha256:${'d'.repeat(64)}`
const rootfs = { type: 'layers', diff_ids: [diffId] }

function parse(document: unknown, layers = 1) {
  return parseImageConfig(Buffer.from(JSON.stringify(document)), layers)
}

describe('an image config', () => {
  it('comes out whole', () => {
    const parsed = parse({
      os: 'linux',
      architecture: 'arm',
      variant: 'v7',
      rootfs,
      config: {
        Entrypoint: ['/entry'],
        Cmd: ['a', ''],
        Env: ['PATH=/bin', 'EMPTY=', 'A=b=c', 'NONE', '=x'],
        WorkingDir: 'srv//./app/../www/',
        User: 'www-data:www-data',
        StopSignal: 'SIGQUIT',
        Volumes: { '/data': {}, 'cache/': {}, '/data/.': null },
        Labels: { a: 'b' },
        Healthcheck: {
          ...{ Test: ['CMD', '/check', 'x'], Interval: 1_500_000_000, Timeout: 0, Retries: 2 },
          ...{ StartPeriod: 5_000_000_000_000_000, StartInterval: -1 },
        },
        ExposedPorts: { '80/tcp': {} },
      },
    })
    assert.ok(parsed.ok, JSON.stringify(parsed))
    assert.deepEqual(parsed.value, {
      config: {
        entrypoint: ['/entry'],
        command: ['a', ''],
        environment: ['PATH=/bin', 'EMPTY=', 'A=b=c'],
        workingDir: '/srv/www',
        user: 'www-data:www-data',
        stopSignal: 'SIGQUIT',
        volumes: ['/data', '/cache'],
        healthcheck: {
          ...{ command: ['/check', 'x'], interval_seconds: 2, retries: 2, start_seconds: 3600 },
        },
      },
      diffIds: [diffId],
      platform: { os: 'linux', architecture: 'arm', variant: 'v7' },
    })
  })

  it('has defaults for whatever is absent or null', () => {
    const empty = {
      entrypoint: [],
      command: [],
      environment: [],
      workingDir: '/',
      user: '',
      stopSignal: null,
      volumes: [],
    }
    const nothing = {
      Entrypoint: null,
      Cmd: null,
      Env: null,
      WorkingDir: '',
      User: null,
      StopSignal: '',
      Volumes: null,
    }
    for (const config of [undefined, null, {}, nothing]) {
      const parsed = parse({ rootfs, config })
      assert.ok(parsed.ok, JSON.stringify(parsed))
      assert.deepEqual(parsed.value.config, empty)
      assert.deepEqual(parsed.value.platform, { os: '', architecture: '', variant: null })
    }
  })

  it('may have a user and a signal that are numbers', () => {
    const parsed = parse({ rootfs, config: { User: 1000, StopSignal: 3 } })
    assert.ok(parsed.ok)
    assert.equal(parsed.value.config.user, '1000')
    assert.equal(parsed.value.config.stopSignal, '3')
  })

  it('may have no entrypoint in all the ways that there are', () => {
    for (const Entrypoint of [undefined, null, [], [''], '']) {
      const parsed = parse({ rootfs, config: { Entrypoint, Cmd: ['a'] } })
      assert.ok(parsed.ok, JSON.stringify(Entrypoint))
      assert.deepEqual(parsed.value.config.entrypoint, [])
    }
    const parsed = parse({ rootfs, config: { Entrypoint: ['/e', ''], Cmd: [''] } })
    assert.ok(parsed.ok)
    assert.deepEqual(parsed.value.config.entrypoint, ['/e', ''])
    assert.deepEqual(parsed.value.config.command, [''])
  })

  it('may have a mere text for a command, which is one word', () => {
    const parsed = parse({ rootfs, config: { Entrypoint: '/entry', Cmd: 'a b' } })
    assert.ok(parsed.ok)
    assert.deepEqual(parsed.value.config.entrypoint, ['/entry'])
    assert.deepEqual(parsed.value.config.command, ['a b'])
  })

  const odd: Readonly<Record<string, object>> = {
    'a user of all kinds': { User: ':100' },
    'a user without group': { User: '1000:' },
    'the folder it is in': { WorkingDir: '.' },
    'no volumes': { Volumes: {} },
    'odd ports': { ExposedPorts: { http: null, '99999/sctp': 'x' } },
    'ports as a list': { ExposedPorts: ['80'] },
    'no labels': { Labels: null },
    'labels that are numbers': { Labels: { a: 1 } },
    'a signal in small letters': { StopSignal: 'sigterm' },
    'a real-time signal': { StopSignal: 'SIGRTMIN+3' },
    'no health check': { Healthcheck: { Test: ['NONE'] } },
    'an empty health check': { Healthcheck: [] },
    'a health check of a shell': { Healthcheck: { Test: ['CMD-SHELL', 'x'], Interval: 1e9 } },
    'a shell': { Shell: ['/bin/sh', '-c'], ArgsEscaped: true, OnBuild: null },
    'triggers for builds': { OnBuild: ['RUN x'], Image: 'sha256:x', Domainname: '', Tty: 'no' },
    'what nobody knows': { Unknown: { deep: [1, 2.5, null] }, '': 0 },
    'variables twice': { Env: ['A=1', 'A=2', 'A', '=', ''] },
  }
  for (const [says, config] of Object.entries(odd)) {
    it(`may have ${says}`, () => {
      const parsed = parse({ rootfs, config })
      assert.ok(parsed.ok, JSON.stringify(parsed))
    })
  }

  it('may have odd things around its settings', () => {
    for (const around of [
      { history: null },
      { history: [{ empty_layer: 'x' }, {}, {}] },
      { created: 'yesterday' },
      { created: 7, author: null },
      { container_config: { Cmd: 'x' }, docker_version: '1.9', parent: 'sha256:x', id: 7 },
      { 'os.version': 1, 'os.features': null, Size: -1 },
      { rootfs: { diff_ids: [diffId] } },
      { rootfs: { type: '', diff_ids: [diffId] } },
      { rootfs: { ...rootfs, base_layer: 'x' } },
    ]) {
      const parsed = parse({ rootfs, config: { Cmd: ['a'] }, ...around })
      assert.ok(parsed.ok, JSON.stringify([around, parsed]))
      assert.deepEqual(parsed.value.config.command, ['a'])
    }
  })

  const bad: readonly (readonly [string, unknown, RegExp])[] = [
    ['no rootfs', {}, /at rootfs: must be an object that names the layers/],
    [
      'no diff_ids',
      { rootfs: { type: 'layers' } },
      /at rootfs.diff_ids: must be a list of digests/,
    ],
    [
      'rootfs of another type',
      { rootfs: { ...rootfs, type: 'x' } },
      /at rootfs.type: must be "layers"/,
    ],
    ['diff_ids that are none', { rootfs: { ...rootfs, diff_ids: ['x'] } }, /at rootfs.diff_ids.0/],
    ['too few diff_ids', { rootfs: { ...rootfs, diff_ids: [] } }, /0 diff_ids, and the manifest 1/],
    [
      'too many diff_ids',
      { rootfs: { ...rootfs, diff_ids: [diffId, diffId] } },
      /2 diff_ids, and the manifest 1/,
    ],
    [
      'a command as an object',
      { rootfs, config: { Cmd: { sh: 1 } } },
      /at config.Cmd: must be a list of strings/,
    ],
    [
      'a number in a list',
      { rootfs, config: { Env: ['A=1', 2] } },
      /at config.Env.1: must be a string/,
    ],
    [
      'a NUL character',
      { rootfs, config: { Env: ['A=\0'] } },
      /at config.Env.0: must not contain a NUL/,
    ],
    ['a NUL in a volume', { rootfs, config: { Volumes: { '/a\0': {} } } }, /at config.Volumes/],
    [
      'volumes as a list',
      { rootfs, config: { Volumes: ['/a'] } },
      /at config.Volumes: must be an object/,
    ],
    [
      'the root as a volume',
      { rootfs, config: { Volumes: { '/a/..': {} } } },
      /declares \/ as a volume/,
    ],
    [
      'an odd signal',
      { rootfs, config: { StopSignal: 'SIG TERM' } },
      /at config.StopSignal: must name/,
    ],
    [
      'a user that is an object',
      { rootfs, config: { User: {} } },
      /at config.User: must be a string/,
    ],
    ['a config that is a text', { rootfs, config: 'x' }, /at config: must be an object/],
    [
      'endless lists',
      { rootfs, config: { Env: Array(5000).fill('A=1') } },
      /more than 4096 entries/,
    ],
    ['endless texts', { rootfs, config: { Env: [`A=${'x'.repeat(200_000)}`] } }, /longer than/],
  ]
  for (const [says, document, message] of bad) {
    it(`is refused with ${says}`, () => {
      const parsed = parse(document)
      assert.ok(!parsed.ok)
      assert.equal(parsed.fault.code, 'image-config')
      assert.match(parsed.fault.message, message)
    })
  }

  it('has a health check where it says one that can be run', () => {
    const commandOf = (Healthcheck: unknown, more: object = {}): unknown => {
      const parsed = parse({ rootfs, config: { Healthcheck, ...more } })
      return parsed.ok && parsed.value.config.healthcheck?.command
    }
    assert.deepEqual(commandOf({ Test: ['CMD-SHELL', 'a b'] }), ['/bin/sh', '-c', 'a b'])
    const own = { Shell: ['/bin/bash', '-ec'] }
    assert.deepEqual(commandOf({ Test: ['CMD-SHELL', 'a b'] }, own), ['/bin/bash', '-ec', 'a b'])
    const none = [null, 5, {}, { Test: [] }, { Test: ['NONE'] }, { Test: ['CMD'] }, { Test: 'x' }]
    for (const each of [...none, { Test: ['CMD', 5] }, { Test: ['CMD', '\0'] }]) {
      assert.equal(commandOf(each), undefined)
    }
  })

  it('is never thrown at', () => {
    const value = fc.oneof(fc.jsonValue(), fc.array(fc.string()), fc.string())
    const settings = fc.record(
      {
        Entrypoint: value,
        Cmd: value,
        Env: value,
        WorkingDir: value,
        User: value,
        StopSignal: value,
        Volumes: fc.oneof(value, fc.dictionary(fc.string(), value)),
        Healthcheck: fc.oneof(value, fc.record({ Test: value, Interval: value })),
        Shell: value,
      },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(fc.oneof(value, settings), value, (config, architecture) => {
        const parsed = parse({ rootfs, config, architecture })
        if (!parsed.ok) return
        const { workingDir, volumes } = parsed.value.config
        for (const path of [workingDir, ...volumes]) {
          assert.match(path, /^\//)
          assert.ok(!path.split('/').includes('..'))
        }
      }),
      { numRuns: 2000 },
    )
  })
})
