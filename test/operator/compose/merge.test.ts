import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ComposeService } from '../../../operator/compose/project.ts'
import { readFolder, web } from './reading.ts'

type Look = (service: ComposeService) => unknown

const values: Look = ({ environment }) =>
  Object.fromEntries([...environment].map(([key, { value }]) => [key, value]))
const labels: Look = (service) =>
  Object.fromEntries([...service.labels].map(([key, { value }]) => [key, value]))
const words: Look = ({ command }) => command?.map(({ value }) => value)
const ports: Look = (service) =>
  service.ports.map(
    (port) => `${port.hostAddress}:${port.hostPort}:${port.containerPort}/${port.protocol}`,
  )
const mounts: Look = ({ volumes }) => volumes.map(({ source, target }) => `${source}:${target}`)
const needs: Look = ({ dependsOn }) =>
  [...dependsOn].map(([name, { condition, isRequired }]) => `${name} ${condition} ${isRequired}`)

/** The first and the second file, and the result for the service. */
const merged: readonly (readonly [string, string, string, Look, unknown])[] = [
  ['a value', 'user: a', 'user: b', ({ user }) => user, 'b'],
  ['nothing over a value', 'user: a', 'user:', ({ user }) => user, 'a'],
  ['a value over nothing', 'user:', 'user: b', ({ user }) => user, 'b'],
  [
    'maps of variables',
    'environment: {A: 1, B: 1}',
    'environment: {B: 2, C: 2}',
    values,
    { A: '1', B: '2', C: '2' },
  ],
  [
    'a list over a map',
    'environment: {A: 1, B: 1}',
    'environment: [B=2, C=2]',
    values,
    { A: '1', B: '2', C: '2' },
  ],
  [
    'a map over a list',
    'environment: [A=1, B=1]',
    'environment: {B: 2}',
    values,
    { A: '1', B: '2' },
  ],
  ['a name without a value', 'environment: [A=1, B=1]', 'environment: [B]', values, { A: '1' }],
  ['labels', 'labels: [a=1, b]', 'labels: {b: 2}', labels, { a: '1', b: '2' }],
  ['a command', 'command: a b', 'command: [c]', words, ['c']],
  ['an emptied command', 'command: a b', 'command: []', words, []],
  ['a command of the image', 'command: a b', 'command:', words, undefined],
  [
    'a health check',
    'healthcheck: {test: a, retries: 2}',
    'healthcheck: {test: [CMD, b]}',
    ({ healthcheck }) =>
      healthcheck?.kind === 'check' && [healthcheck.retries, healthcheck.command?.length],
    [2, 1],
  ],
  ['ports', 'ports: ["80:80"]', 'ports: ["81:81", "80:80"]', ports, [':80:80/tcp', ':81:81/tcp']],
  [
    'ports of other hosts',
    'ports: ["80:80"]',
    'ports: ["8080:80"]',
    ports,
    [':80:80/tcp', ':8080:80/tcp'],
  ],
  [
    'a port in both forms',
    'ports: ["80:80"]',
    'ports: [{target: 80, published: "80"}]',
    ports,
    [':80:80/tcp'],
  ],
  [
    'a range and one of it',
    'ports: ["80-81:80-81"]',
    'ports: ["81:81"]',
    ports,
    [':80:80/tcp', ':81:81/tcp'],
  ],
  [
    'volumes by target',
    'volumes: ["a:/x", "./b:/y"]',
    'volumes: ["c:/x/", "a:/z"]',
    mounts,
    ['c:/x', './b:/y', 'a:/z'],
  ],
  [
    'a volume in both forms',
    'volumes: ["a:/x"]',
    'volumes: [{type: volume, source: c, target: /x}]',
    mounts,
    ['c:/x'],
  ],
  [
    'networks',
    'networks: [n]',
    'networks: {n: {aliases: [a]}, m: }',
    ({ networks }) => [...networks].map(([key, { aliases }]) => `${key} ${aliases}`),
    ['n a', 'm '],
  ],
  [
    'what it waits for',
    'depends_on: [a]',
    'depends_on: {a: {condition: service_healthy}, b: {condition: service_started, required: false}}',
    needs,
    ['a healthy true', 'b started false'],
  ],
  [
    'the short form over the long',
    'depends_on: {a: {condition: service_healthy}}',
    'depends_on: [a]',
    needs,
    ['a started true'],
  ],
  ['dns', 'dns: 1.1.1.1', 'dns: [8.8.8.8, 1.1.1.1]', ({ dns }) => dns, ['1.1.1.1', '8.8.8.8']],
  [
    'tmpfs',
    'tmpfs: /a',
    'tmpfs: ["/b", "/a:mode=700"]',
    ({ tmpfs }) => tmpfs,
    [{ path: '/a', mode: 0o700 }, { path: '/b' }],
  ],
  [
    'capabilities',
    'cap_add: [NET_ADMIN]',
    'cap_add: [net_admin, SYS_TIME]',
    ({ capAdd }) => capAdd,
    ['CAP_NET_ADMIN', 'CAP_SYS_TIME'],
  ],
  [
    'ulimits',
    'ulimits: {nofile: {soft: 1, hard: 2}, nproc: 1}',
    'ulimits: {nofile: 3}',
    ({ ulimits }) => Object.fromEntries(ulimits),
    { nofile: { soft: 3, hard: 3 }, nproc: { soft: 1, hard: 1 } },
  ],
  [
    'names',
    'extra_hosts: ["a:1.1.1.1"]',
    'extra_hosts: {a: 1.1.1.1, b: 2.2.2.2}',
    ({ extraHosts }) => Object.fromEntries(extraHosts),
    { a: ['1.1.1.1'], b: ['2.2.2.2'] },
  ],
  [
    'sysctls',
    'sysctls: [a.b=1]',
    'sysctls: {a.b: 2}',
    ({ sysctls }) => Object.fromEntries(sysctls),
    { 'a.b': '2' },
  ],
  [
    'devices by target',
    'devices: ["/dev/a:/dev/x"]',
    'devices: ["/dev/b:/dev/x:r"]',
    ({ devices }) => devices.map(({ source, permissions }) => source + permissions),
    ['/dev/br'],
  ],
  [
    'limits',
    'deploy: {resources: {limits: {cpus: "1", memory: 1g}}}',
    'deploy: {resources: {limits: {memory: 2g}}}',
    ({ cpuMilli, memoryBytes }) => [cpuMilli, memoryBytes],
    [1000, 2 * 1024 ** 3],
  ],
  [
    'own settings',
    'x-covey: {allow: {ports: [1]}}',
    'x-covey: {allow: {ports: [2]}, job: true}',
    ({ covey }) => JSON.stringify(covey),
    '{"allow":{"ports":[1,2]},"job":true}',
  ],
  [
    'what !reset takes away',
    'ports: ["80:80"]\nuser: a',
    'ports: !reset []\nuser: !reset null',
    ({ ports: left, user }) => [left.length, user],
    [0, undefined],
  ],
  [
    'a member that !reset takes away',
    'environment: {A: 1, B: 1}',
    'environment: {A: !reset null}',
    values,
    { B: '1' },
  ],
  [
    'what !reset takes away of nothing',
    'user: a',
    'tty: !reset true',
    ({ user, tty }) => [user, tty],
    ['a', false],
  ],
  [
    'what !override replaces',
    'ports: ["80:80"]',
    'ports: !override ["81:81"]',
    ports,
    [':81:81/tcp'],
  ],
  [
    'a map that !override replaces',
    'environment: {A: 1, B: 1}',
    'environment: !override {B: 2}',
    values,
    { B: '2' },
  ],
]

