import assert from 'node:assert/strict'
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { hasApplied } from './agent-status.ts'
import type { Hosts } from './config-hosts.ts'
import { writeSettings } from './container-config.ts'
import { projectRoot, type VirtualHost } from './host.ts'
import { createLab, type Lab } from './lab.ts'
import { until } from './waiting.ts'

/** A parameter that each virtual host has for itself. */
const key = 'net.ipv4.ip_default_ttl'

function install(host: VirtualHost): void {
  const folder = join(host.folder, 'var-lib/covey-lab/node_modules')
  const example = join(folder, 'covey-reconciler-sysctl')
  cpSync(join(projectRoot, 'examples/covey-reconciler-sysctl'), example, { recursive: true })
  cpSync(join(projectRoot, 'node_modules/zod'), join(folder, 'zod'), { recursive: true })
  const broken = join(folder, 'covey-reconciler-broken')
  mkdirSync(broken)
  const covey = { interface: 1, types: ['broken_thing'] }
  const manifest = { name: 'covey-reconciler-broken', type: 'module', exports: './index.js', covey }
  writeFileSync(join(broken, 'package.json'), JSON.stringify(manifest))
  writeFileSync(join(broken, 'index.js'), 'throw new Error("it was never finished")\n')
}

describe('reconcilers of other packages', () => {
  let lab: Lab
  let host: VirtualHost
  let hosts: Hosts

  const parameter = async (): Promise<string> =>
    (await host.must('sysctl', ['--values', key])).trim()
  const release = async (objects: Hosts[string]): Promise<void> => {
    const version = await lab.operator.release(
      { cloud01: { ...hosts['cloud01'], ...objects } },
      host,
    )
    await host.waitFor(`has applied ${version}`, (status) => hasApplied(status, version))
  }

  before(async () => {
    lab = await createLab()
    host = await lab.host('cloud01')
    install(host)
    writeSettings(host, { reconcilers: ['covey-reconciler-sysctl', 'covey-reconciler-broken'] })
    await lab.enrolAll()
    hosts = await lab.operator.hosts()
  })
  after(() => lab?.close())

  it('apply their objects, repair them, and take them back', async () => {
    const before = await parameter()
    assert.notEqual(before, '77')
    await release({ ttl: { type: 'sysctl', key, value: '77' } })
    await until('the parameter is set', async () => (await parameter()) === '77')
    await host.must('sysctl', ['--write', `${key}=99`])
    await until('the parameter is set again', async () => (await parameter()) === '77')
    await release({})
    await until('the parameter is as before', async () => (await parameter()) === before)
  })

  it('harm nothing else where a package is broken, and the status says why', async () => {
    await release({
      ttl: { type: 'sysctl', key, value: '78' },
      thing: { type: 'broken_thing' },
      wrong: { type: 'sysctl', key: 'a b', value: '1' },
    })
    const { objects } = await host.waitFor('has set it', ({ objects: all }) =>
      all.some(({ name, state }) => name === 'ttl' && state === 'converged'),
    )
    const states = new Map(objects.map(({ name, state, reason }) => [name, `${state}: ${reason}`]))
    const why = 'the package covey-reconciler-broken was not loaded: it was never finished'
    assert.equal(states.get('thing'), `unsupported: ${why}`)
    assert.match(states.get('wrong') ?? '', /^failed: hosts\.cloud01\.wrong\.key: must be a param/)
    assert.equal(states.get('wg_network'), 'converged: null')
    assert.equal(await parameter(), '78')
    const shown = await host.covey(['status'])
    assert.ok(shown.stdout.includes(why), shown.stdout)
  })
})
