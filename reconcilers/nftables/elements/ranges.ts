import { type Cidr, parseCidr } from '../../addresses.ts'

const networks = (...texts: readonly string[]): readonly Cidr[] =>
  texts.flatMap((text) => parseCidr(text) ?? [])

/**
 * Networks that no container reaches unless an object opens them by name: link-local addresses,
 * where clouds keep their metadata, and the metadata addresses that are elsewhere. RFC 3927, RFC
 * 4291.
 */
export const guardedAlways: readonly Cidr[] = networks(
  '169.254.0.0/16',
  '100.100.100.200/32',
  '168.63.129.16/32',
  '192.0.0.192/32',
  'fe80::/10',
  'fd00:ec2::254/128',
  'fd20:ce::254/128',
)

/** One of those is also where a cloud answers for names (RFC 1035 section 4.2). */
export const namesAlways: { readonly address: string; readonly port: number } = {
  address: '168.63.129.16',
  port: 53,
}

/** Ranges that count as near: RFC 1918, RFC 4193, RFC 6598 and link-local addresses. */
export const near: readonly Cidr[] = networks(
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  '169.254.0.0/16',
  'fc00::/7',
  'fe80::/10',
)
