import assert from 'node:assert/strict'
import { createHash, createPublicKey, verify } from 'node:crypto'
import { mkdir, readdir, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { newKey } from '../../operator/folder/keys.ts'
import { machineCalls } from '../../platform/files/calls.ts'
import { parseRoot } from '../../protocol/documents/root.ts'
import { openCluster, openWorkspace, payloadOf } from './workspace.ts'

/** Verifies every signature of a root with node:crypto, by the keys that it holds. */
function verifyRoot(text: string): readonly string[] {
  const { payload, signatures } = JSON.parse(text)
  const root = payloadOf(text) as { root: { keys: Record<string, { jwk: object }> } }
  return signatures.map((entry: { protected: string; signature: string }) => {
    const { kid } = JSON.parse(Buffer.from(entry.protected, 'base64url').toString())
    const jwk = root.root.keys[kid]?.jwk ?? assert.fail(`no key ${kid}`)
    const key = createPublicKey({ key: jwk, format: 'jwk' })
    const input = Buffer.from(`${entry.protected}.${payload}`)
    assert.ok(verify(null, input, key, Buffer.from(entry.signature, 'base64url')))
    return kid
  })
}

describe('covey init', () => {
  it('makes keys, the first root and a starter layout', async (context) => {
    const space = await openWorkspace(context)
    const facts = JSON.parse(await space.must('init', '.', '--name', 'home', '--json'))
    const text = await space.read('roots/1.json')
    const payload = Buffer.from(JSON.parse(text).payload, 'base64url')
    const digest = `sha256:${createHash('sha256').update(payload).digest('hex')}`
    assert.equal(facts.cluster_id, digest)
    assert.deepEqual(verifyRoot(text), [facts.operator_key.kid, facts.recovery_key.kid])
    const root = parseRoot(payload.toString())
    assert.ok(root.ok)
    assert.deepEqual(Object.keys(root.value.config.keys), [facts.operator_key.kid])
    assert.deepEqual(
      Object.values(root.value.root.keys).map((key) => key.name),
      ['operator', 'recovery'],
    )
    assert.equal(root.value.root.threshold, 1)
    assert.deepEqual(await readdir(space.path('history')), [])
  })

  it('keeps private keys to their owner', async (context) => {
    const space = await openCluster(context)
    assert.equal((await stat(space.keyDir)).mode & 0o777, 0o700)
    for (const name of ['home.operator.jwk.json', 'home.recovery.jwk.json']) {
      const info = await stat(join(space.keyDir, name))
      assert.equal(info.mode & 0o777, 0o600, name)
    }
  })

  it('leaves nothing behind where keys cannot be written', async (context) => {
    const space = await openWorkspace(context)
    await writeFile(space.path('file'), '')
    const line = ['--key-dir', 'file/keys', 'init', 'new', '--name', 'home']
    assert.equal((await space.covey(line)).exit, 1)
    assert.deepEqual(await readdir(space.path('new')), [])
  })

  it('does not try for ever where no folder can be made', { timeout: 20_000 }, async (context) => {
    const space = await openWorkspace(context)
    const { exit, err } = await space.covey(['init', '/proc/covey/home', '--name', 'home'])
    assert.equal(exit, 1)
    assert.match(err, /^covey: init: cannot write \/proc\/covey\/home: there is no such file/)
  })

  it('begins no second cluster where it cannot tell of a first', async (context) => {
    const space = await openCluster(context)
    await mkdir(space.path('below/roots'), { recursive: true })
    // A loop is what root cannot look through either.
    await symlink('1.json', space.path('below/roots/1.json'))
    for (const line of [['init', '.', '--name', 'other'], ['history'], ['key', 'list']]) {
      const { exit, err } = await space.covey(line, { cwd: space.path('below') })
      assert.equal(exit, 2, line.join(' '))
      assert.match(err, /cannot read .*below\/roots\/1\.json: too many symbolic links\nhint: run/)
    }
  })

  it('starts with a layout that has no services and ends in a newline', async (context) => {
    const space = await openCluster(context)
    const text = await space.read('cluster.yaml')
    assert.match(text, /^cluster: home$/m)
    assert.doesNotMatch(text, /services/)
    assert.ok(text.endsWith('\n'))
    assert.match(await space.must('validate', 'cluster.yaml'), /a layout without faults/)
  })

  it('takes a folder that is not empty, and leaves what is there', async (context) => {
    const space = await openWorkspace(context)
    await space.write('notes.txt', 'mine')
    await space.write('cluster.yaml', 'cluster: home # mine\nhosts: {}\n')
    await space.must('init')
    assert.equal(await space.read('notes.txt'), 'mine')
    assert.equal(await space.read('cluster.yaml'), 'cluster: home # mine\nhosts: {}\n')
  })

  it('makes the folder, and never overwrites a key', async (context) => {
    const space = await openCluster(context)
    const before = await readdir(space.keyDir)
    await space.must('init', 'other/place', '--name', 'home')
    const after = await readdir(space.keyDir)
    assert.equal(after.length, before.length + 2)
    for (const name of before) assert.ok(after.includes(name))
  })

  const refusals = [
    { name: 'a second time', argv: ['init', '.', '--name', 'home'], exit: 4, says: /already/ },
    { name: 'no name', argv: ['init', 'new'], exit: 2, says: /--name/ },
    { name: 'a bad name', argv: ['init', 'new', '--name', 'Home!'], exit: 2, says: /"Home!"/ },
    {
      name: 'under a file',
      argv: ['init', 'file/x', '--name', 'a'],
      exit: 1,
      says: /not a folder/,
    },
    { name: 'another name', argv: ['init', 'named', '--name', 'b'], exit: 2, says: /of "a"/ },
  ]
  for (const { name, argv, exit, says } of refusals) {
    it(`refuses ${name}`, async (context) => {
      const space = await openCluster(context)
      await space.write('file', 'x')
      await mkdir(space.path('named'))
      await writeFile(space.path('named/cluster.yaml'), 'cluster: a\nhosts: {}\n')
      const outcome = await space.covey(argv)
      assert.equal(outcome.exit, exit, outcome.err)
      assert.match(outcome.err, says)
      assert.match(outcome.err, /^covey: init: .*\nhint: .*\n$/)
      assert.equal(outcome.out, '')
    })
  }
})

describe('covey key', () => {
  it('has no name that reads as a switch', async (context) => {
    const space = await openWorkspace(context)
    for (let count = 0; count < 400; count++) {
      const { kid } = await newKey(machineCalls, space.keyDir, `key${count}`)
      assert.ok(!kid.startsWith('-'), kid)
    }
  })

  it('shows only public parts', async (context) => {
    const space = await openCluster(context)
    const file = JSON.parse(await space.read('../keys/home.operator.jwk.json'))
    const shown = [
      await space.must('key', 'list'),
      await space.must('key', 'show', 'home.operator'),
      await space.must('key', 'show', file.kid.slice(0, 12), '--json'),
      await space.must('key', 'list', '--json'),
    ]
    for (const text of shown) {
      assert.ok(text.includes(file.kid))
      assert.ok(!text.includes(file.d))
    }
  })

  it('says what each key may sign', async (context) => {
    const space = await openCluster(context)
    await space.must('key', 'new', 'alice')
    const { keys } = JSON.parse(await space.must('key', 'list', '--json'))
    assert.deepEqual(
      keys.map((key: { name: string; roles: string[] }) => [key.name, key.roles]),
      [
        ['alice', []],
        ['home.operator', ['configs', 'root documents']],
        ['home.recovery', ['root documents']],
      ],
    )
  })

  it('checks a recovery key, and warns of one that is not offline', async (context) => {
    const space = await openCluster(context)
    const kept = await space.covey(['key', 'check-recovery'])
    assert.equal(kept.exit, 0)
    assert.match(kept.err, /still in .*: move it offline/)
    await space.write('usb.jwk.json', await space.read('../keys/home.recovery.jwk.json'))
    const moved = await space.covey(['key', 'check-recovery', 'usb.jwk.json'])
    assert.deepEqual([moved.exit, moved.err], [0, ''])
  })

  it('finds a recovery key that is damaged or of another cluster', async (context) => {
    const space = await openCluster(context)
    const key = JSON.parse(await space.read('../keys/home.recovery.jwk.json'))
    const other = JSON.parse(await space.read('../keys/home.operator.jwk.json'))
    await space.must('key', 'new', 'stranger')
    await space.write('mixed.jwk.json', { ...key, d: other.d })
    await space.write('kid.jwk.json', { ...key, kid: other.kid })
    await space.write('broken.jwk.json', `{"d": "${key.d}`)
    const table = [
      { file: 'mixed.jwk.json', exit: 2, says: /do not belong together|does not verify/ },
      { file: 'kid.jwk.json', exit: 2, says: /thumbprint/ },
      { file: 'broken.jwk.json', exit: 2, says: /not valid JSON/ },
      { file: 'none.jwk.json', exit: 2, says: /no such file/ },
      { file: '../keys/stranger.jwk.json', exit: 4, says: /may not sign root documents/ },
    ]
    for (const { file, exit, says } of table) {
      const outcome = await space.covey(['key', 'check-recovery', file])
      assert.equal(outcome.exit, exit, `${file}: ${outcome.err}`)
      assert.match(outcome.err, says, file)
      assert.ok(!outcome.err.includes(key.d), 'a private key is never printed')
    }
  })
})
