import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdir, readdir, readFile, stat } from 'node:fs/promises'
import { describe, it, type TestContext } from 'node:test'
import { parse } from 'yaml'
import { writeProject } from '../../../operator/docker/write-project.ts'
import type { Session } from '../../../operator/terminal/session.ts'
import { machineCalls } from '../../../platform/files/calls.ts'
import { addHost, openCluster, type Workspace } from '../workspace.ts'

const composeText = `version: "3.9"
services:
  web:
    image: web:\${TAG}
    user: "1000:1000"
    ports: ["2283:80"]
    volumes:
      - ./library:/data
      - ./nginx.conf:/etc/nginx.conf:ro
      - cache:/cache
      - uploads:/uploads:ro
      - /anonymous
volumes: { cache: {}, uploads: {} }
`

async function cluster(t: TestContext, stacks: string): Promise<Workspace> {
  const space = await openCluster(t)
  await addHost(space, 'pi', '192.0.2.7:51820')
  await mkdir(space.path('immich'))
  await space.write('immich/compose.yaml', composeText)
  await space.write('immich/nginx.conf', 'listen 80;\n')
  await space.write('immich/.env', 'TAG=1\n')
  await space.write('cluster.yaml', `${await space.read('cluster.yaml')}${stacks}`)
  return space
}

/**
 * The project that docker-compose 1.29 makes of the files in a folder, read as it reads them by
 * itself.
 */
