import { createHash, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { createServer as createPlainServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Certificate } from '../../../registry/certificates.ts'

/** A request to a server. */
export interface Asked {
  readonly path: string
  readonly host: string
  readonly authorization: string | null
  readonly range: string | null
}

/** Answers one request; the default is 404. */
export type Script = (asked: Asked, response: ServerResponse) => void

/** A server on loopback that says what a test tells it to. */
export interface Scripted {
  /** `127.0.0.1:port` */
  readonly host: string
  readonly port: number
  /** `http://…` or `https://…` */
  readonly url: string
  readonly asked: readonly Asked[]
  /** Connections that are open. */
  readonly open: ReadonlySet<Socket>
  script: Script
  close(): Promise<void>
}

/** Starts one; over TLS where there is a certificate. */
export async function startScripted(script: Script, tls?: Certificate): Promise<Scripted> {
  const asked: Asked[] = []
  const open = new Set<Socket>()
  const listener: RequestListener = (request, response) => {
    const one: Asked = {
      path: request.url ?? '',
      host: request.headers.host ?? '',
      authorization: request.headers.authorization ?? null,
      range: request.headers.range ?? null,
    }
    asked.push(one)
    scripted.script(one, response)
  }
  const server: Server =
    tls === undefined
      ? createPlainServer(listener)
      : createTlsServer(
          { key: readFileSync(tls.keyFile), cert: readFileSync(tls.certFile) },
          listener,
        )
  server.on('connection', (socket) => {
    open.add(socket)
    socket.on('close', () => open.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const host = `127.0.0.1:${port}`
  const scripted: Scripted = {
    host,
    port,
    url: `${tls === undefined ? 'http' : 'https'}://${host}`,
    asked,
    open,
    script,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      for (const socket of open) socket.destroy()
      await closed
    },
  }
  return scripted
}

/** Bytes, and what names them. */
export interface Piece {
  readonly bytes: Buffer
  readonly digest: string
  readonly mediaType: string
}

/** A piece of an image. */
export function piece(bytes: Buffer, mediaType: string): Piece {
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`
  return { bytes, digest, mediaType }
}

const layerType = 'application/vnd.oci.image.layer.v1.tar+gzip'
const manifestType = 'application/vnd.oci.image.manifest.v1+json'

/** A blob of random bytes. */
export function randomLayer(sizeBytes: number): Piece {
  return piece(randomBytes(sizeBytes), layerType)
}

/** A manifest; what it names does not exist. */
export const manifestPiece: Piece = piece(
  Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: manifestType })),
  manifestType,
)

/** Serves pieces below any repository as a registry does, ranges included; all else is 404. */
export function serve(...pieces: readonly Piece[]): Script {
  return ({ path, range }, response) => {
    if (path === '/v2/') {
      response.end('{}')
      return
    }
    const wanted = pieces.find(({ digest }) => path.split('?')[0]?.endsWith(`/${digest}`))
    if (wanted === undefined) {
      response.writeHead(404, { 'content-type': 'application/json' })
      response.end('{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}')
      return
    }
    const from = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? '0')
    const rest = wanted.bytes.subarray(from)
    const headers = { 'content-type': wanted.mediaType, 'content-length': rest.length }
    const size = wanted.bytes.length
    if (range === null) response.writeHead(200, headers)
    else
      response.writeHead(206, { ...headers, 'content-range': `bytes ${from}-${size - 1}/${size}` })
    response.end(rest)
  }
}
