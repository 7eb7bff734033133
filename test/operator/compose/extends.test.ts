import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readProject } from '../../../operator/compose/read-project.ts'
import { readFolder } from './reading.ts'

describe('a service that extends another', () => {
  it('of the same file', async () => {
    const { project, faults } = await readFolder({
      'compose.yaml': `services:
  base: { image: x, environment: { A: 1, B: 1 }, ports: ["80:80"], command: a }
  web: { extends: base, environment: [B=2], ports: ["81:81"], command: b }
  more: { extends: { service: web }, user: me, ports: !override [] }
`,
    })
    assert.deepEqual(faults, [])
    const [web, more] = [project.services.get('web'), project.services.get('more')]
    assert.deepEqual(
      [...(web?.environment ?? [])].map(([k, { value }]) => k + value),
      ['A1', 'B2'],
    )
    assert.deepEqual(
      web?.ports.map(({ hostPort }) => hostPort),
      [80, 81],
    )
    assert.deepEqual(
      more?.command?.map(({ value }) => value),
      ['b'],
    )
    assert.equal(more?.user, 'me')
    assert.deepEqual(more?.ports, [])
  })

  it('of another file, whose paths begin where it stands', async () => {
    const { project, faults } = await readFolder({
      'compose.yaml':
        'services:\n  web:\n    extends: { file: common/base.yaml, service: web }\n    volumes: [./c:/c]\n',
      'common/base.yaml': `services:
  web:
    extends: { file: deep/deep.yaml, service: deep }
    env_file: a.env
    volumes: [./b:/b, ../up:/up]
`,
      'common/a.env': 'A=1\n',
      'common/deep/deep.yaml': 'services:\n  deep: { image: $I, volumes: [./a:/a, /abs:/abs] }\n',
      '.env': 'I=img\n',
    })
    assert.deepEqual(faults, [])
    const web = project.services.get('web')
    assert.equal(web?.image?.value, 'img')
    assert.equal(web?.environment.get('A')?.value, '1')
    assert.deepEqual(
      web?.volumes.map(({ source, place }) => `${source} ${place.file}:${place.line}`),
      [
        './common/deep/a /p/common/deep/deep.yaml:2',
        '/abs /p/common/deep/deep.yaml:2',
        './common/b /p/common/base.yaml:5',
        './up /p/common/base.yaml:5',
        './c /p/compose.yaml:4',
      ],
    )
  })

  it('is found where the paths of a project are relative', async () => {
    const files: Readonly<Record<string, string>> = {
      'apps/a/compose.yaml':
        'services:\n  web: { extends: { file: ../b/b.yaml, service: web }, volumes: [./c:/c] }\n',
      'apps/b/b.yaml':
        'services:\n  web: { image: x, env_file: e, volumes: ["./d:/d", "/e:/e"] }\n',
      'apps/b/e': 'A=1\n',
    }
    const { project, faults } = await readProject(
      { files: ['apps/a/compose.yaml'], profiles: [], envFiles: [], variables: new Map() },
      (path) => Promise.resolve(files[path]),
    )
    assert.deepEqual(faults, [])
    const web = project.services.get('web')
    assert.deepEqual(
      web?.volumes.map(({ source }) => source),
      ['../b/d', '/e', './c'],
    )
    assert.equal(web?.environment.get('A')?.value, '1')
  })

  it('takes nothing else of the other file', async () => {
    const { project } = await readFolder({
      'compose.yaml': 'services:\n  web: { extends: { file: b.yaml, service: web } }\n',
      'b.yaml': 'services:\n  web: { image: x }\n  other: { image: y }\nvolumes: { v: }\n',
    })
    assert.deepEqual([...project.services.keys()], ['web'])
    assert.equal(project.volumes.size, 0)
  })
})

const faulty: readonly (readonly [string, Readonly<Record<string, string>>, readonly string[]])[] =
  [
    [
      'itself',
      {
        'compose.yaml': 'services:\n  a: { image: x, extends: b }\n  b: { image: x, extends: a }\n',
      },
      [
        'compose.yaml:2:27: services.a.extends: extends itself: a of compose.yaml, which extends b of compose.yaml, which extends a of compose.yaml',
      ],
    ],
    [
      'itself through another file',
      {
        'compose.yaml': 'services:\n  a: { extends: { file: b.yaml, service: b } }\n',
        'b.yaml': 'services:\n  b: { extends: { file: compose.yaml, service: a }, image: x }\n',
      },
      [
        'compose.yaml:2:42: services.a.extends: extends itself: a of compose.yaml, which extends b of b.yaml, which extends a of compose.yaml',
      ],
    ],
    [
      'what is not there',
      { 'compose.yaml': 'services:\n  a: { image: x, extends: b }\n' },
      ['compose.yaml:2:27: services.a.extends: there is no service b in compose.yaml'],
    ],
    [
      'of a file that is not there',
      { 'compose.yaml': 'services:\n  a: { image: x, extends: { file: b.yaml, service: b } }\n' },
      ['compose.yaml:2:35: there is no file b.yaml'],
    ],
    [
      'nothing',
      { 'compose.yaml': 'services:\n  a: { image: x, extends: { file: b.yaml } }\n', 'b.yaml': '' },
      [
        'compose.yaml:2:27: services.a.extends: must name a service: "extends: NAME" or "extends: {service: NAME, file: FILE}"',
      ],
    ],
    [
      'what is elsewhere',
      {
        'compose.yaml':
          'services:\n  a: { image: x, extends: { file: "https://x.example/b.yaml", service: b } }\n',
      },
      [
        'compose.yaml:2:35: services.a.extends: covey reads files of this machine only: copy it here, and name the copy',
      ],
    ],
  ]

describe('a service cannot extend', () => {
  for (const [name, files, expected] of faulty) {
    it(name, async () => {
      assert.deepEqual((await readFolder(files)).faults, expected)
    })
  }
})
