import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readFolder, web } from './reading.ts'

const file = `services:
  web: { image: x, depends_on: { db: { condition: service_started, required: false } } }
  db: { image: x, profiles: [data, all] }
  job: { image: x, profiles: ["$P"], depends_on: [db] }
`

describe('profiles', () => {
  for (const [profiles, names] of [
    [[], ['web']],
    [['data'], ['web', 'db']],
    [
      ['job', 'all'],
      ['web', 'db', 'job'],
    ],
    [['*'], ['web', 'db', 'job']],
  ] as const) {
    it(`choose services: ${profiles.join(' ') || 'none'}`, async () => {
      const files = { 'compose.yaml': file, '.env': 'P=job\n' }
      const { project, faults } = await readFolder(files, { profiles })
      assert.deepEqual(faults, [])
      assert.deepEqual([...project.services.keys()], names)
      const needs = [...(project.services.get('web')?.dependsOn.keys() ?? [])]
      assert.deepEqual(needs, (names as readonly string[]).includes('db') ? ['db'] : [])
    })
  }

  it('may keep away what another service needs', async () => {
    const files = { 'compose.yaml': file, '.env': 'P=job\n' }
    const { faults } = await readFolder(files, { profiles: ['job'] })
    assert.deepEqual(faults, [
      'compose.yaml:4:51: services.job.depends_on.db: needs db, which only runs with the profile data or all',
    ])
  })

  it('keep the faults of a service away with it', async () => {
    const { faults } = await readFolder({
      'compose.yaml': web('', '  x: { build: ., profiles: [p], ports: [x] }\n'),
    })
    assert.deepEqual(faults, [])
  })
})

describe('services that wait for each other', () => {
  it('in a circle are told once', async () => {
    const { faults } = await readFolder({
      'compose.yaml': `services:
  c: { image: x, depends_on: [a] }
  a: { image: x, links: [b] }
  b: { image: x, network_mode: "service:c" }
  d: { image: x, depends_on: [a] }
`,
    })
    const round = 'a waits for b waits for c waits for a'
    assert.deepEqual(faults, [`compose.yaml:3:18: services.a.links: waits for itself: ${round}`])
  })

  it('by hundreds cost little', async () => {
    const services = Array.from({ length: 500 }, (_, at) => {
      const needs = Array.from({ length: Math.min(at, 40) }, (__, back) => `s${at - back - 1}`)
      return `  s${at}: { image: x, depends_on: [${needs.join(', ')}] }`
    })
    const start = performance.now()
    const { faults } = await readFolder({ 'compose.yaml': `services:\n${services.join('\n')}\n` })
    assert.deepEqual(faults, [])
    assert.ok(performance.now() - start < 10_000)
  })
})

describe('networks and volumes of a project', () => {
  it('are private, shared or external', async () => {
    const { project, faults } = await readFolder({
      'compose.yaml': web(
        'networks: [default, a, b, c]',
        `networks:
  a: { internal: "yes", driver: bridge }
  b: { name: shared }
  c: { external: true }
  d: { external: { name: old } }
  e: { external: true, name: other }
volumes:
  a:
  b: { name: fixed, driver: local, driver_opts: { type: nfs, o: "addr=$H,rw", device: ":/x" } }
  c: { external: true }
`,
      ),
      '.env': 'H=1.1.1.1\n',
    })
    assert.deepEqual(faults, [])
    assert.deepEqual(
      [...project.networks.values()].map(
        ({ key, sharedName, isInternal }) =>
          `${key} ${sharedName ?? '-'}${isInternal ? ' internal' : ''}`,
      ),
      ['a - internal', 'b shared', 'c c', 'd old', 'e other', 'default -'],
    )
    assert.deepEqual(
      [...project.volumes.values()].map(
        ({ key, fixedName, isExternal, driverOptions }) =>
          `${key} ${fixedName ?? '-'} ${isExternal} ${[...driverOptions].map(([name, { value }]) => `${name}=${value}`)}`,
      ),
      ['a - false ', 'b fixed false type=nfs,o=addr=1.1.1.1,rw,device=:/x', 'c c true '],
    )
  })

  it('are refused where covey has no such kind', async () => {
    const { faults } = await readFolder({
      'compose.yaml': web(
        '',
        `networks:
  a: { driver: macvlan }
  b: { external: true, name: host }
volumes:
  a: { driver: rclone }
`,
      ),
    })
    assert.deepEqual(faults, [
      'compose.yaml:6:16: networks.a.driver: covey has no network of the kind macvlan: a service that must be in the network of its host has "network_mode: host"',
      'compose.yaml:7:3: networks.b.driver: write "network_mode: host" at the services instead',
      'compose.yaml:9:16: volumes.a.driver: covey has no driver rclone: use "local", with driver_opts for NFS and CIFS',
    ])
  })

  it('drop fixed addresses, and refuse them where others name them', async () => {
    const { faults, notes } = await readFolder({
      'compose.yaml': `services:
  db: { image: x, networks: { n: { ipv4_address: 172.20.0.5 } } }
  web:
    image: x
    environment: { A: "redis://172.20.0.5:6379", B: 172.20.0.50, C: 10.172.20.0.5 }
    extra_hosts: ["db:172.20.0.5"]
networks: { n: { ipam: { config: [{ subnet: 172.20.0.0/16 }] } } }
`,
    })
    assert.deepEqual(faults, [
      'compose.yaml:5:23: services.web.environment.A: 172.20.0.5 is no address of db here, covey gives another: write "db"',
      'compose.yaml:6:19: services.web.extra_hosts.0: 172.20.0.5 is no address of db here, covey gives another: leave it out, and give db that name in "aliases"',
    ])
    assert.deepEqual(notes, [
      'compose.yaml:2:36: services.db.networks.n.ipv4_address: "ipv4_address" has no effect: covey gives the address: others find the service by name',
      'compose.yaml:7:18: networks.n.ipam: "ipam" has no effect: covey allots the addresses',
    ])
  })
})
