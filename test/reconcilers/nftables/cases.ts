import type { Config } from '../../../protocol/documents/config.ts'
import { configOf } from '../configs.ts'

const container = (address: string): Record<string, unknown> => ({
  type: 'runc_container',
  image: `r.example/x@sha256:${'a'.repeat(64)}`,
  network: 'cn',
  address,
})

const base = {
  wg: { type: 'wireguard_network', link_name: 'wg_a', address: '10.69.0.1/16' },
  cn: { type: 'container_network', network: 'wg', subnet: '10.69.1.0/24' },
  a: container('10.69.1.5'),
  b: container('10.69.1.6'),
}

const policy = {
  type: 'nftables_policy',
  container: 'b',
  ingress: [
    { from: 'container:a', ports: ['80/tcp'] },
    { from: '10.0.0.0/8', ports: ['icmp'] },
  ],
}

/** Configs of the host `h1`, each one reached from the one before. */
export const nftablesConfigs: readonly { readonly name: string; readonly config: Config }[] = [
  {
    name: 'a forward and a policy',
    config: configOf({
      h1: { ...base, f: { type: 'nftables_forward', from: 'cn', to: 'wg' }, p: policy },
    }),
  },
  {
    name: 'wider ranges, a published port and the outside',
    config: configOf({
      h1: {
        ...base,
        p: { ...policy, ingress: [{ from: '10.0.0.0/7' }], egress: [{ to: '192.0.2.0/24' }] },
        w: {
          type: 'nftables_publish',
          container: 'a',
          host_port: 8080,
          container_port: 80,
          on: 'public',
        },
        m: { type: 'nftables_masquerade', network: 'cn' },
      },
    }),
  },
  {
    name: 'another target of the same port',
    config: configOf({
      h1: {
        ...base,
        w: {
          type: 'nftables_publish',
          container: 'b',
          host_port: 8080,
          container_port: 80,
          on: 'public',
        },
      },
    }),
  },
  {
    name: 'addresses that nft writes in part as IPv4',
    config: configOf({
      h1: {
        ...base,
        cn6: { type: 'container_network', subnet: 'fd00:1::/64' },
        six: { ...container('fd00:1::5'), network: 'cn6' },
        p: {
          type: 'nftables_policy',
          container: 'six',
          egress: [{ to: '::/0', ports: ['80/tcp'] }, { to: '::c000:200/120' }, { to: '::1:0' }],
        },
      },
    }),
  },
  { name: 'no rules', config: configOf({ h1: base }) },
]
