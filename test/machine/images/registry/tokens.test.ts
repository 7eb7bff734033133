import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import type { RegistrySettings } from '../../../../machine/images/registry/trust/settings.ts'
import { type Client, failureOf, makeClient, pullBlob, pullManifest } from './client.ts'
import {
  manifestPiece,
  randomLayer,
  type Script,
  type Scripted,
  serve,
  startScripted,
} from './scripted.ts'

const layers = [randomLayer(1000), randomLayer(2000), randomLayer(3000)]
const honest = serve(manifestPiece, ...layers)
const folder = mkdtempSync(join(tmpdir(), 'covey-tokens-'))
const passwordFile = join(folder, 'password')
writeFileSync(passwordFile, 'open:sesame\n')
const basic = `Basic ${Buffer.from('ada:open:sesame').toString('base64')}`
const credentials = { username: 'ada', password_file: passwordFile }

interface Setting {
  readonly registry: Scripted
  readonly realm: Scripted
  readonly client: Client
  /** Tokens that the registry takes. */
  readonly good: Set<string>
  /** Questions for tokens. */
  tokensAsked(): readonly URL[]
}

describe('authentication', () => {
  const ends: (() => Promise<void>)[] = []
  after(async () => {
    for (const end of ends) await end()
    rmSync(folder, { recursive: true })
  })

  /** A registry that wants tokens of a second server. `grant` answers for that one. */
  async function start(
    settings: RegistrySettings = {},
    grant?: Script,
    challenge = (realm: string): string => `Bearer realm="${realm}/token",service="apps"`,
  ): Promise<Setting> {
    const good = new Set<string>()
    let count = 0
    const realm = await startScripted((asked, response) => {
      if (grant !== undefined) return grant(asked, response)
      const token = `token-${++count}`
      good.add(token)
      response.end(JSON.stringify({ token, expires_in: 300 }))
    })
    const registry = await startScripted((asked, response) => {
      const token = /^Bearer (.*)$/.exec(asked.authorization ?? '')?.[1]
      if (asked.path === '/v2/' || (token !== undefined && good.has(token))) {
        return honest(asked, response)
      }
      response.writeHead(401, { 'www-authenticate': challenge(realm.url) })
      response.end('{"errors":[{"code":"UNAUTHORIZED","message":"log in first"}]}')
    })
    const own = { insecure: true, realm_hosts: [realm.host] }
    const client = makeClient({ [registry.host]: { ...own, ...settings } })
    ends.push(
      () => client.close(),
      () => registry.close(),
      () => realm.close(),
    )
    const tokensAsked = (): readonly URL[] => {
      return realm.asked.map(({ path }) => new URL(path, realm.url))
    }
    return { registry, realm, client, good, tokensAsked }
  }

  it('asks for a token without credentials where there are none', async () => {
    const { registry, realm, client, tokensAsked } = await start()
    assert.deepEqual(await pullManifest(client, registry.host, manifestPiece), manifestPiece.bytes)
    assert.deepEqual(
      [...(tokensAsked()[0]?.searchParams ?? [])],
      [
        ['service', 'apps'],
        ['scope', 'repository:apps/web:pull'],
      ],
    )
    assert.equal(realm.asked[0]?.authorization, null)
  })

  it('tells the realm the credentials, and never the registry', async () => {
    const { registry, realm, client } = await start(credentials)
    await pullManifest(client, registry.host, manifestPiece)
    assert.equal(realm.asked[0]?.authorization, basic)
    assert.ok(registry.asked.every(({ authorization }) => authorization !== basic))
  })

  it('asks once for layers that are pulled at once, and keeps the token', async () => {
    const { registry, client, tokensAsked } = await start()
    await Promise.all(layers.map((layer) => pullBlob(client, registry.host, layer)))
    await pullManifest(client, registry.host, manifestPiece)
    assert.equal(tokensAsked().length, 1)
  })

  it('asks again once a token is over, and when one is refused in the middle', async () => {
    const { registry, client, good, tokensAsked } = await start()
    await pullManifest(client, registry.host, manifestPiece)
    client.pass(299_000)
    await pullManifest(client, registry.host, manifestPiece)
    assert.equal(tokensAsked().length, 2)
    good.clear()
    await pullManifest(client, registry.host, manifestPiece)
    assert.equal(tokensAsked().length, 3)
  })

  it('gives up on a registry that refuses a fresh token', async () => {
    const { registry, client, tokensAsked } = await start(credentials, (_, response) => {
      response.end('{"access_token": "never-good"}')
    })
    const error = await failureOf(pullManifest(client, registry.host, manifestPiece))
    assert.equal(error.code, 'registry-unauthorized')
    assert.match(error.message, /refuses apps\/web to user ada \(it says: log in first\)/)
    assert.match(error.hint ?? '', /check the username/)
    assert.equal(tokensAsked().length, 2)
  })

  it('says what to do where a realm refuses the credentials, and where it wants some', async () => {
    const refuse: Script = (_, response) => {
      response.writeHead(401).end('{"details":"incorrect username or password"}')
    }
    const known = await start(credentials, refuse)
    const error = await failureOf(pullManifest(known.client, known.registry.host, manifestPiece))
    assert.equal(error.code, 'registry-unauthorized')
    assert.match(error.message, /refuses a token for apps\/web to user ada \(it says: incorrect/)
    assert.equal(error.transient, false)
    const unknown = await start({}, refuse)
    const second = await failureOf(
      pullManifest(unknown.client, unknown.registry.host, manifestPiece),
    )
    assert.match(second.message, /without credentials/)
    assert.match(second.hint ?? '', /"password_file"/)
  })

  for (const [says, challenge, scope] of [
    [
      'takes the scope of a challenge',
      'repository:proxy/apps/web:pull',
      'repository:proxy/apps/web:pull',
    ],
    [
      'asks for no more than pulling',
      'repository:apps/web:pull,push,delete',
      'repository:apps/web:pull',
    ],
    ['asks for no other kind of right', 'registry:catalog:*', 'repository:apps/web:pull'],
  ] as const) {
    it(says, async () => {
      const setting = await start({}, undefined, (realm) => {
        return `Basic realm="x", bearer realm="${realm}/token", scope="${challenge}"`
      })
      await pullManifest(setting.client, setting.registry.host, manifestPiece)
      assert.equal(setting.tokensAsked()[0]?.searchParams.get('scope'), scope)
    })
  }

  for (const [says, body] of [
    ['is no JSON', 'token'],
    ['holds no token', '{}'],
    ['would end the header', JSON.stringify({ token: 'x\r\nhost: other' })],
    ['is a list', '[]'],
    ['is endless', `{"token": "${'x'.repeat(300_000)}"}`],
  ] as const) {
    it(`refuses a token answer that ${says}`, async () => {
      const { registry, client } = await start({}, (_, response) => void response.end(body))
      const error = await failureOf(pullManifest(client, registry.host, manifestPiece))
      assert.equal(error.code, 'registry-answer')
    })
  }

  for (const [says, realm] of [
    ['no URL', 'nonsense'],
    ['a URL of another scheme', 'file:///etc/passwd'],
    ['a URL with a user', 'http://ada:secret@127.0.0.1/'],
    ['a private address', 'http://10.0.0.1/token'],
    ['an address of cloud metadata', 'http://169.254.169.254/token'],
    ['a name of a private address', 'http://inner.test/token'],
  ] as const) {
    it(`refuses a realm that is ${says}`, async () => {
      const { registry } = await start({}, undefined, () => `Bearer realm="${realm}"`)
      const names = { 'inner.test': ['10.1.2.3'] }
      const client = makeClient({ [registry.host]: { insecure: true } }, { names })
      const error = await failureOf(pullManifest(client, registry.host, manifestPiece))
      assert.match(error.code, /^(realm|address)-refused$/)
      await client.close()
    })
  }

  it('tells no other host the credentials unless agent.json allows it', async () => {
    const setting = await start()
    const { registry, realm } = setting
    const names = { 'registry.test': ['127.0.0.1'], 'auth.other.test': ['127.0.0.1'] }
    const name = `registry.test:${registry.port}`
    const other = `auth.other.test:${realm.port}`
    const challenge = `Bearer realm="http://${other}/token"`
    const before = registry.script
    registry.script = (asked, response) => {
      if (asked.path === '/v2/' || asked.authorization !== null) return before(asked, response)
      response.writeHead(401, { 'www-authenticate': challenge }).end()
    }
    const settings = { insecure: true, ...credentials }
    const client = makeClient({ [name]: settings }, { names })
    const error = await failureOf(pullManifest(client, name, manifestPiece))
    assert.equal(error.code, 'realm-refused')
    assert.match(error.hint ?? '', new RegExp(`"realm_hosts": \\["${other}"\\]`))
    assert.equal(realm.asked.length, 0)
    await client.close()
    const allowing = makeClient({ [name]: { ...settings, realm_hosts: [other] } }, { names })
    await pullManifest(allowing, name, manifestPiece)
    assert.equal(realm.asked[0]?.authorization, basic)
    await allowing.close()
  })

  it('uses Basic where a registry knows nothing else', async () => {
    const registry = await startScripted((asked, response) => {
      if (asked.path === '/v2/' || asked.authorization === basic) return honest(asked, response)
      response.writeHead(401, { 'www-authenticate': 'Basic realm="apps"' }).end()
    })
    const client = makeClient({ [registry.host]: { insecure: true, ...credentials } })
    await pullManifest(client, registry.host, manifestPiece)
    const asked = registry.asked.length
    await pullBlob(client, registry.host, layers[0] ?? manifestPiece)
    assert.equal(registry.asked.length, asked + 1)
    writeFileSync(passwordFile, 'other')
    const fresh = makeClient({ [registry.host]: { insecure: true, ...credentials } })
    const error = await failureOf(pullManifest(fresh, registry.host, manifestPiece))
    assert.equal(error.code, 'registry-unauthorized')
    writeFileSync(passwordFile, 'open:sesame\n')
    await pullManifest(fresh, registry.host, manifestPiece)
    for (const each of [client, fresh, registry]) await each.close()
  })

  it('says which file of the credentials cannot be used', async () => {
    const missing = join(folder, 'absent')
    const setting = await start({ username: 'ada', password_file: missing })
    const error = await failureOf(
      pullManifest(setting.client, setting.registry.host, manifestPiece),
    )
    assert.equal(error.code, 'registry-settings')
    assert.match(
      error.message,
      new RegExp(`^password_file ${missing} cannot be used: there is no such file or folder$`),
    )
  })
})
