import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Base, nextPlace } from '../../operator/signing/next-version.ts'
import { ancestorsMax, versionMax } from '../../protocol/limits.ts'

const digest = `sha256:${'a'.repeat(64)}`
const at = (epoch: number, version: number): Base => ({
  head: { epoch, version, digest },
  ancestors: [],
})
const plain = { epoch: 1, base: null, versionTaken: 0, versionWanted: undefined, allowGap: false }

describe('the place of the next config (docs/PROTOCOL.md, Claims)', () => {
  const places = [
    { name: 'the first', place: plain, version: 1 },
    { name: 'the next', place: { ...plain, base: at(1, 4), versionTaken: 4 }, version: 5 },
    { name: 'a new epoch', place: { ...plain, epoch: 2, base: at(1, 4) }, version: 1 },
    {
      name: 'a base that others signed',
      place: { ...plain, base: at(1, 9), versionTaken: 4 },
      version: 10,
    },
    {
      name: 'the version of the file',
      place: { ...plain, base: at(1, 4), versionTaken: 4, versionWanted: 5 },
      version: 5,
    },
    {
      name: 'a gap that is meant',
      place: { ...plain, base: at(1, 4), versionTaken: 4, versionWanted: 90, allowGap: true },
      version: 90,
    },
    {
      name: 'an older base, with the gap meant',
      place: { ...plain, base: at(1, 4), versionTaken: 7, allowGap: true },
      version: 8,
    },
    { name: 'the last', place: { ...plain, base: at(1, versionMax - 1) }, version: versionMax },
  ]
  for (const { name, place, version } of places) {
    it(`is given: ${name}`, () => {
      const next = nextPlace(place)
      assert.ok(next.ok)
      assert.equal(next.value.version, version)
    })
  }

  const refusals = [
    { name: 'a gap', place: { ...plain, base: at(1, 4), versionWanted: 6 }, code: 'gap' },
    { name: 'a gap at the start', place: { ...plain, versionWanted: 2 }, code: 'gap' },
    { name: 'an older base', place: { ...plain, base: at(1, 4), versionTaken: 7 }, code: 'gap' },
    { name: 'the same', place: { ...plain, base: at(1, 4), versionWanted: 4 }, code: 'older' },
    {
      name: 'a taken one',
      place: { ...plain, base: at(1, 4), versionTaken: 7, versionWanted: 5 },
      code: 'older',
    },
    {
      name: 'above 2^32-1',
      place: { ...plain, base: at(1, versionMax) },
      code: 'version-out-of-range',
    },
    { name: 'a base of a later epoch', place: { ...plain, base: at(2, 1) }, code: 'epoch-older' },
  ]
  for (const { name, place, code } of refusals) {
    it(`is refused: ${name}`, () => {
      const next = nextPlace(place)
      assert.equal(next.ok ? undefined : next.fault.code, code)
    })
  }

  it('remembers the newest ancestors, newest first', () => {
    const ancestors = Array.from({ length: ancestorsMax }, (_, index) => [1, 39 - index, digest])
    const base = { ...at(1, 40), ancestors: ancestors as unknown as Base['ancestors'] }
    const next = nextPlace({ ...plain, base })
    assert.ok(next.ok)
    assert.equal(next.value.ancestors.length, ancestorsMax)
    assert.deepEqual(next.value.ancestors[0], [1, 40, digest])
    assert.deepEqual(next.value.ancestors.at(-1), [1, 40 - ancestorsMax + 1, digest])
  })
})
