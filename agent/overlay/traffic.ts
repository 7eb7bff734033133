/** Bytes on covey's own streams: frames, requests and responses with their length prefixes. */
export class Traffic {
  bytesIn: number = 0
  bytesOut: number = 0
}

/** Bytes of `length` as an unsigned varint, the prefix of every frame (7 bits in each byte). */
export function prefixBytes(length: number): number {
  let bytes = 1
  for (let rest = length; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes += 1
  return bytes
}
