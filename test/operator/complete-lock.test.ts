import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it, type TestContext } from 'node:test'
import { buildBusybox } from '../registry/busybox.ts'
import { buildLayout, pushLayout } from '../registry/image.ts'
import { type Registry, startRegistry } from '../registry/registry.ts'
import { makeCard, openCluster, type Workspace } from './workspace.ts'

const folder = mkdtempSync(join(tmpdir(), 'covey-complete-'))
let registry: Registry
let digest = ''

before(async () => {
  registry = await startRegistry()
  await buildBusybox(join(folder, 'layout'))
  const reference = await pushLayout(registry, join(folder, 'layout'), 'apps/box')
  digest = reference.split('@')[1] ?? ''
})
after(async () => {
  await registry.close()
  rmSync(folder, { recursive: true })
})

const secretText = 'correct horse battery'

async function openShop(context: TestContext): Promise<Workspace> {
  const space = await openCluster(context)
  await space.write('card.json', await makeCard('a'))
  await space.must('host', 'add', '--card', 'card.json', '--endpoint', '192.0.2.1:51820')
  await mkdir(space.path('shop'))
  const image = `${registry.host}/apps/box`
  await space.write(
    'shop/compose.yaml',
    `services:\n  web:\n    image: ${image}\n    healthcheck: { disable: true }\n    environment:\n      TOKEN: \${TOKEN}\n`,
  )
  await space.write('shop/.env', `TOKEN=${secretText}\n`)
  const layout = await space.read('cluster.yaml')
  const more = `stacks:\n  shop: { file: shop/compose.yaml }\nregistries:\n  "${registry.host}": { insecure: true }\n`
  await space.write('cluster.yaml', `${layout}${more}`)
  return space
}

describe('compiling a stack', () => {
  it('looks up tags and seals secrets, once, and shows no secret', async (context) => {
    const space = await openShop(context)
    const first = await space.must('compile')
    const { hosts } = JSON.parse(first)
    assert.equal(hosts.a['shop-web'].image, `${registry.host}/apps/box:latest@${digest}`)
    assert.deepEqual(hosts.a['shop-web'].secrets, [{ secret: 'shop-web_e', env_all: true }])
    assert.match(hosts.a['shop-web_e'].jwe, /^ey/)
    const lock = await space.read('cluster.lock')
    assert.doesNotMatch(first + lock, /horse/)
    await registry.stop()
    assert.equal(await space.must('compile', '--frozen'), first, 'the lock is enough')
    assert.equal(await space.must('compile'), first)
    await registry.start()
    await space.write('shop/.env', 'TOKEN=another\n')
    const frozen = await space.covey(['compile', '--frozen'])
    assert.equal(frozen.exit, 0, 'what is sealed cannot be compared without keys')
    const second = JSON.parse(await space.must('compile'))
    assert.notEqual(second.hosts.a['shop-web_e'].jwe, hosts.a['shop-web_e'].jwe)
  })

  it('asks once for a secret that a registry wants and hosts are given', async (context) => {
    const guarded = await startRegistry({ auth: 'basic' })
    context.after(() => guarded.close())
    const reference = await pushLayout(guarded, join(folder, 'layout'), 'apps/box')
    const space = await openShop(context)
    const { username = '', password = '' } = guarded.credentials ?? {}
    await space.write(
      'shop/compose.yaml',
      `services:\n  web:\n    image: ${guarded.host}/apps/box\n`,
    )
    const layout = (await space.read('cluster.yaml')).split('registries:')[0] ?? ''
    const account = `{ insecure: true, username: ${username}, password: token }`
    const command = `echo run >> runs; printf %s ${password}`
    const more = `registries:\n  "${guarded.host}": ${account}\nsecrets:\n  token: { command: "${command}" }\n`
    await space.write('cluster.yaml', layout + more)
    const { hosts } = JSON.parse(await space.must('compile'))
    assert.equal(hosts.a['shop-web'].image, reference.replace('@', ':latest@'))
    assert.equal(await space.read('runs'), 'run\n')
  })

  it('names the place of every image that cannot be looked up', async (context) => {
    const space = await openShop(context)
    const text = 'services:\n  a:\n    image: IMAGE:absent\n  b:\n    image: IMAGE\n'
    await space.write('shop/compose.yaml', text.replaceAll('IMAGE', `${registry.host}/no/thing`))
    const before = await space.read('cluster.lock')
    const { exit, err } = await space.covey(['compile'])
    assert.equal(exit, 1)
    assert.match(
      err,
      /compose\.yaml:3:12: .*no\/thing:absent cannot be looked up: .* has no absent/,
    )
    assert.match(err, /compose\.yaml:5:12: .*no\/thing:latest cannot be looked up/)
    assert.equal(await space.read('cluster.lock'), before)
  })

  it('takes a new digest of a tag only when it is told to', async (context) => {
    const space = await openShop(context)
    const first = await space.must('compile')
    assert.match(await space.must('pull'), /nothing new/)
    const other = join(folder, 'other')
    await buildLayout(other, { layers: [await emptyTree(other)], config: { Cmd: ['/other'] } })
    const now = (await pushLayout(registry, other, 'apps/box')).split('@')[1] ?? ''
    assert.equal(await space.must('compile'), first)
    const shown = JSON.parse(await space.must('pull', 'shop', '--json'))
    const reference = `${registry.host}/apps/box:latest`
    const row = { reference, services: ['shop/web'], from: digest, to: now }
    assert.deepEqual(shown, { images: [row] })
    assert.match(await space.must('compile'), new RegExp(now))
    const wrong = await space.covey(['pull', 'shop/db'])
    assert.equal(wrong.exit, 2)
    assert.match(wrong.err, /the layout has no stack or service shop\/db/)
    await pushLayout(registry, join(folder, 'layout'), 'apps/box')
  })
})

async function emptyTree(path: string): Promise<string> {
  await mkdir(`${path}-tree/etc`, { recursive: true })
  return `${path}-tree`
}
