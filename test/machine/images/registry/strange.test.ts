import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { RegistryError } from '../../../../machine/images/registry/transport/errors.ts'
import { failureOf, makeClient, pullBlob, pullManifest } from './client.ts'
import { manifestPiece, randomLayer, type Script, serve, startScripted } from './scripted.ts'

const page = '<!DOCTYPE html>\n<html><head><title>Log in</title></head><body>…</body></html>'
const layer = randomLayer(1000)

/** The failures of a pull of a manifest and of a blob, from a server that answers all the same. */
async function failures(t: TestContext, script: Script): Promise<readonly RegistryError[]> {
  const server = await startScripted((asked, response) => {
    if (asked.path === '/v2/') response.end()
    else script(asked, response)
  })
  const client = makeClient({ [server.host]: { insecure: true } })
  t.after(async () => {
    await client.close()
    await server.close()
  })
  return [
    await failureOf(pullManifest(client, server.host, manifestPiece)),
    await failureOf(pullBlob(client, server.host, layer)),
  ]
}

describe('an answer that is no part of an image', () => {
  const cases: readonly (readonly [says: string, script: Script, message: RegExp, hint: RegExp])[] =
    [
      [
        'a login page',
        (_, response) => {
          const length = { 'content-length': Buffer.byteLength(page) }
          response.writeHead(200, { 'content-type': 'text/html', ...length }).end(page)
        },
        /^127\.0\.0\.1:\d+ answers with a web page$/,
        /login page of the network or a proxy/,
      ],
      [
        'a login page of a type that says nothing, in pieces',
        (_, response) => {
          response.writeHead(200, { 'content-type': 'application/octet-stream' })
          response.write(page)
          response.end(' '.repeat(2000))
        },
        /answers with a web page/,
        /log in/,
      ],
      [
        'a login page without a length, shorter than what was asked for',
        (_, response) => {
          response.write('<html>')
          response.end()
        },
        /answers with a web page/,
        /log in/,
      ],
      [
        'an error that is sent as if all were well',
        (_, response) => {
          const errors = [{ code: 'DENIED', message: 'over\u001bquota' }]
          response.writeHead(200, { 'content-type': 'application/json' })
          response.end(JSON.stringify({ errors }))
        },
        /answers with an error in place of the image \(it says: over quota\)$/,
        /log of the registry/,
      ],
      [
        'a packed answer',
        ({ path }, response) => {
          const { bytes } = path.includes('/manifests/') ? manifestPiece : layer
          response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(bytes))
        },
        /encodes its answer: "gzip"/,
        /something on the way alters answers/,
      ],
      [
        'the login that a network wants',
        (_, response) => void response.writeHead(511, { 'content-type': 'text/html' }).end(page),
        /the network requires a login to reach 127/,
        /log in/,
      ],
    ]
  for (const [says, script, message, hint] of cases) {
    it(`is named: ${says}`, async (t) => {
      for (const error of await failures(t, script)) {
        assert.equal(error.code, 'registry-answer', error.message)
        assert.match(error.message, message)
        assert.match(error.hint ?? '', hint)
      }
    })
  }

  it('of another kind is not guessed at', async (t) => {
    const [manifest, blob] = await failures(t, (_, response) => void response.end('<x/>'))
    assert.equal(manifest?.code, 'size-mismatch')
    assert.equal(blob?.code, 'size-mismatch')
  })

  it('is no matter where the bytes are right', async (t) => {
    const server = await startScripted(
      serve({ ...manifestPiece, mediaType: 'text/html' }, { ...layer, mediaType: 'text/html' }),
    )
    const client = makeClient({ [server.host]: { insecure: true } })
    t.after(async () => {
      await client.close()
      await server.close()
    })
    assert.deepEqual(await pullManifest(client, server.host, manifestPiece), manifestPiece.bytes)
    assert.deepEqual(await pullBlob(client, server.host, layer), layer.bytes)
  })
})
