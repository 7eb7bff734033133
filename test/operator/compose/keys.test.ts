import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { composeKeys } from '../../../operator/compose/keys.ts'
import { keysTable } from './keys-table.ts'
import { readFolder, web } from './reading.ts'
import { schemaKeys } from './schema-keys.ts'

const root = join(import.meta.dirname, '../../..')
const schemaPath = join(root, 'node_modules/dclint/schemas/compose.schema.json')

/** Keys of the specification that the schema of the development package does not have yet. */
const newer = ['services.*.pre_start']

describe('the table of keys', () => {
  it('has each key of the schema of the Compose Specification', async () => {
    const keys = schemaKeys(JSON.parse(await readFile(schemaPath, 'utf8')))
    assert.ok(keys.size > 300, `${keys.size} keys`)
    assert.deepEqual([...keys].filter((key) => !isCovered(key)).sort(), [])
  })

  it('has no key that the schema does not have', async () => {
    const keys = schemaKeys(JSON.parse(await readFile(schemaPath, 'utf8')))
    const more = [...composeKeys.keys()].filter((key) => !keys.has(key) && !newer.includes(key))
    assert.deepEqual(more, [])
  })

  it('is the one in docs/COMPOSE.md', async () => {
    const text = await readFile(join(root, 'docs/COMPOSE.md'), 'utf8')
    const [, table = ''] = /<!-- keys -->\n\n(.*)\n<!-- \/keys -->/s.exec(text) ?? []
    assert.equal(table, keysTable(), 'copy what test/operator/compose/keys-table.ts prints')
  })
})

/** A key stands in the table, or one above it does that is refused or without effect as a whole. */
function isCovered(key: string): boolean {
  if (composeKeys.has(key)) return true
  for (let path = above(key); path !== ''; path = above(path)) {
    const rule = composeKeys.get(path) ?? composeKeys.get(path.replace(/\[\]$/, ''))
    if (rule !== undefined && rule.kind !== 'supported') return true
  }
  return false
}

function above(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('.')))
}

describe('keys of a file', () => {
  it('that are unknown are faults, with what may be meant', async () => {
    const { faults } = await readFolder({
      'compose.yaml': `${web('enviroment: {}\nmem-limit: 1\nxyzzy: 1\nhealthcheck: { tests: a }\nx-any: { a: 1 }\nlabels: { any: 1 }\nports: [{ target: 80, publish: 80 }]')}
servces: {}
networks: { n: { intern: true }, x-n: { y: 1 } }
x-top: { a: 1 }
`,
    })
    assert.deepEqual(
      faults.map((fault) => fault.replace(/Compose knows no key/, 'no')),
      [
        'compose.yaml:4:5: services.web.enviroment: no "enviroment" here: do you mean "environment"?',
        'compose.yaml:5:5: services.web.mem-limit: no "mem-limit" here: do you mean "mem_limit"?',
        'compose.yaml:6:5: services.web.xyzzy: no "xyzzy" here',
        'compose.yaml:7:20: services.web.healthcheck.tests: no "tests" here: do you mean "test"?',
        'compose.yaml:10:27: services.web.ports.0.publish: no "publish" here: do you mean "published"?',
        'compose.yaml:12:1: servces: no "servces" here: do you mean "services"?',
        'compose.yaml:13:18: networks.n.intern: no "intern" here: do you mean "internal"?',
        'compose.yaml:13:41: networks.x-n.y: no "y" here',
      ],
    )
  })

  it('that a file chooses have the letters that Compose allows', async () => {
    const { project, faults } = await readFolder({
      'compose.yaml': `services:
  a b: { image: x }
  9.My_app-${'x'.repeat(60)}: { image: x }
volumes: { "": , é: }
`,
    })
    assert.equal(project.services.size, 2)
    assert.deepEqual(
      faults.map((fault) => fault.replace(/: a name has.*/, '')),
      [
        'compose.yaml:2:3: services.a b',
        'compose.yaml:4:12: volumes.',
        'compose.yaml:4:18: volumes.é',
      ],
    )
  })

  it('without effect are told once a project', async () => {
    const { faults, notes } = await readFolder({
      'compose.yaml': `version: "3"
services:
  a: { image: x, logging: { driver: none }, pull_policy: always }
  b: { image: x, logging: { driver: none, options: { a: b } }, oom_score_adj: }
`,
    })
    assert.deepEqual(faults, [])
    assert.deepEqual(notes, [
      'compose.yaml:1:1: version: "version" has no effect: it is obsolete in Compose too',
      'compose.yaml:3:18: services.a.logging: "logging" has no effect: "covey logs" keeps the logs, and bounds them',
      'compose.yaml:3:45: services.a.pull_policy: "pull_policy" has no effect: images are pinned: "covey pull" looks for newer ones',
    ])
  })

  it('that are refused say what to use instead', async () => {
    for (const [key, value] of [
      ['build', '{ context: . }'],
      ['build', '.'],
      ['external_links', '[a]'],
      ['post_start', '[{ command: a }]'],
      ['credential_spec', '{ file: a }'],
    ] as const) {
      const { faults } = await readFolder({ 'compose.yaml': web(`${key}: ${value}`) })
      assert.equal(faults.length, 1, `${key}: ${faults.join('; ')}`)
      assert.match(
        faults.join(),
        new RegExp(`^compose.yaml:4:5: services.web.${key}: covey does not`),
      )
    }
  })

  it('that nothing reads here are told once each', async () => {
    const { notes } = await readFolder({
      'compose.yaml': `services:
  a:
    image: x
    environment: { VIRTUAL_HOST: a.example }
    labels: [traefik.enable=true, "traefik.http.a=Host(\`x\`)", caddy=x, ofelia.enabled=true]
  b:
    image: x
    labels: { traefik.enable: true, caddy_1.x: x, mine: 1, com.centurylinklabs.watchtower.y: z }
`,
    })
    assert.deepEqual(
      notes.map((note) => note.replace(/ here: .*/, '')),
      [
        'compose.yaml:4:34: services.a: nothing reads VIRTUAL_HOST',
        'compose.yaml:5:14: services.a: nothing reads the labels traefik.*',
        'compose.yaml:5:63: services.a: nothing reads the labels caddy*',
        'compose.yaml:5:72: services.a: nothing reads the labels ofelia.*',
        'compose.yaml:8:94: services.b: nothing reads the labels of an image watcher',
      ],
    )
  })

  it('say that an override beside the file is not read', async () => {
    const { notes } = await readFolder({
      'compose.yaml': web(''),
      'compose.override.yaml': web('tty: true'),
    })
    assert.deepEqual(notes, [
      'compose.yaml:1:1: compose.override.yaml beside it is not read: name both files if it is meant, as Docker reads both',
    ])
  })
})
