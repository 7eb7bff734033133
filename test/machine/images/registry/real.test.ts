import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { parseImageConfig } from '../../../../machine/images/formats/image-config.ts'
import { parseManifest } from '../../../../machine/images/formats/manifest.ts'
import { linuxPlatform, rankEntries } from '../../../../machine/images/formats/platform.ts'
import type { RegistrySettings } from '../../../../machine/images/registry/trust/settings.ts'
import type { ImageReference } from '../../../../reconcilers/images/reference.ts'
import { parseReference } from '../../../../reconcilers/images/reference.ts'
import { buildBusybox } from '../../../registry/busybox.ts'
import { pushLayout } from '../../../registry/image.ts'
import { type Registry, type RegistryOptions, startRegistry } from '../../../registry/registry.ts'
import { type Client, failureOf, makeClient } from './client.ts'

const never = new AbortController().signal
const folder = mkdtempSync(join(tmpdir(), 'covey-real-registry-'))
const layout = join(folder, 'layout')
const passwordFile = join(folder, 'password')

const kinds: readonly (readonly [string, RegistryOptions])[] = [
  ['plain', {}],
  ['TLS of its own CA', { tls: true }],
  ['TLS and basic auth', { tls: true, auth: 'basic' }],
  ['TLS and tokens', { tls: true, auth: 'token' }],
  ['tokens for anybody', { auth: 'token', anonymousPull: true }],
]

function settingsFor(
  { caFile, credentials, realmHosts }: Registry,
  { anonymousPull }: RegistryOptions,
): RegistrySettings {
  return {
    ...(caFile === null ? { insecure: true } : { ca_file: caFile }),
    ...(credentials === null || anonymousPull === true
      ? {}
      : { username: credentials.username, password_file: passwordFile, realm_hosts: realmHosts }),
  }
}

/** Everything of an image: its manifest, its config, and all layers with their sizes. */
async function pullImage(client: Client, reference: ImageReference): Promise<number> {
  let target: { digest: string; sizeBytes?: number } = { digest: reference.digest }
  for (;;) {
    const { bytes, mediaType } = await client.manifest(reference, target, never)
    const document = parseManifest(bytes, mediaType)
    assert.ok(document.ok, JSON.stringify(document))
    if (document.value.kind === 'index') {
      const entries = rankEntries(document.value, linuxPlatform(process.arch, null))
      assert.ok(entries.ok && entries.value[0] !== undefined)
      target = entries.value[0]
      continue
    }
    const { config, layers } = document.value
    const parts: Buffer[] = []
    for (const descriptor of [config, ...layers]) {
      const chunks: Uint8Array[] = []
      for await (const chunk of client.blob(reference, descriptor, never)) chunks.push(chunk)
      parts.push(Buffer.concat(chunks))
    }
    const parsed = parseImageConfig(parts[0] ?? Buffer.alloc(0), layers.length)
    assert.ok(parsed.ok, JSON.stringify(parsed))
    return layers.length
  }
}

describe('a real registry', () => {
  before(async () => {
    await buildBusybox(layout)
  })
  after(() => rmSync(folder, { recursive: true }))

  for (const [name, options] of kinds) {
    it(`gives an image: ${name}`, async () => {
      const registry = await startRegistry(options)
      const password = registry.credentials?.password ?? ''
      writeFileSync(passwordFile, `${password}\n`)
      const client = makeClient({ [registry.host]: settingsFor(registry, options) })
      try {
        const parsed = parseReference(await pushLayout(registry, layout, 'apps/busybox'))
        assert.ok(parsed.ok)
        assert.ok((await pullImage(client, parsed.value)) > 0)
        const absent = { digest: `sha256:${'0'.repeat(64)}` }
        const missing = await failureOf(client.manifest(parsed.value, absent, never))
        assert.equal(missing.code, 'image-missing')
        if (registry.credentials !== null && options.anonymousPull !== true) {
          writeFileSync(passwordFile, 'wrong')
          const other = makeClient({ [registry.host]: settingsFor(registry, options) })
          const { digest } = parsed.value
          const error = await failureOf(other.manifest(parsed.value, { digest }, never))
          assert.equal(error.code, 'registry-unauthorized')
          assert.match(error.hint ?? '', new RegExp(passwordFile))
          await other.close()
        }
        await registry.stop()
        const down = await failureOf(client.manifest(parsed.value, absent, never))
        assert.equal(down.code, 'registry-refused')
      } finally {
        await client.close()
        await registry.close()
      }
    })
  }

  it('whose layer was damaged on its disk is caught', async () => {
    const registry = await startRegistry()
    const client = makeClient({ [registry.host]: settingsFor(registry, {}) })
    try {
      const parsed = parseReference(await pushLayout(registry, layout, 'apps/busybox'))
      assert.ok(parsed.ok)
      const { bytes, mediaType } = await client.manifest(parsed.value, parsed.value, never)
      const manifest = parseManifest(bytes, mediaType)
      assert.ok(manifest.ok && manifest.value.kind === 'manifest')
      const hex = manifest.value.layers[0]?.digest.slice('sha256:'.length) ?? ''
      const blobs = join(registry.storage, 'docker/registry/v2/blobs/sha256')
      const file = join(blobs, hex.slice(0, 2), hex, 'data')
      const damaged = readFileSync(file)
      damaged.writeUInt8(damaged.readUInt8(100) ^ 1, 100)
      writeFileSync(file, damaged)
      const error = await failureOf(pullImage(client, parsed.value))
      assert.equal(error.code, 'digest-mismatch')
    } finally {
      await client.close()
      await registry.close()
    }
  })
})
