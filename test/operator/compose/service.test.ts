import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ComposeService } from '../../../operator/compose/project.ts'
import { type FaultyForm, type Form, refusesForms, takesForms } from './forms.ts'
import { readFolder, web } from './reading.ts'

const gib = 1024 ** 3

/** Lines, and what some members of the service are. */
const forms: readonly (readonly [string, Partial<Record<keyof ComposeService, unknown>>])[] = [
  ['user: 1000', { user: '1000' }],
  ['user: "1000:1000"', { user: '1000:1000' }],
  ['user: ""', { user: undefined }],
  [
    'hostname: a\ndomainname: b.c\ncontainer_name: d\nplatform: linux/arm64',
    { hostname: 'a', domainname: 'b.c', containerName: 'd', platform: 'linux/arm64' },
  ],
  [
    'tty: yes\nstdin_open: "on"\nread_only: True\nprivileged: "n"\ninit: false',
    { tty: true, stdinOpen: true, isReadOnly: true, privileged: false, init: false },
  ],
  ['restart: no', { restart: 'no' }],
  ['restart: "no"', { restart: 'no' }],
  ['restart: false', { restart: 'no' }],
  ['restart: on-failure:3', { restart: 'on-failure' }],
  ['restart: always\ndeploy: { restart_policy: { condition: none } }', { restart: 'no' }],
  ['deploy: { restart_policy: { max_attempts: 3 } }', { restart: 'always' }],
  [
    'mem_limit: 1g\nmemswap_limit: -1\nshm_size: 64mb\ncpus: 0.5\npids_limit: -1',
    {
      memoryBytes: gib,
      memorySwapBytes: -1,
      shmBytes: 64 * 1024 ** 2,
      cpuMilli: 500,
      pids: undefined,
    },
  ],
  [
    'mem_limit: 1073741824\ncpus: "2"\npids_limit: 100',
    { memoryBytes: gib, cpuMilli: 2000, pids: 100 },
  ],
  ['mem_limit: 0\ncpus: 0', { memoryBytes: undefined, cpuMilli: undefined }],
  ['mem_limit: 1.5 GiB', { memoryBytes: 1.5 * gib }],
  ['cpu_quota: 50000\ncpu_period: 100000', { cpuMilli: 500 }],
  [
    'deploy: { resources: { limits: { cpus: "0.25", memory: 1G, pids: 5 } } }',
    { cpuMilli: 250, memoryBytes: gib, pids: 5 },
  ],
  ['cpus: 1\ndeploy: { resources: { limits: { cpus: "1.0" } } }', { cpuMilli: 1000 }],
  ['gpus: all', { wantsGpu: true }],
  ['gpus: [{ count: 1 }]', { wantsGpu: true }],
  [
    'deploy: { resources: { reservations: { devices: [{ capabilities: [gpu] }] } } }',
    { wantsGpu: true },
  ],
  ['runtime: nvidia', { wantsGpu: true }],
  [
    'ulimits: { nofile: 1024, nproc: { soft: "1", hard: -1 }, core: -1 }',
    {
      ulimits: new Map([
        ['nofile', { soft: 1024, hard: 1024 }],
        ['nproc', { soft: 1, hard: -1 }],
        ['core', { soft: -1, hard: -1 }],
      ]),
    },
  ],
  [
    'sysctls: [net.core.somaxconn=1024, a.b=]',
    {
      sysctls: new Map([
        ['net.core.somaxconn', '1024'],
        ['a.b', ''],
      ]),
    },
  ],
  ['sysctls: { net.ipv4.ip_forward: 1 }', { sysctls: new Map([['net.ipv4.ip_forward', '1']]) }],
  [
    'cap_add: [net_admin, CAP_SYS_TIME, all]\ncap_drop: [ALL]',
    { capAdd: ['CAP_NET_ADMIN', 'CAP_SYS_TIME', 'ALL'], capDrop: ['ALL'] },
  ],
  [
    'security_opt: [no-new-privileges:true, label=disable]\ngroup_add: [44, video]',
    { securityOpt: ['no-new-privileges:true', 'label=disable'], groupAdd: ['44', 'video'] },
  ],
  ['pid: host', { pidHost: true }],
  [
    'extra_hosts: ["a:1.1.1.1", "b=::1", "c:[::1]", "a:2.2.2.2", "d:host-gateway"]',
    {
      extraHosts: new Map([
        ['a', ['1.1.1.1', '2.2.2.2']],
        ['b', ['::1']],
        ['c', ['::1']],
        ['d', ['host-gateway']],
      ]),
    },
  ],
  [
    'extra_hosts: { a: 1.1.1.1, b: [1.1.1.1, "::1"] }',
    {
      extraHosts: new Map([
        ['a', ['1.1.1.1']],
        ['b', ['1.1.1.1', '::1']],
      ]),
    },
  ],
  ['extra_hosts: ["a=1.1.1.1,2.2.2.2"]', { extraHosts: new Map([['a', ['1.1.1.1', '2.2.2.2']]]) }],
  [
    'dns: 1.1.1.1\ndns_search: [a.b, a.b]\ndns_opt: [ndots:1]',
    { dns: ['1.1.1.1'], dnsSearch: ['a.b'], dnsOptions: ['ndots:1'] },
  ],
  [
    'links: [a, "b:c"]',
    {
      links: new Map([
        ['a', 'a'],
        ['c', 'b'],
      ]),
      dependsOn: new Map([
        ['a', { condition: 'started', isRequired: true, restarts: true }],
        ['b', { condition: 'started', isRequired: true, restarts: true }],
      ]),
    },
  ],
  [
    'depends_on: { a: { condition: service_completed_successfully, restart: true } }',
    { dependsOn: new Map([['a', { condition: 'completed', isRequired: true, restarts: true }]]) },
  ],
  ['network_mode: host', { networkMode: { kind: 'host' }, networks: new Map() }],
  ['network_mode: service:a', { networkMode: { kind: 'service', name: 'a' } }],
  ['network_mode: "container:x"', { networkMode: { kind: 'container', name: 'x' } }],
  [
    'network_mode: bridge',
    { networkMode: { kind: 'networks' }, networks: new Map([['default', { aliases: [] }]]) },
  ],
  ['networks: []', { networks: new Map([['default', { aliases: [] }]]) }],
  [
    'networks: { n: { aliases: [x, y] }, m: }',
    {
      networks: new Map([
        ['n', { aliases: ['x', 'y'] }],
        ['m', { aliases: [] }],
      ]),
    },
  ],
  [
    'devices: [/dev/a, "/dev/b:/dev/c", "/dev/d:/dev/e:r", { source: /dev/f, target: /dev/g, permissions: rw }]',
    {},
  ],
  [
    'stop_signal: SIGINT\nstop_grace_period: 1m\nworking_dir: /x',
    { stopSignal: 'SIGINT', stopGraceSeconds: 60, workingDir: '/x' },
  ],
  [
    'scale: 3',
    { deploy: { replicas: 3, mode: 'replicated', constraints: [], updateOrder: undefined } },
  ],
  [
    'deploy: { mode: global, update_config: { order: start-first } }',
    {
      deploy: { replicas: undefined, mode: 'global', constraints: [], updateOrder: 'start-first' },
    },
  ],
  ['x-covey: { allow: { from: [a], ports: [80] } }', {}],
]

