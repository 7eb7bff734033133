import { type Address, parseAddress } from '../../reconcilers/addresses.ts'

/** A packet as a test says it. */
export interface PacketSpec {
  readonly from: string
  readonly to: string
  /** `icmp` is an echo request; a number any other protocol. */
  readonly protocol: 'tcp' | 'udp' | 'icmp' | number
  readonly sourcePort?: number
  readonly port?: number
  /** By which it is known again wherever it arrives. */
  readonly id: number
  readonly hopLimit?: number
  /** The bytes after the header of the protocol, before the mark. */
  readonly content?: Buffer
  /** Flags of TCP; SYN where absent. */
  readonly flags?: number
  /** Type and code of ICMP; an echo request where absent. */
  readonly type?: readonly [number, number]
}

const mark = Buffer.from('CVYP')
const numbers = { tcp: 6, udp: 17 }

function bytesOf({ family, bits }: Address): Buffer {
  return Buffer.from(bits.toString(16).padStart(family === 4 ? 8 : 32, '0'), 'hex')
}

function addressOf(text: string): Address {
  const address = parseAddress(text)
  if (address === undefined) throw new Error(`no address: ${text}`)
  return address
}

/** RFC 1071. */
function checksum(...parts: readonly Buffer[]): number {
  const all = Buffer.concat(parts)
  let sum = 0
  for (let at = 0; at < all.length; at++) sum += (all[at] ?? 0) << (at % 2 === 0 ? 8 : 0)
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000)
  return ~sum & 0xffff
}

/** The mark and the packet's number. */
function tagOf(id: number): Buffer {
  const tag = Buffer.alloc(4)
  tag.writeUInt32BE(id)
  return Buffer.concat([mark, tag])
}

/** The number of a packet that was seen; null for one that was not crafted here. */
export function idOf(packet: Buffer): number | null {
  const at = packet.indexOf(mark)
  return at === -1 || packet.length < at + 8 ? null : packet.readUInt32BE(at + 4)
}

function headerOf(spec: PacketSpec, family: 4 | 6): { number: number; header: Buffer; at: number } {
  const { protocol, sourcePort = 40_000, port = 0 } = spec
  if (protocol === 'icmp') {
    const header = Buffer.alloc(8)
    const [type, code] = spec.type ?? [family === 4 ? 8 : 128, 0]
    header.writeUInt8(type, 0)
    header.writeUInt8(code, 1)
    header.writeUInt16BE(spec.id & 0xffff, 4)
    return { number: family === 4 ? 1 : 58, header, at: 2 }
  }
  const isTcp = protocol === 'tcp'
  const header = Buffer.alloc(isTcp ? 20 : 8)
  header.writeUInt16BE(sourcePort, 0)
  header.writeUInt16BE(port, 2)
  if (isTcp) {
    header.writeUInt32BE(spec.id, 4)
    header.writeUInt8(0x50, 12)
    header.writeUInt8(spec.flags ?? 2, 13)
    header.writeUInt16BE(65_535, 14)
    return { number: numbers.tcp, header, at: 16 }
  }
  return { number: typeof protocol === 'number' ? protocol : numbers.udp, header, at: 6 }
}

/** The packet, from its IP header on. */
export function craft(spec: PacketSpec): Buffer {
  const [from, to] = [addressOf(spec.from), addressOf(spec.to)]
  const { family } = from
  const { number, header, at } = headerOf(spec, family)
  const body = Buffer.concat([header, spec.content ?? Buffer.alloc(0), tagOf(spec.id)])
  if (number === numbers.udp) body.writeUInt16BE(body.length, 4)
  const ends = Buffer.concat([bytesOf(from), bytesOf(to)])
  // That of ICMP for IPv4 is over the message alone.
  const about = Buffer.alloc(8)
  about.writeUInt32BE(body.length, 0)
  about.writeUInt8(number, 7)
  const hasSum = [1, 6, 17, 58].includes(number)
  if (hasSum) body.writeUInt16BE(number === 1 ? checksum(body) : checksum(ends, about, body), at)
  if (family === 6) {
    const ip = Buffer.alloc(8)
    ip.writeUInt8(0x60, 0)
    ip.writeUInt16BE(body.length, 4)
    ip.writeUInt8(number, 6)
    ip.writeUInt8(spec.hopLimit ?? 64, 7)
    return Buffer.concat([ip, ends, body])
  }
  const ip = Buffer.alloc(12)
  ip.writeUInt8(0x45, 0)
  ip.writeUInt16BE(20 + body.length, 2)
  ip.writeUInt16BE(spec.id & 0xffff || 1, 4)
  ip.writeUInt8(spec.hopLimit ?? 64, 8)
  ip.writeUInt8(number, 9)
  ip.writeUInt16BE(checksum(ip, ends), 10)
  return Buffer.concat([ip, ends, body])
}

/** The same IPv4 packet in two fragments, the first of which has so many bytes of its body. */
export function inFragments(packet: Buffer, firstBytes: number): readonly Buffer[] {
  const [ip, body] = [packet.subarray(0, 20), packet.subarray(20)]
  return [body.subarray(0, firstBytes), body.subarray(firstBytes)].map((part, index) => {
    const header = Buffer.from(ip)
    header.writeUInt16BE(20 + part.length, 2)
    header.writeUInt16BE(index === 0 ? 0x2000 : firstBytes / 8, 6)
    header.writeUInt16BE(0, 10)
    header.writeUInt16BE(checksum(header), 10)
    return Buffer.concat([header, part])
  })
}
