import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { describe, it, type TestContext, test } from 'node:test'
import { addHost, makeCard, openCluster, type Workspace } from '../workspace.ts'

const digest = `sha256:${'4c1e'.repeat(16)}`

/** A cluster of one host with these files and lines at the end of its layout. */
async function clusterWith(
  context: TestContext,
  lines: string,
  files: Readonly<Record<string, string>>,
): Promise<Workspace> {
  const space = await openCluster(context)
  await addHost(space, 'pi')
  await writeFile(space.path('cluster.yaml'), `${await space.read('cluster.yaml')}${lines}`)
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(space.path(path)), { recursive: true })
    await writeFile(space.path(path), text)
  }
  return space
}

const shop = `services:\n  web:\n    image: "nginx@${digest}"\n    volumes: ["./a.conf:/a.conf"]\n`
const line = 'stacks:\n  shop: { file: apps/shop }\n'
const files = { 'apps/shop/compose.yaml': shop, 'apps/shop/a.conf': 'hello\n' }

describe('covey compile of stacks', () => {
  it('reads Compose files in folders, and what lies beside them', async (context) => {
    const space = await clusterWith(context, line, files)
    const { hosts } = JSON.parse(await space.must('compile'))
    const [file] = hosts.pi['shop-web'].files
    assert.equal(file.content, 'hello\n')
    assert.match(await space.read('cluster.lock'), /\nplacement\.shop\/web pi\n/)
    assert.deepEqual(JSON.parse(await space.must('compile')), { hosts })
  })

  it('writes what it allots into the lock, and with --frozen refuses to', async (context) => {
    const space = await clusterWith(context, line, files)
    const before = await space.read('cluster.lock')
    const refused = await space.covey(['compile', '--frozen'])
    assert.equal(refused.exit, 4)
    assert.match(refused.err, /cluster\.lock would change: address\.pi\.shop-web, host\.pi\.subnet/)
    assert.equal(await space.read('cluster.lock'), before)
    await space.must('compile')
    await space.must('compile', '--frozen')
    await space.write('cluster.yaml', (await space.read('cluster.yaml')).replace(line, ''))
    await space.must('compile', '--frozen')
    await space.must('compile', '--prune')
    assert.doesNotMatch(await space.read('cluster.lock'), /shop/)
  })

  it('is validated without a lock, a card or a digest', async (context) => {
    const text = `${shop.replace(`@${digest}`, ':1.27')}    environment: { A_PASSWORD: x }\n`
    const space = await clusterWith(context, line, { ...files, 'apps/shop/compose.yaml': text })
    await space.must('validate', 'cluster.yaml')
    const { exit, err } = await space.covey(['compile', '--frozen'])
    assert.equal(exit, 2)
    assert.match(
      err,
      /^apps\/shop\/compose\.yaml:3:12: services\.web\.image: nginx:1\.27 has no digest/m,
    )
    assert.match(err, /the variables of shop\/web: not sealed for pi yet/)
  })

  it('tells faults of objects at their place in the Compose file', async (context) => {
    const text = `${shop}      - /proc/x:/proc/y\n    user: "a b"\n`.replace(
      'volumes: ["./a.conf:/a.conf"]',
      'volumes:\n      - ./a.conf:/a.conf',
    )
    const space = await clusterWith(context, line, { ...files, 'apps/shop/compose.yaml': text })
    const { exit, err } = await space.covey(['validate', 'cluster.yaml'])
    assert.equal(exit, 2)
    assert.match(err, /^apps\/shop\/compose\.yaml:6:9: services\.web\.volumes: nothing/m)
    assert.match(err, /\napps\/shop\/compose\.yaml:7:\d+: services\.web\.user: /)
  })

  it('checks the objects of hosts without a card too', async (context) => {
    const text = `${shop}    user: "a b"\n`
    const space = await clusterWith(context, line, { ...files, 'apps/shop/compose.yaml': text })
    const layout = (await space.read('cluster.yaml')).replace('pi: {}', 'pi: {}\n  b: {}')
    await space.write('cluster.yaml', layout.replace('apps/shop }', 'apps/shop, host: b }'))
    const { exit, err } = await space.covey(['validate', 'cluster.yaml'])
    assert.equal(exit, 2)
    assert.match(err, /^apps\/shop\/compose\.yaml:5:\d+: services\.web\.user: /)
  })

  it('reads services of the layout itself, with places in it', async (context) => {
    const text = `secrets: { key: {} }\nservices:\n  web: { host: pi, image: "nginx@${digest}", ports: [22:22] }\n`
    const space = await clusterWith(context, text, {})
    const { err } = await space.covey(['validate', 'cluster.yaml'])
    const row = (await space.read('cluster.yaml'))
      .split('\n')
      .findIndex((each) => each.includes('22:22'))
    assert.match(
      err,
      new RegExp(`^cluster\\.yaml:${row + 1}:\\d+: services\\.web\\.ports: .*22/tcp`, 'm'),
    )
    await space.write('cluster.yaml', (await space.read('cluster.yaml')).replace('22:22', '80:80'))
    assert.match(await space.must('compile'), /"web_80t"/)
  })

  it('names the largest stacks of a config that is too large', async (context) => {
    const content = 'x'.repeat(200_000)
    const services = Array.from({ length: 22 }, (_, index) => {
      return `  s${index}: { image: "nginx@${digest}", configs: [c] }\n`
    })
    const text = `services:\n${services.join('')}configs: { c: { content: ${content} } }\n`
    const space = await clusterWith(context, `${line}  big: { file: big.yaml }\n`, {
      ...files,
      'big.yaml': text,
    })
    const { exit, err } = await space.covey(['compile'])
    assert.equal(exit, 4)
    assert.match(err, /largest: big \d+ KiB, .*shop 1 KiB/)
  })
})