const wrong: readonly FaultyForm[] = [
  ['tty: maybe', '4:10: tty: must be true or false: maybe'],
  ['mem_limit: lots', '4:16: mem_limit: must be a size, as 512m or 1g: lots'],
  ['cpus: many', '4:11: cpus: must be a number: many'],
  [
    'cpus: 1\ndeploy: { resources: { limits: { cpus: 2 } } }',
    '5:44: deploy.resources.limits.cpus: says another limit than cpus',
  ],
  [
    'restart: sometimes',
    '4:14: restart: must be "no", always, on-failure or unless-stopped: sometimes',
  ],
  ['user: [a]', '4:5: user: must be a text, and is a list'],
  [
    'deploy: { mode: replicated-job }',
    '4:21: deploy.mode: must be replicated or global; one-shots are services with restart: "no"',
  ],
  [
    'deploy: { replicas: 2 }\ncontainer_name: x',
    '5:21: container_name: a service with several replicas has no container_name',
  ],
  ['scale: 1\ndeploy: { replicas: 2 }', '4:12: scale: says another number than deploy.replicas'],
  [
    'ulimits: { nofile: { soft: 2, hard: 1 } }',
    '4:16: ulimits.nofile: the soft limit is above the hard one',
  ],
  ['ulimits: { nofile: x }', '4:24: ulimits.nofile: must be a whole number from -1 on: x'],
  [
    'ulimits: { nofile: { soft: 2 } }',
    '4:16: ulimits.nofile: must be a number, or {soft: NUMBER, hard: NUMBER}',
  ],
  ['pid: service:a', '4:10: pid: must be host: containers do not share processes'],
  ['ipc: host', '4:10: ipc: covey gives each container a name space of its own: leave it out'],
  [
    'network_mode: n',
    '4:19: network_mode: must be host, none, bridge, service:NAME or container:NAME; a network stands under "networks": n',
  ],
  [
    'network_mode: host\nnetworks: [n]',
    '4:19: network_mode: network_mode and networks exclude each other',
  ],
  [
    'network_mode: service:web',
    '4:19: network_mode: a service cannot share its own network',
    '4:19: network_mode: waits for itself: web waits for web',
  ],
  ['networks: [x]', '4:16: networks.x: there is no network x under "networks"'],
  ['depends_on: [x]', '4:18: depends_on.x: there is no service x'],
  [
    'depends_on: { a: { condition: ready } }',
    '4:35: depends_on.a.condition: must be service_started, service_healthy, service_completed_successfully',
  ],
  [
    'links: [x, ":y"]',
    '4:5: links: there is no service x',
    '4:16: links.1: must be SERVICE or SERVICE:ALIAS',
  ],
  ['extra_hosts: [a]', '4:19: extra_hosts.0: must be NAME=ADDRESS or NAME:ADDRESS: a'],
  [
    'devices: [a, "nvidia.com/gpu=all"]',
    '4:15: devices.0: must be SOURCE[:TARGET[:PERMISSIONS]], with absolute paths',
    '4:18: devices.1: write "gpus: all" for a graphics card, or name the device: /dev/…',
  ],
  ['environment: x', '4:18: environment: must be a map or a list'],
  [
    'environment: { "A B": x, C: [1] }',
    '4:27: environment.A B: the name of a variable has no blank and no =, and is not empty',
    '4:30: environment.C: must be a text, a number, true or false, and is a list',
  ],
  [
    'volumes_from: ["container:x"]',
    '4:20: volumes_from.0: name a service of this project; other containers lend nothing',
  ],
]

