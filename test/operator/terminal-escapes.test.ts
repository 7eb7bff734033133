import assert from 'node:assert/strict'
import { cp } from 'node:fs/promises'
import { after, before, describe, it, type TestContext } from 'node:test'
import { dailyCommands } from '../../operator/commands/daily.ts'
import type { CommandDefinition } from '../../operator/commands/definition.ts'
import { plumbingCommands } from '../../operator/commands/plumbing.ts'
import { forged, hostileAgent, type Lie, lies } from './hostile-agent.ts'
import { healthy } from './status-samples.ts'
import {
  addHost,
  type Outcome,
  openCluster,
  openWorkspace,
  type RunOptions,
  type Scope,
  type Workspace,
} from './workspace.ts'

/** Every command that does something, with the words that call it. */
function leaves(
  definitions: readonly CommandDefinition[],
  before: readonly string[] = [],
): readonly { readonly words: readonly string[]; readonly definition: CommandDefinition }[] {
  return definitions.flatMap((definition) => {
    const words = [...before, definition.name]
    const own = definition.run === undefined ? [] : [{ words, definition }]
    return [...own, ...leaves(definition.subcommands ?? [], words)]
  })
}

const digest = `sha256:${'a'.repeat(64)}`
const image = `r.example/x@${digest}`

/** Something for each parameter that commands have; a new one gets a word. */
const values: Readonly<Record<string, string>> = {
  file: 'signed.json',
  signed: 'signed.json',
  config: 'config.json',
  layout: 'cluster.yaml',
  reference: image,
  from: 'cloud01/web',
  to: '10.69.1.6',
  port: '80/tcp',
  'command...': 'id',
  dir: 'new',
  key: 'home.operator',
  of: 'config',
  lines: '5',
  when: '10m',
  'host:port': '203.0.113.7:51820',
}

/** The bare call, and one with each option in turn. */
function callsOf(words: readonly string[], definition: CommandDefinition): readonly string[][] {
  const parameters = [...(definition.parameters ?? '').matchAll(/[<[]([^>\]]+)[>\]]/g)]
  const args = parameters.map(([, name = '']) => values[name] ?? 'cloud01')
  // A host is added by its card alone; what is for a later version is refused. A plan would
  // have to be there to be applied, and the layout is.
  const given = ['host add', 'apply', 'plan', 'rollback'].includes(words.join(' ')) ? [] : args
  const needed = (definition.options ?? []).flatMap((option) =>
    option[1].startsWith('required') ? flagOf(option[0]) : [],
  )
  const bare = [...words, ...needed, ...given]
  const turns = (definition.options ?? []).map(([flags]) => [
    ...words,
    ...flagOf(flags),
    ...needed,
    ...given,
  ])
  const sent = turns.map((call) => (words[0] === 'apply' ? [...call, '--yes'] : call))
  return [bare, ...sent]
}

function flagOf(flags: string): readonly string[] {
  const [, long = '', value] = /(--[a-z-]+)(?: <([^>]+)>)?/.exec(flags) ?? []
  return value === undefined ? [long] : [long, values[value] ?? 'cloud01']
}

const head = { ...healthy.head, digest }
const containers = [
  { name: 'web', state: 'running', pid: 1, image, restarts: 0, exit_code: null, health: 'healthy' },
]
const status = {
  ...healthy,
  failed: { reason: 'bad' },
  objects: [{ name: 'a', type: 'wireguard_peer', state: 'failed', reason: 'why' }],
  alarms: [
    { code: 'fork', message: 'm', host: 'cloud02' },
    { code: 'new', message: 'm', host: null },
  ],
}
const record = '2026-01-31T12:00:00.123456789+00:00 stdout F text'
const done = { event: 'done', images: [{ references: [image], digest }] }
const progress = { event: 'progress', layers: 2, layers_done: 1, bytes: 9, bytes_done: 4 }
const failed = { event: 'failed', code: 'archive-bad', message: 'm', hint: 'h' }
const events = [
  { event: 'head', head },
  { event: 'object', object: { name: 'web', type: 't', state: 'failed', reason: 'x' } },
  { event: 'alarm', alarm: { code: 'isolated', message: 'alone' }, raised: true },
  { event: 'container', name: 'web', what: 'exited', detail: 'exit code 1' },
  { event: 'later', what: 'a' },
]

/** The answers of a sound agent to all that is asked. */
function answers(signed: unknown): Readonly<Record<string, unknown>> {
  return {
    'GET /v1/status': status,
    'GET /v1/config': signed,
    'POST /v1/config': { verdict: 'accepted', code: 'accepted', message: 'm', head },
    'GET /v1/containers': containers,
    'POST /v1/containers/cloud01/start': { name: 'cloud01', changed: false, note: 'it runs' },
    'POST /v1/containers/cloud01/stop': { name: 'cloud01', changed: true, note: null },
    'GET /v1/stats': { at_ms: 1, containers: [{ name: 'cloud01', service: 'a/b', pid: 1 }] },
    'GET /v1/images': {
      images: [{ references: [image], digest, layers: 1, unpacked_bytes: 5, used_by: ['web'] }],
    },
    'POST /v1/images/prune': { removed: [{ digest, references: [image] }], bytes: 5 },
    'POST /v1/images/pull': [{ line: progress }, { line: done }],
    'POST /v1/images/load': [{ line: progress }, { line: failed }],
    'GET /v1/firewall': {
      host: 'cloud01',
      present: true,
      counters: { refused_in: 3 },
      passes: true,
    },
    'GET /v1/doctor': {
      host: 'cloud01',
      checks: [{ name: 'n', state: 'problem', message: 'm', hint: 'h' }],
    },
    'GET /v1/events': events.map((line) => ({ line, before: 'data: ' })),
    'GET /v1/containers/cloud01/logs': [{ line: record }],
    'GET /v1/containers/web/logs': [{ line: record }],
  }
}

