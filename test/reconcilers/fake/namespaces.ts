import type { CommandResult } from '../../../reconcilers/host-ports.ts'
import {
  done,
  type FakeLink,
  type FakeModel,
  type FakeNamespace,
  failed,
  makeLink,
  removeLink,
} from './model.ts'

/** `ip netns` on the fake host. */
export function namespaceWords(model: FakeModel, words: readonly string[]): CommandResult {
  const [, verb, name = ''] = words
  const file = `/run/netns/${name}`
  if (verb === 'add') {
    if (model.namespaces.has(name)) {
      return failed(`Cannot create namespace file "${file}": File exists`)
    }
    const fresh = { number: null, isHeld: false, loopbackUp: false, eth0: null }
    model.namespaces.set(name, fresh)
    return done
  }
  if (verb !== 'del') throw new Error(`the fake host does not know: ip ${words.join(' ')}`)
  const namespace = model.namespaces.get(name)
  if (namespace === undefined) {
    return failed(`Cannot remove namespace file "${file}": No such file or directory`)
  }
  model.namespaces.delete(name)
  if (namespace !== null && !namespace.isHeld) {
    for (const [link, { peer }] of model.links) if (peer === namespace) removeLink(model, link)
  }
  return done
}

/** `ip link add dev A mtu M address H type veth peer name eth0 mtu M address H netns N`. */
export function addVeth(model: FakeModel, words: readonly string[]): CommandResult {
  const at = words.indexOf('peer')
  const [own, other] = [options(words.slice(2, at)), options(words.slice(at + 1))]
  const name = own.get('dev') ?? ''
  const namespace = model.namespaces.get(other.get('netns') ?? '')
  if (model.links.has(name)) return failed('RTNETLINK answers: File exists', 2)
  if (!namespace) return failed(`Invalid "netns" value "${other.get('netns')}"`, 255)
  if (namespace.eth0 !== null) return failed('RTNETLINK answers: File exists', 2)
  namespace.number ??= nextNumber(model)
  namespace.eth0 = {
    hardware: other.get('address') ?? '',
    mtu: Number(other.get('mtu')),
    up: false,
    addresses: new Set(),
    routes: new Map(),
  }
  const link: FakeLink = makeLink('veth', namespace)
  link.mtu = Number(own.get('mtu'))
  link.hardware = own.get('address') ?? null
  model.links.set(name, link)
  return done
}

function options(words: readonly string[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (let at = 0; at < words.length; at += 2) found.set(words[at] ?? '', words[at + 1] ?? '')
  return found
}

function nextNumber(model: FakeModel): number {
  const used = [...model.namespaces.values()].map((each) => each?.number ?? -1)
  return Math.max(-1, ...used) + 1
}

/** One line of `ip -n NAME -batch -`. */
export function insideWords(
  model: FakeModel,
  name: string,
  words: readonly string[],
): CommandResult {
  const namespace = model.namespaces.get(name)
  if (!namespace) return failed(`Cannot open network namespace "${name}": No such file`, 255)
  const text = words.join(' ')
  if (text === 'link set dev lo up') {
    namespace.loopbackUp = true
    return done
  }
  if (namespace.eth0 === null) return failed('Cannot find device "eth0"')
  return eth0Words(namespace.eth0, text)
}

function eth0Words(eth0: NonNullable<FakeNamespace['eth0']>, text: string): CommandResult {
  const [, mtu] = /^link set dev eth0 mtu (\d+)$/.exec(text) ?? []
  const [, address] = /^addr replace (\S+) dev eth0( nodad)?$/.exec(text) ?? []
  const [, to, way] = /^route replace (\S+) (.+)$/.exec(text) ?? []
  if (mtu !== undefined) eth0.mtu = Number(mtu)
  else if (text === 'link set dev eth0 up') eth0.up = true
  else if (text === 'link set dev eth0 down') {
    eth0.up = false
    eth0.routes.clear()
  } else if (address !== undefined) eth0.addresses.add(address)
  else if (to !== undefined && way !== undefined) {
    if (!eth0.up) return failed('RTNETLINK answers: Network is down', 2)
    eth0.routes.set(to, way)
  } else if (text !== 'link set dev eth0 addrgenmode none') {
    throw new Error(`the fake host does not know: ip -n NAME ${text}`)
  }
  return done
}
