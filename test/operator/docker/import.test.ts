import assert from 'node:assert/strict'
import { lstat, mkdir, readdir, stat, symlink } from 'node:fs/promises'
import { describe, it, type TestContext } from 'node:test'
import { addHost, type Outcome, openCluster, type Workspace } from '../workspace.ts'
import { type FakeHost, fakeHost } from './fake-ssh.ts'

const composeText = `
include: [db/db.yaml]
services:
  web:
    image: web:1
    user: "1000:1000"
    env_file: web.env
    ports: ["2283:2283"]
    environment: { PASSWORD: "\${PASSWORD}" }
    volumes:
      - ./library:/data
      - ./nginx.conf:/etc/nginx.conf:ro
      - ./state.db:/state.db
      - cache:/cache
      - uploads:/uploads
    secrets: [key]
  debug:
    image: web:1
    profiles: [debug]
    env_file: debug.env
secrets: { key: { file: key.txt } }
volumes: { cache: {}, uploads: {} }
`

/** A cluster with the host pi, and a host of which a project can be taken. */
async function prepared(t: TestContext): Promise<{
  readonly space: Workspace
  readonly host: FakeHost
  readonly take: (path: string, ...more: readonly string[]) => Promise<Outcome>
}> {
  const space = await openCluster(t)
  await addHost(space, 'pi', '192.0.2.7:51820')
  const host = await fakeHost(t)
  await host.write('opt/immich/compose.yaml', composeText)
  await host.write(
    'opt/immich/db/db.yaml',
    'services: { db: { image: "db:1", volumes: ["./pg:/pg"] } }\n',
  )
  await host.write('opt/immich/.env', 'PASSWORD=battery-staple\n', 0o640)
  await host.write('opt/immich/web.env', 'LEVEL=1\n')
  await host.write('opt/immich/debug.env', 'LEVEL=2\n')
  await host.write('opt/immich/key.txt', 'very secret\n', 0o644)
  await host.write('opt/immich/nginx.conf', new Uint8Array([0, 255, 10]), 0o755)
  await host.write('opt/immich/state.db', 'data')
  await mkdir(host.path('opt/immich/library'))
  const take = (path: string, ...more: readonly string[]) =>
    space.covey(['stack', 'import', `root@192.0.2.7:${path}`, ...more], { env: host.env })
  return { space, host, take }
}

/** A docker that has these volumes and containers, one JSON document each. */
function docker(volumes: Readonly<Record<string, string>>, containers: readonly object[]): string {
  const lines = Object.entries(volumes).map(([name, mountpoint]) => {
    const found = JSON.stringify({ name, driver: 'local', mountpoint, options: null })
    return `  case "$*" in *" ${name}"*) echo '${found}' ;; esac\n`
  })
  const all = containers.map((each) => `  echo '${JSON.stringify(each)}'\n`)
  const ids = containers.map((_, index) => String(index).repeat(12)).join(' ')
  return `#!/bin/sh
case "$1 $2" in
"ps --all") echo "${ids}" ;;
"inspect --format")
  :
${all.join('')}  ;;
"volume inspect")
  :
${lines.join('')}  ;;
*) exit 1 ;;
esac
`
}

function container(host: FakeHost, service: string, files: readonly string[] = []): object {
  const folder = host.path('opt/immich')
  return {
    id: '0'.repeat(12),
    labels: {
      'com.docker.compose.project': 'photos',
      'com.docker.compose.service': service,
      'com.docker.compose.project.working_dir': folder,
      'com.docker.compose.project.config_files': files.map((file) => `${folder}/${file}`).join(','),
    },
    running: true,
    restart: { Name: 'always', MaximumRetryCount: 0 },
    mounts: [{ Type: 'volume', Name: 'a'.repeat(64), Source: '/v/anon', Destination: '/anon' }],
    ports: { '2283/tcp': [{ HostIp: '', HostPort: '2283' }] },
  }
}

