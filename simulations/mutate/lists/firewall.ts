import type { Mutation } from '../mutation.ts'

const entrances = 'reconcilers/nftables/rules/entrances.ts'
const judging = 'reconcilers/nftables/rules/judging.ts'
const zones = 'reconcilers/nftables/rules/zones.ts'
const meshOnly = { test: 'test/reconcilers/nftables/mesh-only.test.ts' }
const bypass = { test: 'test/reconcilers/nftables/bypass.test.ts' }
const packets = { test: 'test/reconcilers/nftables/packets.test.ts' }
const publishedFlows = { test: 'test/reconcilers/nftables/published-flows.test.ts' }

/** Faults in who may come to a host and its containers, each a rule or a step that is missing. */
export const firewallMutations: readonly Mutation[] = [
  {
    name: 'overlay-open',
    breaks: 'Everyone in the mesh comes to the overlay, listed or not.',
    file: entrances,
    find: '`iifname != "lo" ${protocol} daddr . tcp dport @overlay_ports${number} goto overlay`,',
    replace: '',
    caughtBy: meshOnly,
  },
  {
    name: 'mesh-address-on-the-lan',
    breaks: 'The LAN asks a host at its mesh address, without a key.',
    file: entrances,
    find: '`iifname != @links ${protocol} daddr @own${number} goto off_mesh`,',
    replace: '',
    caughtBy: meshOnly,
  },
  {
    name: 'answers-off-the-mesh-dropped',
    breaks: 'A host that asks the LAN from its mesh address gets no answer.',
    file: entrances,
    find: "'ct direction reply ct state { established, related } accept',",
    replace: '',
    caughtBy: meshOnly,
  },
  {
    name: 'rescue-port-off-the-mesh-closed',
    breaks: 'A port by which people get in is closed at the mesh address.',
    file: entrances,
    find: "'fib daddr type local meta l4proto . th dport @rescue_ports accept',",
    replace: '',
    caughtBy: meshOnly,
  },
  {
    name: 'mesh-senders-on-the-lan',
    breaks: 'The LAN sends as another host of the mesh.',
    file: entrances,
    find: "`iifname != @links ${protocol} saddr @mesh${number} ${refuse('spoofed')}`,",
    replace: '',
    caughtBy: meshOnly,
  },
  {
    name: 'own-address-from-outside',
    breaks: 'The LAN sends as the host itself, which Linux refuses for IPv4 only.',
    file: entrances,
    find: "`${protocol} saddr @own${number} ${refuse('spoofed')}`,",
    replace: '',
    caughtBy: meshOnly,
  },
  {
    name: 'container-sends-as-anyone',
    breaks: 'A container sends from an address that is not its own.',
    file: entrances,
    find: '`iifname ${containerLinks} goto sender`,',
    replace: '',
    caughtBy: bypass,
  },
  {
    name: 'rescue-skipped',
    breaks: 'What nobody may be locked out of is judged as everything else.',
    file: entrances,
    find: "'jump rescue',",
    replace: '',
    caughtBy: packets,
  },
  {
    name: 'host-services-open-to-containers',
    breaks: 'A container reaches the services of another host.',
    file: judging,
    find: '`${asker} @containers${number} ${target} @hosts${number} jump guarded${number}`,',
    replace: '',
    caughtBy: packets,
  },
  {
    name: 'endpoints-unguarded',
    breaks: 'A masqueraded container reaches the services of another host at its endpoint.',
    file: 'reconcilers/nftables/elements/compile.ts',
    find: 'of [...spec.hosts, ...spec.endpoints]) {',
    replace: 'of spec.hosts) {',
    caughtBy: { test: 'test/reconcilers/nftables/endpoints.test.ts' },
  },
  {
    name: 'no-table-without-containers',
    breaks: 'A host of the mesh without containers filters nothing.',
    file: 'reconcilers/nftables/resolve.ts',
    find: 'isNeeded: objects.length + agents.length > 0',
    replace: 'isNeeded: objects.length > 0',
    caughtBy: { test: 'test/reconcilers/nftables/resolve.test.ts' },
  },
  {
    name: 'open-to-the-lan-untold',
    breaks: 'A host whose firewall cannot be made says that all is well.',
    file: 'reconcilers/nftables/plan.ts',
    find: 'for (const object of spec.agents) verdicts.push(',
    replace: 'for (const object of spec.objects) verdicts.push(',
    caughtBy: { test: 'test/reconcilers/nftables/protects.test.ts' },
  },
  {
    name: 'transaction-unchecked',
    breaks: 'A transaction is carried out that nft -c would have refused.',
    file: 'reconcilers/nftables/apply.ts',
    find: '  await host.files.withTemporary(sample, (path) => runSound(host, checkCommand(path), signal))\n',
    replace: '',
    caughtBy: { test: 'test/reconcilers/nftables/transactions.test.ts' },
  },
  {
    name: 'sender-stays-where-it-was-led',
    breaks: 'A sender that never falls silent is led for ever where its port led first.',
    file: 'reconcilers/nftables/elements/compile.ts',
    find: 'const zone = zoneOf(leads)',
    replace: 'const zone = zoneOf(publish.object)',
    caughtBy: publishedFlows,
  },
  {
    name: 'sender-before-the-publish',
    breaks: 'A sender that began before its port was published is never led.',
    file: zones,
    find: '`${local} ct original zone set ${port} map @zones_public`,',
    replace: '',
    caughtBy: publishedFlows,
  },
  {
    name: 'errors-about-answers-lost',
    breaks: 'A container behind a published port never hears that a path has no room.',
    file: zones,
    find: '      ...perFamily(errorRules),\n',
    replace: '',
    caughtBy: publishedFlows,
  },
  {
    name: 'sender-before-the-masquerade',
    breaks: 'A sender that began before its network was masqueraded is never answered.',
    file: zones,
    find: 'meta l4proto != tcp ct original zone set ${masqueradeZone}`',
    replace: 'meta l4proto != tcp continue`',
    caughtBy: publishedFlows,
  },
  {
    name: 'flows-swapped-with-their-judges',
    breaks: 'A flow that is admitted before and after a change is dropped on the way.',
    file: 'reconcilers/nftables/elements/phases.ts',
    find: 'return [opening, others, closing].filter(',
    replace: 'return [others, opening, closing].filter(',
    caughtBy: { test: 'test/reconcilers/nftables/phases.test.ts' },
  },
  {
    name: 'flows-closed-too-early',
    breaks: 'A flow that another rule admits from now on is dropped before that rule is there.',
    file: 'reconcilers/nftables/elements/phases.ts',
    find: 'return [opening, others, closing].filter(',
    replace: 'return [closing, opening, others].filter(',
    caughtBy: { test: 'test/reconcilers/nftables/phases.test.ts' },
  },
  {
    name: 'both-ends-at-once',
    breaks: 'A flow that both configs admit is dropped while both of its ends are judged anew.',
    file: 'reconcilers/nftables/elements/phases.ts',
    find: '  const { removed, added } = change\n',
    replace:
      "  const { removed, added } = change\n  if (removed.has('ingress4') && removed.has('egress4')) return [change]\n",
    caughtBy: { test: 'test/reconcilers/nftables/phases.test.ts' },
  },
]
