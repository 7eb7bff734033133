import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { ideaConfig } from '../idea.ts'
import { openCluster, openWorkspace } from './workspace.ts'

describe('covey sign refuses input', () => {
  it('names what the file does not hold in no hint', async (context) => {
    const space = await openCluster(context)
    await space.write('c.json', { hosts: {} })
    for (const _ of [1, 2]) await space.must('sign', 'c.json', '-o', 's.json')
    const line = ['sign', 'c.json', '--base', 'history/1.1.json']
    const { exit, err } = await space.covey(line)
    assert.equal(exit, 4)
    assert.match(err, /leaves a gap.*\nhint: follow a newer config with --base.*--allow-gap\n$/)
  })

  const deep = `{"hosts":{"a":{"o":{"type":"x","v":${'['.repeat(40)}${']'.repeat(40)}}}}}`
  const table: readonly (readonly [name: string, text: string, lines: readonly string[]])[] = [
    ['truncated', '{"hosts": {', ['c.json:1:12: not valid JSON: ']],
    ['no JSON', 'hello', ['c.json:1:1: not valid JSON: ']],
    ['trailing comma', '{"hosts": {},\n}', ['c.json:2:1: not valid JSON: ']],
    ['an array', '[]', ['c.json:1:1: a config is a JSON object']],
    ['no hosts', '{"host": {}}', ['c.json:1:1: hosts: is missing']],
    ['hosts as a list', '{"hosts": []}', ['c.json:1:2: hosts: must be an object']],
    [
      'a member twice',
      '{"hosts": {"a": {},\n "a": {}}, "n": 1e400, "m": 9007199254740993}',
      [
        'c.json:2:2: hosts.a: duplicate member',
        'c.json:2:17: n: 1e400 is not an integer',
        'c.json:2:29: m: 9007199254740993 is not an integer',
      ],
    ],
    ['__proto__', '{"hosts": {"__proto__": {}}}', ['c.json:1:12: hosts.__proto__: ']],
    [
      'every bad name and shape at once',
      '{"hosts": {\n "Bad": {},\n "a": {"x": 1,\n "y": {}},\n "b": []}, "version": 0}',
      [
        'c.json:2:2: hosts.Bad: a name',
        'c.json:3:8: hosts.a.x: must be an object',
        'c.json:4:2: hosts.a.y.type: ',
        'c.json:5:2: hosts.b: must be an object',
        'c.json:5:12: version: must be 1',
      ],
    ],
    [
      'claims of other types, of which no text can be made',
      '{"aud": {"toString": 1},\n"epoch": {"toString": 1},\n"hosts": {}}',
      ['c.json:1:2: aud: must be the cluster id', 'c.json:2:1: epoch: must be a number'],
    ],
    [
      'fields of an object',
      '{"hosts": {"a": {"n": {"type": "wireguard_network", "link_name": "w",\n "address": "x"}}}}',
      ['c.json:2:2: hosts.a.n.address: '],
    ],
    ['too deep', deep, ['c.json:1:64: JSON is nested deeper than 32 levels']],
    ['signed by nobody', '{"payload":"","signatures":[]}', ['c.json:1:15: signatures: nobody']],
  ]
  for (const [name, text, lines] of table) {
    it(`${name}, with the place of every fault`, async (context) => {
      const space = await openCluster(context)
      await space.write('c.json', text)
      const outcome = await space.covey(['sign', 'c.json'])
      assert.equal(outcome.exit, 2, outcome.err)
      const printed = outcome.err.trimEnd().split('\n')
      assert.equal(printed.length, lines.length, outcome.err)
      for (const [index, line] of lines.entries()) {
        assert.ok(printed[index]?.startsWith(line), `${printed[index]} is not ${line}`)
      }
      const json = await space.covey(['sign', 'c.json', '--json'])
      assert.equal(JSON.parse(json.out).error.faults.length, lines.length)
      assert.deepEqual(await readdir(space.path('history')), [])
    })
  }

  const claims = [
    { name: 'another cluster', body: { aud: `sha256:${'0'.repeat(64)}` }, code: 'other-cluster' },
    { name: 'another epoch', body: { epoch: 2 }, code: 'other-epoch' },
    { name: 'a version above 2^32-1', body: { version: 2 ** 32 }, code: 'version-out-of-range' },
    { name: 'too large', body: { big: 'x'.repeat(4 << 20) }, code: 'payload-too-large' },
  ]
  for (const { name, body, code } of claims) {
    it(`${name}, with exit code 4`, async (context) => {
      const space = await openCluster(context)
      await space.write('c.json', { ...body, ...ideaConfig })
      const outcome = await space.covey(['sign', 'c.json', '--json'])
      assert.equal(outcome.exit, 4, outcome.err)
      assert.equal(JSON.parse(outcome.out).error.code, code)
    })
  }

  const files: readonly (readonly [name: string, code: string, says: RegExp])[] = [
    ['none.json', 'file-missing', /no such file/],
    ['.', 'file-unreadable', /is a folder/],
    ['empty.json', 'file-empty', /is empty/],
    ['blank.json', 'file-empty', /is empty/],
    ['binary.json', 'file-binary', /not text/],
    ['/dev/zero', 'file-too-large', /larger than/],
  ]
  for (const [file, code, says] of files) {
    it(`${file}: ${code}`, async (context) => {
      const space = await openCluster(context)
      await space.write('empty.json', '')
      await space.write('blank.json', ' \n\n')
      await space.write('binary.json', '{"hosts":\u0000{}}')
      const outcome = await space.covey(['sign', file, '--json'])
      assert.equal(outcome.exit, 2)
      assert.equal(JSON.parse(outcome.out).error.code, code)
      assert.match(outcome.err, says)
      assert.match(outcome.err, /^covey: sign: .*\nhint: .*\n$/)
    })
  }

  it('outside an operator folder', async (context) => {
    const space = await openWorkspace(context)
    const outcome = await space.covey(['sign', 'c.json', '--json'])
    assert.equal(outcome.exit, 2)
    assert.equal(JSON.parse(outcome.out).error.code, 'no-folder')
    const below = await space.covey(['sign', 'c.json', '--dir', 'nowhere'])
    assert.match(below.err, /no covey folder in .*nowhere/)
  })
})
