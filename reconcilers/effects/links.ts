import type { LinkSeen } from '../tools/ip-parse.ts'
import { aliasOf } from '../wireguard/links.ts'
import type { WireguardObserved } from '../wireguard/observed.ts'
import { planWireguard } from '../wireguard/plan.ts'
import type { LinkSpec, WireguardJudgement } from '../wireguard/spec.ts'

type Link = WireguardJudgement['links'][number]

/**
 * Objects whose WireGuard link is taken away and made anew, so that nothing passes for a moment: by
 * the plan of a host whose links are as `before` says. Pure.
 */
export function linksMadeAnew(
  before: readonly Link[],
  after: readonly Link[],
): ReadonlySet<string> {
  const known = new Set(before.map(({ object }) => object))
  const links = after.map((link): LinkSpec => ({ ...link, peers: [] }))
  const spec = { links, kept: [], keepsGuards: false, listed: new Set<string>() }
  const steps = planWireguard(spec, hostAt(before, after))
  const made = steps.flatMap((step) => (step.kind === 'make-link' ? [step.object] : []))
  return new Set(made.filter((object) => known.has(object)))
}

function hostAt(before: readonly Link[], after: readonly Link[]): WireguardObserved {
  const keys = [...before, ...after].flatMap(({ publicKey }) => publicKey ?? [])
  const ownKeys = [...new Set([...keys, ''])]
  return {
    nowMs: 0,
    links: new Map(before.map((link) => [link.link, linkAs(link)])),
    routes: [],
    guards: [],
    boot: '',
    devices: new Map(
      before.map(({ link, publicKey, listenPort }) => {
        return [link, { publicKey: publicKey ?? ownKeys[0] ?? null, listenPort, peers: [] }]
      }),
    ),
    ownKeys,
    memory: { links: new Map(), names: new Map() },
    names: new Map(),
    dueAtMs: null,
  }
}

function linkAs({ link, object, address, mtu }: Link): LinkSeen {
  return {
    name: link,
    kind: 'wireguard',
    alias: aliasOf(object),
    hardware: null,
    mtu,
    up: true,
    running: true,
    peerNamespace: null,
    addresses: [address],
    linkLocal: [],
  }
}