test('hosts are added to a layout whose stacks name them already', async (context) => {
  const space = await openCluster(context)
  const layout = await space.read('cluster.yaml')
  await space.write('cluster.yaml', `${layout}stacks:\n  shop: { file: c.yaml, host: a }\n`)
  await space.write('c.yaml', 'services:\n  web: { image: nginx }\n')
  const before = await space.covey(['validate', 'cluster.yaml'])
  assert.equal(before.exit, 2)
  assert.match(before.err, /stacks\.shop\.host: there is no host "a"/)
  await space.write('card.json', await makeCard('a'))
  await space.must('host', 'add', '--card', 'card.json', '--endpoint', '192.0.2.1:51820')
  assert.match(await space.must('host', 'list'), /a/)
  await space.must('validate', 'cluster.yaml')
})

test('what no agent can do yet is refused, and privileged is told of', async (t) => {
  const space = await openCluster(t)
  await addHost(space, 'a', '192.0.2.1:51820')
  const layout = await space.read('cluster.yaml')
  await space.write('cluster.yaml', `${layout}stacks:\n  s: { file: c.yaml }\n`)
  const image = `image: "x@sha256:${'0'.repeat(64)}"`
  const lines = (...more: readonly string[]) =>
    ['services:', '  a:', ...[image, ...more].map((line) => `    ${line}`), ''].join('\n')
  for (const [line, says] of [
    ['gpus: all', /c\.yaml:4:11: services\.a\.gpus: .* later version/],
  ] as const) {
    await space.write('c.yaml', lines(line))
    const { exit, err } = await space.covey(['compile'])
    assert.equal(exit, 2, err)
    assert.match(err, says)
  }
  const forms =
    '["/dev/x:/dev/x:rwm", "/dev/y/:/dev/z:r", {source: /dev/a, target: /dev/b, permissions: rwm}]'
  await space.write('c.yaml', lines('privileged: true', `devices: ${forms}`))
  const { exit, out, err } = await space.covey(['compile'])
  assert.equal(exit, 0, err)
  assert.match(
    err,
    /c\.yaml:4:17: it runs UNPRIVILEGED on a host .*covey host grant privileged:s\/a/,
  )
  assert.deepEqual(JSON.parse(out).hosts.a['s-a'].devices, [
    '/dev/x',
    { source: '/dev/y', target: '/dev/z', permissions: 'r' },
    { source: '/dev/a', target: '/dev/b' },
  ])
  await space.write('c.yaml', lines('cap_add: [MKNOD]', 'devices: ["/dev/x"]'))
  const nodes = await space.covey(['compile'])
  const [entry] = JSON.parse(nodes.out).hosts.a['s-a'].devices
  assert.deepEqual(entry, { source: '/dev/x', permissions: 'rwm' })
  await space.write('c.yaml', lines('devices: ["/dev/x:/dev/x:m"]'))
  assert.match((await space.covey(['compile'])).err, /devices: .*needs cap_add: \[MKNOD\]/)
  assert.equal(JSON.parse(out).hosts.a['s-a'].privileged, true)
})
