import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { control, safeIo } from '../../operator/terminal/controls.ts'
import type { Io } from '../../operator/terminal/io.ts'
import { shellWord } from '../../operator/terminal/shell-word.ts'
import { escapedJson, oneLine, printable } from '../../protocol/printable.ts'

describe('text for a terminal', () => {
  it('has no control characters, no marks of direction and one line', () => {
    assert.equal(
      printable('a\u001b[2Jb\u009bc\u202ed\u2066e\u200ff\u2028g\u{e0041}h'),
      'a?[2Jb?c?d?e?f?g?h',
    )
    assert.equal(oneLine('a \r\n  b\n\nc\td'), 'a b c?d')
    assert.equal(printable('ü ✓ 漢 \u{1f600}'), 'ü ✓ 漢 \u{1f600}')
  })

  it('means the same as JSON, and holds nothing but printable ASCII of what is odd', () => {
    const value = { '\u202ek': 'a\u009b\u007f\u202e\u2066\u2028\u{e0041}\u001b', b: ['ü'] }
    const text = escapedJson(JSON.stringify(value, null, 2))
    assert.deepEqual(JSON.parse(text), value)
    assert.doesNotMatch(text.replaceAll('\n', ''), /[\p{Cc}\p{Cf}\u2028]/u)
    assert.ok(text.includes('\\udb40\\udc41') && text.includes('ü'), text)
  })
})

describe('where text leaves the program', () => {
  it('nothing is left of others, and all of its own', async () => {
    const said: string[] = []
    const say = (text: string): void => {
      said.push(text)
    }
    const ask = async (question: string): Promise<string> => {
      say(question)
      return ''
    }
    const io = safeIo({ out: say, err: say, ask } as unknown as Io)
    const text = `${control('\u001b[1m')}a\u001b[2J\r\u009bb\u202e${control('\r')}\nc\n`
    io.out(text)
    io.err(text)
    await io.ask(text)
    assert.deepEqual(said, Array(3).fill('\u001b[1ma?[2J??b?\r\nc\n'))
  })
})

describe('a word of a shell', () => {
  const table = [
    ['signed.json', 'signed.json'],
    ['/a/b-c_d.1', '/a/b-c_d.1'],
    ['a b', "'a b'"],
    ["it's", "'it'\\''s'"],
    ['$(x)`y`;z', "'$(x)`y`;z'"],
    ['', "''"],
    ['-x', './-x'],
    ['- x', "'./- x'"],
    ['~/x', "'~/x'"],
    ['ü', "'ü'"],
  ] as const
  for (const [text, word] of table) {
    it(`quotes ${JSON.stringify(text)} where it has to`, () => assert.equal(shellWord(text), word))
  }
})
