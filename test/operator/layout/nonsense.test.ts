import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { describe, it } from 'node:test'
import { openWorkspace } from '../workspace.ts'

const image = `image: "box@sha256:${'a'.repeat(64)}"`
const web = (lines: string): string => `services:\n  web:\n    ${image}\n${lines}`

interface Input {
  readonly says: string
  readonly compose: string
  readonly files?: Readonly<Record<string, string>>
  /** Options of the stack, and lines at the end of the layout. */
  readonly options?: string
  readonly lines?: string
  /** Beginnings of the lines that are said; none where all is well. */
  readonly said?: readonly string[]
  readonly exit?: number
}

/** Services that may not talk to each other. */
function alone(count: number, keys: string, lines: string): string {
  const names = Array.from({ length: count }, (_, index) => `n${index}`)
  const services = names.map((name) => `  ${name}: { ${image}, networks: [${name}], ${keys} }\n`)
  return `services:\n${services.join('')}networks: { ${names.join(', ')} }\n${lines}`
}

const inputs: readonly Input[] = [
  {
    says: 'a port without quotes, as YAML 1.1 reads 22:22',
    compose: web('    ports:\n      - 22:22\n'),
    said: ['shop.yaml:5:9: services.web.ports: 22/tcp is a rescue port'],
  },
  {
    says: 'two << in one map',
    compose: `x-a: &a { tty: true }\nx-b: &b { init: true }\n${web('    <<: *a\n    <<: *b\n')}`,
  },
  {
    says: '<< of a list',
    compose: `x-a: &a { tty: true }\nx-b: &b { init: true }\n${web('    <<: [*a, *b]\n')}`,
  },
  {
    says: '!reset and !override',
    compose: web('    ports: !reset null\n    command: !override [x]\n'),
  },
  {
    says: 'tabs',
    compose: 'services:\n\tweb:\n',
    said: ['shop.yaml:2:1: a tab cannot indent: use spaces'],
  },
  { says: 'a BOM and CRLF', compose: `\ufeff${web('    tty: true\n').replaceAll('\n', '\r\n')}` },
  {
    says: 'a key twice',
    compose: web('    tty: true\n    tty: false\n'),
    said: ['shop.yaml:5:5: this key stands in its map already'],
  },
  { says: 'yes and no', compose: web('    environment: { yes: no, no: yes }\n    restart: no\n') },
  {
    says: 'values typed by variables',
    compose: web(`    healthcheck: { test: x, retries: $X }\n    ports: ["\${BIND:-}:443:443"]\n`),
    files: { '.env': 'X=3\n' },
  },
  {
    says: 'values that variables give no type',
    compose: web('    healthcheck: { test: x, retries: $X }\n    mem_limit: $M\n'),
    files: { '.env': 'X=three\nM=12x\n' },
    said: [
      'shop.yaml:4:38: services.web.healthcheck.retries: must be a whole number from 0 on: $X',
      'shop.yaml:5:16: services.web.mem_limit: must be a size, as 512m or 1g: $M',
    ],
  },
  {
    says: 'names without a value by the hundred, in one line',
    compose: web(
      `    environment:\n${Array.from({ length: 300 }, (_, n) => `      - V${n}\n`).join('')}`,
    ),
    files: { '.env': 'V1=x\n' },
    said: ['covey: warning: shop.yaml:1:1: services: 299 variables without a value'],
  },
  {
    says: 'env files with all that they may have',
    compose: web('    env_file: [a.env, { path: none.env, required: false }]\n'),
    files: { 'a.env': 'A="x # y" # c\nB=\'$A\'\nC=x#y\nP="-----BEGIN\nabc\n-----END"\nG\nH = 5\n' },
  },
  {
    says: 'env files that are broken or missing',
    compose: web('    env_file: [a.env, none.env]\n'),
    files: { 'a.env': 'A="x\n' },
    said: ['a.env:1:3: the closing quote is missing', 'shop.yaml:4:23: there is no file none.env'],
  },
  {
    says: 'a loop of extends',
    compose: web(`    extends: b\n  b:\n    ${image}\n    extends: web\n`),
    said: ['shop.yaml:'],
  },
  {
    says: 'a loop of include',
    compose: `include: [b.yaml]\n${web('')}`,
    files: { 'b.yaml': 'include: [shop.yaml]\n' },
    said: ['b.yaml:1:11: include.0: includes itself: shop.yaml, which includes b.yaml'],
  },
  {
    says: 'names with dots, capitals, digits first, of 60 characters',
    compose: `services:\n  My.App_1: { ${image} }\n  1st: { ${image} }\n  ${'a'.repeat(60)}: { ${image} }\n`,
  },
  {
    says: 'names that become one',
    compose: `services:\n  my-app: { ${image} }\n  my_app: { ${image} }\n`,
    said: ['shop.yaml:3:3: the service shop/my_app and the service shop/my-app (shop.yaml:2:3)'],
  },
  {
    says: 'commands in all forms',
    compose: `services:\n  a:\n    ${image}\n    entrypoint: ""\n    command: "x 'a b' {1...4}"\n  b:\n    ${image}\n    entrypoint: [""]\n    command: [x]\n`,
  },
  {
    says: 'a quote that is not closed',
    compose: web('    command: "x \'a b"\n'),
    said: ['shop.yaml:4:14: services.web.command: a quote or a bracket is not closed'],
  },
  {
    says: 'health checks in all forms',
    compose: `services:\n  a: { ${image}, healthcheck: { test: NONE } }\n  b: { ${image}, healthcheck: { disable: true } }\n  c: { ${image}, healthcheck: { test: "curl x || exit 1" } }\n`,
  },
  {
    says: 'a health check that names no kind',
    compose: web('    healthcheck: { test: [curl, x] }\n'),
    said: ['shop.yaml:4:20: services.web.healthcheck.test: begins with CMD, CMD-SHELL or NONE'],
  },
  {
    says: 'a port twice',
    compose: web('    ports: ["80:80", "80:81"]\n'),
    said: ['shop.yaml:4:22: services.web.ports: 80/tcp of pi leads to shop/web already'],
  },
  {
    says: 'a volume below a file',
    compose: `${web('    volumes: ["./f:/etc/app", "data:/etc/app/x"]\n')}volumes: { data: {} }\n`,
    files: { f: 'x' },
    said: ['shop.yaml:4:31: services.web.volumes: lies below /etc/app, which is a file\n'],
  },
  {
    says: 'a socket of seven services',
    compose: `services:\n${Array.from({ length: 7 }, (_, n) => `  s${n}: { ${image}, volumes: ["sock:/run/sock"] }\n`).join('')}volumes: { sock: {} }\n`,
  },
  {
    says: 'a lock with a conflict',
    compose: web(''),
    files: { 'cluster.lock': '<<<<<<< HEAD\na.b c\n=======\na.b d\n>>>>>>> x\n' },
    said: ['cluster.lock:1:1: a merge conflict is left here'],
  },
  {
    says: 'too many pairs',
    compose: `services:\n${Array.from({ length: 50 }, (_, n) => `  s${n}: { ${image} }\n`).join('')}`,
    said: ['cluster.yaml:5:3: stacks.shop: 1225 pairs of its containers may talk to each other'],
  },
  {
    says: 'a config that is larger than a document may be',
    compose: alone(20, 'configs: [big]', 'configs: { big: { file: big.conf } }\n'),
    files: { 'big.conf': 'x'.repeat(250_000) },
    exit: 4,
    said: ['covey: validate: the config has 4894 KiB, and 4 MiB is the most; largest: shop'],
  },
  {
    says: 'nothing',
    compose: '',
    said: ['shop.yaml:1:1: services: a Compose file has "services"'],
  },
  { says: 'a list', compose: '- a\n', said: ['shop.yaml:1:1: a Compose file is a map'] },
  {
    says: 'no file',
    compose: web(''),
    options: 'file: none.yaml',
    said: ['none.yaml:1:1: there is no file none.yaml'],
  },
  {
    says: 'a faulty layout, beside the faults of its Compose files',
    compose: web('    ports: ["x:y"]\n'),
    options: 'file: shop.yaml, host: nobody',
    lines: 'netwrk: 1\nservices:\n  own: { image: x, bar: 2 }\n',
    said: [
      'cluster.yaml:5:28: stacks.shop.host: there is no host "nobody"',
      'cluster.yaml:6:1: netwrk: unknown key',
      'shop.yaml:4:13: services.web.ports.0: is no port',
      'cluster.yaml:8:20: services.own.bar: Compose knows no key "bar" here',
    ],
  },
  {
    says: 'a layout without a network, beside the faults of its Compose files',
    compose: web('    foo: 1\n'),
    lines: 'network: 1.2.3.4/5\n',
    said: [
      'cluster.yaml:6:1: network: must be',
      'shop.yaml:4:5: services.web.foo: Compose knows no',
    ],
  },
]

describe('covey validate, given', () => {
  for (const { says, compose, said, exit: wanted, ...more } of inputs) {
    it(`${says}: ${said === undefined ? 'takes it' : 'says where and what'}`, async (context) => {
      const { files = {}, options = 'file: shop.yaml', lines = '' } = more
      const space = await openWorkspace(context)
      const layout = `cluster: home\nhosts:\n  pi: {}\nstacks:\n  shop: { ${options} }\n${lines}`
      const all = { 'cluster.yaml': layout, 'shop.yaml': compose, ...files }
      for (const [path, text] of Object.entries(all)) {
        await mkdir(dirname(space.path(path)), { recursive: true })
        await writeFile(space.path(path), text)
      }
      const { exit, err } = await space.covey(['validate', 'cluster.yaml'])
      const isWell = said === undefined || said[0]?.startsWith('covey: warning') === true
      assert.equal(exit, wanted ?? (isWell ? 0 : 2), err)
      for (const line of said ?? [])
        assert.ok(`\n${err}`.includes(`\n${line}`), `${line} in\n${err}`)
      assert.doesNotMatch(err, /\n {4}at |undefined|\[object/)
    })
  }
})
