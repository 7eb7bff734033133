import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseManifest } from '../../../../machine/images/formats/manifest.ts'

const digest = (digit: string): string => `sha256:${digit.repeat(64)}`
const oci = 'application/vnd.oci.image'
const indexType = `${oci}.index.v1+json`
const manifestType = `${oci}.manifest.v1+json`
const config = { mediaType: `${oci}.config.v1+json`, digest: digest('c'), size: 100 }
const layer = { mediaType: `${oci}.layer.v1.tar+gzip`, digest: digest('1'), size: 1000 }
const image = { schemaVersion: 2, mediaType: manifestType, config, layers: [layer] }
const entry = {
  mediaType: manifestType,
  digest: digest('a'),
  size: 500,
  platform: { os: 'linux', architecture: 'amd64' },
}
const index = { schemaVersion: 2, mediaType: indexType, manifests: [entry] }

function parse(
  document: unknown,
  contentType: string | null = null,
  calledIn: string | null = null,
) {
  return parseManifest(Buffer.from(JSON.stringify(document)), contentType, calledIn)
}

/** Types that servers and builders write where they know nothing better. */
const generic = [
  'application/octet-stream',
  'binary/octet-stream',
  'application/json',
  'application/json; charset=utf-8',
  'text/plain',
  'Text/Plain; charset=UTF-8',
  'text/html',
  '',
]

describe('a manifest', () => {
  it('of a generic type is what its shape says', () => {
    for (const type of generic) {
      const asServed = parse(image, type)
      assert.ok(asServed.ok && asServed.value.kind === 'manifest', type)
      const asIndex = parse(index, type)
      assert.ok(asIndex.ok && asIndex.value.kind === 'index', type)
      assert.ok(parse({ ...image, mediaType: type }, manifestType).ok, `itself ${type}`)
      assert.ok(parse(image, null, type).ok, `named as ${type}`)
      const parts = {
        config: { ...config, mediaType: type },
        layers: [{ ...layer, mediaType: type }],
      }
      assert.ok(parse({ ...image, ...parts }).ok, `parts of ${type}`)
    }
    const unspecific = { ...image, mediaType: undefined }
    assert.ok(parse(unspecific, 'application/vnd.example.anything').ok)
  })

  it('of a generic type is still never two things', () => {
    const untyped = { ...index, mediaType: undefined, layers: [layer], config }
    for (const type of [...generic, null]) {
      const parsed = parse(untyped, type)
      assert.ok(!parsed.ok)
      assert.equal(parsed.fault.code, 'manifest-ambiguous')
    }
    for (const [document, called] of [
      [image, indexType],
      [index, manifestType],
    ] as const) {
      const parsed = parse({ ...document, mediaType: undefined }, 'text/plain', called)
      assert.ok(!parsed.ok, called)
      assert.equal(parsed.fault.code, 'manifest-ambiguous')
    }
  })

  it('is of a type whatever its parameters and letters', () => {
    const parsed = parse(
      { ...image, mediaType: `${manifestType.toUpperCase()}; charset=utf-8` },
      `${manifestType};charset=utf-8`,
    )
    assert.ok(parsed.ok, JSON.stringify(parsed))
  })
})

describe('an index', () => {
  it('passes over entries that cannot be judged', () => {
    const untyped = { ...entry, mediaType: 'application/octet-stream' }
    const odd: readonly unknown[] = [
      { ...entry, size: 2 ** 30 },
      { ...entry, size: -1 },
      { ...entry, platform: { os: 1, architecture: 'amd64' } },
      { ...entry, platform: 'linux/amd64' },
      { ...entry, digest: 'x' },
      { ...entry, digest: `sha512:${'a'.repeat(128)}` },
      { ...entry, mediaType: 7 },
      { ...untyped, platform: undefined },
      'text',
      null,
    ]
    const parsed = parse({ ...index, manifests: [...odd, untyped, entry] })
    assert.ok(parsed.ok && parsed.value.kind === 'index')
    assert.equal(parsed.value.passedOver, odd.length)
    assert.deepEqual(
      parsed.value.entries.map(({ kind, digest: found }) => [kind, found]),
      [
        ['manifest', entry.digest],
        ['manifest', entry.digest],
      ],
    )
  })
})
