import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { withHost, withoutLayoutHost } from '../../operator/layout/edit.ts'
import { hostAddress, hostNumberOf, hostsIn, parseNetwork } from '../../operator/layout/network.ts'
import { parseJsonSource } from '../../operator/sources/json-source.ts'
import { parseYamlSource } from '../../operator/sources/yaml-source.ts'
import { Failure } from '../../operator/terminal/failure.ts'
import { addHost, openCluster } from './workspace.ts'

/** Every member of a document by its path, the way that faults name it. */
function membersOf(value: unknown, path = ''): readonly string[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([step, below]) => {
    const inner = path === '' ? step : `${path}.${step}`
    return [inner, ...membersOf(below, inner)]
  })
}

const member = fc.stringMatching(/^[a-z_]{1,6}$/)
const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.string(),
    fc.maxSafeInteger(),
    fc.constantFrom(true, false, null, '"', '\\', '{"a":1}', '[', ','),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(member, tie('value'), { maxKeys: 4 }),
  ),
})).value

describe('places in JSON', () => {
  it('are those of the member that the path names', () => {
    fc.assert(
      fc.property(json, fc.constantFrom(0, 1, 3), (value, indent) => {
        const text = JSON.stringify(value, null, indent)
        const located = parseJsonSource({ file: 'f', text })
        assert.deepEqual(located.value, JSON.parse(text))
        const lines = text.split('\n')
        for (const path of membersOf(value)) {
          const [fault] = located.locate([{ code: 'x', message: 'm', path }])
          assert.ok(fault)
          const rest = `${lines[fault.line - 1]?.slice(fault.column - 1)}\n`
          const step = path.split('.').at(-1) ?? ''
          if (!/^\d+$/.test(step)) assert.ok(rest.startsWith(`"${step}":`), `${path}: ${rest}`)
          else assert.match(rest, /^["[{\d\-tfn]/)
        }
      }),
      { numRuns: 200 },
    )
  })

  it('are found for every text that is no JSON', () => {
    fc.assert(
      fc.property(json, fc.nat(), (value, cut) => {
        const whole = JSON.stringify(value, null, 2)
        const text = whole.slice(0, cut % (whole.length + 1))
        try {
          parseJsonSource({ file: 'f', text })
        } catch (error) {
          assert.ok(error instanceof Failure)
          assert.equal(error.exit, 2)
          for (const { line, column } of error.faults) {
            const lines = text.split('\n')
            assert.ok(line >= 1 && line <= lines.length)
            assert.ok(column >= 1 && column <= (lines[line - 1] ?? '').length + 1)
          }
        }
      }),
      { numRuns: 300 },
    )
  })
})

const name = fc.stringMatching(/^[a-z][a-z0-9]{0,5}$/)
const hostText = fc.constantFrom(
  ' {}',
  '',
  ' { site: home } # side',
  '\n    site: home # below\n    # tail',
  '\n    endpoint: "h:1"',
  ' # bare',
)
const layoutText = fc
  .record({
    hosts: fc.uniqueArray(fc.tuple(name, hostText), { maxLength: 4, selector: ([host]) => host }),
    head: fc.constantFrom('', '# top\n', 'cluster: x # c\n\n'),
    tail: fc.constantFrom('', '\n# end\n', '\nx-more: [1, 2] # m\n'),
    end: fc.constantFrom('\n', '\r\n'),
  })
  .map(({ hosts, head, tail, end }) => {
    const body = hosts.map(([host, text]) => `  ${host}:${text}\n`).join('')
    return `${head}hosts:${body === '' ? ' {}' : ''}\n${body}${tail}`.replaceAll('\n', end)
  })

function commentsIn(text: string): readonly string[] {
  return text.match(/#[^\r\n]*/g) ?? []
}

describe('edits of a layout', () => {
  it('add what they should and change nothing else', () => {
    fc.assert(
      fc.property(layoutText, (text) => {
        const source = { file: 'f', text }
        const before = parseYamlSource(source).value as { hosts: Record<string, unknown> }
        const after = withHost(source, 'new-one', { endpoint: 'h:2' })
        assert.deepEqual(parseYamlSource({ file: 'f', text: after }).value, {
          ...before,
          hosts: { ...before.hosts, 'new-one': { endpoint: 'h:2' } },
        })
        assert.deepEqual(commentsIn(after), commentsIn(text))
        const back = withoutLayoutHost({ file: 'f', text: after }, 'new-one')
        assert.deepEqual(parseYamlSource({ file: 'f', text: back }).value, before)
        assert.deepEqual(commentsIn(back), commentsIn(text))
      }),
      { numRuns: 200 },
    )
  })
})

describe('the network of a cluster', () => {
  it('has room for each of its hosts', () => {
    fc.assert(
      fc.property(fc.integer({ min: 8, max: 23 }), fc.nat(), (prefix, pick) => {
        const network = parseNetwork(`10.0.0.0/${prefix}`)
        assert.ok(typeof network !== 'string')
        const number = 1 + (pick % hostsIn(network))
        assert.equal(hostNumberOf(network, hostAddress(network, number)), number)
        assert.equal(hostNumberOf(network, '10.0.0.0'), undefined)
        assert.equal(hostNumberOf(network, hostAddress(network, hostsIn(network) + 1)), undefined)
      }),
    )
  })

  for (const text of ['', '10.0.0.0', '10.0.0.0/7', '10.0.0.0/24', '10.0.0.1/16', 'fd00::/48']) {
    it(`is not ${JSON.stringify(text)}`, () => assert.equal(typeof parseNetwork(text), 'string'))
  }
  for (const text of ['127.0.0.0/8', '0.0.0.0/8', '224.0.0.0/8', '10.0.0.0/016', '010.0.0.0/16']) {
    it(`is not ${text}`, () => assert.equal(typeof parseNetwork(text), 'string'))
  }
})

describe('a layout that attacks', () => {
  it('is refused: aliases that multiply, and depth', async (context) => {
    const space = await openCluster(context)
    await addHost(space, 'a')
    const bomb = ['x-a: &a [1,1,1,1,1,1,1,1,1]']
    for (let at = 0; at < 9; at++) {
      const [from, to] = ['abcdefghij'[at], 'abcdefghij'[at + 1]]
      bomb.push(`x-${to}: &${to} [${Array(9).fill(`*${from}`).join(',')}]`)
    }
    await space.write('bomb.yaml', `cluster: home\n${bomb.join('\n')}\n`)
    const aliases = await space.covey(['validate', 'bomb.yaml'])
    assert.equal(aliases.exit, 2)
    assert.match(aliases.err, /^bomb\.yaml:3:10: its aliases \(\*\) make it too large/)
    await space.write('deep.yaml', `cluster: ${'['.repeat(100_000)}`)
    const deep = await space.covey(['validate', 'deep.yaml'])
    assert.equal(deep.exit, 2, deep.err)
    await space.write('deep.json', `{"hosts": ${'['.repeat(100_000)}${']'.repeat(100_000)}}`)
    assert.equal((await space.covey(['sign', 'deep.json'])).exit, 2)
  })
})
