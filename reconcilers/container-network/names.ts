import { hash } from 'node:crypto'
import { isName } from '../../protocol/names.ts'
import { type Address, addressText } from '../addresses.ts'
import type { ContainerNamespaces } from '../container-facts.ts'
import type { LinkSeen } from '../tools/ip-parse.ts'
import type { Attachment } from './spec.ts'

/** Prefix of an alias of covey's links; the name of the object follows. */
const aliasPrefix: string = 'covey:'

/** Prefix of the names of the host's ends of containers' links. */
export const vethPrefix: string = 'cv-'

/**
 * Name of a container's namespace, as `ip netns` knows it: with the mark of the agent, as others
 * may have theirs in the same folder. A container that runs stays in the one it was made in.
 */
export function namespaceName(object: string, { mark, adopted }: ContainerNamespaces): string {
  return adopted.get(object) ?? `covey.${mark}.${object}`
}

/** The container that a namespace is for, or null if its name does not show whose it is. */
export function namespaceOwner(
  name: string,
  { mark, adopted }: ContainerNamespaces,
): string | null {
  const prefix = `covey.${mark}.`
  const object = name.startsWith(prefix) ? name.slice(prefix.length) : ''
  if (isName(object)) return object
  return [...adopted].find(([, each]) => each === name)?.[0] ?? null
}

/** True if some agent, be it an older one, may have named a container's namespace like that. */
export function isNamedFor(name: string, object: string): boolean {
  if (name === `covey-${object}`) return true
  return name.endsWith(`.${object}`) && /^covey\.[0-9a-f]{8}\.$/.test(name.slice(0, -object.length))
}

/**
 * Name of the host's end of a container's link: 15 characters are all that the kernel takes, so it
 * is made from a digest of the object's name.
 */
export function vethName(object: string): string {
  return `${vethPrefix}${digestOf(object, 12)}`
}

/**
 * Addresses of both ends of a container's link (locally administered, IEEE 802 section 8.4). Given
 * when it is made, they keep udev from choosing others, stay the same when it is made again, and
 * show whose it is before it has its alias.
 */
export function hardwareAddresses(object: string): {
  readonly host: string
  readonly inside: string
} {
  const octets = digestOf(`address of ${object}`, 8).match(/../g) ?? []
  return { host: ['02', '00', ...octets].join(':'), inside: ['02', '01', ...octets].join(':') }
}

/**
 * The host's address on every link to a container: 169.254.1.1, or fe80::1. A link-local address
 * is one of its link only, so all of them have the same.
 */
export function gatewayOf(family: Address['family']): Address {
  return family === 4 ? { family, bits: 0xa9fe0101n } : { family, bits: (0xfe80n << 112n) | 1n }
}

/** Alias of a link while it is being made. */
export function unfinishedAlias(object: string): string {
  return `${aliasPrefix}${object}`
}

/**
 * Alias of a link that is whole. The digest is of everything that a look from outside the container
 * cannot see, so that another form of it, or one that was broken off, is found by its alias.
 */
export function wholeAlias(attachment: Omit<Attachment, 'alias'>): string {
  const { object, address, address6, mtu, source } = attachment
  const form = ['1', addressText(address), mtu, source === null ? '' : addressText(source)]
  if (address6 !== undefined) form.push(addressText(address6))
  return `${unfinishedAlias(object)}:${digestOf(form.join(' '), 12)}`
}

/** The object that an alias names, or null if it is not covey's. */
export function aliasOwner(alias: string | null): string | null {
  if (alias === null || !alias.startsWith(aliasPrefix)) return null
  return alias.slice(aliasPrefix.length).split(':')[0] ?? null
}

/** The container that a link belongs to, or null if it is not covey's. */
export function vethOwner(link: LinkSeen): string | null {
  return link.kind === 'veth' ? aliasOwner(link.alias) : null
}

function digestOf(text: string, digits: number): string {
  return hash('sha256', text).slice(0, digits)
}
