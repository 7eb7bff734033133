import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseYamlSource } from '../../../operator/sources/yaml-source.ts'
import { embeddedServices } from '../../../operator/stacks/embedded.ts'

function embed(text: string, secrets: readonly string[] = []) {
  return embeddedServices(text, parseYamlSource({ file: 'l.yaml', text }), secrets)
}

describe('services in the text of a layout', () => {
  it('stand where they stood, and all else has no value', () => {
    const text =
      'cluster: home # name\nhosts:\n  pi: { address: 10.69.0.9 }\nx-a: &a { image: a }\n' +
      'services:\n  web: { host: pi, <<: *a }\n  db:\n    hosts:\n      - pi\n    image: b\n'
    const { text: masked, hostsOf } = embed(text)
    assert.equal(masked.length, text.length)
    assert.deepEqual(
      masked.split('\n').map((line) => line.length),
      text.split('\n').map((line) => line.length),
    )
    assert.equal(masked.indexOf('image: b'), text.indexOf('image: b'))
    assert.deepEqual(parseYamlSource({ file: 'm.yaml', text: masked }).value, {
      'x-0----': null,
      'x-1--': null,
      'x-a': { image: 'a' },
      services: { web: { 'x-2-': null, image: 'a' }, db: { 'x-3--': null, image: 'b' } },
    })
    assert.deepEqual(
      [...hostsOf],
      [
        ['web', ['pi']],
        ['db', ['pi']],
      ],
    )
  })

  it('are found in a layout of one line, with quoted keys and other characters', () => {
    const text = '{ "cluster": "hömé 🏠", hosts: { pi: {} }, services: { web: { image: a } } }'
    const { value } = parseYamlSource({ file: 'm.yaml', text: embed(text).text })
    assert.deepEqual((value as { services: unknown }).services, { web: { image: 'a' } })
  })

  it('know the secrets of the layout as external ones', () => {
    const { text } = embed('secrets: { key: { command: x } }\nservices: {}', ['key'])
    const { value } = parseYamlSource({ file: 'm.yaml', text })
    assert.deepEqual((value as { secrets: unknown }).secrets, { key: { external: true } })
  })
})