const own = new RegExp(
  ['\u001b\\[(?:1|2|22|31|32|33|39)m', '\u001b\\[\\d*[AHJK]', '\r(?=[^\n])'].join('|'),
  'g',
)
const harmful = /[\p{Cc}\p{Cf}\u2028\u2029]/u

function expectClean(text: string, what: string): void {
  for (const line of text.replace(own, '').split('\n')) {
    assert.doesNotMatch(line, harmful, `${what}: ${JSON.stringify(line)}`)
    assert.ok(!line.startsWith(forged), `${what}: an agent made up a line: ${JSON.stringify(text)}`)
  }
}

/** Programs' bytes, which go out as they are where nobody's terminal is. */
const rawBytes = ['image save']

/** A command that goes on has said enough once it has said something. */
async function runOnce(
  space: Workspace,
  argv: readonly string[],
  terminal: boolean,
): Promise<Outcome> {
  const enough = new AbortController()
  const signal = AbortSignal.any([enough.signal, AbortSignal.timeout(20_000)])
  const options: RunOptions = { terminal, signal, reply: 'y', watch: () => enough.abort() }
  return await space.covey(argv, options)
}

/** A cluster with one host and a signed config; made once, and copied for each of the attacks. */
async function makeModel(context: Scope): Promise<Workspace> {
  const space = await openCluster(context)
  await addHost(space, 'cloud01', '203.0.113.7:51820')
  await space.must('compile', '-o', 'config.json')
  await space.must('sign', 'config.json', '-o', 'signed.json')
  return space
}

async function copyOf(model: Workspace, context: TestContext): Promise<Workspace> {
  const space = await openWorkspace(context)
  await cp(model.dir, space.dir, { recursive: true })
  await cp(model.keyDir, space.keyDir, { recursive: true })
  return space
}

async function attack(
  context: TestContext,
  model: Workspace,
  lie: Lie,
  words: readonly string[],
  calls: readonly string[][],
): Promise<number> {
  const space = await copyOf(model, context)
  const signed = JSON.parse(await space.read('signed.json'))
  const { asked } = await hostileAgent(context, space, lie, answers(signed))
  for (const call of calls) {
    const what = call.join(' ')
    const onTerminal = await runOnce(space, call, true)
    if (words[0] !== 'logs') expectClean(onTerminal.out, what)
    else expectClean(onTerminal.out.replaceAll('\u001b[7m', '').replaceAll('\t', ''), what)
    expectClean(onTerminal.err, what)
    const raw = words[0] === 'logs' || rawBytes.includes(words.join(' '))
    const plain = await runOnce(space, [...call, '--debug'], false)
    if (!raw) expectClean(plain.out, `${what} in a pipe`)
    expectClean(plain.err, `${what} in a pipe`)
    const json = await runOnce(space, ['--json', ...call, '--debug'], false)
    expectClean(json.out, `${what} --json`)
    expectClean(json.err, `${what} --json`)
    expectJson(json.out, what)
  }
  return asked.length
}

/** One document, or one on each line where a command goes on. */
function expectJson(text: string, what: string): void {
  if (text === '') return
  try {
    JSON.parse(text)
  } catch {
    for (const line of text.trimEnd().split('\n')) {
      assert.doesNotThrow(() => JSON.parse(line), `${what} --json: ${line}`)
    }
  }
}

/** Commands that have always talked to an agent; that they did shows that the test reaches them. */
const talkers = [
  ...['apply', 'status', 'ps', 'logs', 'exec', 'events', 'doctor', 'inject', 'config show'],
  ...['firewall show', 'firewall trace', 'start', 'stop', 'restart', 'stats'],
  ...['image list', 'image pull', 'image prune', 'image load', 'image save'],
]

describe('what a compromised agent says', () => {
  let model: Workspace
  const endings: (() => Promise<unknown>)[] = []
  before(async () => {
    model = await makeModel({ after: (step) => void endings.push(step) })
  })
  after(() => Promise.all(endings.map((step) => step())))

  for (const { words, definition } of leaves([...dailyCommands, ...plumbingCommands])) {
    it(`reaches no terminal by covey ${words.join(' ')}`, async (context) => {
      let talks = false
      for (const lie of lies) {
        talks = (await attack(context, model, lie, words, callsOf(words, definition))) > 0
        // Who asks nothing of an agent that lies in one way asks nothing of any.
        if (!talks) break
      }
      if (talkers.includes(words.join(' '))) assert.ok(talks, 'it asked nothing')
    })
  }
})
