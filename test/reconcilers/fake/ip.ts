import {
  addressText,
  type Cidr,
  cidrText,
  hostNetwork,
  networkOf,
  parseCidr,
} from '../../../reconcilers/addresses.ts'
import type { Command, CommandResult } from '../../../reconcilers/host-ports.ts'
import { done, type FakeLink, type FakeModel, failed, makeLink, removeLink } from './model.ts'

/** `ip` on the fake host: what covey and its tests say to it, and nothing else. */
export function fakeIp(model: FakeModel, command: Command): CommandResult {
  const args = [...command.args]
  const force = args[0] === '-force' ? args.shift() !== undefined : false
  if (args[0] === '-json' && args[1] === '-details') args.splice(0, 2)
  if (args[0] !== '-batch') return runWords(model, args)
  const outputs: string[] = []
  const errors: string[] = []
  for (const [index, line] of (command.stdin ?? '').split('\n').entries()) {
    if (line === '') continue
    const result = runWords(model, line.split(' '))
    outputs.push(result.stdout)
    if (result.exitCode === 0) continue
    errors.push(`${result.stderr}Command failed -:${index + 1}\n`)
    if (!force) break
  }
  const exitCode = errors.length === 0 ? 0 : 1
  return { exitCode, stdout: outputs.join(''), stderr: errors.join('') }
}

function runWords(model: FakeModel, words: readonly string[]): CommandResult {
  const text = words.join(' ')
  if (text === 'addr show') return { ...done, stdout: `${JSON.stringify(linksJson(model))}\n` }
  if (text === 'route show table all proto 190') {
    return { ...done, stdout: `${JSON.stringify(routesJson(model))}\n` }
  }
  const [object, verb] = words
  if (object === 'link') return linkWords(model, words)
  if (object === 'addr' && (verb === 'replace' || verb === 'del')) return addressWords(model, words)
  if (object === 'route') return routeWords(model, words)
  throw new Error(`the fake host does not know: ip ${text}`)
}

function linkWords(model: FakeModel, words: readonly string[]): CommandResult {
  const [, verb, dev, name = '', ...rest] = words
  if (dev !== 'dev') throw new Error(`the fake host does not know: ip ${words.join(' ')}`)
  const link = model.links.get(name)
  if (verb === 'add' && rest[0] === 'type') {
    if (link !== undefined) return failed('RTNETLINK answers: File exists', 2)
    const kind = String(rest[1])
    if (kind === 'wireguard' && !model.hasKernelWireguard) {
      return failed('Error: Unknown device type.', 2)
    }
    model.links.set(name, makeLink(kind))
    return done
  }
  if (link === undefined) return failed(`Cannot find device "${name}"`)
  if (verb === 'del') removeLink(model, name)
  else if (verb === 'set') setLink(model, name, link, rest)
  else throw new Error(`the fake host does not know: ip ${words.join(' ')}`)
  return done
}

function setLink(model: FakeModel, name: string, link: FakeLink, words: readonly string[]): void {
  const rest = [...words]
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === 'alias') link.alias = rest.shift() ?? null
    else if (word === 'mtu') link.mtu = Number(rest.shift())
    else if (word === 'up' || word === 'down') {
      link.up = word === 'up'
      if (!link.up) model.routes = model.routes.filter((route) => route.link !== name)
    } else throw new Error(`the fake host does not know: ip link set ${words.join(' ')}`)
  }
}

function addressWords(model: FakeModel, words: readonly string[]): CommandResult {
  const [, verb, text = '', , name = ''] = words
  const link = model.links.get(name)
  const address = parseCidr(text)
  if (link === undefined) return failed(`Cannot find device "${name}"`)
  if (address === undefined)
    return failed(`Error: any valid prefix is expected rather than "${text}".`)
  const at = link.addresses.findIndex((each) => cidrText(each) === text)
  if (verb === 'replace') {
    if (at < 0) link.addresses.push(address)
    return done
  }
  if (at < 0) return failed('RTNETLINK answers: Cannot assign requested address', 2)
  const isPrimary = !link.addresses.slice(0, at).some((each) => sameNetwork(each, address))
  link.addresses.splice(at, 1)
  // Without promote_secondaries the kernel takes all other IPv4 addresses of the network as well.
  if (isPrimary && address.family === 4) {
    link.addresses = link.addresses.filter((each) => !sameNetwork(each, address))
  }
  if (!link.addresses.some((each) => each.family === 4)) {
    model.routes = model.routes.filter(
      (route) => route.link !== name || route.destination.family === 6,
    )
  }
  return done
}

function sameNetwork(a: Cidr, b: Cidr): boolean {
  return cidrText(networkOf(a)) === cidrText(networkOf(b))
}

function routeWords(model: FakeModel, words: readonly string[]): CommandResult {
  const [, verb, to = '', , name = '', , protocol = '4'] = words
  const destination = parseCidr(to)
  const link = model.links.get(name)
  if (destination === undefined) return failed('Error: any valid prefix is expected.')
  if (link === undefined) return failed(`Cannot find device "${name}"`)
  const at = model.routes.findIndex((route) => cidrText(route.destination) === to)
  const route = { destination, link: name, protocol: Number(protocol) }
  if (verb === 'del') {
    const found = model.routes.findIndex(
      (each) =>
        cidrText(each.destination) === to && each.link === name && each.protocol === route.protocol,
    )
    if (found < 0) return failed('RTNETLINK answers: No such process', 2)
    model.routes.splice(found, 1)
    return done
  }
  if (!link.up) return failed('RTNETLINK answers: Network is down', 2)
  if (verb === 'add' && at >= 0) return failed('RTNETLINK answers: File exists', 2)
  if (verb === 'replace' && at >= 0) model.routes[at] = route
  else if (verb === 'add' || verb === 'replace') model.routes.push(route)
  else throw new Error(`the fake host does not know: ip ${words.join(' ')}`)
  return done
}

function linksJson(model: FakeModel): unknown {
  return [...model.links].map(([ifname, link]) => ({
    ifname,
    flags: link.up ? ['POINTOPOINT', 'UP', 'LOWER_UP'] : ['POINTOPOINT'],
    mtu: link.mtu,
    ...(link.alias === null ? {} : { ifalias: link.alias }),
    linkinfo: { info_kind: link.kind },
    addr_info: link.addresses.map((address) => ({
      family: address.family === 4 ? 'inet' : 'inet6',
      local: addressText(address),
      prefixlen: address.length,
      scope: 'global',
    })),
  }))
}

function routesJson(model: FakeModel): unknown {
  const own = model.routes.filter((route) => route.protocol === 190)
  return own.map(({ destination, link }) => {
    const host = hostNetwork(destination)
    const isHost = cidrText(host) === cidrText(destination)
    const dst = isHost ? addressText(destination) : cidrText(destination)
    return { type: 'unicast', dst, dev: link, table: 'main', flags: [] }
  })
}
