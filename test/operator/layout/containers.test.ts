import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { compileLayout } from '../../../operator/layout/compile.ts'
import { needsOf } from '../../../operator/layout/needs.ts'
import {
  clusterOf,
  compiled,
  digestFor,
  faultTexts,
  inputOf,
  objectOf,
  prepared,
  sound,
} from './world.ts'

/** The container of one service `web` in a stack `shop`. */
async function webOf(lines: string, options: string = ''): Promise<Record<string, unknown>> {
  const text = `services:\n  web:\n    image: nginx:1.27\n${lines}`
  const files = clusterOf(['cloud01'], { shop: options === '' ? text : [options, text] })
  return objectOf(await sound(files), 'cloud01', 'shop-web')
}

describe('a stack of one web service', () => {
  it('becomes a container with an address and a published port', async () => {
    const shop = 'services:\n  web:\n    image: nginx:1.27\n    ports: ["80:8080"]\n'
    const result = await sound(clusterOf(['cloud01'], { shop: ['ports: public', shop] }))
    assert.deepEqual(Object.keys(result.hosts['cloud01'] ?? {}), [
      ...['wg_network', 'mesh', 'agent', 'pods', 'pods_fwd', 'pods_out'],
      ...['shop-web', 'shop-web_80t'],
    ])
    const web = objectOf(result, 'cloud01', 'shop-web')
    const image = 'docker.io/library/nginx:1.27'
    assert.equal(web['image'], `${image}@${digestFor(image)}`)
    assert.deepEqual(web['labels'], { 'covey.service': 'shop/web' })
    assert.deepEqual(objectOf(result, 'cloud01', 'shop-web_80t'), {
      type: 'nftables_publish',
      container: 'shop-web',
      protocol: 'tcp',
      host_port: 80,
      container_port: 8080,
      on: 'public',
    })
    assert.equal(result.lock.facts.get('placement.shop/web'), 'cloud01')
    assert.equal(result.lock.facts.get('address.cloud01.shop-web'), web['address'])
    assert.equal(result.lock.facts.get('host.cloud01.subnet'), '10.69.1.0/24')
  })
})

describe('the rights of a container', () => {
  it('are those of Docker less MKNOD for a Compose file', async () => {
    const { capabilities, no_new_privileges: bound } = await webOf('')
    const usual = ['AUDIT_WRITE', 'FSETID', 'NET_RAW', 'SETFCAP', 'SETPCAP', 'SYS_CHROOT']
    assert.deepEqual(capabilities, { add: usual, ambient: false })
    assert.equal(bound, false)
  })

  it("are covey's own with strict: true", async () => {
    const web = await webOf('', 'strict: true')
    assert.equal(web['capabilities'], undefined)
    assert.equal(web['no_new_privileges'], undefined)
  })

  it('follow cap_drop, cap_add and security_opt', async () => {
    const lines =
      '    cap_drop: [ALL]\n    cap_add: [net_admin]\n    security_opt: ["no-new-privileges:true"]\n'
    const web = await webOf(lines)
    assert.deepEqual(web['capabilities'], { add: ['NET_ADMIN'], drop: ['ALL'], ambient: false })
    assert.equal(web['no_new_privileges'], undefined)
    const { capabilities } = await webOf('    cap_drop: [NET_RAW, CHOWN]\n')
    const { add, drop } = capabilities as { add: string[]; drop: string[] }
    assert.ok(!add.includes('NET_RAW'))
    assert.deepEqual(drop, ['CHOWN'])
  })
})

describe('how a container is kept running', () => {
  const cases: readonly (readonly [lines: string, restart: string])[] = [
    ['', 'always'],
    ['    restart: "no"\n', 'never'],
    ['    restart: unless-stopped\n', 'always'],
    ['    restart: on-failure\n', 'on-failure'],
  ]
  for (const [lines, restart] of cases) {
    it(`is restart: ${restart} for ${lines.trim() || 'nothing written'}`, async () => {
      assert.equal((await webOf(lines))['restart'], restart)
    })
  }

  it('lets a one-shot that others wait for run once', async () => {
    const text =
      'services:\n  web:\n    image: a\n    depends_on:\n' +
      '      migrate: { condition: service_completed_successfully }\n      db: { condition: service_healthy }\n' +
      '  migrate: { image: b }\n  db: { image: c }\n'
    const result = await sound(clusterOf(['cloud01'], { shop: text }))
    assert.equal(objectOf(result, 'cloud01', 'shop-migrate')['restart'], 'never')
    assert.deepEqual(objectOf(result, 'cloud01', 'shop-web')['after'], [
      { container: 'shop-migrate', condition: 'completed' },
      { container: 'shop-db', condition: 'healthy' },
    ])
  })

  it('takes the check of the image where the file has none, and only shows it', async () => {
    assert.deepEqual((await webOf(''))['health'], { from_image: true, restart: false })
    const none = await webOf('    healthcheck: { disable: true }\n')
    assert.equal(none['health'], undefined)
    const own = '    healthcheck: { test: "curl -f localhost", interval: 1m30s, timeout: 500ms }\n'
    assert.deepEqual((await webOf(own))['health'], {
      command: ['/bin/sh', '-c', 'curl -f localhost'],
      interval_seconds: 90,
      timeout_seconds: 1,
      retries: 3,
      restart: false,
    })
  })
})

