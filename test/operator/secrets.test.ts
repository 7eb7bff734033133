import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { openSecret } from '../../machine/secrets/open.ts'
import { openFolder } from '../../operator/folder/folder.ts'
import { emptyLock, withFacts } from '../../operator/layout/lock.ts'
import { createSecretsOpener } from '../../operator/secrets/open-secrets.ts'
import { sealNeeds } from '../../operator/secrets/seal-needs.ts'
import type { Io } from '../../operator/terminal/io.ts'
import { openSession, type Session } from '../../operator/terminal/session.ts'
import { machineCalls } from '../../platform/files/calls.ts'
import { openCluster, type Workspace } from './workspace.ts'

const never = new AbortController().signal

/** A session in a workspace, for functions that no command calls by themselves. */
function sessionIn(space: Workspace, env: Readonly<Record<string, string>> = {}): Session {
  const io = {
    env: { COVEY_KEY_DIR: space.keyDir, PATH: process.env['PATH'], ...env },
    cwd: space.dir,
    files: machineCalls,
    canAsk: false,
    err: () => {},
    interrupted: () => never,
    now: Date.now,
  }
  return openSession({}, io as unknown as Io)
}

async function textOf(folder: string): Promise<string> {
  const names = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = names.filter((each) => each.isFile())
  const texts = files.map((each) => readFile(join(each.parentPath, each.name), 'utf8'))
  return (await Promise.all(texts)).join('\n')
}

test('a secret is kept for the operators, listed, and removed', async (context) => {
  const space = await openCluster(context)
  const set = await space.covey(['secret', 'set', 'db'], { stdin: 'correct horse\n' })
  assert.equal(set.exit, 0, set.err)
  assert.match(set.out, /^db: set/)
  assert.doesNotMatch(await textOf(space.dir), /correct horse/)
  assert.deepEqual(JSON.parse(await space.must('secret', 'list', '--json')), {
    secrets: [{ name: 'db', unreadable_for: [] }],
    operators_without_card: [],
  })
  await space.must('secret', 'remove', 'db')
  const again = await space.covey(['secret', 'remove', 'db'])
  assert.equal(again.exit, 2)
  assert.match(again.err, /there is no secret db\nhint: covey secret list/)
})

test('bad secrets are refused in one line', async (context) => {
  const space = await openCluster(context)
  for (const [argv, stdin, says] of [
    [['set', 'a b'], 'x', /"a b" cannot name a secret/],
    [['set', '.digest-key'], 'x', /cannot name a secret/],
    [['set', '../x'], 'x', /cannot name a secret/],
    [['set', 'db'], '', /there is no content for db\nhint: printf/],
    [['set', 'db'], 'x'.repeat(88 * 1024 + 1), /secret db has \d+ bytes, and 90112 is the most/],
    [['set', 'db', '--file', 'absent'], '', /cannot read absent: there is no such file/],
  ] as const) {
    const { exit, err } = await space.covey(['secret', ...argv], { stdin })
    assert.equal(exit, 2, err)
    assert.match(err, says)
  }
  await space.write('key.pem', 'one\ntwo\n')
  await space.must('secret', 'set', 'tls', '--file', 'key.pem')
})

interface Host {
  readonly need: { host: string; object: string; sealingKey: string }
  open(jwe: string, aud: string): Promise<string>
}

function hostOf(host: string, object: string): Host {
  const { x = '', d = '' } = generateKeyPairSync('x25519').privateKey.export({ format: 'jwk' })
  return {
    need: { host, object, sealingKey: x },
    open: async (jwe, aud) => {
      const key = { kty: 'OKP', crv: 'X25519', x, d } as const
      return Buffer.from(await openSecret(jwe, { aud, host, name: object }, key)).toString()
    },
  }
}

const text = (content: string) => ({ kind: 'text', text: content }) as const
const named = (name: string) => ({ kind: 'named', name }) as const

