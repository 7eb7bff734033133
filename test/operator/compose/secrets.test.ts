import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { composeKeys } from '../../../operator/compose/keys.ts'
import type { ComposeService } from '../../../operator/compose/project.ts'
import { looksSecret, secretWords } from '../../../operator/compose/texts/secret-names.ts'
import { readFolder, readWeb, textAt, web } from './reading.ts'

const names: readonly (readonly [string, string, boolean])[] = [
  ['DB_PASSWORD', 'x', true],
  ['POSTGRES_PASSWORD', '1234', true],
  ['MYSQL_ROOT_PASSWORD', 'x', true],
  ['PASSWORD', 'x', true],
  ['PGPASSWORD', 'x', true],
  ['db_pass', 'x', true],
  ['SECRET_KEY_BASE', 'x', true],
  ['APP_KEY', 'base64:x', true],
  ['JWT_SECRET', 'x', true],
  ['API_TOKEN', 'x', true],
  ['AWS_SECRET_ACCESS_KEY', 'x', true],
  ['SMTP_PWD', 'x', true],
  ['PAPERLESS_SECRET_KEY', 'x', true],
  ['SENTRY_DSN', 'x', true],
  ['DATABASE_URL', 'postgres://user:pw@db/x', true],
  ['REDIS_URL', 'redis://:pw@cache', true],
  ['DATABASE_URL', 'postgres://user@db/x', false],
  ['URL', 'https://x.example:8080/a@b', false],
  ['POSTGRES_PASSWORD_FILE', '/run/secrets/x', false],
  ['PASSWORD_MIN_LENGTH', '12345', false],
  ['DISABLE_PASSWORD_LOGIN', 'true', false],
  ['DB_PASSWORD', '', false],
  ['TOKEN_EXPIRY', '3600', false],
  ['KEYBOARD', 'us', false],
  ['COMPASS', 'x', false],
  ['MONKEY', 'x', false],
  ['PUID', '1000', false],
  ['DB_USER', 'me', false],
]

describe('what looks like a secret', () => {
  for (const [name, value, expected] of names) {
    it(`${expected ? 'is' : 'is not'} ${name}=${value}`, () => {
      assert.equal(looksSecret(name, value), expected)
    })
  }

  it('is found in a command', () => {
    for (const [words, expected] of [
      ['redis-server --requirepass x --port 1', '001000'.slice(0, 5)],
      ['a --password=x --user y', '0100'],
      ['a --token x b', '0010'],
      ['a --token --verbose', '000'],
      ['a --db-url postgres://u:p@h/d', '001'],
      ['DB_PASSWORD=x run', '10'],
      ['mysqladmin ping -h localhost', '0000'],
    ] as const) {
      const found = secretWords(words.split(' ')).map((isSecret) => (isSecret ? '1' : '0'))
      assert.equal(found.join(''), expected, words)
    }
  })
})

/** Each sensitive text of a service, by where it stands. */
function sensitive(service: ComposeService | undefined): readonly string[] {
  if (service === undefined) return []
  const check = service.healthcheck?.kind === 'check' ? service.healthcheck.command : []
  return [
    ...(service.image?.isSensitive === true ? ['image'] : []),
    ...[...service.environment].filter(([, text]) => text.isSensitive).map(([name]) => name),
    ...(service.command ?? []).filter((text) => text.isSensitive).map(({ value }) => value),
    ...(check ?? []).filter((text) => text.isSensitive).map(({ value }) => value),
    ...[...service.labels].filter(([, text]) => text.isSensitive).map(([name]) => name),
  ]
}

