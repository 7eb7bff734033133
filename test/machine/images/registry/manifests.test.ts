import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import type { RegistryLimits } from '../../../../machine/images/registry/limits.ts'
import { type Client, failureOf, makeClient, pullManifest, referenceTo } from './client.ts'
import {
  manifestPiece,
  piece,
  type Script,
  type Scripted,
  serve,
  startScripted,
} from './scripted.ts'

const honest = serve(manifestPiece)
const never = new AbortController().signal

describe('a manifest of a registry', () => {
  const ends: (() => Promise<void>)[] = []
  after(async () => {
    for (const end of ends) await end()
  })
  async function start(
    script: Script,
    limits: Partial<RegistryLimits> = {},
  ): Promise<{ server: Scripted; client: Client; pull: () => Promise<Buffer> }> {
    const server = await startScripted((asked, response) => {
      if (asked.path === '/v2/') response.end()
      else script(asked, response)
    })
    const client = makeClient({ [server.host]: { insecure: true } }, { limits })
    ends.push(
      () => client.close(),
      () => server.close(),
    )
    return { server, client, pull: () => pullManifest(client, server.host, manifestPiece) }
  }

  it('arrives with its Content-Type, which may be absent', async () => {
    const { server, client } = await start(honest)
    const reference = referenceTo(server.host, manifestPiece)
    const { digest } = manifestPiece
    assert.equal(
      (await client.manifest(reference, { digest }, never)).mediaType,
      manifestPiece.mediaType,
    )
    server.script = (_, response) => void response.end(manifestPiece.bytes)
    assert.equal((await client.manifest(reference, { digest }, never)).mediaType, null)
  })

  const huge = piece(Buffer.alloc(4 * 1024 * 1024 + 1), 'x')
  const cases: readonly {
    readonly says: string
    readonly script: Script
    readonly code: string
    readonly message: RegExp
    readonly transient?: boolean
    readonly limits?: Partial<RegistryLimits>
  }[] = [
    {
      says: 'of other bytes',
      script: (_, response) => void response.end(Buffer.alloc(manifestPiece.bytes.length)),
      code: 'digest-mismatch',
      message: /serves bytes of sha256:.* as sha256:/,
    },
    {
      says: 'of another size',
      script: (_, response) => void response.end('x'),
      code: 'size-mismatch',
      message: /has 1 bytes under/,
    },
    {
      says: 'of another size, which it keeps for itself',
      script(_, response) {
        response.write('x')
        response.end(manifestPiece.bytes)
      },
      code: 'size-mismatch',
      message: /has more than \d+ bytes under/,
    },
    {
      says: 'that is not there',
      script: serve(),
      code: 'image-missing',
      message: /has no sha256:\S+ in apps\/web \(it says: manifest unknown\)$/,
    },
    {
      says: 'that is forbidden',
      script: (_, response) => void response.writeHead(403).end('<html>'),
      code: 'registry-unauthorized',
      message: /refuses apps\/web without credentials$/,
    },
    {
      says: 'behind authentication of an unknown kind',
      script: (_, response) => {
        response.writeHead(401, { 'www-authenticate': 'Negotiate, Digest realm="x"' }).end()
      },
      code: 'registry-answer',
      message: /unknown kind of authentication: negotiate, digest/,
    },
    {
      says: 'from what fails for good',
      script: (_, response) => void response.writeHead(501).end(),
      code: 'registry-failing',
      message: /status 501/,
    },
    {
      says: 'from what fails each time',
      script: (_, response) => void response.writeHead(503).end('\u001b[31mred\n{}'),
      code: 'registry-failing',
      message: /fails with status 503$/,
      transient: true,
    },
    {
      says: 'from what is no registry',
      script: (_, response) => void response.writeHead(418).end(),
      code: 'registry-answer',
      message: /answers with status 418/,
    },
    {
      says: 'with endless headers',
      script: (_, response) => void response.writeHead(200, { x: 'x'.repeat(64_000) }).end(),
      code: 'registry-answer',
      message: /too many headers/,
    },
    {
      says: 'that is no HTTP',
      script: (_, response) => void response.socket?.end('SSH-2.0-OpenSSH_9.2\r\n'),
      code: 'registry-answer',
      message: /does not speak valid HTTP/,
    },
    {
      says: 'that trickles',
      script(_, response) {
        response.write('{')
        const timer = setInterval(() => response.write(' '), 20)
        response.on('close', () => clearInterval(timer))
      },
      code: 'registry-timeout',
      message: /took longer than 300 ms/,
      transient: true,
      limits: { documentMs: 300 },
    },
  ]
  for (const { says, script, code, message, transient = false, limits } of cases) {
    it(`${says} is refused`, async () => {
      const { client, pull } = await start(script, limits)
      const error = await failureOf(pull())
      assert.equal(error.code, code)
      assert.match(error.message, message)
      assert.equal(error.transient, transient)
      assert.equal(client.waits.length, transient ? 4 : 0)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: none of them may reach a terminal
      assert.doesNotMatch(error.message, /[\x00-\x1f]/)
    })
  }

  it('larger than any is refused before it is read', async () => {
    const { server, client } = await start(serve(huge))
    const error = await failureOf(client.manifest(referenceTo(server.host, huge), huge, never))
    assert.equal(error.code, 'size-mismatch')
    assert.match(error.message, /has 4194305 bytes under .*, not 4194304 at most/)
  })

  it('is asked for again after 429 and 5xx, when the registry says', async () => {
    const answers: readonly (readonly [number, Readonly<Record<string, string>>])[] = [
      [503, {}],
      [429, { 'retry-after': '7' }],
      [502, {}],
    ]
    let tries = 0
    const { client, pull } = await start((asked, response) => {
      const [status, headers] = answers[tries++] ?? []
      if (status === undefined) honest(asked, response)
      else response.writeHead(status, headers).end()
    })
    assert.deepEqual(await pull(), manifestPiece.bytes)
    assert.deepEqual(client.waits, [500, 7000, 2000])
  })

  it('is left for later where the registry wants too long a wait', async () => {
    const { client, pull } = await start((_, response) => {
      const body = '{"errors":[{"code":"TOOMANYREQUESTS","message":"pull rate limit"}]}'
      response.writeHead(429, { 'retry-after': '3600' }).end(body)
    })
    const error = await failureOf(pull())
    assert.equal(error.code, 'registry-busy')
    assert.match(error.message, /no more requests for now \(it says: pull rate limit\)/)
    assert.equal(error.retryAfterMs, 3_600_000)
    assert.deepEqual(client.waits, [])
  })

  it('is waited for with jitter', async () => {
    const server = await startScripted((_, response) => void response.writeHead(500).end())
    const client = makeClient({ [server.host]: { insecure: true } }, { random: () => 0.5 })
    await failureOf(pullManifest(client, server.host, manifestPiece))
    assert.deepEqual(client.waits, [375, 750, 1500, 3000])
    await client.close()
    await server.close()
  })

  it('ends with the reason of a signal', async () => {
    const stop = new AbortController()
    const { server, client } = await start(() => stop.abort(new Error('enough')))
    await assert.rejects(pullManifest(client, server.host, manifestPiece, stop.signal), /enough/)
    await assert.rejects(pullManifest(client, server.host, manifestPiece, stop.signal), /enough/)
  })

  it('ends when the client is closed', async () => {
    const { client, pull } = await start(() => void client.close())
    assert.match((await failureOf(pull())).message, /the agent is stopping/)
  })
})

describe('a registry that cannot be reached', () => {
  it('refuses connections', async () => {
    const server = await startScripted(honest)
    await server.close()
    const client = makeClient({})
    const error = await failureOf(pullManifest(client, server.host, manifestPiece))
    assert.equal(error.code, 'registry-refused')
    assert.equal(error.message, `${server.host} refuses connections`)
    assert.equal(client.waits.length, 4)
    await client.close()
  })

  it('has no address', async () => {
    const client = makeClient({})
    const error = await failureOf(pullManifest(client, 'absent.test', manifestPiece))
    assert.equal(error.code, 'registry-dns')
    assert.equal(error.message, 'the name absent.test has no address')
    await client.close()
  })
})
