import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Report } from '../../../operator/compose/report.ts'
import { parseEnvFile } from '../../../operator/compose/variables/env-file.ts'
import type { Scope } from '../../../operator/compose/variables/scope.ts'
import { locatedText } from '../../../operator/terminal/failure.ts'
import { readFolder, readWeb, web } from './reading.ts'

const scope: Scope = new Map([
  ['OUT', { name: 'OUT', value: 'out', place: undefined, isSensitive: true }],
])

function parse(text: string, format: 'dotenv' | 'raw' = 'dotenv'): [object, readonly string[]] {
  const report = new Report()
  const found = parseEnvFile('.env', text, { scope, earlier: new Map(), format }, report)
  const values = Object.fromEntries([...found].map(([name, { value }]) => [name, value]))
  return [values, report.faults.map(locatedText)]
}

const pem = '-----BEGIN KEY-----\nMIIE/+=\n#x\n-----END KEY-----'

/** An env file, and its variables. */
const sound: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
  ['A=1\nB=2', { A: '1', B: '2' }],
  ['\uFEFFA=1\r\nB=2\r\n', { A: '1', B: '2' }],
  ['A=\nB=', { A: '', B: '' }],
  ['A=  x y  \n', { A: 'x y' }],
  [' A = 1\n\tB\t=\t2', { A: '1', B: '2' }],
  ['A: 1', { A: '1' }],
  ['export A=1\nexport  B=2', { A: '1', B: '2' }],
  ['exported=1', { exported: '1' }],
  ['# c\n\n  # c\nA=1 # c\nB=1#c\nC="#c" # c', { A: '1', B: '1#c', C: '#c' }],
  ['A=a=b==', { A: 'a=b==' }],
  ["A='$OUT \\n #'", { A: '$OUT \\n #' }],
  ['A="$OUT"', { A: 'out' }],
  ['A=1\nB=$A$OUT\nC=${NO:-d}', { A: '1', B: '1out', C: 'd' }],
  ['A=1\nOUT=2\nB=$OUT', { A: '1', OUT: '2', B: 'out' }],
  ['A="a\\nb\\tc\\"d\\\\e"', { A: 'a\nb\tc"d\\e' }],
  ["A='it\\'s'", { A: "it's" }],
  ['A="\\$OUT $$OUT"\nB=\\$x', { A: '$OUT $OUT', B: '\\' }],
  ['A="\\0101\\x"', { A: 'A\\x' }],
  [`A="${pem}"\nB='${pem}'\nC=1`, { A: pem, B: pem, C: '1' }],
  ['OUT\nNONE\nA=1', { OUT: 'out', A: '1' }],
  ['A.b-c[0]=1', { 'A.b-c[0]': '1' }],
  ['1A=1\nB=2', { B: '2' }],
  ['A=1\nA=2', { A: '2' }],
  ['A={"a": [1, 2]}', { A: '{"a": [1, 2]}' }],
  ['A=`x` (y)', { A: '`x` (y)' }],
  ['ÄÖ=1', { ÄÖ: '1' }],
]

const raw: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
  ['A="x" # c\n', { A: '"x" # c' }],
  ['A=$OUT\n# c\n  B= 1 \nOUT\nNONE\n', { A: '$OUT', B: ' 1 ', OUT: 'out' }],
]

const faulty: readonly (readonly [string, readonly string[]])[] = [
  ['A="x\nB=1', ['.env:1:3: the closing quote is missing']],
  [
    'A B=1\nC=1\n=2',
    [
      '.env:1:1: a line is NAME=VALUE; the name has letters, digits, _ . - [ ] and no blank',
      '.env:3:1: a line is NAME=VALUE; the name has letters, digits, _ . - [ ] and no blank',
    ],
  ],
  ['A=1\nB=${NO:?must be set}', ['.env:2:3: the variable NO is not set: must be set']],
]

describe('an env file', () => {
  for (const [text, values] of sound) {
    it(`reads ${JSON.stringify(text)}`, () => {
      assert.deepEqual(parse(text), [values, []])
    })
  }
  for (const [text, values] of raw) {
    it(`takes ${JSON.stringify(text)} raw`, () => {
      assert.deepEqual(parse(text, 'raw'), [values, []])
    })
  }
  for (const [text, faults] of faulty) {
    it(`has faults: ${JSON.stringify(text)}`, () => {
      assert.deepEqual(parse(text)[1], faults)
    })
  }

  it('knows where each value stands', () => {
    const text = '# c\nA=1\n\nexport B="x\ny"\n  C = 2'
    const found = parseEnvFile(
      'f',
      text,
      { scope, earlier: new Map(), format: 'dotenv' },
      new Report(),
    )
    assert.deepEqual(
      [...found.values()].map(({ name, place }) => `${name} ${place?.line}:${place?.column}`),
      ['A 2:3', 'B 4:10', 'C 6:7'],
    )
  })

  it('shows no value in its faults', () => {
    const [, faults] = parse('PASSWORD=ses${ame\nX Y=sesame\n=sesame\nA="sesame')
    assert.equal(faults.length, 4)
    assert.doesNotMatch(faults.join(), /ses/)
  })
})

describe('env files of a service', () => {
  it('stand below its environment, the last first', async () => {
    const service = await readWeb(
      web('env_file: [a.env, { path: b.env }]\nenvironment: { A: own }'),
      { 'a.env': 'A=a\nB=a\nC=a\n', 'b.env': 'B=b$A$D\n', '.env': 'D=d\n' },
    )
    const values = Object.fromEntries([...service.environment].map(([k, { value }]) => [k, value]))
    assert.deepEqual(values, { A: 'own', B: 'bownd', C: 'a' })
    assert.deepEqual(service.environment.get('C')?.place, { file: '/p/a.env', line: 3, column: 3 })
    assert.equal(service.environment.get('C')?.isSensitive, true)
    assert.equal(service.environment.get('A')?.isSensitive, false)
  })

  it('may be one text, missing or raw', async () => {
    const one = await readWeb(web('env_file: a.env'), { 'a.env': 'A=1' })
    assert.equal(one.environment.get('A')?.value, '1')
    const more = await readWeb(
      web('env_file:\n  - { path: none.env, required: false }\n  - { path: a.env, format: raw }'),
      { 'a.env': 'A="$X"' },
    )
    assert.equal(more.environment.get('A')?.value, '"$X"')
  })

  it('are a fault where they are not there', async () => {
    const { faults } = await readFolder({ 'compose.yaml': web('env_file: [none.env]') })
    assert.deepEqual(faults, ['compose.yaml:4:16: there is no file none.env'])
  })

  it('give no value to a name that the service lets through', async () => {
    const { project, notes } = await readFolder({
      'compose.yaml': web('env_file: a.env\nenvironment: [A, B, "C="]'),
      'a.env': 'A=1\nC=2\n',
      '.env': 'B=3\n',
    })
    const environment = project.services.get('web')?.environment
    assert.deepEqual(
      [...(environment ?? [])].map(([key, { value }]) => `${key}=${value}`),
      ['B=3', 'C='],
    )
    assert.deepEqual(environment?.get('B')?.place, { file: '/p/.env', line: 1, column: 3 })
    assert.deepEqual(notes, [
      'compose.yaml:1:1: services: a variable without a value in "environment" is not set in the project\'s variables, and left out: web 1',
    ])
  })
})
