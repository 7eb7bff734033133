import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  isNamedFor,
  namespaceName,
  namespaceOwner,
} from '../../../reconcilers/container-network/names.ts'
import { ownNamespaces } from '../../../reconcilers/container-network/namespaces.ts'
import type { LinkSeen } from '../../../reconcilers/tools/ip-parse.ts'

const names = { mark: '0123abcd', adopted: new Map([['old', 'covey-old']]) }

function veth(object: string, peerNamespace: number): LinkSeen {
  const plain = { kind: 'veth', alias: `covey:${object}:0123456789ab`, peerNamespace }
  return plain as unknown as LinkSeen
}

test('a namespace has the mark of the agent in its name, and an older one keeps its own', () => {
  assert.equal(namespaceName('web', names), 'covey.0123abcd.web')
  assert.equal(namespaceName('old', names), 'covey-old')
  for (const object of ['web', 'old']) {
    assert.equal(namespaceOwner(namespaceName(object, names), names), object)
  }
  for (const other of ['covey-web', 'covey.ffffffff.web', 'covey.0123abcd.', 'web']) {
    assert.equal(namespaceOwner(other, names), null)
  }
})

test("another agent's namespace is not its own, unless its own link leads into it", () => {
  const namespaces = new Map([
    ['covey.0123abcd.web', 1],
    ['covey.ffffffff.web', null],
    ['covey-web', null],
    ['covey-old', 2],
    ['covey-left', 3],
    ['theirs', 4],
    ['covey.ffffffff.lost', 5],
  ])
  const links = new Map([
    ['cv-left', veth('left', 3)],
    ['cv-theirs', veth('theirs', 4)],
    ['cv-lost', veth('lost', 5)],
  ])
  assert.deepEqual([...ownNamespaces({ names, namespaces, links })].sort(), [
    ['covey-left', 'left'],
    ['covey-old', 'old'],
    ['covey.0123abcd.web', 'web'],
    ['covey.ffffffff.lost', 'lost'],
  ])
  assert.equal(isNamedFor('covey.0123abcd.a', 'd.a'), false)
})
