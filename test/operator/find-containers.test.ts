import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { containersNamed, type KnownContainer } from '../../operator/all-hosts/find.ts'

const known: readonly KnownContainer[] = [
  { host: 'a', object: 'shop-web', service: 'shop/web', replica: 1 },
  { host: 'a', object: 'shop-web_2', service: 'shop/web', replica: 2 },
  { host: 'b', object: 'shop-web', service: 'shop/web', replica: 1 },
  { host: 'b', object: 'shop-db', service: 'shop/db', replica: 1 },
  { host: 'b', object: 'blog-db', service: 'blog/db', replica: 1 },
  { host: 'b', object: 'hello', service: 'hello', replica: 1 },
  { host: 'b', object: 'byhand', service: null, replica: 1 },
  { host: 'b', object: 'blog-api-v2', service: 'blog/api.2', replica: 1 },
]

function found(word: string): readonly string[] {
  return containersNamed(word, known).map(({ host, object }) => `${host}/${object}`)
}

describe('a word for containers', () => {
  const table: readonly (readonly [word: string, containers: readonly string[]])[] = [
    ['shop-web', ['a/shop-web', 'b/shop-web']],
    ['shop/web', ['a/shop-web', 'a/shop-web_2', 'b/shop-web']],
    ['web', ['a/shop-web', 'a/shop-web_2', 'b/shop-web']],
    ['shop/web.1', ['a/shop-web']],
    ['shop/web.2', ['b/shop-web']],
    ['web.3', ['a/shop-web_2']],
    ['shop/web.4', []],
    ['blog/api.2', ['b/blog-api-v2']],
    ['hello', ['b/hello']],
    ['byhand', ['b/byhand']],
    ['byhand.1', []],
    ['shop', ['a/shop-web', 'a/shop-web_2', 'b/shop-web', 'b/shop-db']],
    ['nothing', []],
  ]
  for (const [word, containers] of table) {
    it(`${word} means ${containers.join(', ') || 'none'}`, () => {
      assert.deepEqual(found(word), containers)
    })
  }

  it('db is refused where two stacks have it, with the names to choose from', () => {
    assert.throws(() => found('db'), /db may be blog\/db, shop\/db/)
  })
})
