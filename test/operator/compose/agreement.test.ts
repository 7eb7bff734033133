import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { temporaryFolder } from '../../temporary.ts'
import { oursOf, theirsOf } from './agreement-forms.ts'
import { askComposeV1, composeVersion } from './compose-v1.ts'
import { readFolder } from './reading.ts'

const env = 'A=a\nEMPTY=\nNUM=3\nBIND=\nJSON={"k":1}\n'

/** A service, its part of a second file, and the reason where covey differs. */
interface Case {
  readonly one: string
  readonly two?: string
  readonly differs?: string
}

const texts = [
  '$A',
  '${A}b',
  '$$A',
  '$$$A',
  '${A:-d}',
  '${EMPTY:-d}',
  '${EMPTY-d}',
  '${NONE:-d}',
  '${NONE-d}',
  '${NONE:-}',
  '${NONE}',
  '${A:?e}',
  '${A?e}',
  '${EMPTY?e}',
  '${NONE:-a:-b}',
  '${NONE:-a b c}',
  '$JSON',
  '{1...4}',
]

const interpolation: readonly Case[] = [
  ...texts.map((text) => ({ one: `user: '${text}'` })),
  {
    one: "user: '${NONE:-${A}}'",
    differs: '1.29 does not look into a default: what is nested came with Compose 2',
  },
  {
    one: 'environment: { D: 22:22, E: 1e3 }',
    differs: '1.29 reads YAML 1.1: 22:22 is a number to the base of 60, and 1e3 a text',
  },
  { one: 'environment: { N: 1.10, M: 0644, Q: "1.10" }' },
  { one: 'environment: { A: , B: "", NONE: , C: x=y }' },
  { one: 'environment: [A, B=, NONE, C=x=y, "D=$NUM"]' },
  { one: 'ports: ["${NUM}000:80"]' },
  { one: 'tty: "${T:-true}"\nprivileged: "${T:-false}"' },
]

const merging: readonly Case[] = [
  { one: 'user: a', two: 'user: b' },
  { one: 'environment: {A: 1, B: 1}', two: 'environment: [B=2, C=2]' },
  { one: 'environment: [A=1, B=1]', two: 'environment: {B: 2}' },
  { one: 'labels: [a=1, b]', two: 'labels: {b: 2}' },
  { one: 'command: a "b c"', two: 'command: [c]' },
  { one: 'command: a "b c"' },
  { one: 'entrypoint: ["a"]', two: 'entrypoint: b c' },
  { one: 'ports: ["80:80"]', two: 'ports: ["81:81", "80:80"]' },
  { one: 'ports: ["80:80"]', two: 'ports: ["8080:80"]' },
  { one: 'ports: ["80:80"]', two: 'ports: [{target: 80, published: 80}]' },
  { one: 'volumes: ["v:/x", "./d:/y"]', two: 'volumes: ["v:/z:ro"]' },
  { one: 'volumes: ["v:/x", "./d:/y"]', two: 'volumes: ["./e:/y"]' },
  { one: 'networks: [n]', two: 'networks: {n: {aliases: [a]}, m: }' },
  { one: 'depends_on: [a]', two: 'depends_on: [b]' },
  {
    one: 'depends_on: {a: {condition: service_started}}',
    two: 'depends_on: {b: {condition: service_healthy}}',
  },
  { one: 'dns: 1.1.1.1', two: 'dns: [8.8.8.8]' },
  { one: 'cap_add: [NET_ADMIN]', two: 'cap_add: [SYS_TIME, NET_ADMIN]' },
  {
    one: 'extra_hosts: ["a:1.1.1.1"]',
    two: 'extra_hosts: {a: 2.2.2.2, b: 2.2.2.2}',
    differs: '1.29 keeps one address a name, Compose 2 all of them',
  },
  { one: 'extra_hosts: ["a:1.1.1.1"]', two: 'extra_hosts: {b: 2.2.2.2}' },
  { one: 'sysctls: [a.b=1]', two: 'sysctls: {a.b: 2, c.d: 3}' },
  { one: 'tmpfs: /a', two: 'tmpfs: [/b]' },
  { one: 'healthcheck: {test: a, retries: 2}', two: 'healthcheck: {test: [CMD, b]}' },
  {
    one: 'env_file: e.env',
    two: 'environment: {X: 2}',
    differs: '1.29 puts no variables into what env files say',
  },
  { one: 'env_file: plain.env', two: 'environment: {X: 2}' },
  { one: 'devices: ["/dev/a:/dev/x"]', two: 'devices: ["/dev/b:/dev/y:r"]' },
  { one: 'ulimits: {nofile: 1, nproc: {soft: 1, hard: 2}}', two: 'ulimits: {nofile: 2}' },
  { one: 'mem_limit: 1g\ncpus: 0.5\nrestart: "no"\ninit: true\nread_only: true' },
]

