import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { checkSchema } from '../../../reconcilers/cluster/parse.ts'
import { variableLines, wordLines } from '../../../reconcilers/runc/bundle/secrets/variables.ts'
import { containerSchema } from '../../../reconcilers/runc/spec.ts'
import { containerObject } from './objects.ts'

const linesOf = (text: string) => variableLines(Buffer.from(text))

describe('the variables of a secret', () => {
  const many = (count: number): string =>
    JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, n) => [`A${n}`, ''])))

  it('are lines that a shell reads', () => {
    const made = linesOf('{"A": "a\'b\\nc", "x.y": "1", "PWD": "/p"}')
    assert.ok(made.ok)
    const words = [
      "export A='a'\\''b\nc'",
      `covey_words="$covey_words "''\\''x.y=1'\\'''`,
      `covey_words="$covey_words "''\\''PWD=/p'\\'''`,
    ]
    assert.equal(made.value, words.map((line) => `${line}\n`).join(''))
    assert.deepEqual(linesOf('{}'), { ok: true, value: '' })
    assert.ok(linesOf(many(1024)).ok)
  })

  const wrong: readonly (readonly [string, string])[] = [
    ['', 'must be a JSON object of variables'],
    ['A=1', 'must be a JSON object of variables'],
    ['["A"]', 'must be a JSON object of variables'],
    ['null', 'must be a JSON object of variables'],
    ['{"A": "1", "A": "2"}', 'has a variable twice'],
    ['{"A": 1}', '"A" must be a text'],
    ['{"": "x"}', '"" is no name of a variable'],
    ['{"A=B": "x"}', '"A=B" is no name of a variable'],
    ['{"A; reboot": "x"}', '"A; reboot" is no name of a variable'],
    ['{"A": "hunter2\\u0000"}', '"A" holds a NUL'],
    [JSON.stringify({ A: 'x'.repeat(131_072) }), '"A" is longer than the 131071 bytes'],
    [many(1025), 'has 1025 variables, and at most 1024 are allowed'],
  ]
  for (const [text, message] of wrong) {
    it(`are refused: ${text.slice(0, 24)}, without a word of their contents`, () => {
      const made = linesOf(text)
      assert.ok(!made.ok)
      assert.equal(made.fault.code, 'secret-content')
      assert.ok(made.fault.message.startsWith(message), made.fault.message)
      assert.ok(!made.fault.message.includes('hunter2'))
    })
  }

  it('are text', () => {
    const made = variableLines(Buffer.from([0x7b, 0xff, 0x7d]))
    assert.ok(!made.ok && made.fault.message === 'must be a JSON object in UTF-8')
  })
})

describe('the words of a secret', () => {
  const linesFor = (text: string, places: readonly string[]) => {
    const made = wordLines(Buffer.from(text), places)
    return made.ok ? made.value : made.fault.message
  }

  it('are lines that export nothing, in the order that the object has', () => {
    assert.equal(
      linesFor('{"args.1": "a\'b", "health.0": "c"}', ['health.0', 'args.1']),
      "unset covey_word_health_0; covey_word_health_0='c'\n" +
        "unset covey_word_args_1; covey_word_args_1='a'\\''b'\n",
    )
  })

  const wrong: readonly (readonly [string, string])[] = [
    ['["hunter2"]', 'must be a JSON object of words, as {"args.1": "text"}'],
    ['{}', '"args.1" is missing'],
    ['{"args.1": 2}', '"args.1" must be a text'],
    ['{"args.1": "hunter2\\u0000"}', '"args.1" holds a NUL character, which no word can'],
    ['{"args.1": "x", "args.2": "y"}', '"args.2" is no word that the container asks for'],
    ['{"args.1": "x", "args.1": "y"}', 'has a word twice'],
  ]
  for (const [text, message] of wrong) {
    it(`are refused: ${text}`, () => assert.equal(linesFor(text, ['args.1']), message))
  }
})

describe('contents of an object', () => {
  const refused: readonly (readonly [string, object, string])[] = [
    [
      'an owner of variables',
      { secrets: [{ secret: 's', env_all: true, uid: 1 }] },
      'c.secrets.0.uid: cannot be set with env_all: a variable has no uid',
    ],
    [
      'a word that the command has not',
      { args: ['a'], secrets: [{ secret: 's', words: ['args.1'] }] },
      'c.secrets.0.words.0: args has no word 1',
    ],
    [
      'a word of a check that asks no command',
      { health: { tcp: { port: 1 } }, secrets: [{ secret: 's', words: ['health.0'] }] },
      'c.secrets.0.words.0: health.command has no word 0',
    ],
    [
      'a word twice',
      { args: ['a'], secrets: [{ secret: 's', words: ['args.0', 'args.0'] }] },
      'c.secrets.0.words.1: args.0 is already set by secrets.0.words.0',
    ],
    [
      'a word of nothing',
      { args: ['a'], secrets: [{ secret: 's', words: ['env.0'] }] },
      'c.secrets.0.words.0: must be the place of a word',
    ],
    [
      'a word of a command that a patch replaces',
      {
        args: ['a'],
        runtime_config: { process: { args: ['b'] } },
        secrets: [{ secret: 's', words: ['args.0'] }],
      },
      'c.secrets.0.words.0: cannot be set with runtime_config.process.args',
    ],
    [
      'a mode of words',
      { args: ['a'], secrets: [{ secret: 's', words: ['args.0'], mode: '0400' }] },
      'c.secrets.0.mode: cannot be set with words: a word has no mode',
    ],
    [
      'variables that are not all',
      { secrets: [{ secret: 's', env_all: false, path: '/x' }] },
      'c.secrets.0.env_all: ',
    ],
    [
      'a file of two contents',
      { files: [{ path: '/x', content: '', content_base64: '' }] },
      'c.files.0: must have exactly one of content, content_base64',
    ],
    [
      'base64 without padding',
      { files: [{ path: '/x', content_base64: 'AP8' }] },
      'c.files.0.content_base64: must be base64',
    ],
    [
      'bytes of more than 256 KiB',
      { files: [{ path: '/x', content_base64: Buffer.alloc(262_145).toString('base64') }] },
      'c.files: hold 262145 bytes together',
    ],
    ['an owner that is none', { files: [{ path: '/x', content: '', uid: -1 }] }, 'c.files.0.uid: '],
  ]
  for (const [says, more, expected] of refused) {
    it(`refuses ${says}, in one line`, () => {
      const { faults } = checkSchema(containerSchema, 'c', containerObject(more))
      const found = faults.map(({ path, message }) => `${path}: ${message}`)
      assert.ok(found.length === 1 && found[0]?.startsWith(expected), found.join('\n'))
    })
  }
})
