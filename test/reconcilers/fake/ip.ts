import {
  addressText,
  type Cidr,
  cidrText,
  networkOf,
  parseCidr,
} from '../../../reconcilers/addresses.ts'
import type { Command, CommandResult } from '../../../reconcilers/host-ports.ts'
import { learnedJson, linksJson, namespacesJson, netconfJson, routesJson } from './ip-json.ts'
import {
  done,
  type FakeLink,
  type FakeModel,
  type FakeRoute,
  failed,
  makeLink,
  removeLink,
} from './model.ts'
import { addVeth, insideWords, namespaceWords } from './namespaces.ts'

/** `ip` on the fake host: what covey and its tests say to it, and nothing else. */
export function fakeIp(model: FakeModel, command: Command): CommandResult {
  const args = [...command.args]
  const force = args[0] === '-force' ? args.shift() !== undefined : false
  if (args[0] === '-json' && args[1] === '-details') args.splice(0, 2)
  const inside = args[0] === '-n' ? args.splice(0, 2)[1] : undefined
  const run = (words: readonly string[]): CommandResult =>
    inside === undefined ? runWords(model, words) : insideWords(model, inside, words)
  if (args[0] !== '-batch') return run(args)
  const outputs: string[] = []
  const errors: string[] = []
  for (const [index, line] of (command.stdin ?? '').split('\n').entries()) {
    if (line === '') continue
    const result = run(line.split(' '))
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
  if (text === 'netns list')
    return { ...done, stdout: `${JSON.stringify(namespacesJson(model))}\n` }
  if (text === 'netconf show') return { ...done, stdout: `${JSON.stringify(netconfJson(model))}\n` }
  if (text === '-json -6 route show table all proto ra') {
    return { ...done, stdout: `${JSON.stringify(learnedJson(model))}\n` }
  }
  const [object, verb] = words
  if (object === 'route' && verb === 'get') return wayWords(model, words[2] ?? '')
  if (object === 'netns') return namespaceWords(model, words)
  if (object === 'link') return linkWords(model, words)
  if (object === 'addr' && (verb === 'replace' || verb === 'del')) return addressWords(model, words)
  if (object === 'route') return routeWords(model, words)
  throw new Error(`the fake host does not know: ip ${text}`)
}

function linkWords(model: FakeModel, words: readonly string[]): CommandResult {
  const [, verb, dev, name = '', ...rest] = words
  if (dev !== 'dev') throw new Error(`the fake host does not know: ip ${words.join(' ')}`)
  const link = model.links.get(name)
  if (verb === 'add' && rest.includes('veth')) return addVeth(model, words)
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
      if (link.up) continue
      model.routes = model.routes.filter((route) => route.link !== name)
      link.linkLocal = link.linkLocal.filter((each) => each.family === 4)
    } else if (word === 'addrgenmode') rest.shift()
    else throw new Error(`the fake host does not know: ip link set ${words.join(' ')}`)
  }
}

function addressWords(model: FakeModel, words: readonly string[]): CommandResult {
  const [, verb, text = '', , name = '', ...more] = words
  const link = model.links.get(name)
  const address = parseCidr(text)
  if (link === undefined) return failed(`Cannot find device "${name}"`)
  if (address === undefined)
    return failed(`Error: any valid prefix is expected rather than "${text}".`)
  if (more.join(' ') === 'scope link' || text.startsWith('fe80:')) {
    return localWords(link, verb === 'replace', address)
  }
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

function localWords(link: FakeLink, isAdded: boolean, address: Cidr): CommandResult {
  const others = link.linkLocal.filter((each) => cidrText(each) !== cidrText(address))
  link.linkLocal = isAdded ? [...others, address] : others
  return done
}

function sameNetwork(a: Cidr, b: Cidr): boolean {
  return cidrText(networkOf(a)) === cidrText(networkOf(b))
}

function routeWords(model: FakeModel, words: readonly string[]): CommandResult {
  const isUnreachable = words[2] === 'unreachable'
  const [, verb, to = '', ...rest] = isUnreachable ? words.toSpliced(2, 1) : words
  const said = new Map<string, string>()
  for (let at = 0; at < rest.length; at += 2) said.set(rest[at] ?? '', rest[at + 1] ?? '')
  const name = isUnreachable ? null : (said.get('dev') ?? '')
  const destination = parseCidr(to)
  const link = name === null ? null : model.links.get(name)
  if (destination === undefined) return failed('Error: any valid prefix is expected.')
  if (link === undefined) return failed(`Cannot find device "${name}"`)
  const source = said.get('src') ?? null
  const metric = said.has('metric') ? Number(said.get('metric')) : null
  const protocol = Number(said.get('proto') ?? 4)
  const route: FakeRoute = { destination, link: name, protocol, source, metric }
  // The kernel has one route for each destination and metric.
  const isSame = (each: FakeRoute): boolean =>
    cidrText(each.destination) === to && (each.metric ?? null) === metric
  const at = model.routes.findIndex(isSame)
  if (verb === 'del') {
    const found = model.routes.findIndex(
      (each) =>
        // Without a metric the first one goes, whatever it has.
        (metric === null ? cidrText(each.destination) === to : isSame(each)) &&
        each.link === name &&
        each.protocol === protocol,
    )
    if (found < 0) return failed('RTNETLINK answers: No such process', 2)
    model.routes.splice(found, 1)
    return done
  }
  if (link !== null && !link.up) return failed('RTNETLINK answers: Network is down', 2)
  if (source !== null && !hasAddress(model, source)) {
    return failed('RTNETLINK answers: Invalid argument', 2)
  }
  if (verb === 'add' && at >= 0) return failed('RTNETLINK answers: File exists', 2)
  if (verb === 'replace' && at >= 0) model.routes[at] = route
  else if (verb === 'add' || verb === 'replace') model.routes.push(route)
  else throw new Error(`the fake host does not know: ip ${words.join(' ')}`)
  return done
}

function wayWords(model: FakeModel, text: string): CommandResult {
  const family = text.includes(':') ? 6 : 4
  if (!model.unrouted.has(family)) return { ...done, stdout: `${text} dev eth0\n` }
  return failed('RTNETLINK answers: Network is unreachable', 2)
}

function hasAddress(model: FakeModel, text: string): boolean {
  const links = [...model.links.values()]
  return links.some((link) => link.addresses.some((address) => addressText(address) === text))
}
