import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import type { Identity } from '../../../agent/identity/identity.ts'
import { openSecret } from '../../../machine/secrets/open.ts'
import { createHostSecrets } from '../../../machine/secrets/secrets.ts'
import { CoveyError } from '../../../protocol/fault.ts'
import type { SecretFile } from '../../../reconcilers/host-secrets.ts'
import { containerId } from '../../../reconcilers/runc/object/resolve-revision.ts'
import { oneOffName } from '../../../reconcilers/runc/one-off/one-off-name.ts'
import { sealText } from './seal.ts'

function newKey(): Identity['sealing'] {
  const { x, d } = generateKeyPairSync('x25519').privateKey.export({ format: 'jwk' })
  return { kty: 'OKP', crv: 'X25519', x: String(x), d: String(d) }
}

const clusterId = `sha256:${'0'.repeat(64)}`
const claims = { aud: clusterId, host: 'a', name: 'password' }
const key = newKey()

function codeOf(error: unknown): string {
  assert.ok(error instanceof CoveyError, String(error))
  assert.ok(error.message.includes('secret password'), error.message)
  assert.ok(!error.message.includes('hunter2'))
  assert.ok(error.hint)
  return error.code
}

describe('opening a secret', () => {
  it('gives what was sealed, to the byte', async () => {
    for (const text of ['hunter2', '', 'é\n\n\0', 'x'.repeat(60_000)]) {
      const opened = await openSecret(await sealText(text, key, claims), claims, key)
      assert.equal(Buffer.from(opened).toString(), text)
    }
  })

  const wrong: readonly (readonly [string, object, string])[] = [
    ['another cluster', { aud: `sha256:${'1'.repeat(64)}` }, 'secret-claims'],
    ['another host', { host: 'b' }, 'secret-claims'],
    ['another name', { name: 'other' }, 'secret-claims'],
    ['no host', { host: undefined }, 'secret-claims'],
    ['another kind', { typ: 'JWT' }, 'secret-claims'],
    ['another cipher', { enc: 'A128GCM' }, 'secret-algorithm'],
    ['another agreement', { alg: 'ECDH-ES+A256KW' }, 'secret-form'],
    ['more in its header', { kid: 'x' }, 'secret-algorithm'],
  ]
  for (const [says, change, code] of wrong) {
    it(`refuses one with ${says}`, async () => {
      const jwe = await sealText('hunter2', key, claims, change)
      await assert.rejects(openSecret(jwe, claims, key), (error) => codeOf(error) === code)
    })
  }

  it('refuses one to another key, or of another curve', async () => {
    const jwe = await sealText('hunter2', newKey(), claims)
    await assert.rejects(openSecret(jwe, claims, key), (error) => codeOf(error) === 'secret-key')
    const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey
    const other = await sealText('hunter2', p256.export({ format: 'jwk' }), claims)
    const isCurve = (error: unknown): boolean => codeOf(error) === 'secret-algorithm'
    await assert.rejects(openSecret(other, claims, key), isCurve)
  })

  it('refuses one that was changed anywhere', async () => {
    const parts = (await sealText('hunter2', key, claims)).split('.')
    for (const index of [0, 2, 3, 4]) {
      const changed = parts.map((part, at) => (at === index ? flipped(part) : part)).join('.')
      await assert.rejects(openSecret(changed, claims, key), (error) => {
        assert.match(codeOf(error), /^secret-(key|form|claims|algorithm)$/)
        return true
      })
    }
  })

  it('refuses a point that leads every key to the same secret', async () => {
    const [header = '', ...rest] = (await sealText('hunter2', key, claims)).split('.')
    const object = JSON.parse(Buffer.from(header, 'base64url').toString())
    object.epk.x = Buffer.alloc(32).toString('base64url')
    const changed = Buffer.from(JSON.stringify(object)).toString('base64url')
    const jwe = [changed, ...rest].join('.')
    await assert.rejects(openSecret(jwe, claims, key), (error) => codeOf(error) === 'secret-key')
  })
})

function flipped(part: string): string {
  const bytes = Buffer.from(part, 'base64url')
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1
  return bytes.toString('base64url')
}

describe('placing secrets', () => {
  const runDir = mkdtempSync(join(tmpdir(), 'covey-secrets-'))
  execFileSync('/usr/bin/mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', runDir])
  after(() => {
    execFileSync('/usr/bin/umount', [runDir])
    rmSync(runDir, { recursive: true })
  })
  const secrets = createHostSecrets({ runDir, clusterId, identity: { host: 'a', sealing: key } })
  const id = 'covey-web-0123456789ab'
  const folder = join(runDir, 'secrets', id)

  async function file(text: string, more: Partial<SecretFile> = {}): Promise<SecretFile> {
    const jwe = await sealText(text, key, claims)
    const owner = { mode: 0o400, uid: 33, gid: 34 }
    return { name: 'secret-0', secret: 'password', jwe, ...owner, ...more }
  }

  it('writes files of the user, and takes away what is not wanted any more', async () => {
    await secrets.place(id, [await file('one'), await file('two', { name: 'secret-1' })])
    await secrets.place(id, [await file('new', { mode: 0o440 })])
    assert.deepEqual(readdirSync(folder), ['secret-0'])
    const { mode, uid, gid } = statSync(join(folder, 'secret-0'))
    assert.deepEqual([mode & 0o7777, uid, gid], [0o440, 33, 34])
    assert.equal(readFileSync(join(folder, 'secret-0'), 'utf8'), 'new')
    assert.equal(statSync(folder).mode & 0o777, 0o700)
  })

  it('writes lines for variables, and tells what keeps it from that', async () => {
    await secrets.place(id, [await file('{"A": "it\'s"}', { isVariables: true })])
    assert.equal(readFileSync(join(folder, 'secret-0'), 'utf8'), "export A='it'\\''s'\n")
    const placed = secrets.place(id, [await file('["hunter2"]', { isVariables: true })])
    await assert.rejects(placed, (error) => codeOf(error) === 'secret-content')
  })

  it('changes nothing if one of them cannot be opened', async () => {
    await secrets.place(id, [await file('kept')])
    const foreign = await sealText('x', newKey(), claims)
    const both = [await file('changed'), await file('', { name: 'secret-1', jwe: foreign })]
    await assert.rejects(secrets.place(id, both), (error) => codeOf(error) === 'secret-key')
    assert.equal(readFileSync(join(folder, 'secret-0'), 'utf8'), 'kept')
  })

  it('removes them, as often as it is asked to', async () => {
    await secrets.place(id, [await file('x')])
    await secrets.remove(id)
    await secrets.remove(id)
    assert.deepEqual(readdirSync(join(runDir, 'secrets')), [])
  })

  it('serves containers that are made for one command', async () => {
    const oneOff = containerId(oneOffName('shop-web', 1), `sha256:${'0'.repeat(64)}`)
    await secrets.place(oneOff, [await file('x')])
    await secrets.remove(oneOff)
  })

  it('takes no name that leads elsewhere', async () => {
    await assert.rejects(secrets.remove('..'), { code: 'unsafe-path' })
    const outside = [await file('x', { name: '../x' })]
    await assert.rejects(secrets.place(id, outside), { code: 'unsafe-path' })
  })

  it('writes nothing to a disk', async () => {
    const disk = mkdtempSync('/var/tmp/covey-secrets-')
    try {
      const onDisk = { runDir: disk, clusterId, identity: { host: 'a', sealing: key } }
      const placed = createHostSecrets(onDisk).place(id, [await file('x')])
      await assert.rejects(placed, { code: 'secret-folder' })
    } finally {
      rmSync(disk, { recursive: true })
    }
  })
})