describe('sensitive texts', () => {
  it('are those with a value of .env, an env file or the command line', async () => {
    const service = await readWeb(
      web(`environment:
  A: $A
  URL: "x://$A/y"
  D: \${NONE:-default}
  P: \${COMPOSE_PROJECT_NAME}
  G: $G
  H: plain
env_file: e
command: [a, "$A", "x$G"]
healthcheck: { test: "check $A" }
labels: { l: "$A", m: n }`),
      { '.env': 'A=1\n', e: 'E=1\n' },
      { variables: { G: 'g' } },
    )
    assert.deepEqual(sensitive(service), ['E', 'A', 'URL', 'G', '1', 'xg', 'check 1', 'l'])
  })

  it('are just those words of a command that hold one, where that is certain', async () => {
    const command = (text: string): string => `${web(`command: run $A --port 1 x-$A`)}${text}`
    const one = await readWeb(command(''), { '.env': 'A=sesame/1\n' })
    assert.deepEqual(sensitive(one), ['sesame/1', 'x-sesame/1'])
    const spread = await readWeb(command(''), { '.env': 'A="open sesame"\n' })
    assert.equal(sensitive(spread).length, spread.command?.length)
    const none = await readWeb(command(''), { '.env': 'A=\n' })
    assert.deepEqual(sensitive(none), [])
  })

  it('stay so through anchors, extends, include and several files', async () => {
    const { project, faults } = await readFolder(
      {
        'compose.yaml':
          'include: [i/i.yaml]\nx-e: &e { A: $A }\nservices:\n  web: { image: x, environment: *e }\n',
        'b.yaml': 'services:\n  web: { extends: { file: c.yaml, service: c }, environment: [B] }\n',
        'c.yaml': 'services:\n  c: { image: x, environment: { C: $A, D: d } }\n',
        'i/i.yaml': 'services:\n  inc: { image: x, environment: { I: $I } }\n',
        'i/.env': 'I=i\n',
        '.env': 'A=1\nB=2\n',
      },
      { files: ['compose.yaml', 'b.yaml'] },
    )
    assert.deepEqual(faults, [])
    assert.deepEqual(sensitive(project.services.get('web')), ['A', 'C', 'B'])
    assert.deepEqual(sensitive(project.services.get('inc')), ['I'])
  })

  it('are literals whose names look like it, which is told', async () => {
    const { project, notes } = await readFolder({
      'compose.yaml': web(
        'environment: { DB_PASSWORD: hunter2, KEY_FILE: /x, API_KEY: "${K:-abcd}" }',
      ),
    })
    assert.deepEqual(sensitive(project.services.get('web')), ['DB_PASSWORD', 'API_KEY'])
    assert.deepEqual(
      notes.map((note) => note.replace(/: covey seals.*/, '')),
      [
        'compose.yaml:4:33: services.web.environment.DB_PASSWORD: DB_PASSWORD looks like a secret and stands in the file',
        'compose.yaml:4:65: services.web.environment.API_KEY: API_KEY looks like a secret and stands in the file',
      ],
    )
    assert.doesNotMatch(notes.join(), /hunter2|abcd/)
  })
})

/** Faults that tell the name of something that is looked up by it. */
const lookedUp = /: there is no (file|service|network|volume|config|secret) |: the variable sesame /

describe('faults and notes', () => {
  it('do not show what a variable holds, at whatever key', async () => {
    for (const path of composeKeys.keys()) {
      for (const value of ['$S', '["$S"]', '{a: $S}', '["a=$S"]', '["a:$S"]', '["$S:/x"]']) {
        const { faults, notes } = await readFolder(
          {
            'a.yaml': 'services: { web: { image: x } }\n',
            'b.yaml': textAt(path, value),
            '.env': 'S=sesame\n',
          },
          { files: ['a.yaml', 'b.yaml'] },
        )
        const shown = [...faults, ...notes].filter((line) => line.includes('sesame'))
        assert.deepEqual(
          shown.filter((line) => !lookedUp.test(line)),
          [],
          path,
        )
      }
    }
  })
})

describe('configs and secrets of a project', () => {
  it('have their content from a file, a variable or the Compose file', async () => {
    const { project, faults } = await readFolder({
      'compose.yaml': `services: { a: { image: x } }
configs:
  lit: { content: "a $$b" }
  var: { content: "a $V" }
  env: { environment: V }
  file: { file: ./f }
  ext: { external: true, name: other }
secrets:
  env: { environment: V }
  file: { file: f }
  ext: { external: true }
`,
      '.env': 'V=v\n',
      f: 'content $V\n',
    })
    assert.deepEqual(faults, [])
    const show = (kind: 'configs' | 'secrets'): readonly string[] =>
      [...project[kind].values()].map(
        ({ key, content, externalName }) =>
          `${key} ${externalName ?? JSON.stringify(content?.value)}${content?.isSensitive === true ? ' secret' : ''}`,
      )
    assert.deepEqual(show('configs'), [
      'lit "a $b"',
      'var "a v" secret',
      'env "v" secret',
      'file "content $V\\n"',
      'ext other',
    ])
    assert.deepEqual(show('secrets'), ['env "v" secret', 'file "content $V\\n" secret', 'ext ext'])
  })

  it('have faults where they have none', async () => {
    const { faults } = await readFolder({
      'compose.yaml': `services: { a: { image: x } }
configs:
  a: {}
  b: { file: none }
  c: { environment: NONE }
  d: { external: true, file: f }
  e: { file: f, content: x }
secrets:
  f:
`,
    })
    assert.deepEqual(faults, [
      'compose.yaml:3:3: configs.a: has one of "file", "environment" and "content"',
      'compose.yaml:4:14: there is no file none',
      'compose.yaml:5:21: configs.c.environment: the variable NONE is not set',
      'compose.yaml:6:3: configs.d: is external, and has "file" too',
      'compose.yaml:7:3: configs.e: has one of "file", "environment" and "content"',
      'compose.yaml:9:3: secrets.f: has one of "file", "environment" and "content"',
    ])
  })
})
