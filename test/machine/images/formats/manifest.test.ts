import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { parseManifest } from '../../../../machine/images/formats/manifest.ts'
import { documentKind, mediaTypeOf } from '../../../../machine/images/formats/media-types.ts'

const digest = (digit: string): string => `sha256:${digit.repeat(64)}`
const oci = 'application/vnd.oci.image'
const docker = 'application/vnd.docker'
const indexType = `${oci}.index.v1+json`
const manifestType = `${oci}.manifest.v1+json`
const dockerManifestType = `${docker}.distribution.manifest.v2+json`
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

function parse(document: unknown, contentType: string | null = null) {
  const text = typeof document === 'string' ? document : JSON.stringify(document)
  return parseManifest(Buffer.from(text), contentType)
}

describe('a manifest', () => {
  it('of OCI', () => {
    const parsed = parse(image, manifestType)
    assert.ok(parsed.ok)
    assert.deepEqual(parsed.value, {
      kind: 'manifest',
      config: { mediaType: config.mediaType, digest: config.digest, sizeBytes: 100 },
      layers: [{ mediaType: layer.mediaType, digest: layer.digest, sizeBytes: 1000 }],
    })
  })

  it('of Docker, and one without a media type of its own', () => {
    const dockerImage = {
      schemaVersion: 2,
      mediaType: dockerManifestType,
      config: { ...config, mediaType: `${docker}.container.image.v1+json` },
      layers: ['', '.gzip', '.zstd'].map((suffix) => {
        return { ...layer, mediaType: `${docker}.image.rootfs.diff.tar${suffix}` }
      }),
    }
    const parsed = parse(dockerImage, dockerManifestType)
    assert.ok(parsed.ok && parsed.value.kind === 'manifest')
    assert.equal(parsed.value.layers.length, 3)
    const { mediaType: _, ...untyped } = image
    assert.ok(parse(untyped).ok)
    assert.ok(parse(untyped, manifestType).ok)
  })

  it('may hold members that nobody here knows, and urls, which count for nothing', () => {
    const urls = ['http://169.254.169.254/']
    const odd = { ...image, layers: [{ ...layer, urls }], annotations: { a: 'b' }, subject: {} }
    const parsed = parse(odd)
    assert.ok(parsed.ok)
    assert.ok(!JSON.stringify(parsed.value).includes('169.254'))
  })

  const { schemaVersion: _, ...withoutVersion } = image
  const bad: readonly (readonly [string, unknown, string | null, string, RegExp])[] = [
    ['no JSON', '{', null, 'manifest-invalid', /is not JSON/],
    ['a list', [], null, 'manifest-invalid', /not a JSON object/],
    ['schema 1', { schemaVersion: 1, fsLayers: [] }, null, 'manifest-schema-1', /schema 1/],
    ['no version', withoutVersion, null, 'manifest-invalid', /schemaVersion/],
    [
      'an index with layers',
      { ...index, layers: [layer] },
      indexType,
      'manifest-ambiguous',
      /parts of an index and of an image/,
    ],
    ['an index with a config', { ...index, config }, null, 'manifest-ambiguous', /at once/],
    ['an index with fsLayers', { ...index, fsLayers: [] }, null, 'manifest-ambiguous', /at once/],
    [
      'an index with null layers',
      { ...index, layers: null },
      null,
      'manifest-ambiguous',
      /at once/,
    ],
    [
      'the Content-Type of another',
      image,
      dockerManifestType,
      'manifest-media-type',
      /calls itself .*, but its registry calls it/,
    ],
    [
      'an unknown media type',
      { ...image, mediaType: 'x/y' },
      null,
      'manifest-artifact',
      /not a container image: it is "x\/y"/,
    ],
    [
      'a media type that is a number',
      { ...image, mediaType: 1 },
      null,
      'manifest-invalid',
      /string/,
    ],
    [
      'an index as a manifest',
      { ...index, mediaType: manifestType },
      null,
      'manifest-ambiguous',
      /./,
    ],
    ['a manifest as an index', { ...image, mediaType: indexType }, null, 'manifest-ambiguous', /./],
    [
      'a member twice',
      `{"schemaVersion":2,"config":${JSON.stringify(config)},"layers":[],"layers":[]}`,
      null,
      'manifest-invalid',
      /ambiguous: layers: duplicate member/,
    ],
    ['no layers', { ...image, layers: [] }, null, 'manifest-invalid', /no layers/],
    ['no config', { ...image, config: undefined }, null, 'manifest-invalid', /at config/],
    ['many layers', { ...image, layers: Array(129).fill(layer) }, null, 'manifest-invalid', /128/],
    [
      'a sha512 digest',
      { ...image, layers: [{ ...layer, digest: `sha512:${'a'.repeat(128)}` }] },
      null,
      'manifest-invalid',
      /at layers.0.digest: must be sha256/,
    ],
    [
      'a path as digest',
      { ...image, config: { ...config, digest: 'sha256:../../etc/passwd' } },
      null,
      'manifest-invalid',
      /at config.digest/,
    ],
    [
      'a negative size',
      { ...image, layers: [{ ...layer, size: -1 }] },
      null,
      'manifest-invalid',
      /at layers.0.size/,
    ],
    [
      'a size as a text',
      { ...image, layers: [{ ...layer, size: '1' }] },
      null,
      'manifest-invalid',
      /at layers.0.size/,
    ],
    [
      'more bytes than anybody has',
      { ...image, layers: Array(3).fill({ ...layer, size: 64 * 1024 ** 3 }) },
      null,
      'image-size',
      /are allowed/,
    ],
    [
      'a huge config',
      { ...image, config: { ...config, size: 2 ** 30 } },
      null,
      'manifest-invalid',
      /too large/,
    ],
    [
      'the config of something else',
      { ...image, config: { ...config, mediaType: 'application/vnd.cncf.helm.config.v1+json' } },
      null,
      'manifest-artifact',
      /this is a Helm chart, not an image/,
    ],
    [
      'an artifact with an empty config',
      {
        ...image,
        artifactType: 'application/vnd.example.sbom',
        config: { ...config, mediaType: 'application/vnd.oci.empty.v1+json' },
      },
      null,
      'manifest-artifact',
      /not a container image: it is "application\/vnd.example.sbom"/,
    ],
    [
      'a type of a manifest of artifacts',
      { ...image, mediaType: 'application/vnd.oci.artifact.manifest.v1+json' },
      null,
      'manifest-artifact',
      /not a container image/,
    ],
    ['the Content-Type of an index', image, indexType, 'manifest-media-type', /calls itself/],
    ...(
      [
        [`${docker}.image.rootfs.foreign.diff.tar.gzip`, /foreign layer/],
        [`${oci}.layer.nondistributable.v1.tar+gzip`, /foreign layer/],
        [`${oci}.layer.v1.tar+gzip+encrypted`, /is encrypted/],
        ['application/vnd.in-toto+json', /not a layer that covey can unpack/],
      ] as const
    ).map(([mediaType, message]) => {
      const layers = [layer, { ...layer, mediaType }]
      return [mediaType, { ...image, layers }, null, 'layer-media-type', message] as const
    }),
  ]
  for (const [says, document, contentType, code, message] of bad) {
    it(`is refused with ${says}`, () => {
      const parsed = parse(document, contentType)
      assert.ok(!parsed.ok)
      assert.equal(parsed.fault.code, code)
      assert.match(parsed.fault.message, message)
    })
  }

  it('is refused where it is no UTF-8, too deep, or too large', () => {
    assert.ok(!parseManifest(Buffer.from([0x22, 0xff, 0x22]), null).ok)
    const deep = parse(`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`)
    assert.ok(!deep.ok && /nested deeper/.test(deep.fault.message))
    const large = parseManifest(Buffer.alloc(4 * 1024 * 1024 + 1), null)
    assert.ok(!large.ok && /larger than/.test(large.fault.message))
  })
})

