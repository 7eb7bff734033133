import { contains, hostNetwork, parseAddress, parseCidr } from '../../../reconcilers/addresses.ts'
import { classifyAddress } from './address-class.ts'

/** The variables that name proxies; either spelling, and lower case wins. */
export type ProxyEnvironment = Readonly<Record<string, string | undefined>>

function variable(environment: ProxyEnvironment, name: string): string {
  return environment[name.toLowerCase()] || environment[name] || ''
}

/**
 * The proxy for a URL, or null where it is asked directly: HTTPS_PROXY for https, HTTP_PROXY for
 * http, unless NO_PROXY names the host. This host itself is never asked for through a proxy.
 *
 * NO_PROXY is a list of `*`, names (with all below them; a leading dot or `*.` leaves the name
 * itself out), addresses and networks, each with an optional port. HTTP_PROXY is not looked at
 * where REQUEST_METHOD is set, because a CGI script's callers can set it (CVE-2016-5385).
 */
export function proxyFor(url: URL, environment: ProxyEnvironment): string | null {
  const secure = url.protocol === 'https:'
  if (!secure && environment['REQUEST_METHOD'] !== undefined) return null
  const proxy = variable(environment, secure ? 'HTTPS_PROXY' : 'HTTP_PROXY')
  if (proxy === '') return null
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1').toLowerCase()
  const address = parseAddress(host)
  if (host === 'localhost') return null
  if (address !== undefined && classifyAddress(address) === 'loopback') return null
  const port = url.port || (secure ? '443' : '80')
  const entries = variable(environment, 'NO_PROXY').split(/[\s,]+/)
  return entries.some((entry) => matches(entry.toLowerCase(), host, port)) ? null : proxy
}

function matches(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true
  const network = parseCidr(entry)
  const address = parseAddress(host)
  if (network !== undefined) {
    return address !== undefined && contains(network, hostNetwork(address))
  }
  const [, bracketed, name, wanted] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?$/.exec(entry) ?? []
  // An IPv6 address may stand there without brackets, and then without a port.
  const text = bracketed ?? name ?? entry
  if (text === '' || (wanted !== undefined && wanted !== port)) return false
  if (text === '*') return true
  const exact = parseAddress(text)
  if (exact !== undefined) return address?.family === exact.family && address.bits === exact.bits
  const below = text.replace(/^\*?\./, '')
  return host.endsWith(`.${below}`) || (text === below && host === below)
}
