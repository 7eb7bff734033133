import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { substitute } from '../../../operator/compose/variables/substitute.ts'
import { readFolder, readWeb, web } from './reading.ts'

const variables = new Map(
  Object.entries({ A: 'a', EMPTY: '', B_2: 'b', lower: 'l', JSON: '{"k":1}' }).map(
    ([name, value]) => [name, { name, value, place: undefined, isSensitive: false }],
  ),
)
const find = (name: string): ReturnType<typeof variables.get> => variables.get(name)
const dollar = '$'

/** Written, and what it becomes. */
const texts: readonly (readonly [string, string])[] = [
  ['no variable', 'no variable'],
  ['$A', 'a'],
  ['$A$A', 'aa'],
  ['x${A}y', 'xay'],
  ['$B_2-', 'b-'],
  ['$lower', 'l'],
  ['$$A', '$A'],
  ['$$$A', '$a'],
  ['$$$$', '$$'],
  ['$1 $( $- 5$', '$1 $( $- 5$'],
  ['a$', 'a$'],
  ['{1...4}', '{1...4}'],
  ['${A:-d}', 'a'],
  ['${EMPTY:-d}', 'd'],
  ['${EMPTY-d}', ''],
  ['${NONE:-d}', 'd'],
  ['${NONE-d}', 'd'],
  ['${NONE:-}', ''],
  ['${NONE-}', ''],
  ['${A:+r}', 'r'],
  ['${EMPTY:+r}', ''],
  ['${EMPTY+r}', 'r'],
  ['${NONE:+r}', ''],
  ['${NONE+r}', ''],
  ['${A:?e}', 'a'],
  ['${EMPTY?e}', ''],
  ['${NONE:-${A}}', 'a'],
  ['${NONE:-${NO:-x${A}y}z}', 'xayz'],
  ['${NONE:-$A}', 'a'],
  ['${NONE:-$$A}', '$A'],
  ['${A:+${B_2}}', 'b'],
  ['${NONE:-a:-b}', 'a:-b'],
  ['${NONE-a?b}', 'a?b'],
  ['${NONE:-{}}', '{}'],
  ['${NONE:-{"a":{"b":1}}}', '{"a":{"b":1}}'],
  ['${NONE:-a b} ${A}', 'a b a'],
  ['${NONE:-a}}', 'a}'],
  ['${NONE:-a\nb}', 'a\nb'],
  ['$JSON', '{"k":1}'],
  ['a#${A}', 'a#a'],
]

