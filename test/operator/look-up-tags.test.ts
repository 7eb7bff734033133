import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { dockerLogin } from '../../operator/images/docker-logins.ts'
import { lookUpTags } from '../../operator/images/resolve.ts'
import type { Io } from '../../operator/terminal/io.ts'
import { openSession, type Session } from '../../operator/terminal/session.ts'
import { machineCalls } from '../../platform/files/calls.ts'
import { CoveyError } from '../../protocol/fault.ts'
import { buildBusybox } from '../registry/busybox.ts'
import { pushLayout } from '../registry/image.ts'
import { type Registry, startRegistry } from '../registry/registry.ts'

const folder = mkdtempSync(join(tmpdir(), 'covey-tags-'))
after(() => rmSync(folder, { recursive: true }))

/** A session of somebody whose home is `home`. */
function sessionIn(home: string, more: Readonly<Record<string, string>> = {}): Session {
  const env = { HOME: home, PATH: `${home}/bin:${process.env['PATH']}`, ...more }
  const never = new AbortController().signal
  const io = { env, cwd: folder, files: machineCalls, interrupted: () => never, now: Date.now }
  return openSession({}, io as unknown as Io)
}

function homeWith(name: string, config: unknown): string {
  const home = join(folder, name)
  mkdirSync(join(home, '.docker'), { recursive: true })
  mkdirSync(join(home, 'bin'))
  writeFileSync(join(home, '.docker/config.json'), JSON.stringify(config))
  return home
}

function helper(home: string, name: string, script: string): void {
  const path = join(home, `bin/docker-credential-${name}`)
  writeFileSync(path, `#!/bin/sh\n${script}\n`)
  chmodSync(path, 0o755)
}

const auth = (text: string): { auth: string } => ({ auth: Buffer.from(text).toString('base64') })

describe('logins that docker keeps', () => {
  it('are found under every name of a registry', async () => {
    const home = homeWith('names', {
      auths: {
        'https://index.docker.io/v1/': auth('ada:one:two'),
        'https://ghcr.io': auth('bob:three'),
        'Registry.LAN:5000': auth('eve:four'),
      },
    })
    const of = (name: string) => dockerLogin(sessionIn(home), name)
    assert.deepEqual(await of('docker.io'), { username: 'ada', password: 'one:two' })
    assert.deepEqual(await of('ghcr.io'), { username: 'bob', password: 'three' })
    assert.deepEqual(await of('registry.lan:5000'), { username: 'eve', password: 'four' })
    assert.equal(await of('quay.io'), null)
    assert.equal(await dockerLogin(sessionIn(join(folder, 'nobody')), 'ghcr.io'), null)
  })

  it('come from helpers: the own one of a registry first, then the common one', async () => {
    const home = homeWith('helpers', { credsStore: 'all', credHelpers: { 'ghcr.io': 'own' } })
    helper(home, 'own', 'read server; echo "{\\"Username\\":\\"own\\",\\"Secret\\":\\"$server\\"}"')
    helper(
      home,
      'all',
      'read server; [ $server = quay.io ] || { echo credentials not found in native keychain; exit 1; }; echo \'{"Username":"all","Secret":"x"}\'',
    )
    const of = (name: string) => dockerLogin(sessionIn(home), name)
    assert.deepEqual(await of('ghcr.io'), { username: 'own', password: 'ghcr.io' })
    assert.deepEqual(await of('quay.io'), { username: 'all', password: 'x' })
    assert.equal(await of('docker.io'), null)
  })

  it('are asked of podman first', async () => {
    const home = homeWith('podman', { auths: { 'ghcr.io': auth('docker:x') } })
    mkdirSync(join(home, 'run/containers'), { recursive: true })
    const text = JSON.stringify({ auths: { 'ghcr.io': auth('podman:y') } })
    writeFileSync(join(home, 'run/containers/auth.json'), text)
    const session = sessionIn(home, { XDG_RUNTIME_DIR: join(home, 'run') })
    assert.deepEqual(await dockerLogin(session, 'ghcr.io'), { username: 'podman', password: 'y' })
  })

  for (const [name, config, script, says] of [
    ['no JSON', '{"auths', '', /not a file of docker or podman logins/],
    ['another shape', { auths: [] }, '', /not a file of docker or podman logins/],
    ['a damaged entry', { auths: { 'ghcr.io': { auth: '!!' } } }, '', /"auths" is damaged/],
    ['a helper that fails', { credsStore: 'bad' }, 'exit 3', /bad: it ended with exit code 3/],
    ['a helper that prints nothing', { credsStore: 'bad' }, 'exit 0', /it printed no login/],
    ['a helper that is not there', { credsStore: 'absent' }, '', /it does not run/],
    ['the name of a helper', { credsStore: '../../bin/sh' }, '', /the name of a helper is odd/],
    [
      'an identity token',
      { credsStore: 'bad' },
      'echo \'{"Username":"<token>","Secret":"x"}\'',
      /identity token/,
    ],
  ] as const) {
    it(`are refused in one sentence: ${name}`, async () => {
      const home = homeWith(name.replaceAll(' ', '-'), config)
      if (typeof config === 'string') writeFileSync(join(home, '.docker/config.json'), config)
      if (script !== '') helper(home, 'bad', script)
      await assert.rejects(dockerLogin(sessionIn(home), 'ghcr.io'), (error) => {
        assert.ok(error instanceof CoveyError)
        assert.equal(error.code, 'logins')
        assert.match(error.message, says)
        return true
      })
    })
  }
})

describe('tags at a real registry', () => {
  let registry: Registry
  let digest = ''
  before(async () => {
    registry = await startRegistry({ auth: 'basic' })
    const layout = join(folder, 'layout')
    await buildBusybox(layout)
    digest = (await pushLayout(registry, layout, 'apps/box')).split('@')[1] ?? ''
  })
  after(() => registry.close())

  it('are digests with platforms, each asked for with the login of this machine', async () => {
    const { username = '', password = '' } = registry.credentials ?? {}
    const home = homeWith('real', { auths: { [registry.host]: auth(`${username}:${password}`) } })
    const references = [`${registry.host}/apps/box:latest`, `${registry.host}/apps/box:absent`]
    const settings = { insecure: [registry.host], loginOf: async () => null }
    const [box, absent] = await lookUpTags(sessionIn(home), references, settings)
    const platforms = [process.arch === 'x64' ? 'linux/amd64' : `linux/${process.arch}`]
    assert.deepEqual(box, { reference: references[0], found: { digest, platforms } })
    assert.ok(absent?.found instanceof CoveyError)
    assert.match(absent.found.message, /has no absent in apps\/box/)
    const own = { ...settings, loginOf: async () => registry.credentials }
    const [found] = await lookUpTags(sessionIn(folder), references.slice(0, 1), own)
    assert.deepEqual(found, box, 'the login of the layout counts')
    const [refused] = await lookUpTags(sessionIn(folder), references.slice(0, 1), settings)
    assert.ok(refused?.found instanceof CoveyError)
    assert.match(refused.found.message, /refuses apps\/box without credentials/)
    assert.match(refused.found.hint ?? '', /docker login/)
  })
})
