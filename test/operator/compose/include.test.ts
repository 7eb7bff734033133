import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readFolder } from './reading.ts'

describe('a file that includes others', () => {
  it('has their services, whose paths and variables are their own', async () => {
    const { project, faults } = await readFolder({
      'compose.yaml':
        'include: [db/compose.yaml]\nservices:\n  web: { image: $I, depends_on: [db] }\n',
      'db/compose.yaml': `services:
  db: { image: "$I", user: $U, volumes: [./d:/d, v:/v], env_file: a.env, environment: [U, W] }
volumes: { v: }
`,
      'db/.env': 'I=theirs\nU=them\n',
      'db/a.env': 'A=1\n',
      '.env': 'I=ours\nW=w\n',
    })
    assert.deepEqual(faults, [])
    const db = project.services.get('db')
    assert.deepEqual([...project.services.keys()], ['db', 'web'])
    // What the including project has wins.
    assert.equal(db?.image?.value, 'ours')
    assert.equal(db?.user, 'them')
    assert.deepEqual(
      db?.volumes.map(({ source }) => source),
      ['./db/d', 'v'],
    )
    assert.deepEqual(
      [...(db?.environment ?? [])].map(([key, { value }]) => key + value),
      ['A1', 'Uthem', 'Ww'],
    )
    assert.ok(project.volumes.has('v'))
  })

  it('says where they begin, with what variables, and several that are one', async () => {
    const { project, faults } = await readFolder({
      'compose.yaml': `include:
  - path: [x/a.yaml, x/b.yaml]
    project_directory: y
    env_file: [one.env, /dev/null]
`,
      'x/a.yaml': 'services:\n  a: { image: x, user: $U, volumes: [./d:/d] }\n',
      'x/b.yaml': 'services:\n  a: { image: y }\n',
      'x/.env': 'U=x\n',
      'y/.env': 'U=y\n',
      'one.env': 'U=one\n',
    })
    assert.deepEqual(faults, [])
    const a = project.services.get('a')
    assert.deepEqual([a?.image?.value, a?.user, a?.volumes[0]?.source], ['y', 'one', './y/d'])
  })

  it('is merged over them, and a later file over both', async () => {
    const { project, faults } = await readFolder(
      {
        'a.yaml': 'include: [i.yaml]\nservices:\n  web: { user: a, ports: !override ["81:81"] }\n',
        'i.yaml': 'services:\n  web: { image: i, user: i, ports: ["80:80"], tty: true }\n',
        'b.yaml': 'services:\n  web: { image: b }\n',
      },
      { files: ['a.yaml', 'b.yaml'] },
    )
    assert.deepEqual(faults, [])
    const web = project.services.get('web')
    assert.deepEqual([web?.image?.value, web?.user, web?.tty], ['b', 'a', true])
    assert.deepEqual(
      web?.ports.map(({ hostPort }) => hostPort),
      [81],
    )
  })

  it('may extend what they bring', async () => {
    const { project, faults } = await readFolder({
      'compose.yaml': 'include: [i.yaml]\nservices:\n  web: { extends: base, user: me }\n',
      'i.yaml': 'services:\n  base: { image: i }\n',
    })
    assert.deepEqual(faults, [])
    assert.equal(project.services.get('web')?.image?.value, 'i')
  })
})

const faulty: readonly (readonly [string, Readonly<Record<string, string>>, readonly string[]])[] =
  [
    [
      'itself',
      {
        'compose.yaml': 'include: [b.yaml]\nservices: { a: { image: x } }\n',
        'b.yaml': 'include:\n  - compose.yaml\n',
      },
      [
        'b.yaml:2:5: include.0: includes itself: compose.yaml, which includes b.yaml, which includes compose.yaml',
      ],
    ],
    [
      'what is not there',
      { 'compose.yaml': 'include: [b.yaml]\nservices: { a: { image: x } }\n' },
      ['compose.yaml:1:11: there is no file b.yaml'],
    ],
    [
      'with variables that are not there',
      {
        'compose.yaml':
          'include: [{path: b.yaml, env_file: c.env}]\nservices: { a: { image: x } }\n',
        'b.yaml': '',
      },
      ['compose.yaml:1:36: there is no file c.env'],
    ],
    [
      'in another form',
      { 'compose.yaml': 'include: b.yaml\nservices: { a: { image: x } }\n' },
      ['compose.yaml:1:10: include: must be a list of files'],
    ],
    [
      'what is elsewhere',
      {
        'compose.yaml':
          'include: ["oci://x.example/y", {env_file: x}]\nservices: { a: { image: x } }\n',
      },
      [
        'compose.yaml:1:11: include.0: covey reads files of this machine only: copy it here, and name the copy',
        'compose.yaml:1:32: include.1: must be a file, or a map with "path"',
      ],
    ],
  ]

describe('a file cannot include', () => {
  for (const [name, files, expected] of faulty) {
    it(name, async () => {
      assert.deepEqual((await readFolder(files)).faults, expected)
    })
  }
})
