import { Buffer } from 'node:buffer'

/** Digest of an image that no test pulls. */
export const imageDigest: string = `sha256:${'c'.repeat(64)}`

/** A `runc_container` as a config has it. */
export function containerObject(more: object = {}): Record<string, unknown> {
  return {
    type: 'runc_container',
    image: `registry.example/web@${imageDigest}`,
    network: 'cn',
    address: '10.69.1.5',
    ...more,
  }
}

/** The network objects that such a container needs on a host with this number. */
export function networkObjects(number = 1): Record<string, unknown> {
  return {
    wg: { type: 'wireguard_network', link_name: 'wg0', address: `10.69.0.${number}/16`, mtu: 1400 },
    cn: { type: 'container_network', network: 'wg', subnet: `10.69.${number}.0/24` },
  }
}

/** A text with the form of a sealed secret; nothing can open it. */
export function sealedText(claims: object = {}): string {
  const header = {
    alg: 'ECDH-ES',
    enc: 'A256GCM',
    typ: 'covey-secret+jwe',
    epk: { kty: 'OKP', crv: 'X25519', x: 'A'.repeat(43) },
    aud: `sha256:${'0'.repeat(64)}`,
    host: 'a',
    name: 'password',
    ...claims,
  }
  const parts = [Buffer.from(JSON.stringify(header)).toString('base64url'), '', 'AAAA', 'AAAA']
  return [...parts, 'AAAA'].join('.')
}
