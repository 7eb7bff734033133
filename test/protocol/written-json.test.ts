import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { positionIn, readWrittenJson } from '../../protocol/documents/written-json.ts'

/** A text, where its first fault is (line:column), and what is said of it. */
const cases: readonly (readonly [string, string, RegExp])[] = [
  ['', '1:1', /the document is empty, it needs at least \{\}/],
  ['  \n ', '2:2', /the document is empty/],
  ['{"a": 1, "a": 2}', '1:10', /duplicate member, first in line 1; keep one/],
  ['{"a": {"b": 1,\n "b": 1}}', '2:2', /duplicate member, first in line 1/],
  ['{"\\u0061": 1, "a": 2}', '1:15', /duplicate member/],
  ['{"__proto__": 1}', '1:2', /not allowed/],
  ['{"a": 9007199254740993}', '1:7', /not an integer within/],
  ['{"a": 1.5}', '1:7', /not an integer within/],
  ['{"a": 1}x', '1:9', /"x" after the end of the document, remove what/],
  ['{"a": 1} {}', '1:10', /"\{" after the end/],
  ['{"a": 1}}', '1:9', /"\}" after the end/],
  ['{"a": 1,}', '1:9', /nothing follows the comma before this "\}"/],
  ['[1,]', '1:4', /nothing follows the comma before this "\]"/],
  ['{"a": 1 "b": 2}', '1:9', /a string where a comma or the end is expected/],
  ['{"a" 1}', '1:6', /where a colon is expected/],
  ['{"a": }', '1:7', /"\}" where a value is expected/],
  ['{"a"}', '1:5', /"\}" where a colon is expected/],
  ['{a: 1}', '1:2', /a member name must be in double quotes/],
  ["{'a': 1}", '1:2', /in double quotes \("\)/],
  ['{“a”: 1}', '1:2', /in double quotes \("\)/],
  ['{1: 1}', '1:2', /a member name must be in double quotes/],
  ['{"a": 1} // c', '1:10', /no comments, remove it/],
  ['// c\n{}', '1:1', /no comments/],
  ['{"a": 1, /* c */ "b": 2}', '1:10', /no comments/],
  ['# c\n{}', '1:1', /no comments/],
  ['{"a": yes}', '1:7', /"yes" is not a value, put strings in double quotes/],
  ['{"a": True}', '1:7', /"True" is not a value/],
  ['{"a": NaN}', '1:7', /"NaN" is not a value/],
  ['{"a": 010}', '1:7', /"010" is not a number, write 15/],
  ['{"a": +1}', '1:7', /"\+1" is not a number/],
  ['{"a": .5}', '1:7', /"\.5" is not a number/],
  ['{"a": 0x10}', '1:7', /"0x10" is not a number/],
  ['{"a": "b\nc"}', '1:9', /a string ends with the line/],
  ['{"a": "b\tc"}', '1:9', /control character, write \\u0009/],
  ['{"a": "\\x"}', '1:8', /invalid escape/],
  ['{"a": "\\u12"}', '1:8', /invalid escape/],
  ['{"a": "b', '1:9', /not closed/],
  ['{"a": "\\"', '1:10', /not closed/],
  ['{"a": [1, 2}', '1:12', /"\}" where "\]" is expected to close what line 1, column 7 opens/],
  ['{"a": [1,\n 2', '2:3', /ends before "\]" closes what line 1, column 7 opens/],
  ['{"a":\u00a01}', '1:6', /an invisible character/],
  ['{\u200b"a":1}', '1:2', /an invisible character/],
  ['{"a":\u00001}', '1:6', /control character/],
  [`${'['.repeat(33)}`, '1:33', /nested deeper than 32/],
  [':', '1:1', /a colon where a value is expected/],
  ['[,1]', '1:2', /a comma where a value is expected/],
]

suite('JSON that people write', () => {
  for (const [text, place, said] of cases) {
    test(`says of ${JSON.stringify(text.slice(0, 40))} what to do at ${place}`, () => {
      const { value, faults } = readWrittenJson(text, true)
      assert.equal(value, undefined)
      const [first] = faults
      assert.ok(first !== undefined)
      const { line, column } = positionIn(text, first.offset)
      assert.equal(`${line}:${column}`, place)
      assert.match(first.fault.message, said)
      assert.doesNotMatch(first.fault.message, /[\n\0]/)
    })
  }

  test('tells every member that stands twice, however deep', () => {
    const { faults } = readWrittenJson('{"a": [{"b": 1, "b": 2}], "c": 1, "c": 2, "c": 3}')
    assert.deepEqual(
      faults.map(({ fault }) => `${fault.code} ${fault.path}`),
      ['duplicate-member a.0.b', 'duplicate-member c', 'duplicate-member c'],
    )
  })

  test('takes what JSON.parse takes, and nothing else', () => {
    const piece = fc.constantFrom(
      ...[
        '{',
        '}',
        '[',
        ']',
        ',',
        ':',
        '"a"',
        '"b"',
        '"\\n"',
        '"',
        '\\',
        '1',
        '-',
        '0',
        '.5',
        'e3',
      ],
      ...['true', 'null', 'nul', ' ', '\n', '\t', '\u00a0', '/', '"\\u00e9"', '\u0001'],
    )
    const odd = fc.array(piece, { maxLength: 12 }).map((parts) => parts.join(''))
    const whole = fc.json({ maxDepth: 4 })
    const noted = new Set(['duplicate-member', 'forbidden-member', 'unsafe-integer'])
    fc.assert(
      fc.property(fc.oneof(odd, whole), (text) => {
        let parsed: { value: unknown } | null
        try {
          parsed = { value: JSON.parse(text) }
        } catch {
          parsed = null
        }
        const { value, faults } = readWrittenJson(text)
        const isTaken = faults.every(({ fault }) => noted.has(fault.code))
        assert.equal(isTaken, parsed !== null)
        if (faults.length === 0) assert.deepEqual(value, parsed?.value)
      }),
      { numRuns: 5_000 },
    )
  })
})