test('what a host needs is sealed to it, again only when something changed', async (context) => {
  const space = await openCluster(context)
  await space.covey(['secret', 'set', 'kept'], { stdin: 'from the vault\n' })
  await space.write('file.txt', 'from a file')
  const session = sessionIn(space, { FROM: 'from a variable' })
  const folder = await openFolder(session)
  const [a, b] = [hostOf('a', 'web_s'), hostOf('b', 'web_s')]
  const sources = new Map([
    ['command', { command: 'printf "from a command"; echo run >> runs' }],
    ['file', { file: 'file.txt' }],
    ['variable', { environment: 'FROM' }],
  ])
  const wishes = (first: string) => [
    { ...a.need, content: text(first) },
    { ...b.need, content: text(first) },
    ...['kept', 'command', 'file', 'variable'].map((name) => ({
      ...hostOf('a', `${name}_s`).need,
      content: named(name),
    })),
    { ...a.need, object: 'other_s', content: named('command') },
  ]
  const open = () => createSecretsOpener(session, sources)()
  const all = wishes('{"A":"1"}')
  const facts = await sealNeeds(await open(), all, emptyLock)
  assert.equal(Object.keys(facts).length, all.length)
  assert.equal(await readFile(space.path('runs'), 'utf8'), 'run\n', 'a command runs once')
  const jweOf = (key: string): string => facts[key]?.split(' ')[1] ?? ''
  const aud = folder.chain.clusterId
  assert.equal(await a.open(jweOf('sealed.a.web_s'), aud), '{"A":"1"}')
  assert.equal(await b.open(jweOf('sealed.b.web_s'), aud), '{"A":"1"}')
  await assert.rejects(b.open(jweOf('sealed.a.web_s'), aud))
  const lock = withFacts(emptyLock, facts)
  assert.deepEqual(await sealNeeds(await open(), all, lock), {}, 'nothing changed')
  const changed = [{ ...a.need, content: text('{"A":"2"}') }, ...all.slice(1)]
  const second = await sealNeeds(await open(), changed, lock)
  assert.deepEqual(Object.keys(second), ['sealed.a.web_s'])
  const moved = [{ ...hostOf('a', 'web_s').need, content: text('{"A":"1"}') }]
  const third = await sealNeeds(await open(), moved, lock)
  assert.deepEqual(Object.keys(third), ['sealed.a.web_s'], 'another key of the host')
  assert.doesNotMatch(JSON.stringify(facts), /from a|"A"/)
})

test('a secret without content says what to do', async (context) => {
  const space = await openCluster(context)
  const session = sessionIn(space)
  for (const [source, code, says] of [
    [{}, 'secret-missing', /secret s has no content: it was never set/],
    [{ command: 'exit 3' }, 'secret-command', /the command of secret s ended with exit code 3/],
    [{ command: 'true' }, 'secret-command', /printed nothing/],
    [{ command: 'read x && echo $x' }, 'secret-command', /exit code 1/],
    [{ command: 'yes' }, 'secret-command', /printed more than 90112 bytes/],
    [{ file: 'absent' }, 'secret-missing', /cannot read absent/],
    [{ environment: 'ABSENT' }, 'secret-missing', /the variable ABSENT is not set/],
  ] as const) {
    const wish = { ...hostOf('a', 's').need, content: named('s') }
    const sources = new Map([['s', source]])
    const secrets = await createSecretsOpener(session, sources)()
    await assert.rejects(sealNeeds(secrets, [wish], emptyLock), (error) => {
      assert.match(String(error), says)
      assert.equal(Object(error).code, code)
      return true
    })
  }
})

test('a card that is not its operator’s is refused', async (context) => {
  const space = await openCluster(context)
  await space.must('secret', 'list')
  const other = await openCluster(context)
  await other.must('secret', 'list')
  const [own = ''] = await readdir(space.path('operators'))
  const [foreign = ''] = await readdir(other.path('operators'))
  await writeFile(
    space.path(`operators/${own}`),
    await readFile(other.path(`operators/${foreign}`)),
  )
  const { exit, err } = await space.covey(['secret', 'set', 'db'], { stdin: 'x' })
  assert.equal(exit, 4)
  assert.match(err, /is not signed by its operator's key/)
  assert.equal((await readdir(space.dir)).includes('secrets'), false)
})