describe('a Compose project of a host', () => {
  it('is copied with all that its files name, and its data stays where it is', async (t) => {
    const { space, host, take } = await prepared(t)
    const uploads = host.path('volumes/photos_uploads/_data')
    await host.program('docker', docker({ photos_uploads: uploads }, [container(host, 'web')]))
    const layout = await space.read('cluster.yaml')
    await space.write('cluster.yaml', `# mine\n${layout}`)
    const { exit, out, err } = await take(host.path('opt/immich'))
    assert.equal(exit, 0, err)
    const files = await readdir(space.path('stacks/immich'), { recursive: true })
    assert.deepEqual(files.sort(), [
      ...['.env', '.gitignore', 'compose.yaml', 'db', 'db/db.yaml', 'debug.env', 'key.txt'],
      ...['nginx.conf', 'web.env'],
    ])
    assert.equal(await space.read('stacks/immich/compose.yaml'), composeText)
    const modes = ['.env', 'key.txt', 'nginx.conf'].map(async (name) => {
      return ((await stat(space.path(`stacks/immich/${name}`))).mode & 0o777).toString(8)
    })
    assert.deepEqual(await Promise.all(modes), ['600', '600', '755'])
    assert.match(
      await space.read('stacks/immich/.gitignore'),
      /^\/\.env\n\/debug\.env\n\/key\.txt\n\/web\.env\n$/m,
    )
    const dir = host.path('opt/immich')
    const line = `immich: { file: "stacks/immich/compose.yaml", host: "pi", dir: "${dir}", ports: "public", volumes: { uploads: "${uploads}" } }`
    assert.equal(
      await space.read('cluster.yaml'),
      `# mine\n${layout.trimEnd()}\nstacks:\n  ${line}\n`,
    )
    assert.match(out, new RegExp(`\\./library +${dir}/library\\n`))
    assert.match(out, new RegExp(`\\./state\\.db +${dir}/state\\.db\\n`), 'it is written to')
    assert.match(out, /empty at first: cache\n/)
    assert.match(out, /note: web has data in a volume without a name, at \/anon: .* \/v\/anon\n/)
    assert.match(out, new RegExp(`covey host grant pi path:${dir} path:${uploads}\\n`))
    assert.match(out, /next: covey plan, then covey apply --replace-docker immich\n$/)
    assert.equal((await space.covey(['validate', 'cluster.yaml'])).exit, 0)
  })

  it('says of secrets whether git leaves them out', async (t) => {
    const { space, host, take } = await prepared(t)
    const path = host.path('opt/immich')
    const first = await take(path)
    assert.match(first.out, /^ {2}\.env: only you can read it, and git leaves it out$/m)
    await host.write('opt/immich/.gitignore', '!.env\n')
    const mounted = composeText.replace('volumes:\n', 'volumes:\n      - ./.gitignore:/ignore:ro\n')
    await host.write('opt/immich/compose.yaml', mounted)
    const { out } = await take(path, '--name', 'photos')
    assert.match(
      out,
      /^ {2}\.env: only you can read it, and keep it out of git: the project has a/m,
    )
    assert.doesNotMatch(out, /git leaves it out/)
    assert.equal(await space.read('stacks/photos/.gitignore'), '!.env\n')
  })

  it('is not written twice: what differs is told', async (t) => {
    const { space, host, take } = await prepared(t)
    const path = host.path('opt/immich')
    assert.equal((await take(path, '--json')).exit, 0)
    const before = await space.read('cluster.yaml')
    const again = await take(path, '--json')
    assert.equal(again.exit, 0, again.err)
    assert.deepEqual(
      new Set(JSON.parse(again.out).files.map((file: { state: string }) => file.state)),
      new Set(['same']),
    )
    await space.write('stacks/immich/.env', 'PASSWORD=mine\n')
    await host.write(
      'opt/immich/db/db.yaml',
      'services: { db: { image: "db:2", env_file: new.env } }\n',
    )
    await host.write('opt/immich/new.env', 'A=b\n')
    const third = await take(path, '--ports', 'lan')
    assert.equal(third.exit, 3)
    assert.match(third.out, /\.env: differs\n.*db\/db\.yaml: differs\n/s)
    assert.match(third.out, /its line in cluster\.yaml differs.*"ports":"lan"/s)
    assert.equal(await space.read('cluster.yaml'), before)
    assert.equal(await space.read('stacks/immich/.env'), 'PASSWORD=mine\n')
    const other = await space.covey(['stack', 'import', `away:${path}`, '--host', 'pi'], {
      env: host.env,
    })
    assert.equal(other.exit, 5)
    assert.match(other.err, /away is not reached: no ssh server listens there/)
  })

  it('is found without docker by the folders that Docker has', async (t) => {
    const { space, host, take } = await prepared(t)
    await host.write(
      'opt/immich/compose.yaml',
      'services: { a: { image: a, volumes: ["x:/x"] } }\nvolumes: { x: {} }\n',
    )
    await host.write('opt/immich/compose.override.yaml', 'services: { a: { user: "7" } }\n')
    const { exit, out, err } = await take(host.path('opt/immich'), '--name', 'photos', '--json')
    assert.equal(exit, 0, err)
    const { fields, empty } = JSON.parse(out)
    assert.deepEqual(fields.file, [
      'stacks/photos/compose.yaml',
      'stacks/photos/compose.override.yaml',
    ])
    assert.deepEqual(empty, ['x'])
    assert.equal(fields.ports, undefined)
    const taken = await space.covey(
      ['stack', 'import', `root@192.0.2.7:${host.path('opt/other')}`, '--name', 'photos'],
      { env: host.env },
    )
    assert.match(`${taken.exit} ${taken.err}`, /^2 .*covey: stack import: there is no folder/s)
  })

  it('is told apart from what covey does not take', async (t) => {
    const { host, take } = await prepared(t)
    const text = 'services:\n  a:\n    image: a\n    volumes: [/var/run/docker.sock:/s]\n'
    await host.write('opt/immich/compose.yaml', text)
    const { exit, out, err } = await take(host.path('opt/immich'))
    assert.equal(exit, 0, err)
    assert.match(
      out,
      /covey does not take 1 thing as it is:\n {2}stacks\/immich\/compose\.yaml:4:\d+: /,
    )
    assert.match(out, /next: mend these, then covey plan\n$/)
  })
})