const wrong: readonly (readonly [string, RegExp])[] = [
  ['${}', /^after \$ and \{ stand a name/],
  ['${1}', /^after \$ and \{ stand a name/],
  ['${A', /^after \$ and \{ stand a name/],
  ['${A!x}', /^after \$ and \{ stand a name/],
  ['${A B}', /^after \$ and \{ stand a name/],
  ['${NONE?}', /^the variable NONE is not set$/],
  ['${NONE:?set it}', /^the variable NONE is not set: set it$/],
  ['${EMPTY:?no ${A}}', /^the variable EMPTY is empty: no a$/],
]

describe('interpolation', () => {
  for (const [written, value] of texts) {
    it(`makes ${JSON.stringify(value)} of ${JSON.stringify(written)}`, () => {
      const { text, faults } = substitute(written, find)
      assert.equal(text, value)
      assert.deepEqual(faults, [])
    })
  }
  for (const [written, fault] of wrong) {
    it(`has a fault in ${written}`, () => {
      const { faults } = substitute(written, find)
      assert.match(faults.join('\n'), fault)
    })
  }

  it('tells which names are not set and have no default', () => {
    assert.deepEqual(
      substitute(`${dollar}X ${dollar}{Y} ${dollar}{Z:-} ${dollar}{V+r}`, find).unset,
      ['X', 'Y'],
    )
  })

  it('bounds what variables make of a text', () => {
    const long = { name: 'L', value: 'x'.repeat(100_000), place: undefined, isSensitive: false }
    const { text, faults } = substitute('$L'.repeat(100), () => long)
    assert.equal(text, '')
    assert.match(faults.join(), /longer than a value may be/)
    const deep = `${'${N:-'.repeat(40)}${'}'.repeat(40)}`
    assert.match(substitute(deep, () => undefined).faults.join(), /nested too deeply/)
  })
})

describe('variables of a project', () => {
  it('come from .env and the command line, never from the shell', async () => {
    process.env['COVEY_TEST_SHELL'] = 'shell'
    const service = await readWeb(
      web('user: ${A}-${B}-${COVEY_TEST_SHELL:-none}'),
      { '.env': 'A=1\nB=2\n' },
      { variables: { B: '3' } },
    )
    assert.equal(service.user, '1-3-none')
  })

  it('come from the files that are named in place of .env, the last first', async () => {
    const service = await readWeb(
      web('user: ${A}${B}${C:-}'),
      { '.env': 'C=9\n', a: 'A=1\nB=1\n', b: 'B=2$A\n' },
      { envFiles: ['a', 'b'] },
    )
    assert.equal(service.user, '121')
  })

  it('type what they stand in', async () => {
    const service = await readWeb(
      web(
        'healthcheck: { test: x, retries: $R }\ntty: "$YES"\nports: ["${BIND:-}:443:443"]\nmem_limit: ${M}',
      ),
      { '.env': 'R=3\nYES=yes\nM=64m\n' },
    )
    assert.equal(service.tty, true)
    assert.equal(service.memoryBytes, 64 * 1024 * 1024)
    assert.deepEqual([service.ports[0]?.hostAddress, service.ports[0]?.hostPort], ['', 443])
  })

  it('are told where they are not set, each place once', async () => {
    const { notes } = await readFolder({
      'compose.yaml': `x-a: &a\n  A: $X\n${web('environment: { <<: *a, B: $X$Y }')}`,
    })
    assert.deepEqual(notes, [
      'compose.yaml:2:6: the variable X is not set: it is taken as empty',
      'compose.yaml:6:31: the variable X is not set: it is taken as empty',
      'compose.yaml:6:31: the variable Y is not set: it is taken as empty',
    ])
  })

  it('are told where a value of theirs is wrong, and not their value', async () => {
    const { faults } = await readFolder(
      { 'compose.yaml': web('ports: ["${P}:80"]\ntty: $T'), '.env': '\nP=sesame\n' },
      { variables: { T: 'sesame' } },
    )
    assert.deepEqual(faults, [
      'compose.yaml:4:13: services.web.ports.0: is no port: write "8080:80", with ports from 1 to 65535: ${P}:80 (P is written in .env:2)',
      'compose.yaml:5:10: services.web.tty: must be true or false: $T (T is given by --env)',
    ])
  })

  it('stand in no key', async () => {
    const service = await readWeb(web('environment: { "$A": x }'), { '.env': 'A=1\n' })
    assert.deepEqual([...service.environment.keys()], ['$A'])
  })
})

describe('variables that Compose knows', () => {
  const file = (name: string): string => `services:\n  ${name}: { image: x }\n`

  it('name the files, profiles and name of a project', async () => {
    const { project, faults } = await readFolder({
      'compose.yaml': file('a'),
      'b.yaml': `${file('b')}  c: { image: x, profiles: [p] }\n  d: { image: x, profiles: [q] }\n`,
      'e/e.yaml': file('e'),
      '.env': 'COMPOSE_FILE=b.yaml:e/e.yaml\nCOMPOSE_PROFILES=p,z\nCOMPOSE_PROJECT_NAME=My.App\n',
    })
    assert.deepEqual(faults, [])
    assert.equal(project.name, 'myapp')
    assert.deepEqual([...project.services.keys()], ['b', 'c', 'e'])
  })

  it('leave files alone that are named otherwise', async () => {
    const { project } = await readFolder(
      { 'a.yaml': file('a'), 'b.yaml': file('b'), '.env': 'COMPOSE_FILE=b.yaml\n' },
      { files: ['a.yaml'] },
    )
    assert.deepEqual([...project.services.keys()], ['a'])
  })

  it('may have another separator', async () => {
    const { project } = await readFolder({
      'compose.yaml': file('a'),
      'b.yaml': file('b'),
      '.env': 'COMPOSE_PATH_SEPARATOR=;\nCOMPOSE_FILE=compose.yaml;b.yaml\n',
    })
    assert.deepEqual([...project.services.keys()], ['a', 'b'])
  })

  it('give the name to the files', async () => {
    const service = await readWeb(`name: Shop\n${web('user: $COMPOSE_PROJECT_NAME')}`)
    assert.equal(service.user, 'shop')
    assert.equal((await readWeb(web('user: $COMPOSE_PROJECT_NAME'))).user, 'p')
  })

  it('come after profiles that are asked for', async () => {
    const { project } = await readFolder(
      {
        'compose.yaml':
          'services:\n  c: { image: x, profiles: [p] }\n  d: { image: x, profiles: [q] }\n',
        '.env': 'COMPOSE_PROFILES=p\n',
      },
      { profiles: ['q'] },
    )
    assert.deepEqual([...project.services.keys()], ['d'])
  })
})