describe('variables and secrets of a container', () => {
  it('go into one sealed secret where they are sensitive, else into the object', async () => {
    const text =
      'services:\n  web:\n    image: a\n    environment:\n      MODE: fast\n      DB_PASSWORD: hunter2\n' +
      '      URL: "postgres://u:$PW@db"\n'
    const files = { ...clusterOf(['cloud01'], { shop: text }), '.env': 'PW=s3cret\n' }
    const result = await sound(files)
    const web = objectOf(result, 'cloud01', 'shop-web')
    assert.deepEqual(web['env'], { MODE: 'fast' })
    assert.deepEqual(web['secrets'], [{ secret: 'shop-web_e', env_all: true }])
    assert.equal(objectOf(result, 'cloud01', 'shop-web_e')['type'], 'secret')
    assert.doesNotMatch(JSON.stringify(result.hosts), /hunter2|s3cret/)
  })

  it('do not stand in commands and checks', async () => {
    const text =
      'services:\n  web:\n    image: a\n    entrypoint: ["run", "--mode=$MODE"]\n' +
      `    command: redis-server --requirepass \${PW} --appendonly yes\n` +
      '    healthcheck: { test: ["CMD-SHELL", "redis-cli -a hunter2 ping"] }\n' +
      '  db:\n    image: b\n    environment: { REDIS_PASSWORD: hunter2 }\n' +
      '    command: "echo ok"\n    healthcheck: { test: "pg_isready -d postgres://u:p4ssword@db" }\n'
    const files = { ...clusterOf(['pi'], { shop: text }), '.env': 'PW=s3cret!\nMODE=fast\n' }
    const result = await sound(files)
    const web = objectOf(result, 'pi', 'shop-web')
    assert.deepEqual(web['command'], ['run', '(sealed)'])
    assert.deepEqual(web['args'], [
      ...['redis-server', '--requirepass', '(sealed)', '--appendonly', 'yes'],
    ])
    const { command } = web['health'] as { command: unknown }
    assert.deepEqual(command, ['/bin/sh', '-c', '(sealed)'])
    const words = ['command.1', 'args.2', 'health.2']
    assert.deepEqual(web['secrets'], [{ secret: 'shop-web_w', words }])
    const db = objectOf(result, 'pi', 'shop-db')
    assert.deepEqual(db['args'], ['echo', 'ok'])
    assert.deepEqual(db['secrets'], [
      { secret: 'shop-db_e', env_all: true },
      { secret: 'shop-db_w', words: ['health.2'] },
    ])
    assert.deepEqual(
      result.warnings.filter((each) => each.includes('sealed')),
      [],
    )
    assert.doesNotMatch(JSON.stringify(result.hosts), /hunter2|s3cret|fast|p4ssword/)
    const { seals } = await needsOf(await prepared(await inputOf(files)))
    const contents = seals.find(({ object }) => object === 'shop-web_w')?.content
    assert.deepEqual(contents, {
      kind: 'text',
      text: JSON.stringify({
        'command.1': '--mode=fast',
        'args.2': 's3cret!',
        'health.2': 'redis-cli -a hunter2 ping',
      }),
    })
  })

  it('stand in no label either', async () => {
    const text =
      'services:\n  web:\n    image: a\n    environment: { A_TOKEN: hunter2 }\n    labels:\n' +
      '      team: blue\n      com.example.rule: "Host(`$D`)"\n      api_key: abc\n      copy: hunter2\n' +
      '      proxy.basicauth.users: "admin:hash"\n      covey.service: evil\n' +
      `      long: ${'x'.repeat(1025)}\n`
    const files = { ...clusterOf(['pi'], { shop: text }), '.env': 'D=a.example\n' }
    const web = objectOf(await sound(files), 'pi', 'shop-web')
    assert.deepEqual(web['labels'], { team: 'blue', 'covey.service': 'shop/web' })
  })

  it('are named where they are not sealed yet', async () => {
    const text = 'services:\n  web:\n    image: a:1\n    environment: { A_TOKEN: x }\n'
    const result = await compileLayout(await inputOf(clusterOf(['pi'], { shop: text })))
    assert.deepEqual(faultTexts(result), [
      'shop.yaml:3:12: a:1 has no digest yet: covey pull',
      'shop.yaml:2:3: the variables of shop/web: not sealed for pi yet: covey compile',
    ])
  })

  it('can be those of the layout', async () => {
    const layout =
      'cluster: home\nhosts:\n  pi: {}\nsecrets: { key: {}, token: {} }\n' +
      'registries: { ghcr.io: { username: me, password: token } }\n' +
      'services:\n  web: { image: "ghcr.io/me/web:1", secrets: [key] }\n'
    const result = await sound({ 'cluster.yaml': layout })
    const web = objectOf(result, 'pi', 'web')
    assert.deepEqual(web['secrets'], [{ secret: 'key_s', path: '/run/secrets/key' }])
    assert.deepEqual(objectOf(result, 'pi', 'ghcr-io_r'), {
      type: 'registry',
      server: 'ghcr.io',
      username: 'me',
      secret: 'token_s',
    })
    assert.equal(objectOf(result, 'pi', 'token_s')['type'], 'secret')
  })
})

