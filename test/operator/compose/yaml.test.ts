import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { reasons } from '../../../operator/sources/yaml-reasons.ts'
import { readFolder, readWeb, web } from './reading.ts'

/** Texts under `environment`, each with the value that the service gets. */
const scalars: readonly (readonly [string, string])[] = [
  ['1', '1'],
  ['-1', '-1'],
  ['+1', '1'],
  ['007', '7'],
  ['0644', '420'],
  ['0o644', '420'],
  ['08', '8'],
  ['0x1F', '31'],
  ['0b101', '5'],
  ['1_000', '1000'],
  ['1.10', '1.1'],
  ['.5', '0.5'],
  ['1e3', '1000'],
  ['1e21', '1e+21'],
  ['0.00001', '1e-05'],
  ['12345678901234567890123', '1.2345678901234568e+22'],
  ['9007199254740993', '9007199254740993'],
  ['1.2.3', '1.2.3'],
  ['22:22', '22:22'],
  ['2024-01-01', '2024-01-01'],
  ['2024-01-01T10:00:00Z', '2024-01-01T10:00:00Z'],
  ['yes', 'yes'],
  ['on', 'on'],
  ['n', 'n'],
  ['True', 'true'],
  ['FALSE', 'false'],
  ['tRUE', 'tRUE'],
  ['"1.10"', '1.10'],
  ["'0644'", '0644'],
  ['!!str 0644', '0644'],
  ['""', ''],
  ['a # b', 'a'],
  ['a#b', 'a#b'],
  ['"a\\tb"', 'a\tb'],
  ['{ }', '{ }'],
]

const sound: readonly (readonly [string, string, Readonly<Record<string, string>>])[] = [
  ['an alias of a map', 'x-e: &e { A: a }\n', { environment: '*e' }],
  ['a merge key', 'x-e: &e { A: a }\n', { environment: '{ <<: *e }' }],
  ['a merge key and a value of its own', 'x-e: &e { A: x }\n', { environment: '{ A: a, <<: *e }' }],
  [
    'a list of aliases, of which the first wins',
    'x-e: &e { A: a }\nx-f: &f { A: b }\n',
    { environment: '{ <<: [*e, *f] }' },
  ],
  [
    'two merge keys, of which the last wins',
    'x-e: &e { A: b }\nx-f: &f { A: a }\n',
    { environment: '{ <<: *e, <<: *f }' },
  ],
  ['a merge key of a map', '', { environment: '{ <<: { A: a } }' }],
  ['an alias of a text', 'x-a: &a a\n', { environment: '{ A: *a }' }],
  ['an alias as a key', 'x-a: &a A\n', { environment: '{ *a : a }' }],
  ['an alias of a list', 'x-a: &a [A=a]\n', { environment: '*a' }],
  ['an anchor that is set again', 'x-a: &a b\nx-b: &a a\n', { environment: '{ A: *a }' }],
  ['a folded text', '', { environment: '\n      A: >-\n        a' }],
]

describe('YAML of a Compose file', () => {
  for (const [written, value] of scalars.slice(0, -1)) {
    it(`reads ${written} as ${JSON.stringify(value)}`, async () => {
      const service = await readWeb(web(`environment:\n  A: ${written}`))
      assert.equal(service.environment.get('A')?.value, value)
    })
  }
  for (const [name, head, keys] of sound) {
    it(`takes ${name}`, async () => {
      const lines = Object.entries(keys).map(([key, value]) => `${key}: ${value}`)
      const service = await readWeb(`${head}${web(lines.join('\n'))}`)
      assert.equal(service.environment.get('A')?.value, 'a')
    })
  }

  it('takes a byte order mark, CRLF, tabs between words and several documents', async () => {
    const text =
      '\uFEFFservices:\r\n  web:\r\n    image:\tnginx\r\n---\r\nservices:\r\n  web:\r\n    tty: true\r\n'
    const service = await readWeb(text)
    assert.equal(service.image?.value, 'nginx')
    assert.equal(service.tty, true)
  })

  it('takes yes and no as keys', async () => {
    const service = await readWeb(web('environment:\n  yes: no\n  no: yes\n  1: 2'))
    assert.deepEqual(
      [...service.environment].map(([key, { value }]) => [key, value]),
      [
        ['yes', 'no'],
        ['no', 'yes'],
        ['1', '2'],
      ],
    )
  })
})

