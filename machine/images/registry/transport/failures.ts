import { RegistryError } from './errors.ts'

/** Code of a system or library error. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return ''
  return 'code' in error && typeof error.code === 'string' ? error.code : ''
}

/** Where a name has several addresses, Node reports one error for each of them. */
function firstOf(error: unknown): unknown {
  return error instanceof AggregateError && error.errors.length > 0 ? error.errors[0] : error
}

type Failure = (host: string, cause: unknown, own: boolean) => RegistryError

const insecureHint = (host: string): string => {
  return `give it TLS, or trust it as it is: {"registries": {"${host}": {"insecure": true}}}`
}
const caHint = (host: string, own: boolean): string =>
  own
    ? `name its CA in agent.json: {"registries": {"${host}": {"ca_file": "/…/ca.pem"}}}`
    : `name its CA in agent.json: {"registries": {"${host}": {"ca_file": "/…/ca.pem"}}}, or in that of the registry`

const unknownAuthority: Failure = (host, cause, own) =>
  new RegistryError('registry-tls-ca', `the certificate of ${host} is signed by an unknown CA`, {
    hint: caHint(host, own),
    cause,
  })
const noName: Failure = (host, cause) =>
  new RegistryError('registry-dns', `the name ${host} has no address`, {
    hint: 'check the name, and the DNS of this host',
    transient: true,
    cause,
  })
const closed: Failure = (host, cause) =>
  new RegistryError('registry-unreachable', `${host} closed the connection`, {
    hint: 'check its log, and the network in between',
    transient: true,
    cause,
  })
const noRoute: Failure = (host, cause) =>
  new RegistryError('registry-unreachable', `${host} cannot be reached (${codeOf(cause)})`, {
    hint: 'check its address, and the network in between',
    transient: true,
    cause,
  })
const late =
  (what: string): Failure =>
  (host, cause) =>
    new RegistryError('registry-timeout', `${host} ${what}`, {
      hint: 'check that it works, and the network in between',
      transient: true,
      cause,
    })
const noTls: Failure = (host, cause) =>
  new RegistryError('registry-plain-http', `${host} does not speak TLS (plain HTTP?)`, {
    hint: insecureHint(host),
    cause,
  })
const noProxy: Failure = (host, cause) => {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new RegistryError('registry-proxy', `the proxy for ${host} refuses: ${why}`, {
    hint: 'check HTTPS_PROXY, HTTP_PROXY and NO_PROXY of the agent',
    transient: true,
    cause,
  })
}
const badHttp: Failure = (host, cause) =>
  new RegistryError('registry-answer', `${host} does not speak valid HTTP`, {
    hint: 'is this a registry?',
    cause,
  })

const failures: Readonly<Record<string, Failure>> = {
  ECONNREFUSED: (host, cause) =>
    new RegistryError('registry-refused', `${host} refuses connections`, {
      hint: 'is it running, and is the port right?',
      transient: true,
      cause,
    }),
  ENOTFOUND: noName,
  EAI_AGAIN: noName,
  'name-unresolved': noName,
  'too-many-names': (host, cause) =>
    new RegistryError('registry-dns', `too many name lookups are waiting, among them ${host}`, {
      transient: true,
      cause,
    }),
  ECONNRESET: closed,
  EPIPE: closed,
  UND_ERR_SOCKET: closed,
  UND_ERR_CLOSED: closed,
  UND_ERR_DESTROYED: closed,
  UND_ERR_INFO: closed,
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: closed,
  EHOSTUNREACH: noRoute,
  ENETUNREACH: noRoute,
  EHOSTDOWN: noRoute,
  ENETDOWN: noRoute,
  EADDRNOTAVAIL: noRoute,
  EACCES: noRoute,
  EPERM: noRoute,
  ETIMEDOUT: late('does not answer'),
  UND_ERR_CONNECT_TIMEOUT: late('does not answer'),
  UND_ERR_HEADERS_TIMEOUT: late('accepts a connection but sends no answer'),
  UND_ERR_BODY_TIMEOUT: late('fell silent in the middle of an answer'),
  UNABLE_TO_GET_ISSUER_CERT: unknownAuthority,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: unknownAuthority,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: unknownAuthority,
  SELF_SIGNED_CERT_IN_CHAIN: unknownAuthority,
  DEPTH_ZERO_SELF_SIGNED_CERT: unknownAuthority,
  CERT_UNTRUSTED: unknownAuthority,
  ERR_TLS_CERT_ALTNAME_INVALID: (host, cause) =>
    new RegistryError('registry-tls-name', `the certificate of ${host} is for other names`, {
      hint: 'name the registry as its certificate does, or give it one for this name',
      cause,
    }),
  CERT_HAS_EXPIRED: (host, cause) =>
    new RegistryError('registry-tls-expired', `the certificate of ${host} has expired`, {
      hint: 'renew it, or set the clock of this host',
      cause,
    }),
  CERT_NOT_YET_VALID: (host, cause) =>
    new RegistryError('registry-tls-expired', `the certificate of ${host} is not valid yet`, {
      hint: 'set the clock of this host',
      cause,
    }),
  ERR_SSL_WRONG_VERSION_NUMBER: noTls,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: noTls,
  ERR_SSL_HTTP_REQUEST: noTls,
  EPROTO: noTls,
  UND_ERR_PRX_TLS: noProxy,
  UND_ERR_PRX_CONN: noProxy,
  UND_ERR_ABORTED: noProxy,
  UND_ERR_HEADERS_OVERFLOW: (host, cause) =>
    new RegistryError('registry-answer', `${host} sends too many headers`, { cause }),
}

/**
 * The `RegistryError` for whatever a request failed with. `host` is what was asked, `own` whether
 * it is the registry itself. An error that is one already stays as it is.
 */
export function failureOf(thrown: unknown, host: string, own: boolean): RegistryError {
  const cause = firstOf(thrown)
  if (cause instanceof RegistryError) return cause
  const code = codeOf(cause)
  const known = Object.hasOwn(failures, code) ? failures[code] : undefined
  if (known !== undefined) return known(host, cause, own)
  if (cause instanceof Error && cause.name === 'HTTPParserError') return badHttp(host, cause, own)
  if (cause instanceof Error && cause.name === 'TimeoutError') {
    return late('has a name that was not resolved in time')(host, cause, own)
  }
  const why = cause instanceof Error ? cause.message.split('\n', 1)[0] : String(cause)
  if (code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_') || code.startsWith('CERT_')) {
    return new RegistryError('registry-tls', `no TLS with ${host}: ${why}`, { cause })
  }
  return new RegistryError('registry-unreachable', `${host} cannot be asked: ${why}`, { cause })
}
