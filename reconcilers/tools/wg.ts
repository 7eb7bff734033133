import { CoveyError } from '../../protocol/fault.ts'
import { type Cidr, cidrText, endpointText, parseCidr, parseEndpoint } from '../addresses.ts'
import type { Command } from '../host-ports.ts'
import { word } from './words.ts'

/** A WireGuard device, as the kernel or `wireguard-go` has it. Its private key is not kept. */
export interface DeviceSeen {
  /** Null where it has no key yet. */
  readonly publicKey: string | null
  readonly listenPort: number
  readonly peers: readonly PeerSeen[]
}

/** A peer of a device. */
export interface PeerSeen {
  readonly publicKey: string
  /** Numeric `address:port`, or null where none is known. */
  readonly endpoint: string | null
  /** Canonical texts, sorted. */
  readonly allowedIps: readonly string[]
  /** Seconds since 1970; 0 for never. */
  readonly handshakeSeconds: number
  /** Seconds; 0 for off. */
  readonly keepaliveSeconds: number
}

/** A peer as a configuration file for `wg syncconf` holds it. */
export interface PeerWanted {
  readonly publicKey: string
  readonly allowedIps: readonly Cidr[]
  /** Numeric; null leaves the endpoint that the device has. */
  readonly endpoint: string | null
  readonly keepaliveSeconds: number
}

const keyPattern = /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/

/** True if a text is the canonical base64 of 32 bytes. */
export function isWireguardKey(text: unknown): text is string {
  return typeof text === 'string' && keyPattern.test(text)
}

/** Asks for everything of one device, tab-separated. */
export function dumpCommand(link: string): Command {
  return { tool: 'wg', args: ['show', word(link), 'dump'] }
}

/** Reads `wg show IF dump`. The private key in it is dropped here. Throws `tool-output`. */
export function parseDump(stdout: string): DeviceSeen {
  const [first, ...rest] = stdout.split('\n').filter((line) => line !== '')
  const [, publicKey, port, ...more] = (first ?? '').split('\t')
  if (publicKey === undefined || port === undefined || more.length !== 1) throw unknownForm()
  return {
    publicKey: isWireguardKey(publicKey) ? publicKey : null,
    listenPort: numberOf(port),
    peers: rest.map(parsePeer),
  }
}

function parsePeer(line: string): PeerSeen {
  const [publicKey, , endpoint, allowed, handshake, , , keepalive, ...more] = line.split('\t')
  if (!isWireguardKey(publicKey) || keepalive === undefined || more.length > 0) throw unknownForm()
  return {
    publicKey,
    endpoint: endpoint === undefined || endpoint === '(none)' ? null : canonicalEndpoint(endpoint),
    allowedIps: parseAllowedIps(allowed ?? ''),
    handshakeSeconds: numberOf(handshake ?? ''),
    keepaliveSeconds: keepalive === 'off' ? 0 : numberOf(keepalive),
  }
}

function parseAllowedIps(text: string): readonly string[] {
  if (text === '(none)') return []
  return text
    .split(',')
    .map((each) => {
      const network = parseCidr(each)
      if (network === undefined) throw unknownForm()
      return cidrText(network)
    })
    .sort()
}

/** An endpoint with a zone (`[fe80::1%eth0]:1`) has no other spelling than its own. */
function canonicalEndpoint(text: string): string {
  const endpoint = parseEndpoint(text)
  return endpoint?.address ? endpointText(endpoint.address, endpoint.port) : text
}

function numberOf(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw unknownForm()
  return Number(text)
}

function unknownForm(): CoveyError {
  return new CoveyError('tool-output', 'wg printed a device in an unknown form')
}

/**
 * The wanted configuration of a device, as `wg syncconf` reads it (wg(8), CONFIGURATION FILE
 * FORMAT). Holds the private key.
 */
export function syncconfText(
  privateKey: string,
  listenPort: number,
  peers: readonly PeerWanted[],
): string {
  const lines = ['[Interface]', `PrivateKey = ${keyWord(privateKey)}`, `ListenPort = ${listenPort}`]
  for (const peer of peers) {
    lines.push('', '[Peer]', `PublicKey = ${keyWord(peer.publicKey)}`)
    lines.push(`AllowedIPs = ${peer.allowedIps.map((each) => word(cidrText(each))).join(', ')}`)
    if (peer.endpoint !== null) lines.push(`Endpoint = ${word(peer.endpoint)}`)
    const keepalive = peer.keepaliveSeconds === 0 ? 'off' : String(peer.keepaliveSeconds)
    lines.push(`PersistentKeepalive = ${keepalive}`)
  }
  return `${lines.join('\n')}\n`
}

function keyWord(key: string): string {
  if (isWireguardKey(key)) return key
  throw new CoveyError('unsafe-argument', 'not a WireGuard key')
}

/** Makes a device as a file says, without disturbing what stays the same. */
export function syncconfCommand(link: string, absolutePath: string): Command {
  return { tool: 'wg', args: ['syncconf', word(link), absolutePath] }
}

/** Removes peers, so that the device forgets their handshakes. */
export function removePeersCommand(link: string, publicKeys: readonly string[]): Command {
  const peers = publicKeys.flatMap((key) => ['peer', keyWord(key), 'remove'])
  return { tool: 'wg', args: ['set', word(link), ...peers] }
}

/** Starts WireGuard in user space; it makes the link and stays as a process of its own. */
export function userspaceCommand(link: string): Command {
  return { tool: 'wireguard-go', args: [word(link)] }
}
