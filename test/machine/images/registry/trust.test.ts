import assert from 'node:assert/strict'
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import type { RegistrySettings } from '../../../../machine/images/registry/trust/settings.ts'
import {
  type Authority,
  type Certificate,
  createAuthority,
} from '../../../registry/certificates.ts'
import { type ClientOptions, failureOf, makeClient, pullBlob, pullManifest } from './client.ts'
import { manifestPiece, randomLayer, type Scripted, serve, startScripted } from './scripted.ts'

const layer = randomLayer(100_000)
const honest = serve(manifestPiece, layer)
const folder = mkdtempSync(join(tmpdir(), 'covey-trust-'))
const authority: Authority = createAuthority(folder)
const good: Certificate = authority.issue('good', ['127.0.0.1', 'registry.test'])
const forOthers: Certificate = authority.issue('others', ['other.test'])
const ends: (() => unknown)[] = []
after(async () => {
  for (const end of ends) await end()
  rmSync(folder, { recursive: true })
})

async function server(tls?: Certificate): Promise<Scripted> {
  const started = await startScripted(honest, tls)
  ends.push(() => started.close())
  return started
}
function pull(host: string, settings: RegistrySettings, options: ClientOptions = {}) {
  const client = makeClient({ [host]: settings }, options)
  ends.push(() => client.close())
  return pullManifest(client, host, manifestPiece)
}

describe('TLS', () => {
  it('is proven against ca_file, by address and by name', async () => {
    const { host, port } = await server(good)
    assert.deepEqual(await pull(host, { ca_file: authority.certFile }), manifestPiece.bytes)
    const names = { 'registry.test': ['127.0.0.1'] }
    await pull(`registry.test:${port}`, { ca_file: authority.certFile }, { names })
  })

  it('with an unknown CA says that ca_file is missing', async () => {
    const { host } = await server(good)
    const error = await failureOf(pull(host, {}))
    assert.equal(error.code, 'registry-tls-ca')
    assert.equal(error.message, `the certificate of ${host} is signed by an unknown CA`)
    assert.match(error.hint ?? '', /"ca_file"/)
  })

  it('takes a ca_file that was mended, without a restart', async () => {
    const { host } = await server(good)
    const caFile = join(folder, 'mended.pem')
    writeFileSync(caFile, 'not yet')
    const client = makeClient({ [host]: { ca_file: caFile } })
    ends.push(() => client.close())
    const error = await failureOf(pullManifest(client, host, manifestPiece))
    assert.equal(error.code, 'registry-settings')
    assert.match(error.message, /^ca_file .*mended.pem cannot be used: it holds no PEM certificate/)
    rmSync(caFile)
    assert.match(
      (await failureOf(pullManifest(client, host, manifestPiece))).message,
      /there is no such file/,
    )
    writeFileSync(caFile, `-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`)
    const damaged = await failureOf(pullManifest(client, host, manifestPiece))
    assert.equal(damaged.code, 'registry-settings')
    const other = createAuthority(mkdtempSync(join(folder, 'other-')))
    copyFileSync(other.certFile, caFile)
    assert.equal(
      (await failureOf(pullManifest(client, host, manifestPiece))).code,
      'registry-tls-ca',
    )
    copyFileSync(authority.certFile, caFile)
    await pullManifest(client, host, manifestPiece)
  })

  it('with a certificate for other names is refused', async () => {
    const { host } = await server(forOthers)
    const error = await failureOf(pull(host, { ca_file: authority.certFile }))
    assert.equal(error.code, 'registry-tls-name')
  })

  it('is missing: plain HTTP is refused, and the hint says how to allow it', async () => {
    const { host, asked } = await server()
    const error = await failureOf(pull(host, {}))
    assert.equal(error.code, 'registry-plain-http')
    assert.match(error.hint ?? '', /"insecure": true/)
    assert.equal(asked.length, 0)
    await pull(host, { insecure: true })
  })

  it('need not be proven where a registry is insecure', async () => {
    const { host } = await server(forOthers)
    await pull(host, { insecure: true })
  })

  it('is not left by a redirect, or for a realm', async () => {
    const storage = await server()
    for (const [status, headers, code] of [
      [307, { location: `${storage.url}/${manifestPiece.digest}` }, 'redirect-refused'],
      [401, { 'www-authenticate': `Bearer realm="${storage.url}"` }, 'realm-refused'],
    ] as const) {
      const second = await startScripted((_, response) => {
        response.writeHead(status, headers).end()
      }, good)
      ends.push(() => second.close())
      const error = await failureOf(pull(second.host, { ca_file: authority.certFile }))
      assert.equal(error.code, code)
      assert.match(error.message, /to plain HTTP: http:/)
    }
    assert.equal(storage.asked.length, 0)
  })

  it('that never answers ends', async () => {
    const silent = createServer(() => {})
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    ends.push(() => silent.close())
    const { port } = silent.address() as AddressInfo
    const limits = { connectMs: 200, headersMs: 9000 }
    const error = await failureOf(pull(`127.0.0.1:${port}`, {}, { limits }))
    assert.equal(error.code, 'registry-timeout')
    assert.match(error.message, /does not answer/)
  })
})

