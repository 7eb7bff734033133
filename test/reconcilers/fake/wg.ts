import type { Command, CommandResult } from '../../../reconcilers/host-ports.ts'
import type { PeerSeen } from '../../../reconcilers/tools/wg.ts'
import { done, type FakeDevice, type FakeModel, failed, makeLink } from './model.ts'

/** `wg` on the fake host. */
export function fakeWg(model: FakeModel, command: Command): CommandResult {
  const [verb, name = '', ...rest] = command.args
  const link =
    verb === 'show' || verb === 'set' || verb === 'syncconf' ? model.links.get(name) : undefined
  const device = link?.device
  if (!device || device.isDead) {
    return failed('Unable to access interface: Protocol not supported')
  }
  if (verb === 'show' && rest.join() === 'dump') return { ...done, stdout: dump(device) }
  if (verb === 'set') return removePeers(device, rest)
  if (verb === 'syncconf') return syncconf(model, device, model.temporary.get(rest[0] ?? ''))
  throw new Error(`the fake host does not know: wg ${command.args.join(' ')}`)
}

/** `wireguard-go` on the fake host: makes a link and stays. */
export function fakeWireguardGo(model: FakeModel, command: Command): CommandResult {
  const [name = ''] = command.args
  if (model.links.has(name)) return failed('Failed to create TUN device: device or resource busy')
  model.links.set(name, makeLink('tun'))
  return done
}

function dump(device: FakeDevice): string {
  const own = device.publicKey ?? '(none)'
  const lines = [['(hidden)', own, device.listenPort, 'off'].join('\t')]
  for (const peer of device.peers.values()) {
    const keepalive = peer.keepaliveSeconds === 0 ? 'off' : peer.keepaliveSeconds
    const allowed = peer.allowedIps.length === 0 ? '(none)' : peer.allowedIps.join(',')
    const { publicKey, endpoint, handshakeSeconds } = peer
    const fields = [publicKey, '(none)', endpoint ?? '(none)', allowed, handshakeSeconds, 0, 0]
    lines.push([...fields, keepalive].join('\t'))
  }
  return `${lines.join('\n')}\n`
}

function removePeers(device: FakeDevice, words: readonly string[]): CommandResult {
  for (let at = 0; at < words.length; at += 3) {
    if (words[at] !== 'peer' || words[at + 2] !== 'remove') {
      throw new Error(`the fake host does not know: wg set ${words.join(' ')}`)
    }
    device.peers.delete(words[at + 1] ?? '')
  }
  return done
}

/** wg(8), syncconf: peers that the file does not name go, the others keep what it does not say. */
function syncconf(model: FakeModel, device: FakeDevice, text: string | undefined): CommandResult {
  if (text === undefined) return failed('fopen: No such file or directory')
  const [head, ...sections] = text.split('\n[Peer]\n')
  const own = fieldsOf(head ?? '')
  device.publicKey = model.publicKeys.get(own.get('PrivateKey') ?? '') ?? null
  device.listenPort = Number(own.get('ListenPort'))
  const named = new Set<string>()
  for (const section of sections) {
    const fields = fieldsOf(section)
    const publicKey = fields.get('PublicKey') ?? ''
    named.add(publicKey)
    // A device is no peer of itself.
    if (publicKey === device.publicKey) continue
    const allowedIps = (fields.get('AllowedIPs') ?? '').split(', ').filter((each) => each !== '')
    takeAway(device, allowedIps)
    const before = device.peers.get(publicKey)
    const keepalive = fields.get('PersistentKeepalive')
    device.peers.set(publicKey, {
      publicKey,
      endpoint: fields.get('Endpoint') ?? before?.endpoint ?? null,
      allowedIps: allowedIps.sort(),
      handshakeSeconds: before?.handshakeSeconds ?? 0,
      keepaliveSeconds: keepalive === 'off' ? 0 : Number(keepalive),
    })
  }
  for (const key of device.peers.keys()) if (!named.has(key)) device.peers.delete(key)
  return done
}

/** The kernel gives a network to the last peer that claims it. */
function takeAway(device: FakeDevice, networks: readonly string[]): void {
  for (const [key, peer] of device.peers) {
    const allowedIps = peer.allowedIps.filter((each) => !networks.includes(each))
    device.peers.set(key, { ...peer, allowedIps } satisfies PeerSeen)
  }
}

function fieldsOf(section: string): ReadonlyMap<string, string> {
  const pairs = section.split('\n').flatMap((line) => {
    const [, name, value] = /^(\w+) = (.*)$/.exec(line) ?? []
    return name === undefined || value === undefined ? [] : [[name, value] as const]
  })
  return new Map(pairs)
}
