import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { findRivals, type NeededPacket } from '../../../reconcilers/nftables/rules/conflicts.ts'
import {
  type ListedObject,
  listRulesetCommand,
  parseListing,
} from '../../../reconcilers/tools/nft.ts'
import { openRealHost } from '../real/host.ts'

const never = new AbortController().signal
const out: NeededPacket = {
  words: 'out',
  hook: 'forward',
  family: 4,
  input: 'cv-0123',
  output: 'wg0',
  protocol: 'tcp',
  port: null,
}
const back: NeededPacket = { ...out, words: 'back', input: 'wg0', output: 'cv-0123' }
const tunnel: NeededPacket = {
  ...out,
  words: 'tunnel',
  hook: 'input',
  input: null,
  output: null,
  protocol: 'udp',
  port: 51820,
}

/** Tables of others, in the syntax of nft, and what they do to the packets that covey needs. */
const cases: readonly (readonly [string, string, readonly string[]])[] = [
  ['nothing', '', []],
  [
    'Docker: forward drops what it does not know',
    `table ip filter {
      chain DOCKER-USER { return; }
      chain FORWARD { type filter hook forward priority filter; policy drop
        jump DOCKER-USER
        oifname "docker0" ct state established accept } }`,
    ['out drops', 'back drops'],
  ],
  [
    "Docker, with covey's links let through by its own chain",
    `table ip filter {
      chain DOCKER-USER { iifname "cv-*" accept; oifname "cv-*" accept; return; }
      chain FORWARD { type filter hook forward priority filter; policy drop
        jump DOCKER-USER } }`,
    [],
  ],
  [
    'firewalld: a reject at the end',
    `table inet firewalld { chain filter_FORWARD {
      type filter hook forward priority filter + 10; policy accept
      ct state { established, related } accept
      iifname "cv-*" accept
      reject with icmpx admin-prohibited } }`,
    ['back drops'],
  ],
  [
    'ufw: input with holes',
    `table ip filter { chain INPUT { type filter hook input priority filter; policy drop
      iifname "lo" accept
      udp dport 51820 accept } }`,
    [],
  ],
  [
    'ufw: input without the hole',
    `table ip filter { chain INPUT { type filter hook input priority filter; policy drop
      tcp dport 22 accept
      udp dport { 53, 1000-2000 } accept } }`,
    ['tunnel drops'],
  ],
  [
    'a hole for some addresses only',
    `table ip filter { chain INPUT { type filter hook input priority filter; policy drop
      ip saddr 192.0.2.0/24 udp dport 51820 accept } }`,
    ['tunnel may drop'],
  ],
  [
    'fail2ban: single addresses',
    `table inet f2b { set bad { type ipv4_addr; }
      chain c { type filter hook input priority -1; policy accept
      ip saddr @bad reject } }`,
    [],
  ],
  [
    'some packets only: a rate',
    `table inet t { chain c { type filter hook forward priority 0; policy drop
      limit rate 1/second accept } }`,
    ['out may drop', 'back may drop'],
  ],
  [
    'a goto that decides nothing: what comes after it is never reached',
    `table inet t { chain empty { return; }
      chain c { type filter hook forward priority 0; policy drop
      goto empty
      accept } }`,
    ['out drops', 'back drops'],
  ],
  [
    'the way there and the way on: hooks before and behind',
    `table inet t {
      chain before { type filter hook prerouting priority -150; iifname "cv-*" drop; }
      chain behind { type filter hook postrouting priority 0; oifname "cv-*" drop; }
      chain early { type filter hook prerouting priority 0; oifname "wg0" drop
      } }`,
    ['out drops', 'back drops'],
  ],
  [
    'another family',
    'table ip6 filter { chain FORWARD { type filter hook forward priority 0; policy drop; } }',
    [],
  ],
  [
    "covey's own",
    'table inet covey { chain x { type filter hook forward priority 0; policy drop; } }',
    [],
  ],
]

suite('tables of others that drop what covey needs', () => {
  for (const [name, ruleset, wanted] of cases) {
    test(name, async () => {
      const host = await openRealHost()
      try {
        await host.ports.files.withTemporary(
          ruleset.replace(/ \} \}$/, '\n}\n}\n'),
          async (path) => {
            const made = await host.ports.run({ tool: 'nft', args: ['-f', path] }, never)
            assert.equal(made.stderr, '')
          },
        )

        const listed = await host.ports.run(listRulesetCommand(), never)
        const rivals = findRivals(parseListing(listed.stdout), [out, back, tunnel])
        const texts = rivals.map(
          ({ words, isCertain }) => `${words} ${isCertain ? 'drops' : 'may drop'}`,
        )
        assert.deepEqual(texts, wanted)
      } finally {
        await host.close()
      }
    })
  }

  // Docker and ufw begin so, and drop the rest. nft lists such a match by its name alone.
  test("matches of iptables' own modules", () => {
    const place = { family: 'ip', table: 'filter' }
    const base = { type: 'filter', hook: 'forward', prio: 0, policy: 'drop' }
    const rule = (xt: unknown): ListedObject => ({
      kind: 'rule',
      fields: { ...place, chain: 'FORWARD', expr: [{ xt }, { counter: null }, { accept: null }] },
    })
    const said = (xt: unknown): readonly boolean[] => {
      const chain = { kind: 'chain', fields: { ...place, name: 'FORWARD', ...base } }
      return findRivals([chain, rule(xt)], [out]).map(({ isCertain }) => isCertain)
    }
    assert.deepEqual(said({ type: 'match', name: 'conntrack' }), [false])
    assert.deepEqual(said(null), [false], 'as older versions of nft list it')
    assert.deepEqual(said({ type: 'target', name: 'LOG' }), [], 'a target asks nothing')
  })
})