function asDockerReads(folder: string): Record<string, Record<string, unknown>> {
  const printed = execFileSync('docker-compose', ['config'], {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', HOME: folder },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  return parse(printed)
}

const uploads = '/var/lib/docker/volumes/immich_uploads/_data'

describe('covey export compose', () => {
  it('gives the files back, and says where the data is', async (t) => {
    const line = `stacks:\n  immich: { file: immich/compose.yaml, host: pi, dir: /opt/immich, ports: public, volumes: { uploads: ${uploads} } }\n`
    const space = await cluster(t, line)
    const out = await space.must('export', 'compose', 'immich')
    assert.match(out, /^immich-compose: 4 files for Docker on pi\n/)
    const folder = space.path('immich-compose')
    const names = (await readdir(folder)).sort()
    assert.deepEqual(names, ['.env', 'compose.override.yaml', 'compose.yaml', 'nginx.conf'])
    for (const name of ['.env', 'compose.yaml', 'nginx.conf']) {
      assert.equal(await space.read(`immich-compose/${name}`), await space.read(`immich/${name}`))
    }
    assert.match(
      await space.read('immich-compose/compose.override.yaml'),
      /^# {3}cache +\/var\/lib\/covey\/volumes\/immich-cache_v$/m,
    )
    const { services, volumes } = asDockerReads(folder)
    const web = (services?.['web'] ?? {}) as Record<string, unknown>
    assert.deepEqual(
      [web['image'], web['user'], web['ports']],
      ['web:1', '1000:1000', [{ published: 2283, target: 80 }]],
    )
    const mounted = (web['volumes'] as readonly unknown[]).map((each) => {
      if (typeof each !== 'string') return each
      const [source, target, mode] = each.split(':')
      return { source, target, mode }
    })
    const anonymous = /web:\/anonymous +(\S+)/.exec(out)?.[1]
    assert.deepEqual(new Set(mounted.map((each) => JSON.stringify(each))).size, 5)
    assert.match(JSON.stringify(mounted), /"\/opt\/immich\/library","target":"\/data"/)
    assert.match(JSON.stringify(mounted), new RegExp(`"${anonymous}","target":"/anonymous"`))
    const own = { type: 'none', o: 'bind', device: '/var/lib/covey/volumes/immich-cache_v' }
    const cache = volumes?.['cache'] as Record<string, unknown>
    assert.deepEqual(cache['driver_opts'], own)
    const adopted = volumes?.['uploads'] as Record<string, unknown>
    assert.deepEqual([adopted['external'], adopted['name']], [true, 'immich_uploads'])
    const again = await space.covey(['export', 'compose', 'immich'])
    assert.match(`${again.exit} ${again.err}`, /^4 .*immich-compose is there already/s)
  })

  it('keeps ports in the mesh, and names all files where Compose does not look', async (t) => {
    const line =
      'stacks:\n  immich: { file: [immich/compose.yaml, immich/more.yaml], host: pi, env_file: [one.env, two.env], profiles: [a, b] }\n'
    const space = await cluster(t, line)
    await space.write('immich/more.yaml', 'services: { web: { environment: { A: b } } }\n')
    await space.write('one.env', 'TAG=1')
    await space.write('two.env', 'TAG=2\n')
    const lock = await space.read('cluster.lock')
    await space.write('cluster.lock', `${lock}variable.immich.MODE "it\\u0027s $5"\n`)
    const out = await space.must('export', 'compose', 'immich', '-o', 'back')
    assert.match(out, /note: Ports of web stay in the mesh/)
    const text = await space.read('back/immich/compose.covey.yaml')
    assert.match(text, /ports: !override\n +- 10\.69\.0\.1:2283:80\/tcp\n/)
    assert.match(text, /source: \/var\/lib\/covey\/volumes\/immich_dir_v\/library\n/)
    assert.equal(
      await space.read('back/immich/.env'),
      'TAG=1\nTAG=2\n# Added by covey export.\nMODE="it\'s \\$5"\n' +
        'COMPOSE_FILE=compose.yaml:more.yaml:compose.covey.yaml\nCOMPOSE_PROFILES=a,b\n',
    )
    assert.equal((await stat(space.path('back/immich/.env'))).mode & 0o777, 0o600)
  })

  it('writes the services of the layout, with their secrets as files', async (t) => {
    const services =
      'secrets: { key: { file: key.txt } }\n' +
      'services:\n  hello:\n    image: nginx:1\n    host: pi\n    volumes: ["data:/d", "./page:/p"]\n    secrets: [key]\n' +
      'volumes: { data: {} }\n'
    const space = await cluster(t, services)
    await space.write('key.txt', 'content of it\n')
    const out = await space.must('export', 'compose')
    assert.match(out, /it holds secrets: secrets\/key\n/)
    assert.equal(
      await readFile(space.path('services-compose/secrets/key'), 'utf8'),
      'content of it\n',
    )
    const { services: read, secrets } = asDockerReads(space.path('services-compose'))
    const hello = read?.['hello'] as Record<string, unknown>
    assert.deepEqual([hello['image'], hello['host']], ['nginx:1', undefined])
    assert.match(JSON.stringify(hello['volumes']), /services_dir_v\/page/)
    assert.match(JSON.stringify(secrets), /services-compose\/secrets\/key/)
  })

  it('writes a secret once that two names stand for', async (t) => {
    const services =
      'secrets: { key: { file: key.txt } }\nstacks:\n  immich: { file: immich/compose.yaml, host: pi }\n'
    const space = await cluster(t, services)
    await space.write('key.txt', 'content of it\n')
    const named =
      'secrets: { one: { external: true, name: key }, two: { external: true, name: key } }'
    const text = `services: { web: { image: a, secrets: [one, two] } }\n${named}\n`
    await space.write('immich/compose.yaml', text)
    const out = await space.must('export', 'compose', 'immich')
    assert.match(out, /it holds secrets: secrets\/key\n/)
    assert.equal(await space.read('immich-compose/secrets/key'), 'content of it\n')
  })

  it('is refused where a file of the stack has the place of a secret', async (t) => {
    const services =
      'secrets: { key: { file: key.txt } }\nstacks:\n  immich: { file: immich/compose.yaml, host: pi }\n'
    const space = await cluster(t, services)
    await space.write('key.txt', 'content of it\n')
    await mkdir(space.path('immich/secrets'))
    await space.write('immich/secrets/key', 'another\n')
    const named = 'secrets: { key: { external: true }, own: { file: ./secrets/key } }'
    const text = `services: { web: { image: a, secrets: [key, own] } }\n${named}\n`
    await space.write('immich/compose.yaml', text)
    const { exit, err } = await space.covey(['export', 'compose', 'immich'])
    assert.match(
      `${exit} ${err}`,
      /^4 .*secrets\/key is the place of a secret of the layout, and the stack has secrets\/key\n/s,
    )
    const left = (await readdir(space.dir)).filter((name) => /compose|^\./.test(name))
    assert.deepEqual(left, [])
  })

  it('leaves nothing of files that cannot be written', async (t) => {
    const space = await openCluster(t)
    const file = { mode: 0o600, content: Buffer.from('a secret'), isSecret: true }
    const clash = [
      { ...file, path: 'key' },
      { ...file, path: 'key/more' },
    ]
    const before = (await readdir(space.dir)).sort()
    const session = { io: { files: machineCalls } } as unknown as Session
    await assert.rejects(writeProject(session, space.path('back'), clash), {
      code: 'cannot-write',
      hint: 'the layout is unchanged',
    })
    assert.deepEqual((await readdir(space.dir)).sort(), before)
  })

  it('is refused for what is not there, and where the host has to be said', async (t) => {
    const space = await cluster(
      t,
      'stacks:\n  immich: { file: immich/compose.yaml, hosts: [pi, box] }\n',
    )
    await addHost(space, 'box', '192.0.2.8:51820').catch(() => undefined)
    const several = await space.covey(['export', 'compose', 'immich'])
    assert.match(
      `${several.exit} ${several.err}`,
      /^2 .*immich may run on pi, box\nhint: say of which host/s,
    )
    const none = await space.covey(['export', 'compose', 'shop'])
    assert.match(
      `${none.exit} ${none.err}`,
      /^2 .*the layout has no stack shop\nhint: stacks: immich\n/s,
    )
    const own = await space.covey(['export', 'compose'])
    assert.match(own.err, /the layout has no services of its own/)
    assert.equal(
      (await space.covey(['export', 'compose', 'immich', '--host', 'box', '--state', 'x'])).exit,
      2,
    )
    await space.must('export', 'compose', 'immich', '--host', 'box')
  })
})
