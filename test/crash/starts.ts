import assert from 'node:assert/strict'
import { loadState, readEnrolment } from '../../agent/state/store.ts'
import { createDisk } from '../../machine/files/disk.ts'
import type { FileCalls } from '../../platform/files/calls.ts'
import type { DurableStart } from '../../protocol/node/durable.ts'
import { type Facts, stateFolder } from './cases.ts'
import type { Files } from './file-tree.ts'
import { createModelDisk } from './model-disk.ts'
import { fingerprint } from './power-cut.ts'

/** The finding of a start: the state, or null where the host is not enrolled. */
export type Found = DurableStart | null

/** Starts as the agent does, with the production code and real signatures. */
export async function startOn(calls: FileCalls): Promise<Found> {
  const disk = createDisk(stateFolder, calls)
  const enrolment = await readEnrolment(disk)
  if (enrolment === null) return null
  const self = { host: enrolment.host, peerId: 'p', agentVersion: 'x' }
  return await loadState(disk, self, enrolment.cluster_id)
}

const startsBefore = new Map<string, Promise<Found>>()

/** A start after a power cut; the same files are started from only once. */
export function startFrom(files: Files): Promise<Found> {
  const key = fingerprint(files)
  const found = startsBefore.get(key) ?? startOn(createModelDisk(files).calls)
  startsBefore.set(key, found)
  return found
}

/** The facts of a state, for a comparison. */
export function factsOf(found: Found): Facts {
  return {
    isEnrolled: found !== null,
    roots: (found?.roots ?? []).map((root) => root.digest),
    rivals: (found?.rivals ?? []).map((root) => root.digest),
    head: found?.head?.head.digest ?? null,
    floor: found?.floor?.digest ?? null,
    confirmed: found?.confirmed?.head.digest ?? null,
    evidence: (found?.evidence ?? []).map((held) => held.head.digest),
  }
}

/**
 * A change that was not reported may have happened as far as it likes, but in its order: what was
 * reported before is there, nothing is that was never written, and nothing is damaged.
 */
export function assertBetween(found: Found, before: Facts, after: Facts, what: string): void {
  const facts = factsOf(found)
  const both = (name: 'roots' | 'rivals' | 'evidence'): readonly string[] => [
    ...before[name],
    ...after[name],
  ]
  assert.deepEqual(found?.damage ?? [], [], `${what}: damage`)
  assert.ok(found?.floorKnown !== false, `${what}: the floor is known`)
  assert.ok(facts.isEnrolled || !before.isEnrolled, `${what}: it stays enrolled`)
  if (!facts.isEnrolled) return
  for (const name of ['head', 'floor', 'confirmed'] as const) {
    const known = [before[name], after[name]]
    assert.ok(
      known.includes(facts[name]),
      `${what}: ${name} is ${facts[name]}, not one of ${known}`,
    )
  }
  assert.equal(facts.floor, facts.head, `${what}: the floor is that of the head`)
  for (const name of ['roots', 'rivals', 'evidence'] as const) {
    for (const one of before[name]) assert.ok(facts[name].includes(one), `${what}: ${name} lost`)
    for (const one of facts[name]) assert.ok(both(name).includes(one), `${what}: ${name} invented`)
  }
  // Evidence that is the head itself would be a fork that nobody made.
  assert.ok(!facts.evidence.includes(facts.head ?? ''), `${what}: the head is evidence of itself`)
  const isAfter = facts.head === after.head && after.head !== before.head
  if (!isAfter) return
  assert.deepEqual(facts.evidence, after.evidence, `${what}: the head before its evidence`)
  assert.deepEqual(facts.roots, after.roots, `${what}: the head before its roots`)
}
