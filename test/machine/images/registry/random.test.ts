import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { RegistryError } from '../../../../machine/images/registry/transport/errors.ts'
import { makeClient, pullBlob } from './client.ts'
import { randomLayer, type Scripted, serve, startScripted } from './scripted.ts'

const layer = randomLayer(50_000)
const honest = serve(layer)

/** One answer of a server that may do anything. */
interface Move {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** Which bytes of the layer it sends, and whether it ends its answer or breaks off. */
  readonly from: number
  readonly to: number
  readonly breaksOff: boolean
  readonly isHonest: boolean
}

const headers: fc.Arbitrary<Readonly<Record<string, string>>> = fc.record(
  {
    location: fc.constantFrom('/v2/x', 'http://10.0.0.1/', '//[', 'https://127.0.0.1:1/', ''),
    'www-authenticate': fc.constantFrom(
      'Basic',
      'Bearer realm="http://127.0.0.1:1/"',
      '=',
      'Bearer',
    ),
    'content-range': fc.constantFrom(
      'bytes 0-9/10',
      'bytes 100-49999/50000',
      'bytes 0-49999/*',
      '-',
    ),
    'content-encoding': fc.constantFrom('identity', 'gzip'),
    'retry-after': fc.constantFrom('0', '5', '99999', 'x', 'Thu, 01 Jan 2026 00:00:00 GMT'),
  },
  { requiredKeys: [] },
)
const move: fc.Arbitrary<Move> = fc.record({
  status: fc.constantFrom(
    200,
    200,
    206,
    206,
    204,
    301,
    307,
    400,
    401,
    403,
    404,
    416,
    429,
    500,
    503,
  ),
  headers,
  from: fc.nat(50_000),
  to: fc.nat(60_000),
  breaksOff: fc.boolean(),
  isHonest: fc.boolean(),
})

function play({ status, headers, from, to, breaksOff }: Move, response: ServerResponse): void {
  response.writeHead(status, headers)
  if (status === 204) {
    response.end()
    return
  }
  response.write(layer.bytes.subarray(from, to), () => {
    if (breaksOff) response.destroy()
    else response.end()
  })
}

describe('a registry that does anything', () => {
  let server: Scripted
  before(async () => {
    server = await startScripted(honest)
  })
  after(() => server.close())

  it('gives the right bytes or one clear error', async () => {
    let whole = 0
    await fc.assert(
      fc.asyncProperty(fc.array(move, { maxLength: 8 }), async (moves) => {
        const left = [...moves]
        server.script = (asked, response) => {
          const next = asked.path === '/v2/' ? undefined : left.shift()
          if (next === undefined || next.isHonest) honest(asked, response)
          else play(next, response)
        }
        const client = makeClient({ [server.host]: { insecure: true } })
        try {
          assert.deepEqual(await pullBlob(client, server.host, layer), layer.bytes)
          whole++
        } catch (error) {
          if (!(error instanceof RegistryError)) throw error
          assert.doesNotMatch(error.message, /[\n\r]/)
        } finally {
          await client.close()
        }
      }),
      { numRuns: 200 },
    )
    assert.ok(whole > 0)
  })
})