describe('a service', () => {
  for (const [written, members] of forms) {
    takesForms([[written, members]] satisfies readonly Form[], (service) =>
      Object.fromEntries(
        Object.keys(members).map((key) => [key, service[key as keyof ComposeService]]),
      ),
    )
  }
  refusesForms(wrong)

  it('has devices in all forms', async () => {
    const { project } = await readFolder({
      'compose.yaml': web(forms.find(([text]) => text.startsWith('devices'))?.[0] ?? ''),
    })
    const devices = project.services.get('web')?.devices ?? []
    assert.deepEqual(
      devices.map(({ source, target, permissions }) => `${source} ${target} ${permissions}`),
      ['/dev/a /dev/a rwm', '/dev/b /dev/c rwm', '/dev/d /dev/e r', '/dev/f /dev/g rw'],
    )
  })

  it('has its own settings as they are', async () => {
    const { project } = await readFolder({
      'compose.yaml': web('x-covey: { job: yes, domain: $D, n: 1, on: true, list: [a] }'),
      '.env': 'D=x.example\n',
    })
    assert.equal(
      JSON.stringify(project.services.get('web')?.covey),
      '{"job":"yes","domain":"x.example","n":1,"on":true,"list":["a"]}',
    )
  })

  it('has the constraints of its place, and labels of both kinds', async () => {
    const { project } = await readFolder({
      'compose.yaml': web(
        'deploy: { labels: { a: 1 }, placement: { constraints: [node.hostname==$H] } }\nlabels: { b: }\nlabel_file: l',
      ),
      '.env': 'H=pi\n',
      l: 'c=3\na=9\n',
    })
    const service = project.services.get('web')
    assert.equal(service?.deploy.constraints[0]?.value, 'node.hostname==pi')
    assert.deepEqual(
      [...(service?.labels ?? [])].map(([key, { value }]) => `${key}=${value}`),
      ['c=3', 'a=1', 'b='],
    )
  })
})
