import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { composeKeys } from '../../../operator/compose/keys.ts'
import { readProject } from '../../../operator/compose/read-project.ts'
import { Failure } from '../../../operator/terminal/failure.ts'
import { readFolder, textAt, web } from './reading.ts'

/** Levels of ten aliases each: 10 to the power of the levels. */
function laughs(levels: number): string {
  const lines = ['x0: &a0 [x, x, x, x, x, x, x, x, x, x]']
  for (let at = 1; at < levels; at += 1) {
    lines.push(
      `x-${at}: &a${at} [${Array(10)
        .fill(`*a${at - 1}`)
        .join(', ')}]`,
    )
  }
  return `x-${lines.join('\n')}\nservices: { a: { image: x } }\n`
}

const tooLarge: readonly (readonly [string, Readonly<Record<string, string>>, RegExp])[] = [
  [
    'aliases of aliases',
    { 'compose.yaml': laughs(9) },
    /^compose\.yaml:6:10: its aliases \(\*\) make it too large$/m,
  ],
  [
    'brackets in brackets',
    {
      'compose.yaml': `x-a: ${'['.repeat(5_000)}${']'.repeat(5_000)}\nservices: { a: { image: x } }\n`,
    },
    /nested too deeply/,
  ],
  [
    'a map in a map, more than 64 times',
    {
      'compose.yaml': `x-a: ${'{a: '.repeat(80)}${'}'.repeat(80)}\nservices: { a: { image: x } }\n`,
    },
    /nested too deeply/,
  ],
  [
    'files that include two others, and so on',
    Object.fromEntries([
      ['compose.yaml', 'include: [f0.yaml]\nservices: { a: { image: x } }\n'],
      ...Array.from({ length: 40 }, (_, at) => [
        `f${at}.yaml`,
        `include: [f${at + 1}.yaml, f${at + 1}.yaml]\nservices: { a: { ports: ["80:80"] } }\n`,
      ]),
      ['f40.yaml', 'services: { a: { dns: [a] } }\n'],
    ]),
    /include and extends name files more than 4096 times|at most 200000 values/,
  ],
  [
    'too many services',
    {
      'compose.yaml': `services:\n${Array.from({ length: 1_001 }, (_, at) => `  s${at}: { image: x }\n`).join('')}`,
    },
    /^compose\.yaml:2:3: a project has at most 1000 services$/,
  ],
  [
    'a chain of extends',
    {
      'compose.yaml': `services:\n  s0: { image: x }\n${Array.from(
        { length: 100 },
        (_, at) => `  s${at + 1}: { extends: s${at} }\n`,
      )
        .reverse()
        .join('')}`,
    },
    /more than 64 times/,
  ],
  [
    'a file too large',
    { 'compose.yaml': `#${'x'.repeat(4 * 1024 * 1024)}` },
    /is larger than 4 MiB$/,
  ],
  [
    'variables that multiply',
    {
      'compose.yaml': web('user: $V20'),
      '.env': `V0=xxxxxxxxxx\n${Array.from({ length: 20 }, (_, at) => `V${at + 1}=$V${at}$V${at}`).join('\n')}\n`,
    },
    /^\.env:18:5: its variables make it longer than a value may be/,
  ],
  [
    'too many variables',
    {
      'compose.yaml': web(''),
      '.env': Array.from({ length: 10_001 }, (_, at) => `V${at}=1\n`).join(''),
    },
    /^\.env:10001:8: an env file has at most 10000 variables$/,
  ],
]

describe('a project that is too large', () => {
  for (const [name, files, fault] of tooLarge) {
    it(`is told: ${name}`, async () => {
      const start = performance.now()
      const { faults } = await readFolder(files)
      assert.match(faults.join('\n'), fault)
      assert.ok(performance.now() - start < 20_000)
    })
  }
})

describe('files that cannot be read', () => {
  it('are faults where they are named', async () => {
    const read = (path: string): Promise<string | undefined> => {
      if (path === '/p/.env') return Promise.resolve(undefined)
      if (path !== '/p/compose.yaml') throw new Failure(2, 'file-unreadable', `cannot read ${path}`)
      return Promise.resolve(web('env_file: [secret.env]', 'configs: { c: { file: /etc/x } }\n'))
    }
    const options = { files: ['/p/compose.yaml'], profiles: [], envFiles: [], variables: new Map() }
    const { faults } = await readProject(options, read)
    assert.deepEqual(
      faults.map(({ line, column, message }) => `${line}:${column} ${message}`).slice(-2),
      ['4:16 cannot read /p/secret.env', '5:23 cannot read /etc/x'],
    )
  })

  it('may be the first', async () => {
    const { faults } = await readFolder({})
    assert.deepEqual(faults, ['compose.yaml:1:1: there is no file compose.yaml'])
  })
})

/** Pieces that files are put together of, to come near to sense. */
const pieces = [
  'services:',
  'web:',
  'image: x',
  'ports:',
  '- "80:80"',
  '- ',
  '  ',
  '    ',
  '\n',
  '\n',
  '&a',
  '*a',
  '<<:',
  '!reset',
  '!override',
  '${A',
  '${A:-',
  '}',
  '$',
  '{',
  '[',
  ']',
  ', ',
  ': ',
  '"',
  "'",
  '|',
  '>',
  '#',
  '---',
  'extends: web',
  'include:',
  'environment:',
  'volumes:',
  'depends_on:',
  'networks:',
  'healthcheck:',
  'deploy:',
  'build:',
  'command:',
  '\t',
  '\r\n',
  'null',
  '1e9',
  '0x',
  'x-covey:',
]

describe('any text', () => {
  it('is read or told of, and never ends in an exception', async () => {
    const text = fc
      .array(fc.constantFrom(...pieces), { maxLength: 40 })
      .map((parts) => parts.join(''))
    await fc.assert(
      fc.asyncProperty(text, text, fc.string(), async (one, other, env) => {
        const files = {
          'compose.yaml': one,
          'b.yaml': `services: {web: {image: x}}\n${other}`,
          '.env': env,
        }
        const { faults, notes } = await readFolder(files, { files: ['compose.yaml', 'b.yaml'] })
        for (const line of [...faults, ...notes]) assert.match(line, /^\S+:\d+:\d+: ./)
      }),
      { numRuns: 500 },
    )
  })

  it('may stand at each key', async () => {
    const values = ['x', '""', '1', 'null', '[]', '[x, 1, null, [a], {b: c}]', '{}', '{a: b, c: }']
    for (const path of composeKeys.keys()) {
      for (const value of values) {
        const text = textAt(path, value)
        const { faults, notes } = await readFolder(
          { 'compose.yaml': text, 'b.yaml': 'services: { web: { image: x } }\n' },
          { files: ['b.yaml', 'compose.yaml'] },
        )
        for (const line of [...faults, ...notes]) assert.match(line, /^\S+:\d+:\d+: ./)
      }
    }
  })

  it('is read alike each time', async () => {
    const files = { 'compose.yaml': laughs(3), '.env': 'A=1' }
    assert.equal(JSON.stringify(await readFolder(files)), JSON.stringify(await readFolder(files)))
  })
})
