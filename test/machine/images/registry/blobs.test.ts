import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import type { RegistryLimits } from '../../../../machine/images/registry/limits.ts'
import { until } from '../../../lab/waiting.ts'
import { type Client, failureOf, makeClient, pullBlob, referenceTo } from './client.ts'
import { randomLayer, type Script, type Scripted, serve, startScripted } from './scripted.ts'

const layer = randomLayer(600_000)
const sizeBytes = layer.bytes.length
const honest = serve(layer)

describe('a blob', () => {
  const ends: (() => Promise<void>)[] = []
  after(async () => {
    for (const end of ends) await end()
  })
  async function start(
    script: Script,
    limits: Partial<RegistryLimits> = {},
  ): Promise<{ server: Scripted; client: Client; pull: () => Promise<Buffer> }> {
    const server = await startScripted(script)
    const client = makeClient({ [server.host]: { insecure: true } }, { limits })
    ends.push(
      () => client.close(),
      () => server.close(),
    )
    return { server, client, pull: () => pullBlob(client, server.host, layer) }
  }
  const ranges = (server: Scripted): readonly (string | null)[] => {
    return server.asked.filter(({ path }) => path.includes('/blobs/')).map(({ range }) => range)
  }

  it('arrives whole', async () => {
    const { server, client, pull } = await start(honest)
    assert.deepEqual(await pull(), layer.bytes)
    assert.deepEqual(ranges(server), [null])
    assert.deepEqual(client.waits, [])
  })

  it('is resumed where the connection broke, as often as it moves on', async () => {
    let tries = 0
    const { server, pull } = await start((asked, response) => {
      if (asked.path.includes('/blobs/') && tries++ < 7) {
        const from = Number(/\d+/.exec(asked.range ?? '')?.[0] ?? 0)
        const status = asked.range === null ? 200 : 206
        const range = { 'content-range': `bytes ${from}-${sizeBytes - 1}/${sizeBytes}` }
        response.writeHead(status, { 'content-length': sizeBytes - from, ...range })
        response.write(layer.bytes.subarray(from, from + 70_000), () => response.destroy())
      } else honest(asked, response)
    })
    assert.deepEqual(await pull(), layer.bytes)
    assert.equal(tries, 8)
    assert.ok(
      ranges(server)
        .slice(1)
        .every((range) => /^bytes=\d+-$/.test(range ?? '')),
    )
  })

  it('is resumed from a server that knows no ranges', async () => {
    let tries = 0
    const { server, pull } = await start((asked, response) => {
      if (asked.path.includes('/blobs/') && tries++ === 0) {
        response.writeHead(200, { 'content-length': sizeBytes })
        response.write(layer.bytes.subarray(0, 250_000), () => response.destroy())
      } else honest({ ...asked, range: null }, response)
    })
    assert.deepEqual(await pull(), layer.bytes)
    assert.equal(ranges(server).length, 2)
  })

  it('whose connection breaks every time without moving on ends with an error', async () => {
    const { server, client, pull } = await start((asked, response) => {
      if (asked.path.includes('/blobs/')) response.destroy()
      else honest(asked, response)
    })
    const error = await failureOf(pull())
    assert.equal(error.code, 'registry-unreachable')
    assert.match(error.message, /closed the connection/)
    assert.equal(ranges(server).length, 5)
    assert.deepEqual(client.waits, [500, 1000, 2000, 4000])
  })

  const cases: readonly {
    readonly says: string
    readonly script: Script
    readonly code: string
    readonly message: RegExp
    readonly limits?: Partial<RegistryLimits>
  }[] = [
    {
      says: 'of other bytes',
      script: (_, response) => void response.end(Buffer.alloc(sizeBytes)),
      code: 'digest-mismatch',
      message: /served bytes of sha256:[0-9a-f]{64} as sha256:/,
    },
    {
      says: 'of a length that is not the one promised',
      script: (_, response) => void response.end(layer.bytes.subarray(1)),
      code: 'size-mismatch',
      message: /has 599999 bytes under sha256:.*, not 600000/,
    },
    {
      says: 'that goes on after its last byte',
      script(_, response) {
        response.write(layer.bytes)
        response.end('more')
      },
      code: 'size-mismatch',
      message: /has more bytes under/,
    },
    {
      says: 'that ends early, as if it were whole, each time',
      script(_, response) {
        response.write('')
        response.end()
      },
      code: 'size-mismatch',
      message: /ended sha256:.* after 0 of 600000 bytes/,
    },
    {
      says: 'in an encoding that nobody asked for',
      script(_, response) {
        response.writeHead(200, { 'content-encoding': 'gzip' })
        response.end(layer.bytes)
      },
      code: 'registry-answer',
      message: /encodes its answer: "gzip"/,
    },
    {
      says: 'that is not there',
      script: (_, response) => void response.writeHead(404).end(),
      code: 'blob-missing',
      message: /has no sha256:.* in apps\/web/,
    },
    {
      says: 'of which the server gives a range without being asked',
      script(_, response) {
        response.writeHead(206, { 'content-range': `bytes 5-9/${sizeBytes}` })
        response.end('12345')
      },
      code: 'registry-answer',
      message: /answers with status 206/,
    },
    {
      says: 'that falls silent',
      script: (_, response) => void response.write(layer.bytes.subarray(0, 1000)),
      code: 'registry-timeout',
      message: /fell silent/,
      limits: { bodyIdleMs: 100 },
    },
    {
      says: 'without an answer',
      script: () => {},
      code: 'registry-timeout',
      message: /sends no answer/,
      limits: { connectMs: 100, headersMs: 100 },
    },
  ]
  for (const { says, script, code, message, limits } of cases) {
    it(`${says} is refused`, async () => {
      const { pull } = await start((asked, response) => {
        ;(asked.path.includes('/blobs/') ? script : honest)(asked, response)
      }, limits)
      const error = await failureOf(pull())
      assert.equal(error.code, code)
      assert.match(error.message, message)
      assert.ok(error.hint !== undefined)
    })
  }

  for (const [says, contentRange] of [
    ['a later range', `bytes 250001-${sizeBytes - 1}/${sizeBytes}`],
    ['a range of something larger', `bytes 250000-${sizeBytes - 1}/${sizeBytes + 1}`],
    ['no range', 'nonsense'],
  ] as const) {
    it(`is refused where the server resumes with ${says}`, async () => {
      const { pull } = await start((asked, response) => {
        if (asked.range === null && asked.path.includes('/blobs/')) {
          response.writeHead(200, { 'content-length': sizeBytes })
          response.write(layer.bytes.subarray(0, 250_000), () => response.destroy())
        } else if (asked.range === null) honest(asked, response)
        else {
          response.writeHead(206, { 'content-range': contentRange })
          response.end(layer.bytes.subarray(250_000))
        }
      })
      const error = await failureOf(pull())
      assert.ok(['registry-answer', 'size-mismatch'].includes(error.code), error.code)
    })
  }

  for (const [says, slowBytesMin, code] of [
    ['more slowly than is bearable', 1_000_000, 'registry-timeout'],
    ['slowly', 1000, null],
  ] as const) {
    it(`that comes ${says} is ${code === null ? 'taken' : 'given up'}`, async () => {
      const server = await startScripted(honest)
      let nowMs = 0
      // A minute passes whenever one looks.
      const clock = { now: () => (nowMs += 60_000), sleep: async () => {} }
      const settings = { [server.host]: { insecure: true } }
      const client = makeClient(settings, { clock, limits: { slowBytesMin } })
      ends.push(
        () => client.close(),
        () => server.close(),
      )
      const pull = pullBlob(client, server.host, layer)
      if (code === null) assert.deepEqual(await pull, layer.bytes)
      else assert.match((await failureOf(pull)).message, /sends too slowly: \d+ bytes in 60 s/)
    })
  }

  it('lets its connection go when its reader leaves', async () => {
    let closed = false
    const { server, client } = await start((asked, response) => {
      if (!asked.path.includes('/blobs/')) return honest(asked, response)
      response.on('close', () => {
        closed = true
      })
      response.writeHead(200, { 'content-length': sizeBytes })
      response.write(layer.bytes.subarray(0, 1000))
    })
    const descriptor = { ...layer, sizeBytes }
    const { signal } = new AbortController()
    for await (const _ of client.blob(referenceTo(server.host, layer), descriptor, signal)) break
    await until('the connection is closed', () => closed)
  })

  it('ends with the reason of a signal, and asks no more', async () => {
    const stop = new AbortController()
    const { server, client } = await start((asked, response) => {
      if (!asked.path.includes('/blobs/')) return honest(asked, response)
      response.writeHead(200, { 'content-length': sizeBytes })
      response.write(layer.bytes.subarray(0, 1000), () => stop.abort(new Error('enough')))
    })
    await assert.rejects(pullBlob(client, server.host, layer, stop.signal), /enough/)
    assert.equal(ranges(server).length, 1)
  })
})
