import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseLayout } from '../../../operator/layout/layout.ts'
import { parseYamlSource } from '../../../operator/sources/yaml-source.ts'

/** Faults of a layout of two hosts with these lines. */
function faultsOf(lines: string, hosts: string = 'hosts: { a: {}, b: {} }'): readonly string[] {
  const text = `cluster: home\n${hosts}\n${lines}`
  const { faults } = parseLayout(parseYamlSource({ file: 'l.yaml', text }).value)
  return faults.map(({ path, message }) => `${path}: ${message}`)
}

const cases: readonly (readonly [
  name: string,
  lines: string,
  faults: readonly (string | RegExp)[],
])[] = [
  ['an odd network6', 'network6: "fd69::1/48"', ['network6: did you mean fd69::/48?']],
  ['a small network6', 'network6: "fd69::/64"', [/^network6: must be \/16 to \/48/]],
  ['a stack', 'stacks: { shop: { file: c.yaml, host: a } }', []],
  ['several files', 'stacks: { shop: { file: [c.yaml, d.yaml], hosts: [a, b] } }', []],
  [
    'a stack without a file',
    'stacks: { shop: { host: a } }',
    [/^stacks\.shop\.file: must be a text, or/],
  ],
  [
    'a stack that is empty',
    'stacks: { shop: }',
    [/^stacks\.shop: must be a map/, /must say where/],
  ],
  [
    'a stack without a host',
    'stacks: { shop: { file: c.yaml } }',
    ['stacks.shop: must say where it runs, as host: a (known: a, b)'],
  ],
  [
    'hosts that are not there',
    'stacks: { shop: { file: c.yaml, hosts: [a, c] } }',
    ['stacks.shop.hosts.1: there is no host "c" (known: a, b)'],
  ],
  [
    'host and hosts',
    'stacks: { shop: { file: c.yaml, host: a, hosts: [a] } }',
    ['stacks.shop.hosts: goes without host: one of the two says where it runs'],
  ],
  [
    'wrong options',
    'stacks: { Shop: { file: 1, host: a, dir: x, ports: all, profiles: x, stric: true } }',
    [
      /^stacks\.Shop\.file: must be a text/,
      /^stacks\.Shop\.dir: must be an absolute path/,
      /^stacks\.Shop\.ports: must be mesh, lan or public/,
      /^stacks\.Shop\.profiles: must be a list/,
      /^stacks\.Shop\.stric: unknown key/,
      /^stacks\.Shop: a name starts/,
    ],
  ],
  [
    'secrets of two places',
    'secrets: { key: { command: x, file: y }, "a b": {} }',
    [/^secrets\.key: has command and file/, /^secrets\.a b: a secret is named/],
  ],
  [
    'a registry without its secret',
    'registries: { ghcr.io: { username: me, password: key } }',
    [/^registries\.ghcr\.io\.password: .*key/],
  ],
  [
    'keys of later versions',
    'proxy: { hosts: [a] }\nnotify: [x]',
    [/^proxy: .* later version/, /^notify: .* later version/],
  ],
]

describe('a layout', () => {
  for (const [name, lines, expected] of cases) {
    it(`with ${name} has ${expected.length} faults`, () => {
      const faults = faultsOf(lines)
      assert.equal(faults.length, expected.length, faults.join('\n'))
      for (const [index, text] of expected.entries()) {
        assert.match(
          faults[index] ?? '',
          typeof text === 'string' ? new RegExp(`^${escaped(text)}$`) : text,
        )
      }
    })
  }

  it('needs no host for a stack where there is one, and has labels and objects of hosts', () => {
    const host =
      'hosts: { a: { labels: { disk: ssd, size: 3 }, objects: { d: { type: volume } } } }'
    assert.deepEqual(faultsOf('stacks: { shop: { file: c.yaml } }', host), [])
    const wrong = 'hosts: { a: { labels: { x: [1] }, objects: { D: { type: volume }, e: {} } } }'
    const faults = faultsOf('', wrong)
    assert.match(faults[0] ?? '', /^hosts\.a\.labels\.x: must be a text/)
    assert.match(faults[1] ?? '', /^hosts\.a\.objects\.e\.type: is missing/)
    assert.match(faults[2] ?? '', /^hosts\.a\.objects\.D: a name starts/)
  })
})

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