describe('an index', () => {
  it('keeps images and indexes, and leaves out what is neither', () => {
    const other = { ...entry, mediaType: 'application/vnd.example+json' }
    const nested = { ...entry, mediaType: indexType, platform: undefined }
    const parsed = parse({ ...index, manifests: [other, entry, nested] }, indexType)
    assert.ok(parsed.ok && parsed.value.kind === 'index')
    assert.deepEqual(
      parsed.value.entries.map(({ kind, platform }) => [kind, platform?.architecture]),
      [
        ['manifest', 'amd64'],
        ['index', undefined],
      ],
    )
  })

  for (const [says, manifests] of [
    ['too many entries', Array(257).fill(entry)],
    ['no list', { 0: entry }],
  ] as const) {
    it(`is refused with ${says}`, () => {
      const parsed = parse({ ...index, manifests })
      assert.ok(!parsed.ok)
      assert.equal(parsed.fault.code, 'manifest-invalid')
    })
  }
})

describe('manifests of strangers', () => {
  it('are never thrown at', () => {
    const value = fc.jsonValue()
    const documents = fc.record(
      {
        schemaVersion: fc.constantFrom<unknown>(1, 2, '2', null),
        mediaType: fc.oneof(value, fc.constantFrom(indexType, manifestType)),
        manifests: fc.oneof(value, fc.array(fc.oneof(value, fc.constant(entry)))),
        config: fc.oneof(value, fc.constant(config)),
        layers: fc.oneof(value, fc.array(fc.oneof(value, fc.constant(layer)))),
      },
      { requiredKeys: [] },
    )
    const types = fc.oneof(fc.constantFrom(null, indexType, manifestType), fc.string())
    fc.assert(
      fc.property(documents, types, (document, type) => void parse(document, type)),
      { numRuns: 2000 },
    )
    fc.assert(fc.property(fc.uint8Array(), (bytes) => void parseManifest(bytes, null)))
  })

  it('have a Content-Type whose parameters and case say nothing', () => {
    assert.equal(mediaTypeOf(`${manifestType.toUpperCase()} ; charset=utf-8`), manifestType)
    assert.equal(mediaTypeOf(''), null)
    assert.equal(mediaTypeOf(undefined), null)
    assert.equal(documentKind('constructor'), undefined)
  })
})
