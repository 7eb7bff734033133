import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import type { RegistryLimits } from '../../../../machine/images/registry/limits.ts'
import { type Client, failureOf, makeClient, pullBlob, pullManifest } from './client.ts'
import {
  manifestPiece,
  randomLayer,
  type Script,
  type Scripted,
  serve,
  startScripted,
} from './scripted.ts'

const layer = randomLayer(300_000)
const honest = serve(manifestPiece, layer)
const lying: Script = (asked, response) => {
  if (asked.path === '/v2/') response.end()
  else response.end(asked.path.includes('/blobs/') ? Buffer.alloc(300_000) : 'x'.repeat(90))
}

describe('mirrors', () => {
  const ends: (() => Promise<void>)[] = []
  after(async () => {
    for (const end of ends) await end()
  })
  async function start(
    mirrorScript: Script,
    originScript: Script = honest,
    limits: Partial<RegistryLimits> = {},
  ): Promise<{ mirror: Scripted; origin: Scripted; client: Client }> {
    const mirror = await startScripted(mirrorScript)
    const origin = await startScripted(originScript)
    const settings = {
      [mirror.host]: { insecure: true, mirror_of: origin.host },
      [origin.host]: { insecure: true },
    }
    const client = makeClient(settings, { limits })
    ends.push(
      () => client.close(),
      () => mirror.close(),
      () => origin.close(),
    )
    return { mirror, origin, client }
  }
  const pieces = ({ asked }: Scripted): number => asked.filter(({ path }) => path !== '/v2/').length

  it('are asked first, and then nobody else', async () => {
    const { mirror, origin, client } = await start(honest)
    await pullManifest(client, origin.host, manifestPiece)
    await pullBlob(client, origin.host, layer)
    assert.equal(pieces(mirror), 2)
    assert.equal(origin.asked.length, 0)
  })

  it('that lack an image are asked again for the next one', async () => {
    const { mirror, origin, client } = await start(serve())
    for (let times = 1; times <= 2; times++) {
      assert.deepEqual(await pullBlob(client, origin.host, layer), layer.bytes)
      assert.equal(pieces(mirror), times)
      assert.equal(pieces(origin), times)
    }
  })

  it('that lie about a manifest are left out for a while', async () => {
    const { mirror, origin, client } = await start(lying)
    await pullManifest(client, origin.host, manifestPiece)
    await pullManifest(client, origin.host, manifestPiece)
    assert.equal(pieces(mirror), 1)
    client.pass(60_001)
    await pullManifest(client, origin.host, manifestPiece)
    assert.equal(pieces(mirror), 2)
  })

  it('that lie about a blob are named, and not asked at the next try', async () => {
    const { mirror, origin, client } = await start(lying)
    const error = await failureOf(pullBlob(client, origin.host, layer))
    assert.equal(error.code, 'digest-mismatch')
    assert.ok(error.message.startsWith(`${mirror.host} served bytes of`))
    assert.equal(error.transient, true)
    assert.deepEqual(await pullBlob(client, origin.host, layer), layer.bytes)
  })

  it('that break off leave the rest to the registry', async () => {
    const { mirror, origin, client } = await start((asked, response) => {
      if (asked.path === '/v2/') return void response.end()
      if (asked.range !== null) return void response.destroy()
      response.writeHead(200, { 'content-length': 300_000 })
      response.write(layer.bytes.subarray(0, 100_000), () => response.destroy())
    })
    assert.deepEqual(await pullBlob(client, origin.host, layer), layer.bytes)
    assert.ok(pieces(mirror) >= 2)
    assert.match(origin.asked.at(-1)?.range ?? '', /^bytes=\d+-$/)
  })

  it('that are down are told of beside the error of the registry', async () => {
    const { mirror, origin, client } = await start(honest, serve())
    await mirror.close()
    const error = await failureOf(pullManifest(client, origin.host, manifestPiece))
    assert.equal(error.code, 'image-missing')
    assert.match(error.message, new RegExp(`; mirrors: ${mirror.host} refuses connections`))
  })
})
