import { oneLine } from '../../protocol/printable.ts'
import { Failure } from '../terminal/failure.ts'

/** A container as it is known by its config, or by the host that has it. */
export interface KnownContainer {
  readonly host: string
  /** Name of its object. */
  readonly object: string
  /** As `shop/web`; null for a container that belongs to no service. */
  readonly service: string | null
  /** From 1. */
  readonly replica: number
}

/**
 * Containers that a word means, ordered by host: an object, else a service (`shop/web`), else a
 * service without its stack (`web`), else all of a stack (`shop`). `.2` behind a service means the
 * second of its replicas. None where nothing has the name. Throws `Failure` `ambiguous-name` where
 * services of two stacks have it.
 */
export function containersNamed(
  word: string,
  known: readonly KnownContainer[],
): readonly KnownContainer[] {
  const exact = named(word, known)
  if (exact.length > 0) return exact
  const [, name = '', number] = /^(.+)\.([1-9]\d{0,3})$/.exec(word) ?? []
  if (number === undefined) return []
  const all = named(name, known).filter(({ service }) => service !== null)
  const one = ordered(all)[Number(number) - 1]
  return one === undefined ? [] : [one]
}

function named(word: string, known: readonly KnownContainer[]): readonly KnownContainer[] {
  const objects = known.filter(({ object }) => object === word)
  if (objects.length > 0) return objects
  const services = known.filter(({ service }) => service === word)
  if (services.length > 0) return services
  const short = known.filter(({ service }) => service?.endsWith(`/${word}`) === true)
  const names = [...new Set(short.map(({ service }) => service ?? ''))].sort()
  if (names.length > 1) {
    const list = names.map(oneLine).join(', ')
    throw new Failure(2, 'ambiguous-name', `${oneLine(word)} may be ${list}`, {
      hint: `name it with its stack: ${names[0]}`,
    })
  }
  if (short.length > 0) return short
  return known.filter(({ service }) => service?.startsWith(`${word}/`) === true)
}

/** Replicas in the order in which they are counted. */
function ordered(all: readonly KnownContainer[]): readonly KnownContainer[] {
  return all.toSorted((a, b) => a.replica - b.replica || compare(a.host, b.host))
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** The name of a container for people: its service and replica, else its object. */
export function shownName({ service, replica, object }: Omit<KnownContainer, 'host'>): string {
  if (service === null) return object
  return replica === 1 ? service : `${service}.${replica}`
}