const rest = '  a: { image: x }\n  b: { image: x }\nnetworks: { n: , m: }\nvolumes: { a: , c: }\n'

describe('files merged over each other', () => {
  for (const [name, first, second, look, expected] of merged) {
    it(`merge ${name}`, async () => {
      const { project, faults } = await readFolder(
        {
          'a.yaml': web(first, rest),
          'b.yaml': `services:\n  web:\n${second.replace(/^/gm, '    ')}\n`,
        },
        { files: ['a.yaml', 'b.yaml'] },
      )
      assert.deepEqual(faults, [])
      const service = project.services.get('web')
      assert.deepEqual(service === undefined ? undefined : look(service), expected)
    })
  }

  it('bring whole services, and take them away', async () => {
    const { project, faults } = await readFolder(
      {
        'a.yaml': 'services: { a: { image: x }, b: { image: x, user: a } }\n',
        'b.yaml': 'services: { a: !reset null, c: { image: x }, b: !override { image: y } }\n',
      },
      { files: ['a.yaml', 'b.yaml'] },
    )
    assert.deepEqual(faults, [])
    assert.deepEqual([...project.services.keys()], ['b', 'c'])
    assert.equal(project.services.get('b')?.user, undefined)
  })

  it('keep the place of what each of them says', async () => {
    const { project } = await readFolder(
      {
        'a.yaml': 'services:\n  web:\n    image: x\n    environment:\n      A: 1\n      B: 1\n',
        'sub/b.yaml': 'services:\n  web:\n    environment:\n      B: 2\n    volumes: [./d:/d]\n',
      },
      { files: ['a.yaml', 'sub/b.yaml'] },
    )
    const service = project.services.get('web')
    const at = (path: string): string => {
      const { file, line, column } = service?.placeOf(path) ?? { file: '', line: 0, column: 0 }
      return `${file}:${line}:${column}`
    }
    assert.equal(at('environment.A'), '/p/a.yaml:5:10')
    assert.equal(at('environment.B'), '/p/sub/b.yaml:4:10')
    assert.equal(service?.volumes[0]?.source, './d')
  })

  it('tell where their forms differ', async () => {
    const { faults } = await readFolder(
      {
        'a.yaml': 'services:\n  web: { image: x, ports: ["80:80"], deploy: { replicas: 1 } }\n',
        'b.yaml': 'services:\n  web:\n    ports: { a: b }\n    deploy: [x]\n',
      },
      { files: ['a.yaml', 'b.yaml'] },
    )
    assert.deepEqual(faults, [
      'b.yaml:3:12: services.web.ports: must be a list, as it is in a.yaml:2, over which it is merged',
      'b.yaml:4:13: services.web.deploy: must be a map, as it is in a.yaml:2, over which it is merged',
    ])
  })
})