/** Files, and the fault that each has. */
const faulty: readonly (readonly [string, string, string])[] = [
  [
    'a key that stands twice',
    'services:\n  a: {image: x}\n  a: {image: x}\n',
    `3:3: ${reasons.DUPLICATE_KEY}`,
  ],
  ['a tab that indents', 'services:\n\ta: {image: x}\n', `2:1: ${reasons.TAB_AS_INDENT}`],
  ['an alias of nothing', 'services: *x\n', '1:11: nothing before this alias has the anchor &x'],
  [
    'an alias of itself',
    'x-a: &x { a: *x }\nservices: { a: { image: x } }\n',
    '1:14: nothing before this alias has the anchor &x',
  ],
  [
    'a merge key of a text',
    'services: { a: { image: x, <<: b } }\n',
    '1:32: a merge key (<<) takes a map, or an alias (*) of one',
  ],
  [
    'an unknown tag',
    'services: { a: { image: !x y } }\n',
    '1:28: covey knows no such tag (!): Compose has !reset and !override',
  ],
  ['a list', '- a\n', '1:1: a Compose file is a map, with "services" in it'],
  ['a text', 'hello\n', '1:1: a Compose file is a map, with "services" in it'],
  ['a key that is a list', 'services: { ? [a] : b }\n', `1:15: ${reasons.NON_STRING_KEY}`],
  [
    'a variable in braces without quotes, in a map on one line',
    `services:\n  a: { image: x, environment: { A: $\{B}, C: d } }\n`,
    '2:37: inside { } and [ ] a variable in braces needs quotes',
  ],
  ['an open quote', 'services: { a: "x\n', '2:1: the closing quote is missing'],
  ['nothing', '', '1:1: services: a Compose file has "services"'],
  ['a comment', '# x\n', '1:1: services: a Compose file has "services"'],
]

describe('faulty YAML', () => {
  for (const [name, text, fault] of faulty) {
    it(`tells of ${name}`, async () => {
      const { faults } = await readFolder({ 'compose.yaml': text })
      assert.deepEqual(faults, [`compose.yaml:${fault}`])
    })
  }

  it('tells of both files at once', async () => {
    const { faults } = await readFolder(
      { 'a.yaml': 'services: *x\n', 'b.yaml': 'services: {a: {image: x}, a: {}}\n' },
      { files: ['a.yaml', 'b.yaml'] },
    )
    assert.deepEqual(faults, [
      'a.yaml:1:11: nothing before this alias has the anchor &x',
      `b.yaml:1:27: ${reasons.DUPLICATE_KEY}`,
    ])
  })
})

/** Where a value is told to stand. */
const places: readonly (readonly [string, string, string, string])[] = [
  ['a value', web('user: a'), 'user', '4:11'],
  ['a value on the next line', web('user:\n  a'), 'user', '5:7'],
  ['a map', web('environment:\n  A: a'), 'environment', '4:5'],
  ['a member', web('environment:\n  A: a'), 'environment.A', '5:10'],
  ['a member of a list', web('environment:\n  - A=a'), 'environment.A', '5:9'],
  ['a member without a value', web('environment:\n  A:'), 'environment.A', '5:7'],
  ['an item', web('ports:\n  - 80:80\n  - 81:81'), 'ports.1', '6:9'],
  ['a key with dots', web('labels:\n  a.b: c\n  a.b.c: d'), 'labels.a.b.c', '6:14'],
  ['what is not there', web('user: a'), 'ports.0', '2:3'],
  ['what is not there in a map', web('deploy:\n  replicas: 1'), 'deploy.mode', '4:5'],
  ['what an alias stands for', `x-u: &u a\n${web('user: *u')}`, 'user', '1:9'],
  [
    'what a merge key brings',
    `x-e: &e\n  A: a\n${web('environment: { <<: *e }')}`,
    'environment.A',
    '2:6',
  ],
  ['own settings', web('x-covey:\n  allow:\n    ports: [80]'), 'x-covey.allow.ports.0', '6:17'],
]

describe('places of a Compose file', () => {
  for (const [name, text, path, place] of places) {
    it(`are known of ${name}`, async () => {
      const service = await readWeb(text)
      const { file, line, column } = service.placeOf(path)
      assert.equal(`${file}:${line}:${column}`, `/p/compose.yaml:${place}`)
    })
  }
})