describe('words that look like secrets', () => {
  it('are taken where the same value is in plain sight', async () => {
    const text =
      'services:\n  db:\n    image: a\n    environment: { DB_PASSWORD: $P, DB_USER: $U }\n' +
      '    healthcheck: { test: "pg_isready -U $U" }\n'
    await sound({ ...clusterOf(['pi'], { shop: text }), '.env': 'P=postgres\nU=postgres\n' })
  })
})

describe('how containers find each other', () => {
  it('is by groups for networks, and by aliases across stacks', async () => {
    const text =
      'services:\n  web:\n    image: a\n    links: ["db:database"]\n' +
      '    networks: { default: {}, proxy: { aliases: [www] } }\n' +
      '  db: { image: b, container_name: my_db }\nnetworks: { proxy: { external: true } }\n'
    const result = await sound(clusterOf(['cloud01'], { shop: text }))
    const web = objectOf(result, 'cloud01', 'shop-web')
    const db = objectOf(result, 'cloud01', 'shop-db')
    assert.deepEqual(web['groups'], { proxy: ['web', 'www'], 'shop/default': ['web'] })
    assert.deepEqual(db['groups'], { 'shop/default': ['db', 'my_db'] })
    assert.deepEqual(web['aliases'], ['web.shop', 'web.shop.cloud01'])
    assert.deepEqual(web['extra_hosts'], { database: [db['address']] })
  })

  it('writes the address of the host for host-gateway', async () => {
    const web = await webOf('    extra_hosts: ["host.docker.internal:host-gateway"]\n')
    assert.deepEqual(web['extra_hosts'], { 'host.docker.internal': ['10.69.0.1'] })
  })
})

describe('faults of containers', () => {
  it('stand at the place in the Compose file, all at once', async () => {
    const text =
      'services:\n  web:\n    image: "Bad Name"\n    ports: ["80:80"]\n' +
      '    volumes: ["../x:/y"]\n    x-covey: { allow: { from: nobody }, hots: a, domain: a.b }\n' +
      '  db:\n    image: b\n    ports: ["80:81"]\n    cap_add: [ALL]\n'
    const result = await compiled(clusterOf(['pi'], { shop: text }))
    const starts = [
      'shop.yaml:6:47: unknown key (known: host, hosts, allow, publ',
      'shop.yaml:6:58: "domain" comes with a later version: take it',
      'shop.yaml:6:31: "nobody" is no service, as shop/api, no host',
      'shop.yaml:10:5: ALL is never added: name what the program ne',
      'shop.yaml:5:15: ../x leads out of the folder of the stack: w',
      'shop.yaml:3:12: has white space or characters that image nam',
      'shop.yaml:4:13: 80/tcp of pi leads to shop/db already (shop.',
    ]
    assert.deepEqual(
      faultTexts(result).map((fault) => fault.slice(0, 60)),
      starts.map((text) => text.slice(0, 60)),
    )
  })
})
