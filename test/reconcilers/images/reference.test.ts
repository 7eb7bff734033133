import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { parseReference, referenceText } from '../../../reconcilers/images/reference.ts'
import { parseRegistryName } from '../../../reconcilers/images/registry-name.ts'

const hex = '0123456789abcdef'.repeat(4)
const digest = `sha256:${hex}`

describe('an image reference', () => {
  const good: readonly (readonly [string, string])[] = [
    ['nginx', 'docker.io/library/nginx'],
    ['grafana/grafana', 'docker.io/grafana/grafana'],
    ['docker.io/nginx', 'docker.io/library/nginx'],
    ['index.docker.io/library/nginx', 'docker.io/library/nginx'],
    ['registry-1.docker.io/a/b', 'docker.io/a/b'],
    ['nginx:1.27', 'docker.io/library/nginx:1.27'],
    ['registry.example/team/web', 'registry.example/team/web'],
    ['Registry.Example/web', 'registry.example/web'],
    ['registry.example:443/web', 'registry.example/web'],
    ['registry.example:5000/a/b/c:v1', 'registry.example:5000/a/b/c:v1'],
    ['localhost/web', 'localhost/web'],
    ['localhost:5000/web', 'localhost:5000/web'],
    ['registry:5000/web', 'registry:5000/web'],
    ['10.69.1.5:5000/web', '10.69.1.5:5000/web'],
    ['[2001:DB8::1]:5000/web', '[2001:db8::1]:5000/web'],
    ['[::1]/web:latest', '[::1]/web:latest'],
    ['ghcr.io/o/a-b__c.d--e', 'ghcr.io/o/a-b__c.d--e'],
  ]
  for (const [text, canonical] of good) {
    it(`${text} is ${canonical}`, () => {
      const parsed = parseReference(`${text}@${digest}`)
      assert.ok(parsed.ok, JSON.stringify(parsed))
      assert.equal(referenceText(parsed.value), `${canonical}@${digest}`)
    })
  }

  const bad: readonly (readonly [text: string, code: string, message: RegExp])[] = [
    ['', 'image-reference', /is empty/],
    ['nginx', 'image-digest-missing', /has no digest: write nginx@sha256:/],
    ['nginx:latest', 'image-digest-missing', /a tag may move/],
    ['nginx@', 'image-digest', /no digest after its @/],
    [`nginx@${hex}`, 'image-digest', /no digest after its @/],
    [`nginx@sha512:${hex}${hex}`, 'image-digest', /of sha512: only sha256/],
    [`nginx@sha256:${hex.toUpperCase()}`, 'image-digest', /upper case/],
    ['nginx@sha256:abc', 'image-digest', /damaged/],
    [`nginx@${digest}0`, 'image-digest', /damaged/],
    [`nginx@${digest}@${digest}`, 'image-digest', /damaged/],
    [`@${digest}`, 'image-reference', /names no image/],
    [`registry.example/@${digest}`, 'image-reference', /names no image/],
    [`https://registry.example/web@${digest}`, 'image-reference', /starts with a scheme/],
    [`Nginx@${digest}`, 'image-reference', /in lower case/],
    [`a//b@${digest}`, 'image-reference', /empty part/],
    [`a/b/@${digest}`, 'image-reference', /empty part/],
    [`/nginx@${digest}`, 'image-reference', /empty part/],
    [`a/../b@${digest}`, 'image-reference', /joined by/],
    [`registry.example/../b@${digest}`, 'image-reference', /joined by/],
    [`a/-b@${digest}`, 'image-reference', /joined by/],
    [`a/b___c@${digest}`, 'image-reference', /joined by/],
    [`nginx:@${digest}`, 'image-reference', /has the tag ""/],
    [`nginx:.v1@${digest}`, 'image-reference', /has the tag/],
    [`nginx:a:b@${digest}`, 'image-reference', /has the tag/],
    [`nginx:${'x'.repeat(129)}@${digest}`, 'image-reference', /has the tag/],
    [`registry.example:0/web@${digest}`, 'image-reference', /no valid port/],
    [`registry.example:65536/web@${digest}`, 'image-reference', /no valid port/],
    [
      `registry.example:/web@${digest}`,
      'image-reference',
      /does not name a registry|no valid port/,
    ],
    [`registry.example:x/web@${digest}`, 'image-reference', /does not name a registry/],
    [`1.2.3/web@${digest}`, 'image-reference', /does not name a registry/],
    [`1.2.3.256/web@${digest}`, 'image-reference', /does not name a registry/],
    [`[::1/web@${digest}`, 'image-reference', /does not name a registry/],
    [`[1.2.3.4]:80/web@${digest}`, 'image-reference', /does not name a registry/],
    [`::1/web@${digest}`, 'image-reference', /does not name a registry/],
    [`-a.example/web@${digest}`, 'image-reference', /does not name a registry/],
    [`user:secret@registry.example/web@${digest}`, 'image-digest', /no digest after/],
    [`ngin x@${digest}`, 'image-reference', /white space/],
    [`nginx\n@${digest}`, 'image-reference', /white space/],
    [`ngiñx@${digest}`, 'image-reference', /characters that image names cannot have/],
    [`${'a'.repeat(256)}@${digest}`, 'image-reference', /more than 255/],
    [`${'a/'.repeat(300)}a@${digest}`, 'image-reference', /longer than 512/],
  ]
  for (const [text, code, message] of bad) {
    it(`${JSON.stringify(text.slice(0, 60))} is refused`, () => {
      const parsed = parseReference(text)
      assert.ok(!parsed.ok)
      assert.equal(parsed.fault.code, code)
      assert.match(parsed.fault.message, message)
      assert.ok(!parsed.fault.message.includes('\n'))
    })
  }

  it('is never thrown at, and its canonical text means the same again', () => {
    const part = fc.string({ unit: fc.constantFrom(...'aZ0.-_:/@[]% ') })
    const texts = fc.oneof(
      fc.string(),
      part.map((name) => `${name}@${digest}`),
    )
    fc.assert(
      fc.property(texts, (text) => {
        const parsed = parseReference(text)
        if (!parsed.ok) return
        assert.deepEqual(parseReference(referenceText(parsed.value)), parsed)
        assert.match(parsed.value.repository, /^[a-z0-9]/)
        assert.ok(!/(^|\/)\.{0,2}(\/|$)/.test(parsed.value.repository))
        const url = new URL(`https://${parsed.value.registry}/v2/${parsed.value.repository}/x`)
        assert.equal(url.pathname, `/v2/${parsed.value.repository}/x`)
      }),
      { numRuns: 2000 },
    )
  })

  it('has a registry whose name is its own canonical name', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.domain(), fc.ipV4(), fc.ipV6()), (text) => {
        const parsed = parseRegistryName(text)
        if (parsed.ok) assert.deepEqual(parseRegistryName(parsed.value), parsed)
      }),
      { numRuns: 2000 },
    )
  })
})
