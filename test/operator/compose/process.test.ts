import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Text } from '../../../operator/compose/project.ts'
import { splitCommand } from '../../../operator/compose/texts/command-words.ts'
import { type FaultyForm, type Form, refusesForms, takesForms } from './forms.ts'
import { readFolder, web } from './reading.ts'

/** A command as one text, its words, and where Compose stops. */
const commands: readonly (readonly [string, readonly string[] | undefined, string?])[] = [
  ['', []],
  ['  ', []],
  ['a  b\tc', ['a', 'b', 'c']],
  ['"a b" \'c d\'', ['a b', 'c d']],
  ['a"b"c', ['abc']],
  ['""', ['']],
  ["''x", ['x']],
  ['\'a\\b\' "a\\"b" a\\ b', ['a\\b', 'a"b', 'a b']],
  ["it\\'s", ["it's"]],
  ['"it\'s"', ["it's"]],
  ['a\\tb a\\nb', ['a\tb', 'a\nb']],
  ['{1...4} [x] *', ['{1...4}', '[x]', '*']],
  ['$(a b) c', ['$(a b)', 'c']],
  ['`a b` c', ['`a b`', 'c']],
  ['"(a)" \'(\'', ['(a)', '(']],
  ['a && b', ['a'], '&'],
  ['a; b', ['a'], ';'],
  ['a 2> b', ['a'], '>'],
  ['a "&" b', ['a', '&', 'b']],
  ['a\nb', ['a', 'b']],
  ['"a', undefined],
  ["a 'b", undefined],
  ['a\\', undefined],
  ['a (b)', undefined],
  ['a )', undefined],
]

describe('a command as one text', () => {
  for (const [text, words, cut] of commands) {
    it(`is split: ${JSON.stringify(text)}`, () => {
      assert.deepEqual(splitCommand(text), words && { words, cut })
    })
  }
})

const plain = (words: readonly Text[] | undefined): unknown => words?.map(({ value }) => value)

const forms: readonly Form[] = [
  ['command: a "b c"', [undefined, ['a', 'b c']]],
  ['command: [a, "b c", 1, true, 1.10]', [undefined, ['a', 'b c', '1', 'true', '1.1']]],
  ['command: ""', [undefined, []]],
  ['command: []', [undefined, []]],
  ['command:', [undefined, undefined]],
  ['command: [""]', [undefined, ['']]],
  ['entrypoint: ""', [[], undefined]],
  ['entrypoint: []', [[], undefined]],
  ['entrypoint: [""]', [[], undefined]],
  ['entrypoint: null', [undefined, undefined]],
  ['entrypoint: /a b', [['/a', 'b'], undefined]],
  ['command: >-\n  sh -c\n  "a b"', [undefined, ['sh', '-c', 'a b']]],
]

const checks: readonly Form[] = [
  ['healthcheck:', undefined],
  ['healthcheck: {}', undefined],
  ['healthcheck: { test: [] }', undefined],
  ['healthcheck: { test: NONE }', 'none'],
  ['healthcheck: { test: [NONE] }', 'none'],
  ['healthcheck: { disable: true, test: a }', 'none'],
  ['healthcheck: { test: a b }', [['/bin/sh', '-c', 'a b']]],
  ['healthcheck: { test: [CMD-SHELL, "a || b"] }', [['/bin/sh', '-c', 'a || b']]],
  ['healthcheck: { test: [CMD, a, "b c"] }', [['a', 'b c']]],
  [
    'healthcheck: { interval: 1m30s, timeout: 1.5s, start_period: 2h, start_interval: 500ms, retries: "3" }',
    [undefined, 90, 1.5, 7200, 0.5, 3],
  ],
  ['healthcheck: { test: a, retries: 0, interval: 0s }', [['/bin/sh', '-c', 'a']]],
  ['healthcheck: { interval: 1d, timeout: 100us }', [undefined, 86_400, 0.0001]],
]

const wrong: readonly FaultyForm[] = [
  ['command: "a \'b"', "4:14: command: a quote or a bracket is not closed: a 'b"],
  ['command: { a: b }', '4:5: command: must be a list'],
  ['command: [a, [b]]', '4:18: command.1: must be a text, and is a list'],
  ['command: [a, null]', '4:18: command.1: is empty'],
  [
    'healthcheck: { test: [a] }',
    '4:20: healthcheck.test: begins with CMD, CMD-SHELL or NONE, and CMD needs a program after it',
  ],
  [
    'healthcheck: { test: [CMD] }',
    '4:20: healthcheck.test: begins with CMD, CMD-SHELL or NONE, and CMD needs a program after it',
  ],
  [
    'healthcheck: { interval: 30 }',
    '4:30: healthcheck.interval: must be a duration: write 30s for seconds',
  ],
  [
    'healthcheck: { interval: soon, retries: -1 }',
    '4:30: healthcheck.interval: must be a duration, as 1m30s: soon',
    '4:45: healthcheck.retries: must be a whole number from 0 on: -1',
  ],
  ['healthcheck: curl', '4:18: healthcheck: must be a map'],
]

describe('command and entrypoint', () => {
  takesForms(forms, ({ entrypoint, command }) => [plain(entrypoint), plain(command)])
  refusesForms(wrong)

  it('are told where Compose would leave something out', async () => {
    const { notes } = await readFolder({ 'compose.yaml': web('command: a && b') })
    assert.deepEqual(notes, [
      'compose.yaml:4:14: services.web.command: no shell reads this, and Compose leaves out all from "&" on: write ["sh", "-c", "…"]',
    ])
  })
})

describe('healthcheck', () => {
  takesForms(checks, ({ healthcheck }) => {
    if (healthcheck?.kind !== 'check') return healthcheck?.kind
    const { intervalSeconds, timeoutSeconds, startSeconds, startIntervalSeconds } = healthcheck
    const times = [intervalSeconds, timeoutSeconds, startSeconds, startIntervalSeconds]
    const all = [plain(healthcheck.command), ...times, healthcheck.retries]
    return all.slice(0, all.findLastIndex((value) => value !== undefined) + 1)
  })
})
