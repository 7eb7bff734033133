import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { addHost, openCluster, type Workspace } from '../workspace.ts'

const image = `r.example/db:1@sha256:${'a'.repeat(64)}`
const byHand = {
  nets: { type: 'container_network', network: 'wg_network', subnet: '10.69.1.0/24' },
  db: { type: 'runc_container', image, network: 'nets', address: '10.69.1.7' },
  data: { type: 'volume' },
}

/** A cluster whose newest config has objects that somebody wrote into it. */
async function handmade(
  context: TestContext,
  lines: string = '',
  objects: object = byHand,
): Promise<Workspace> {
  const space = await openCluster(context)
  await addHost(space, 'pi', '192.0.2.1:51820')
  await space.write('cluster.yaml', `${await space.read('cluster.yaml')}${lines}# the end\n`)
  const { hosts } = JSON.parse(await space.must('compile'))
  await space.write('config.json', { hosts: { pi: { ...hosts.pi, ...objects } } })
  await space.must('sign', 'config.json', '-o', 'signed.json')
  return space
}

const stack = `services:\n  web: { image: "nginx@sha256:${'b'.repeat(64)}" }\n`

describe('covey adopt', () => {
  it('writes what was made by hand into the layout, and keeps its comments', async (context) => {
    const space = await handmade(context)
    const said = await space.must('adopt', '--offline')
    assert.match(
      said,
      /^pi: nets \(container_network\)\npi: db \(runc_container\)\npi: data \(volume\)\n/,
    )
    const layout = await space.read('cluster.yaml')
    assert.match(layout, /# Range of the mesh/)
    assert.match(layout, /# the end\n$/)
    const lock = await space.read('cluster.lock')
    assert.match(lock, /^address\.pi\.db 10\.69\.1\.7$/m)
    assert.match(lock, /^host\.pi\.subnet 10\.69\.1\.0\/24$/m)
    const { hosts } = JSON.parse(await space.must('compile'))
    for (const [name, object] of Object.entries(byHand)) assert.deepEqual(hosts.pi[name], object)
    assert.match(await space.must('adopt', '--offline'), /^nothing to adopt/)
  })

  it('has to come before an apply, which would remove it all', async (context) => {
    const space = await handmade(context)
    const refused = await space.covey(['apply', '--offline', '-o', 'x.json'])
    assert.equal(refused.exit, 4)
    assert.match(refused.err, /never had pi\/nets, pi\/db, pi\/data, and would remove it/)
    await space.must('adopt', '--offline')
    await space.must('apply', '--offline', '-o', 'x.json')
  })

  it('puts services on the network that was there', async (context) => {
    const space = await handmade(context)
    await space.must('adopt', '--offline')
    await space.write('cluster.yaml', `${await space.read('cluster.yaml')}${stack}`)
    const { hosts } = JSON.parse(await space.must('compile'))
    assert.equal(hosts.pi.web.network, 'nets')
    assert.equal(hosts.pi.pods, undefined)
  })

  it('takes no service for made by hand that left the layout', async (context) => {
    const space = await handmade(context, stack, { data: byHand.data })
    await space.must('adopt', '--offline')
    const layout = (await space.read('cluster.yaml')).replace(/services:\n.*\n/, '')
    await space.write('cluster.yaml', layout)
    await space.must('compile')
    assert.match(await space.must('adopt', '--offline'), /^nothing to adopt/)
    // Nor an object that the layout had itself.
    await space.write('cluster.yaml', layout.replace(/ {4}objects:\n( {6}.*\n)+/, ''))
    await space.must('compile')
    assert.match(await space.must('adopt', '--offline'), /^nothing to adopt/)
  })
})
