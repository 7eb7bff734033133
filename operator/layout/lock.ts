import { isName } from '../../protocol/names.ts'
import type { Source } from '../files/read-text.ts'
import { at } from '../sources/located.ts'
import { faultsFailure, type LocatedFault } from '../terminal/failure.ts'

/** `cluster.lock`: found or allotted facts, one per line as `key value`, sorted by key. */
export interface Lock {
  /** All facts, including those of a newer version. */
  readonly facts: ReadonlyMap<string, string>
}

/** Facts about a host. */
export type HostFact = 'address' | 'card' | 'platform' | 'subnet'

/** A lock without facts. */
export const emptyLock: Lock = { facts: new Map() }

const header = '# Written by covey: cards and addresses of hosts. Commit it beside cluster.yaml.\n'

/** The key of a fact: what a line or a reader could take for something else is percent-encoded. */
export function factKey(kind: string, ...parts: readonly string[]): string {
  const encoded = parts.map((part) =>
    part.replace(/[^a-zA-Z0-9._/:@-]/gu, (character) => encodeURIComponent(character)),
  )
  return [kind, ...encoded].join('.')
}

/** The key of the value that was given for a variable of a stack. */
export function variableFact(stack: string, name: string): string {
  return factKey('variable', stack === '' ? 'services' : stack, name)
}

/** The value of a fact of a host, or undefined. */
export function hostFact(lock: Lock, host: string, fact: HostFact): string | undefined {
  return lock.facts.get(`host.${host}.${fact}`)
}

/** Names of hosts with a card in the lock, sorted. */
export function carded(lock: Lock): readonly string[] {
  const names = [...lock.facts.keys()].map((key) => /^host\.([^.]+)\.card$/.exec(key)?.[1])
  return names.filter((name) => isName(name)).sort()
}

/** The lock with facts added, replaced, or removed (null). */
export function withFacts(lock: Lock, changes: Readonly<Record<string, string | null>>): Lock {
  const facts = new Map(lock.facts)
  for (const [key, value] of Object.entries(changes)) {
    if (value === null) facts.delete(key)
    else facts.set(key, value)
  }
  return { facts }
}

/** The lock without the facts of a host. */
export function withoutHost(lock: Lock, host: string): Lock {
  const kept = [...lock.facts].filter(([key]) => !key.startsWith(`host.${host}.`))
  return { facts: new Map(kept) }
}

/** The lock as a file. */
export function lockText(lock: Lock): string {
  const lines = [...lock.facts].map(([key, value]) => `${key} ${value}\n`)
  return header + lines.sort().join('')
}

/** Reads a lock. Throws `Failure` with all faults: `lock-line`, `lock-conflict`, `lock-twice`. */
export function parseLock(source: Source): Lock {
  const facts = new Map<string, string>()
  const faults: LocatedFault[] = []
  let offset = 0
  for (const raw of source.text.split('\n')) {
    const line = raw.trimEnd()
    const fact = /^([a-z][^\s]*) (\S.*)$/.exec(line)
    const [, key = '', value = ''] = fact ?? []
    const find = (code: string, message: string): void => {
      faults.push(at(source, offset, { code, message }))
    }
    if (/^(<{7}|={7}|>{7})/.test(line)) {
      find(
        'lock-conflict',
        'a merge conflict is left here: keep the right lines, remove its markers',
      )
    } else if (line !== '' && !line.startsWith('#')) {
      if (fact === null) find('lock-line', 'a line is "key value"')
      else if (facts.has(key)) find('lock-twice', `duplicate ${key}: keep one of the two lines`)
      else facts.set(key, value)
    }
    offset += raw.length + 1
  }
  if (faults.length > 0) throw faultsFailure(faults)
  return { facts }
}