const ports: readonly Case[] = [
  '[80]',
  '["80"]',
  '["80:8080"]',
  '["53:53/udp", "53:53/tcp"]',
  '["127.0.0.1:80:80"]',
  '["0.0.0.0:80:80"]',
  '["8000-8002:80-82"]',
  '["80-81"]',
  '["127.0.0.1::82"]',
  '[{ target: 80 }]',
  '[{ target: 80, published: 8080, protocol: udp }]',
].map((written) => ({ one: `ports: ${written}` }))

/** Services that 1.29 refuses, and covey takes. */
const refused: readonly (Case & { readonly differs: string })[] = [
  { one: "user: '${A:+r}'", differs: '1.29 does not know :+, which came with Compose 2' },
  {
    one: 'volumes: ["v:/x"]',
    two: 'volumes: ["w:/x"]',
    differs: '1.29 finds two mounts at one target where Compose 2 lets the later file win',
  },
  { one: 'ports: ["${BIND:-}:443:443"]', differs: '1.29 takes no empty address' },
  { one: 'environment: { A: true }', differs: '1.29 takes no true and false there' },
  { one: 'environment: { A: yes }', differs: 'yes is true in YAML 1.1' },
]

const groups = [
  ['interpolation', interpolation],
  ['merging', merging],
  ['ports', ports],
] as const
const rest = `  a: { image: x }
  b: { image: x }
networks: { n: , m: }
volumes: { v: , w: }
`

function filesOf(cases: readonly Case[]): Readonly<Record<string, string>> {
  const service = (lines: string, at: number): string =>
    `  case${at}:\n    image: x\n${lines.replace(/^/gm, '    ')}\n`
  const first = cases.map(({ one }, at) => service(one, at)).join('')
  const second = cases.map(({ two }, at) => (two === undefined ? '' : service(two, at))).join('')
  return {
    'one.yaml': `version: "3.9"\nservices:\n${first}${rest}`,
    'two.yaml': `version: "3.9"\nservices:\n${second}  a: { image: x }\n`,
    'e.env': 'X=1\nY=$A\nZ="q r"\n',
    'plain.env': 'X=1\nexport Y=a b # c\n# d\nZ="q r"\nE=\n',
    '.env': env,
  }
}

/** Only the old docker-compose is an oracle: covey follows the later ones. */
const isOracle = composeVersion().startsWith('1.29.')

describe("Debian's docker-compose 1.29 and covey", () => {
  for (const [name, cases] of groups) {
    it(`agree on ${name}, but for what is listed`, async (t) => {
      if (!isOracle) return t.diagnostic('docker-compose here is not 1.29')
      const files = filesOf(cases)
      const folder = await temporaryFolder(t)
      const oracle = await askComposeV1(folder, files, ['one.yaml', 'two.yaml'])
      if (typeof oracle === 'string') return assert.fail(oracle)
      const { project, faults } = await readFolder(files, { files: ['one.yaml', 'two.yaml'] })
      assert.deepEqual(faults, [])
      const found: Finding[] = cases.map(({ one, two, differs }, at) => {
        const service = project.services.get(`case${at}`)
        const printed = oracle.get(`case${at}`)
        assert.ok(service !== undefined && printed !== undefined)
        const ours = oursOf(service)
        const theirs = theirsOf(printed, folder)
        const keys = Object.keys(ours).filter((key) => !isDeepStrictEqual(ours[key], theirs[key]))
        const shown = keys.map((key) => `${key}: ${JSON.stringify([ours[key], theirs[key]])}`)
        return { text: `${one} / ${two ?? ''}`, isListed: differs !== undefined, shown }
      })
      const wrong = found.filter(({ isListed, shown }) => isListed !== shown.length > 0)
      assert.deepEqual(wrong, [], 'ours, theirs; or nothing where they agree now')
    })
  }

  for (const one of refused) {
    it(`differ: ${one.differs}`, async (t) => {
      if (!isOracle) return t.diagnostic('docker-compose here is not 1.29')
      const files = filesOf([one])
      const oracle = await askComposeV1(await temporaryFolder(t), files, ['one.yaml', 'two.yaml'])
      assert.equal(typeof oracle, 'string')
      const { faults } = await readFolder(files, { files: ['one.yaml', 'two.yaml'] })
      assert.deepEqual(faults, [])
    })
  }
})

interface Finding {
  readonly text: string
  readonly isListed: boolean
  readonly shown: readonly string[]
}
