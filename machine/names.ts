import { lookup } from 'node:dns/promises'
import { CoveyError } from '../protocol/fault.ts'
import type { HostPorts } from '../reconcilers/host-ports.ts'
import { lookupsMax, lookupsWaitingMax } from './limits.ts'

/** Asks the machine's resolver for all addresses of a name. */
export type Lookup = (name: string) => Promise<readonly string[]>

const machineLookup: Lookup = async (name) => {
  const found = await lookup(name, { all: true, order: 'verbatim' })
  return found.map(({ address }) => address)
}

/**
 * Resolves names, few at a time: the system's resolver blocks a thread of the pool that files need
 * too, and cannot be cancelled. Askers of one name share one question; one who gives up leaves it
 * to the others.
 *
 * Rejects with `name-unresolved`, `too-many-names`, or the signal's reason.
 */
export function createNameResolver(ask: Lookup = machineLookup): HostPorts['resolveName'] {
  const questions = new Map<string, Promise<readonly string[]>>()
  const waiting: (() => void)[] = []
  let running = 0

  const turn = async (): Promise<void> => {
    if (running >= lookupsMax) await new Promise<void>((resolve) => waiting.push(resolve))
    else running++
  }
  const done = (): void => {
    const next = waiting.shift()
    if (next === undefined) running--
    else next()
  }
  const question = async (name: string): Promise<readonly string[]> => {
    await turn()
    try {
      const addresses = await ask(name)
      if (addresses.length > 0) return addresses
    } catch (cause) {
      throw new CoveyError('name-unresolved', `no address for ${name}`, { cause })
    } finally {
      done()
      questions.delete(name)
    }
    throw new CoveyError('name-unresolved', `no address for ${name}`)
  }

  return async (name, signal) => {
    signal.throwIfAborted()
    let asked = questions.get(name)
    if (asked === undefined) {
      if (waiting.length >= lookupsWaitingMax) {
        throw new CoveyError('too-many-names', `too many lookups are waiting: ${name}`)
      }
      asked = question(name)
      questions.set(name, asked)
    }
    return untilAborted(asked, signal)
  }
}

function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
