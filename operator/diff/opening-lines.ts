import type { Opening } from './plan-document.ts'

/** Ways to one place: the same ports of the same service or host, for several who may ask. */
interface Way extends Omit<Opening, 'to'> {
  readonly to: readonly string[]
}

/**
 * The openings or closings, a line for each place that is reached: `443/tcp of cloud01 to everybody
 * (shop/web)`. Services that may all ask each other are one line: `all ports among shop/api,
 * shop/db, shop/web`.
 */
export function openingLines(openings: readonly Opening[]): readonly string[] {
  const ways = waysOf(openings)
  const circles = circlesOf(ways)
  const rest = ways.flatMap((way): readonly Way[] => {
    const circle = circles.find((members) => isWithin(way, members)) ?? []
    const to = way.to.filter((each) => !circle.includes(each))
    return to.length === 0 ? [] : [{ ...way, to }]
  })
  const among = circles.map((members) => `all ports among ${members.join(', ')}`)
  return [...rest.map(wayText), ...among]
}

function waysOf(openings: readonly Opening[]): readonly Way[] {
  const found = new Map<string, Way>()
  for (const { to, ...place } of openings) {
    const key = JSON.stringify(place)
    found.set(key, { ...place, to: [...(found.get(key)?.to ?? []), to] })
  }
  return [...found.values()]
}

/** True if all ports of a member are reached, so that it can be part of a circle. */
function isWithin(
  { published, port, protocol, service }: Way,
  members: readonly string[],
): boolean {
  return !published && port === null && protocol === 'any' && members.includes(service)
}

/** Services each of which reaches all ports of all others, stack by stack. */
function circlesOf(ways: readonly Way[]): readonly (readonly string[])[] {
  const stacks = new Map<string, Set<string>>()
  for (const { service } of ways) {
    const [stack = '', ...rest] = service.split('/')
    if (rest.length > 0) stacks.set(stack, (stacks.get(stack) ?? new Set()).add(service))
  }
  return [...stacks.values()].flatMap((services) => {
    const members = [...services].sort()
    const own = ways.filter((way) => isWithin(way, members))
    const isClosed = members.every((one) => {
      const of = own.filter(({ service }) => service === one)
      const others = members.filter((other) => other !== one)
      return of.length > 0 && of.every(({ to }) => others.every((other) => to.includes(other)))
    })
    return isClosed && members.length > 1 ? [members] : []
  })
}

function wayText({ host, port, protocol, to, service, published }: Way): string {
  const what = port === null ? (protocol === 'any' ? 'all ports' : protocol) : `${port}/${protocol}`
  const who = to.join(', ')
  return published
    ? `${what} of ${host} to ${who} (${service})`
    : `${what} of ${service} on ${host} to ${who}`
}
