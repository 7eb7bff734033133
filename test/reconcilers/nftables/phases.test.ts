import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Config } from '../../../protocol/documents/config.ts'
import { parseAddress } from '../../../reconcilers/addresses.ts'
import { clusterOf } from '../../../reconcilers/cluster/index.ts'
import { compileFirewall } from '../../../reconcilers/nftables/elements/compile.ts'
import type { Elements } from '../../../reconcilers/nftables/elements/elements.ts'
import { inPhases } from '../../../reconcilers/nftables/elements/phases.ts'
import { changeBetween, type ElementChange } from '../../../reconcilers/nftables/elements/table.ts'
import type { Flow } from '../../../reconcilers/nftables/questions/explain.ts'
import { passes, wayOf } from '../../../reconcilers/nftables/questions/lookup.ts'
import { resolveNftables } from '../../../reconcilers/nftables/resolve.ts'
import { forwards, policy, twoHosts } from './two-hosts.ts'

const egress = (...to: readonly unknown[]): unknown => policy('a', { egress: to })
const ingress = (...from: readonly unknown[]): unknown => policy('b', { ingress: from })
const publish = {
  type: 'nftables_publish',
  container: 'b',
  host_port: 8080,
  container_port: 80,
}

/** States of a firewall; each may follow each. */
const states: Readonly<Record<string, Config>> = {
  open: twoHosts({}),
  forwards: twoHosts(forwards),
  'an exact list': twoHosts({ p: egress({ to: 'container:h2/far' }, { to: 'container:b' }) }),
  'an exact list of ports': twoHosts({
    p: egress({ to: '10.69.0.0/16', ports: ['80-81/tcp'] }, { to: 'host:h2', ports: ['22/tcp'] }),
  }),
  'other ports, in part the same': twoHosts({
    p: egress({ to: '10.69.2.0/24', ports: ['81-90/tcp'] }, { to: 'container:b' }),
  }),
  'who may ask': twoHosts({ ...forwards, p: ingress({ from: 'container:a' }) }),
  'who may ask by ports': twoHosts({
    ...forwards,
    p: ingress({ from: '10.0.0.0/8', ports: ['80/tcp'] }),
  }),
  'a may ask b, who lets in c': twoHosts({
    p: egress({ to: 'container:b' }),
    q: ingress({ from: 'container:c' }),
  }),
  'a may not ask b, who lets it in': twoHosts({ p: egress(), q: ingress({ from: 'container:a' }) }),
  published: twoHosts({ ...forwards, w: publish }, { w: { ...publish, container: 'far' } }),
}

/** Flows between the containers and hosts of both. */
function flows(): readonly Flow[] {
  const askers = ['10.69.1.5', '10.69.1.6', '10.69.2.5']
  const asked = [...askers, '10.69.0.1', '10.69.0.2', '192.0.2.9']
  return askers.flatMap((from) =>
    asked.flatMap((to) => {
      const [source, target] = [parseAddress(from), parseAddress(to)]
      assert.ok(source && target)
      return [22, 80, 81, 8080].map(
        (port): Flow => ({ from: source, to: target, protocol: 'tcp', port }),
      )
    }),
  )
}

function applied(elements: Elements, { removed, added }: ElementChange): Elements {
  const next = new Map([...elements].map(([set, own]) => [set, new Set(own)]))
  for (const [set, own] of removed) {
    for (const element of own) assert.ok(next.get(set)?.delete(element), `${set} ${element}`)
  }
  for (const [set, own] of added) for (const element of own) next.get(set)?.add(element)
  return next
}

/** Sets by which who asks is judged; by the others who is asked is. */
const wayOut = /^(egress|opened|host|restricted|forwards|masqueraded|services)[46]$/

/** Both states, and one in which each end of a flow is judged by another of them. */
function mixtures(first: Elements, last: Elements): readonly Elements[] {
  const mixed = (out: Elements, rest: Elements): Elements =>
    new Map([
      ...[...rest].filter(([set]) => !wayOut.test(set)),
      ...[...out].filter(([set]) => wayOut.test(set)),
    ])
  return [first, last, mixed(first, last), mixed(last, first)]
}

const sorted = (elements: Elements): unknown =>
  [...elements].map(([set, own]) => [set, [...own].sort()])

suite('a change of the firewall, phase by phase', () => {
  for (const [from, before] of Object.entries(states)) {
    for (const [to, after] of Object.entries(states)) {
      if (from === to) continue
      test(`${from} to ${to}: what both admit is admitted all the way`, () => {
        const [old, next] = [before, after].map(
          (config) => resolveNftables(clusterOf(config), 'h1').spec,
        )
        assert.ok(old && next)
        const [first, last] = [compileFirewall(old), compileFirewall(next)]
        const change = changeBetween(first, last)
        assert.ok(change)
        let between = first
        for (const phase of inPhases(change)) {
          between = applied(between, phase)
          for (const flow of flows()) {
            const way = wayOf(old, flow)
            const said = [first, between, last].map((elements) => passes(elements, flow, way))
            const words = `${JSON.stringify(flow, (_, v) => (typeof v === 'bigint' ? `${v}` : v))}`
            if (said[0] && said[2]) assert.ok(said[1], `dropped on the way: ${words}`)
            const isOpen = mixtures(first, last).some((each) => passes(each, flow, way))
            if (said[1]) assert.ok(isOpen, `open on the way: ${words}`)
          }
        }
        assert.deepEqual(sorted(between), sorted(last))
      })
    }
  }

  test('sets of flows, which the kernel takes over late, change apart from others', () => {
    const late = /^(ingress|egress|opened|host|invited)[46]$/
    for (const before of Object.values(states)) {
      for (const after of Object.values(states)) {
        const [first, last] = [before, after].map((each) =>
          compileFirewall(resolveNftables(clusterOf(each), 'h1').spec),
        )
        const change = first && last && changeBetween(first, last)
        for (const { removed, added } of change ? inPhases(change) : []) {
          const sets = [...removed.keys(), ...added.keys()]
          assert.equal(new Set(sets.map((set) => late.test(set))).size, 1, sets.join(' '))
        }
      }
    }
  })
})
