import type { Config } from '../../../protocol/documents/config.ts'
import { configOf } from '../configs.ts'

const key = (letter: string): string => `${letter.repeat(42)}A=`

const container = (network: string, address: string): unknown => ({
  type: 'runc_container',
  image: `r.example/x@sha256:${'a'.repeat(64)}`,
  network,
  address,
})

function host(number: number, letter: string): Record<string, unknown> {
  return {
    wg: {
      type: 'wireguard_network',
      link_name: 'wg0',
      address: `10.69.0.${number}/16`,
      public_key: key(letter),
    },
    mesh: { type: 'wireguard_mesh', network: 'wg' },
    cn: { type: 'container_network', network: 'wg', subnet: `10.69.${number}.0/24` },
    wg6: {
      type: 'wireguard_network',
      link_name: 'wg6',
      address: `fd69::${number}/48`,
      listen_port: 51821,
      public_key: key(letter),
    },
    mesh6: { type: 'wireguard_mesh', network: 'wg6' },
    cn6: { type: 'container_network', network: 'wg6', subnet: `fd69:0:0:${number}::/64` },
  }
}

/**
 * Two hosts: `h1` with the containers a, b and c, and six and seven of IPv6; `h2` with far and
 * far6. `rules` are objects of `h1` beside those, `more` of `h2`.
 */
export function twoHosts(
  rules: Record<string, unknown>,
  more: Record<string, unknown> = {},
): Config {
  return configOf({
    h1: {
      ...host(1, 'A'),
      a: container('cn', '10.69.1.5'),
      b: container('cn', '10.69.1.6'),
      c: container('cn', '10.69.1.7'),
      six: container('cn6', 'fd69:0:0:1::5'),
      seven: container('cn6', 'fd69:0:0:1::6'),
      ...rules,
    },
    h2: {
      ...host(2, 'B'),
      far: container('cn', '10.69.2.5'),
      far6: container('cn6', 'fd69:0:0:2::5'),
      ...more,
    },
  })
}

/** A policy for one container. */
export function policy(name: string, more: Record<string, unknown>): unknown {
  return { type: 'nftables_policy', container: name, ...more }
}

/** Containers may ask what lies behind the links. */
export const forwards: Record<string, unknown> = {
  f: { type: 'nftables_forward', from: 'cn', to: 'wg' },
  f6: { type: 'nftables_forward', from: 'cn6', to: 'wg6' },
}
