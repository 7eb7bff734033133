import { bad, type Checked, good } from '../../protocol/fault.ts'
import { addressText, parseAddress } from '../addresses.ts'

/** Names under which the Docker Hub is known; its canonical name is `docker.io`. */
const dockerHubNames = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io'])

const label = '[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?'
const hostPattern = new RegExp(`^${label}(\\.${label})*$`)

/** Host part of an authority: canonical, with brackets where it is an IPv6 address. */
function canonicalHost(text: string): string | undefined {
  const [, bracketed] = /^\[([0-9a-f:.]+)\]$/.exec(text) ?? []
  if (bracketed !== undefined) {
    const address = parseAddress(bracketed)
    return address?.family === 6 ? `[${addressText(address)}]` : undefined
  }
  if (text.length > 253) return undefined
  const address = parseAddress(text)
  if (address?.family === 4) return addressText(address)
  // A last label of digits only is a mistyped IPv4 address (RFC 3696 section 2).
  return hostPattern.test(text) && !/(^|\.)\d+$/.test(text) ? text : undefined
}

/**
 * The one spelling of a registry's name, as `docker.io`, `registry.example:5000`, `[::1]:5000`:
 * lower case, addresses canonical, without port 443. References and `agent.json` are matched by it.
 *
 * Fault: `registry-name`.
 */
export function parseRegistryName(text: string): Checked<string> {
  const shown = JSON.stringify(text.slice(0, 80))
  const [, head, port] = /^(.*?)(?::(\d{0,6}))?$/.exec(text.toLowerCase()) ?? []
  const host = canonicalHost(head ?? '')
  if (host === undefined) {
    return bad(
      'registry-name',
      `${shown} does not name a registry: must be a host, then :port if needed`,
    )
  }
  if (port === undefined || port === '443') {
    return good(dockerHubNames.has(host) ? 'docker.io' : host)
  }
  if (!/^[1-9]\d{0,4}$/.test(port) || Number(port) > 65535) {
    return bad('registry-name', `${shown} has no valid port: it must be between 1 and 65535`)
  }
  return good(`${host}:${port}`)
}
