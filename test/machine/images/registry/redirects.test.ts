import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import type { RegistrySettings } from '../../../../machine/images/registry/trust/settings.ts'
import { type ClientOptions, failureOf, makeClient, pullBlob } from './client.ts'
import { randomLayer, type Scripted, serve, startScripted } from './scripted.ts'

const layer = randomLayer(100_000)
const honest = serve(layer)

describe('redirects', () => {
  const ends: (() => Promise<void>)[] = []
  after(async () => {
    for (const end of ends) await end()
  })
  async function server(): Promise<Scripted> {
    const started = await startScripted(honest)
    ends.push(() => started.close())
    return started
  }
  /** A registry that wants a token and then sends for blobs to wherever `location` says. */
  async function start(
    location: string,
    {
      settings = {},
      others = {},
      ...options
    }: ClientOptions & {
      settings?: RegistrySettings
      others?: Readonly<Record<string, RegistrySettings>>
    } = {},
  ): Promise<{ registry: Scripted; pull: () => Promise<Buffer> }> {
    const registry = await server()
    registry.script = ({ path, authorization }, response) => {
      if (path === '/v2/') response.end()
      else if (path.startsWith('/token')) response.end('{"token":"secret"}')
      else if (authorization === null) {
        response
          .writeHead(401, { 'www-authenticate': `Bearer realm="${registry.url}/token"` })
          .end()
      } else response.writeHead(307, { location }).end()
    }
    const client = makeClient(
      { [registry.host]: { insecure: true, ...settings }, ...others },
      options,
    )
    ends.push(() => client.close())
    return { registry, pull: () => pullBlob(client, registry.host, layer) }
  }

  it('are followed, without credentials for anybody else', async () => {
    const storage = await server()
    const { registry, pull } = await start(`${storage.url}/store/${layer.digest}?signature=1`)
    assert.deepEqual(await pull(), layer.bytes)
    assert.deepEqual(
      storage.asked.map(({ path, authorization }) => [path, authorization]),
      [[`/store/${layer.digest}?signature=1`, null]],
    )
    assert.equal(registry.asked.at(-1)?.authorization, 'Bearer secret')
  })

  it('resume at the registry, which sends elsewhere anew', async () => {
    const storage = await server()
    let tries = 0
    storage.script = (asked, response) => {
      if (tries++ > 0) return honest(asked, response)
      response.writeHead(200, { 'content-length': layer.bytes.length })
      response.write(layer.bytes.subarray(0, 70_000), () => response.destroy())
    }
    const { registry, pull } = await start(`${storage.url}/store/${layer.digest}`)
    assert.deepEqual(await pull(), layer.bytes)
    assert.match(storage.asked[1]?.range ?? '', /^bytes=\d+-$/)
    assert.equal(registry.asked.filter(({ path }) => path.includes('/blobs/')).length, 3)
  })

  it('are asked for anew where their URL has run out', async () => {
    const storage = await server()
    let tries = 0
    storage.script = (asked, response) => {
      if (tries++ > 0) honest(asked, response)
      else response.writeHead(403).end('<Error>Request has expired</Error>')
    }
    const { pull } = await start(`${storage.url}/store/${layer.digest}`)
    assert.deepEqual(await pull(), layer.bytes)
  })

  it('connect only to the addresses of a name that may be reached', async () => {
    const storage = await server()
    const names = { 'storage.test': ['10.9.9.9', '127.0.0.1', 'fe80::1'] }
    const location = `http://storage.test:${storage.port}/store/${layer.digest}`
    const { pull } = await start(location, { names })
    assert.deepEqual(await pull(), layer.bytes)
    assert.equal(storage.asked.length, 1)
  })

  const refused: readonly (readonly [string, string, string, RegExp])[] = [
    [
      'to a private address',
      'http://10.0.0.1/x',
      'address-refused',
      /leads to an internal address, 10.0.0.1/,
    ],
    ['to cloud metadata', 'http://169.254.169.254/x', 'address-refused', /169.254.169.254/],
    [
      'to an IPv4 address in IPv6',
      'http://[::ffff:10.0.0.1]/x',
      'address-refused',
      /internal address/,
    ],
    ['to a decimal address', 'http://167772161/x', 'address-refused', /10.0.0.1/],
    ['to a ULA', 'http://[fd00::1]/x', 'address-refused', /fd00::1/],
    [
      'to a name of a private address',
      'http://inner.test/x',
      'address-refused',
      /inner.test, which is 10.1.2.3/,
    ],
    ['to another scheme', 'file:///etc/shadow', 'redirect-refused', /the scheme "file:"/],
    ['to a URL with a user', 'http://ada:x@127.0.0.1/', 'redirect-refused', /with a user/],
    ['to no URL', 'http://', 'redirect-refused', /without a location/],
    ['to an endless URL', `http://127.0.0.1/${'x'.repeat(9000)}`, 'redirect-refused', /too long/],
  ]
  for (const [says, location, code, message] of refused) {
    it(`${says} are refused`, async () => {
      const { pull } = await start(location, { names: { 'inner.test': ['10.1.2.3'] } })
      const error = await failureOf(pull())
      assert.equal(error.code, code)
      assert.match(error.message, message)
      assert.equal(error.transient, false)
    })
  }

  it('that never end are refused', async () => {
    const { registry, pull } = await start('/v2/again')
    const error = await failureOf(pull())
    assert.equal(error.code, 'redirect-refused')
    assert.match(error.message, /more than 5 times/)
    assert.ok(registry.asked.length < 12)
  })

  it('without a Location are refused', async () => {
    const { registry, pull } = await start('/')
    const before = registry.script
    registry.script = (asked, response) => {
      if (asked.authorization === null) before(asked, response)
      else response.writeHead(302).end()
    }
    assert.match((await failureOf(pull())).message, /without a location/)
  })

  it('inwards are followed where agent.json names the host', async () => {
    const storage = await server()
    const names = { 'registry.test': ['127.0.0.1'] }
    const location = `http://localhost:${storage.port}/${layer.digest}`
    const options = { names: { ...names, localhost: ['127.0.0.1'] } }
    const others = { [`localhost:${storage.port}`]: { insecure: true } }
    const { pull } = await start(location, { ...options, others })
    assert.deepEqual(await pull(), layer.bytes)
  })
})
