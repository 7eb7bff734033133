import { isIP } from 'node:net'
import { composePortsMax } from '../../limits.ts'
import type { ComposeService, PortEntry } from '../project.ts'
import type { Cursor } from './cursor.ts'

interface Range {
  readonly first: number
  readonly last: number
}

interface Written {
  readonly address: string
  readonly published: string
  readonly target: string
  readonly protocol: string
}

/**
 * Ports of a service in all forms, ranges spread. The same one twice is one, as after the merging
 * of files.
 */
export function readPorts(list: Cursor): readonly PortEntry[] {
  const entries = new Map<string, PortEntry>()
  for (const item of list.items()) {
    for (const entry of readEntry(item)) {
      const { hostAddress, hostPort, containerPort, protocol } = entry
      entries.set(`${hostAddress} ${hostPort} ${containerPort} ${protocol}`, entry)
    }
    if (entries.size > composePortsMax) {
      item.fault(
        `a service publishes at most ${composePortsMax} ports: one with more uses the network of its host (network_mode: host)`,
        'compose-too-large',
      )
      return []
    }
  }
  return [...entries.values()]
}

function readEntry(item: Cursor): readonly PortEntry[] {
  const written = item.tree?.kind === 'map' ? longForm(item) : shortForm(item)
  return written === undefined ? [] : spread(item, written)
}

function shortForm(item: Cursor): Written | undefined {
  const text = item.leaf('a port')?.text
  if (text === undefined)
    return item.isAbsent ? item.fault('must be a port, and is empty') : undefined
  const parts = text.split(':')
  const last = parts.pop() ?? ''
  const published = parts.pop() ?? ''
  const [target = '', protocol = '', ...more] = last.split('/')
  if (more.length > 0) return item.fault(`is no port: ${item.shown}`)
  return { address: parts.join(':').replace(/^\[(.*)\]$/, '$1'), published, target, protocol }
}

function longForm(item: Cursor): Written | undefined {
  const target = item.at('target').text()
  if (target === undefined) return item.fault('has no "target", the port of the container')
  return {
    address: (item.at('host_ip').text() ?? '').replace(/^\[(.*)\]$/, '$1'),
    published: item.at('published').text() ?? '',
    target,
    protocol: item.at('protocol').text() ?? '',
  }
}

function spread(item: Cursor, written: Written): readonly PortEntry[] {
  const protocol = (written.protocol === '' ? 'tcp' : written.protocol).toLowerCase()
  const target = parseRange(written.target)
  const published = /^0?$/.test(written.published) ? undefined : parseRange(written.published)
  const shown = item.shown === '' ? '' : `: ${item.shown}`
  const fault = (message: string, code?: string): readonly [] => {
    item.fault(message, code)
    return []
  }
  if (protocol !== 'tcp' && protocol !== 'udp') {
    return fault(`covey publishes tcp and udp${shown}`, 'compose-refused')
  }
  if (written.address !== '' && isIP(written.address) === 0) {
    return fault(`what stands before the ports must be an address, as 127.0.0.1 or [::1]${shown}`)
  }
  if (target === undefined || (published === undefined && !/^0?$/.test(written.published))) {
    return fault(`is no port: write "8080:80", with ports from 1 to 65535${shown}`)
  }
  const count = target.last - target.first
  if (published !== undefined && published.last - published.first !== count) {
    return count === 0
      ? fault(`covey does not look for a free port of a range: name one${shown}`, 'compose-refused')
      : fault(`both ranges must have the same length${shown}`)
  }
  return Array.from({ length: count + 1 }, (_, at) => ({
    hostPort: published === undefined ? undefined : published.first + at,
    containerPort: target.first + at,
    protocol,
    hostAddress: written.address,
    place: item.place,
  }))
}

function parseRange(text: string): Range | undefined {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text)
  if (match === null) return undefined
  const first = Number(match[1])
  const last = match[2] === undefined ? first : Number(match[2])
  return first >= 1 && last >= first && last <= 65_535 ? { first, last } : undefined
}

/** Ports that a service says it listens on. */
export function readExpose(list: Cursor): ComposeService['expose'] {
  const found = new Map<string, { readonly port: number; readonly protocol: 'tcp' | 'udp' }>()
  for (const item of list.items()) {
    const [target = '', protocol = 'tcp'] = (item.leaf('a port')?.text ?? '').split('/')
    const range = parseRange(target)
    if (range === undefined || (protocol !== 'tcp' && protocol !== 'udp')) {
      item.fault(`must be a port, as 8080 or 53/udp: ${item.shown}`)
      continue
    }
    for (let port = range.first; port <= range.last; port += 1) {
      found.set(`${port}/${protocol}`, { port, protocol })
    }
    if (found.size > composePortsMax) {
      item.fault(`a service exposes at most ${composePortsMax} ports`, 'compose-too-large')
      return []
    }
  }
  return [...found.values()]
}