describe('a hostile project', () => {
  it('leads nothing out of its folder, neither there nor here', async (t) => {
    const { space, host, take } = await prepared(t)
    await host.write('root/shadow', 'root:secret')
    await host.write('opt/common.env', 'A=b\n')
    await symlink(host.path('root/shadow'), host.path('opt/immich/link.env'))
    await symlink(host.path('root'), host.path('opt/immich/there'))
    await symlink('web.env', host.path('opt/immich/near.env'))
    await host.write('opt/immich/.git/config', '[core]\n')
    const names = [
      'link.env',
      '../common.env',
      'there/shadow',
      '.GIT/config',
      '/etc/hostname',
      'near.env',
      '"a\\nb.env"',
      '.git/config',
    ]
    const text = `services:\n  a:\n    image: a\n    env_file: [${names.join(', ')}]\n    volumes: ["./there/shadow:/x:ro", "./link.env:/y:ro"]\n`
    await host.write('opt/immich/compose.yaml', text)
    await host.write('opt/immich/a\nb.env', 'A=b\n')
    const { exit, out, err } = await take(host.path('opt/immich'))
    assert.equal(exit, 0, err)
    const files = await readdir(space.path('stacks/immich'), { recursive: true })
    assert.deepEqual(files.sort(), ['.env', '.gitignore', 'compose.yaml', 'near.env'])
    assert.ok((await lstat(space.path('stacks/immich/near.env'))).isFile())
    assert.doesNotMatch(out, /root:secret/)
    assert.match(out, /note: .*link\.env is a link that leads out of the folder/)
    assert.match(out, /note: .*\.\.\/common\.env|note: .*opt\/common\.env lies outside of/)
    assert.match(out, /note: .*\.git\/config is git's own/)
    assert.deepEqual(
      (await readdir(space.dir)).filter((name) => name.startsWith('.covey')),
      [],
    )
  })

  it('is refused where its files break the syntax or have no end', async (t) => {
    const { space, host, take } = await prepared(t)
    const layout = await space.read('cluster.yaml')
    await host.write('opt/immich/compose.yaml', 'services: [\n')
    const broken = await take(host.path('opt/immich'))
    assert.equal(broken.exit, 2)
    assert.match(broken.err, /opt\/immich\/compose\.yaml:\d+:\d+: /)
    await host.write('opt/immich/compose.yaml', composeText)
    await host.write('opt/immich/web.env', 'x'.repeat(5 * 1024 * 1024))
    const large = await take(host.path('opt/immich'))
    assert.equal(large.exit, 4, large.err + large.out)
    assert.equal(await space.read('cluster.yaml'), layout)
    for (const source of ['pi', 'pi:', 'pi:/', 'pi:opt', '-oProxyCommand=x:/opt', 'pi:/opt\nx']) {
      const { exit, err } = await space.covey(['stack', 'import', '--', source], { env: host.env })
      assert.equal(exit, 2, source)
      assert.match(err, /must be \[USER@\]HOST/, source)
    }
    const unknown = await space.covey(['stack', 'import', `root@192.0.2.9:${host.root}`], {
      env: host.env,
    })
    assert.match(
      `${unknown.exit} ${unknown.err}`,
      /^2 .*no host of the layout is known to be at 192\.0\.2\.9\nhint: say which it is: --host NAME; hosts of the layout: pi\n/,
    )
  })
})
