import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { withHost, withoutLayoutHost, withStack } from '../../operator/layout/edit.ts'

const source = (text: string): { file: string; text: string } => ({ file: 'cluster.yaml', text })
const endpoint = { endpoint: '192.0.2.1:51820' }
const line = 'c: { endpoint: "192.0.2.1:51820" }'

describe('a host is put into a layout', () => {
  const table: readonly (readonly [name: string, before: string, after: string])[] = [
    ['an empty map', 'cluster: x\nhosts: {}\n', `cluster: x\nhosts:\n  ${line}\n`],
    ['an empty map with a comment', 'hosts: {} # all\n', `hosts: # all\n  ${line}\n`],
    ['nothing after the colon', 'hosts:\ncluster: x\n', `hosts:\n  ${line}\ncluster: x\n`],
    ['null', 'hosts: null\n', `hosts:\n  ${line}\n`],
    ['no hosts at all', 'cluster: x', `cluster: x\nhosts:\n  ${line}\n`],
    [
      'a block, its comments and indentation',
      'hosts:\n    # the first\n    a: {}   # here\n    b:\n      site: x # there\n\n# end\n',
      `hosts:\n    # the first\n    a: {}   # here\n    b:\n      site: x # there\n    ${line}\n\n# end\n`,
    ],
    ['no newline at the end', 'hosts:\n  a: {}', `hosts:\n  a: {}\n  ${line}\n`],
    ['CRLF', 'hosts:\r\n  a: {}\r\n', `hosts:\r\n  a: {}\r\n  ${line}\r\n`],
    ['a host without a value', 'hosts:\n  a:\n', `hosts:\n  a:\n  ${line}\n`],
    [
      'quotes that the user chose',
      `cluster: 'x'\nhosts: {}\n`,
      `cluster: 'x'\nhosts:\n  ${line}\n`,
    ],
  ]
  for (const [name, before, after] of table) {
    it(`into ${name}`, () => assert.equal(withHost(source(before), 'c', endpoint), after))
  }

  it('into a flow map, by writing the document anew', () => {
    const text = withHost(source('# top\nhosts: { a: {} } # side\n'), 'c', endpoint)
    assert.match(text, /^# top$/m)
    assert.match(text, /# side/)
    assert.match(text, /c: *\{ *endpoint: 192\.0\.2\.1:51820 *\}/)
  })

  it('not again: its fields are set and its comments kept', () => {
    const before = 'hosts:\n  c: # mine\n    site: home # here\n'
    const after = withHost(source(before), 'c', endpoint)
    assert.match(after, /# mine/)
    assert.match(after, /site: home # here/)
    assert.match(after, /endpoint: 192\.0\.2\.1:51820/)
    assert.equal(withHost(source(after), 'c', endpoint), after)
  })
})

describe('a host is taken out of a layout', () => {
  const table: readonly (readonly [name: string, before: string, after: string])[] = [
    ['the first', 'hosts:\n  c: {}\n  a: {} # a\n', 'hosts:\n  a: {} # a\n'],
    ['the last', 'hosts:\n  a: {} # a\n  c: {}\nx-y: 1\n', 'hosts:\n  a: {} # a\nx-y: 1\n'],
    [
      'one of several lines',
      'hosts:\n  a: {}\n  c:\n    site: x\n    endpoint: "h:1"\n  d: {}\n',
      'hosts:\n  a: {}\n  d: {}\n',
    ],
    ['one without a value', 'hosts:\n  c:\n  a: {}\n', 'hosts:\n  a: {}\n'],
    ['the only one', 'cluster: x\nhosts:\n  c: {}\n', 'cluster: x\nhosts: {}\n'],
  ]
  for (const [name, before, after] of table) {
    it(name, () => assert.equal(withoutLayoutHost(source(before), 'c'), after))
  }

  it('out of a flow map', () => {
    const text = withoutLayoutHost(source('# top\nhosts: { a: {}, c: {} }\n'), 'c')
    assert.match(text, /^# top$/m)
    assert.doesNotMatch(text, /c:/)
  })
})

describe('a stack is put into a layout', () => {
  const fields = {
    file: ['s/a.yaml', 's/b.yaml'],
    host: 'pi',
    volumes: { data: '/v/a_data/_data', 'on.off': '/v/b' },
  }
  const written =
    's: { file: ["s/a.yaml","s/b.yaml"], host: "pi", volumes: { data: "/v/a_data/_data", "on.off": "/v/b" } }'
  const table: readonly (readonly [name: string, before: string, after: string])[] = [
    ['one without stacks', 'hosts: {} # x', `hosts: {} # x\nstacks:\n  ${written}\n`],
    [
      'a block, whose comments stay',
      'stacks:\n  # first\n  a: { file: a }  # b\n\nhosts: {}\n',
      `stacks:\n  # first\n  a: { file: a }  # b\n  ${written}\n\nhosts: {}\n`,
    ],
  ]
  for (const [name, before, after] of table) {
    it(`into ${name}`, () => assert.equal(withStack(source(before), 's', fields), after))
  }

  it('into a flow map, by writing the document anew', () => {
    const text = withStack(source('# top\nstacks: { a: { file: a } }\n'), 's', fields)
    assert.match(text, /^# top\nstacks: \{.*a: \{ file: a \}, s: \{/s)
  })
})
