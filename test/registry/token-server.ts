import { createPrivateKey, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer as createPlainServer, type IncomingMessage } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { SignJWT } from 'jose'
import type { Certificate } from './certificates.ts'

/** Who may ask for tokens that push, and pull where anonymous pulls are not allowed. */
export interface Credentials {
  readonly username: string
  readonly password: string
}

/** One question to the token server. */
export interface TokenRequest {
  readonly service: string | null
  readonly scopes: readonly string[]
  /** The credentials that it brought: the right ones, wrong ones, or none. */
  readonly credentials: 'right' | 'wrong' | 'none'
  readonly granted: boolean
}

/** The token half of the bearer flow of public registries. */
export interface TokenServer {
  /** The address that a registry names as `realm`. */
  readonly realm: string
  readonly requests: readonly TokenRequest[]
  close(): Promise<void>
}

/** The options of a token server. */
export interface TokenServerOptions {
  readonly address: string
  /** The name or address in the realm. */
  readonly name: string
  readonly issuer: string
  /** Signs tokens; the registry trusts its authority. */
  readonly signer: Certificate
  /** Null for HTTP without TLS. */
  readonly tls: Certificate | null
  readonly credentials: Credentials
  /** True if a token for pulling is given to anybody. */
  readonly anonymousPull: boolean
}

const tokenSeconds = 300

/** `repository:name:pull,push` as the registry's claim, cut down to what is allowed. */
function accessOf(scope: string, mayPush: boolean): object {
  const parts = scope.split(':')
  const wanted = parts.at(-1)?.split(',') ?? []
  const actions = mayPush ? wanted : wanted.filter((action) => action === 'pull')
  return { type: parts[0], name: parts.slice(1, -1).join(':'), actions }
}

function judge(request: IncomingMessage, { username, password }: Credentials) {
  const { authorization } = request.headers
  if (authorization === undefined) return 'none'
  const right = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
  return authorization === right ? 'right' : 'wrong'
}

/** Starts a token server: ES256 tokens with `x5c`, as docker-registry asks for them. */
export async function startTokenServer(options: TokenServerOptions): Promise<TokenServer> {
  const requests: TokenRequest[] = []
  const key = createPrivateKey(readFileSync(options.signer.keyFile))

  async function answer(request: IncomingMessage): Promise<{ status: number; body: object }> {
    const url = new URL(request.url ?? '/', 'http://token')
    const scopes = url.searchParams.getAll('scope').flatMap((each) => each.split(' '))
    const service = url.searchParams.get('service')
    const credentials = judge(request, options.credentials)
    const granted = credentials === 'right' || (credentials === 'none' && options.anonymousPull)
    requests.push({ service, scopes, credentials, granted })
    if (!granted) return { status: 401, body: { details: 'incorrect username or password' } }
    const access = scopes.map((scope) => accessOf(scope, credentials === 'right'))
    const x5c = [options.signer.der.toString('base64')]
    const token = await new SignJWT({ access, jti: randomUUID() })
      .setProtectedHeader({ alg: 'ES256', typ: 'JWT', x5c })
      .setIssuer(options.issuer)
      .setSubject(credentials === 'right' ? options.credentials.username : '')
      .setAudience(service ?? '')
      .setIssuedAt()
      .setNotBefore('-10 s')
      .setExpirationTime(`${tokenSeconds} s`)
      .sign(key)
    return { status: 200, body: { token, access_token: token, expires_in: tokenSeconds } }
  }

  const { tls } = options
  const server =
    tls === null
      ? createPlainServer()
      : createTlsServer({ key: readFileSync(tls.keyFile), cert: readFileSync(tls.certFile) })
  server.on('request', (request, response) => {
    answer(request).then(
      ({ status, body }) => {
        response.writeHead(status, { 'content-type': 'application/json' })
        response.end(JSON.stringify(body))
      },
      (error) => response.destroy(error),
    )
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, options.address, resolve)
  })
  const { port } = server.address() as AddressInfo
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  return {
    realm: `${tls === null ? 'http' : 'https'}://${options.name}:${port}/token`,
    requests,
    close,
  }
}
