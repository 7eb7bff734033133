import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { createRegistryLogins } from '../../../machine/secrets/registry-logins.ts'
import { sealText } from './seal.ts'

const clusterId = `sha256:${'0'.repeat(64)}`

test('users of registries are opened in memory, all of them or none', async () => {
  const { x = '', d = '' } = generateKeyPairSync('x25519').privateKey.export({ format: 'jwk' })
  const sealing = { kty: 'OKP', crv: 'X25519', x, d } as const
  const logins = createRegistryLogins(clusterId, { host: 'a', sealing })
  const claims = { aud: clusterId, host: 'a', name: 'password' }
  const login = {
    object: 'ghcr',
    server: 'ghcr.io',
    username: 'me',
    secret: 'password',
    jwe: await sealText('hunter2\n', sealing, claims),
  }
  assert.equal(await logins.of('ghcr.io'), null)
  await logins.use([login])
  assert.deepEqual(await logins.of('ghcr.io'), { username: 'me', password: 'hunter2' })
  assert.equal(await logins.of('quay.io'), null)
  const foreign = { ...login, jwe: await sealText('x', sealing, { ...claims, host: 'b' }) }
  await assert.rejects(logins.use([foreign]), /sealed for host b/)
  assert.deepEqual(logins.used(), [login])
  assert.deepEqual(await logins.of('ghcr.io'), { username: 'me', password: 'hunter2' })
})