interface Proxy {
  readonly url: string
  /** Request lines. */
  readonly seen: readonly string[]
  readonly headers: readonly string[]
}

/** A proxy that does CONNECT, or refuses with a status. */
async function startProxy(refusal?: string): Promise<Proxy> {
  const seen: string[] = []
  const headers: string[] = []
  const proxy: Server = createServer((client) => {
    client.on('error', () => {})
    client.once('data', (data) => {
      const text = data.toString()
      seen.push(text.split('\r\n', 1)[0] ?? '')
      headers.push(text)
      const port = Number(/^CONNECT [^:]+:(\d+)/.exec(text)?.[1])
      if (refusal !== undefined || Number.isNaN(port)) {
        client.end(`HTTP/1.1 ${refusal ?? '400 Bad Request'}\r\ncontent-length: 0\r\n\r\n`)
        return
      }
      const upstream = connect(port, '127.0.0.1', () => {
        client.write('HTTP/1.1 200 OK\r\n\r\n')
        client.pipe(upstream).pipe(client)
      })
      upstream.on('error', () => client.destroy())
      client.on('close', () => upstream.destroy())
    })
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  ends.push(() => proxy.close())
  const { port } = proxy.address() as AddressInfo
  return { url: `http://ada:secret@127.0.0.1:${port}`, seen, headers }
}

describe('a proxy', () => {
  const settings = { ca_file: authority.certFile }

  it('is used as HTTPS_PROXY says, and looks names up itself', async () => {
    const { port } = await server(good)
    const proxy = await startProxy()
    const environment = { HTTPS_PROXY: proxy.url }
    const client = makeClient({ [`registry.test:${port}`]: settings }, { environment })
    assert.deepEqual(await pullBlob(client, `registry.test:${port}`, layer), layer.bytes)
    assert.deepEqual(proxy.seen, [`CONNECT registry.test:${port} HTTP/1.1`])
    assert.match(proxy.headers[0] ?? '', /proxy-authorization: Basic YWRhOnNlY3JldA==/i)
    assert.deepEqual(client.lookups, [])
    await client.close()
  })

  it('is not used where NO_PROXY names the registry', async () => {
    const { port } = await server(good)
    const proxy = await startProxy()
    const environment = { HTTPS_PROXY: proxy.url, NO_PROXY: '.test' }
    const names = { 'registry.test': ['127.0.0.1'] }
    await pull(`registry.test:${port}`, settings, { environment, names })
    assert.deepEqual(proxy.seen, [])
  })

  it('proves the certificate of the registry behind it', async () => {
    const { port } = await server(forOthers)
    const { url } = await startProxy()
    const error = await failureOf(
      pull(`registry.test:${port}`, settings, { environment: { HTTPS_PROXY: url } }),
    )
    assert.equal(error.code, 'registry-tls-name')
  })

  for (const [says, refusal, environment] of [
    ['refuses', '403 Forbidden', undefined],
    ['wants other credentials', '407 Proxy Authentication Required', undefined],
    ['is not there', undefined, { HTTPS_PROXY: 'http://127.0.0.1:9' }],
    ['has no proper URL', undefined, { HTTPS_PROXY: 'socks5://127.0.0.1:9' }],
  ] as const) {
    it(`that ${says} is named, without its password`, async () => {
      const { url } = await startProxy(refusal)
      const error = await failureOf(
        pull('registry.test', settings, { environment: environment ?? { HTTPS_PROXY: url } }),
      )
      assert.equal(error.code, 'registry-proxy')
      assert.ok(!error.message.includes('secret'))
    })
  }

  it('gets no redirect into its own network', async () => {
    const second = await startScripted((_, response) => {
      response.writeHead(307, { location: 'https://10.0.0.1/x' }).end()
    }, good)
    ends.push(() => second.close())
    const proxy = await startProxy()
    const environment = { HTTPS_PROXY: proxy.url }
    const error = await failureOf(pull(`registry.test:${second.port}`, settings, { environment }))
    assert.equal(error.code, 'address-refused')
    assert.equal(proxy.seen.length, 1)
  })
})
