import { askAll } from '../../../all-hosts/ask-all.ts'
import { findTargets, type Targets } from '../../../all-hosts/known.ts'
import { ExitWith, Failure } from '../../../terminal/failure.ts'
import type { Session } from '../../../terminal/session.ts'
import type { Input } from '../../definition.ts'
import { timeoutOf } from '../../rollout/watching/timeout.ts'
import { askOrder, type Ordered, orderLabel, type Verb } from './ask-order.ts'
import { awaitOrders } from './await-orders.ts'

/** `covey start NAME…`. */
export function start(session: Session, input: Input): Promise<void> {
  return orderContainers(session, input, 'start')
}

/** `covey stop NAME…`. */
export function stop(session: Session, input: Input): Promise<void> {
  return orderContainers(session, input, 'stop')
}

/** `covey restart NAME…`. */
export function restart(session: Session, input: Input): Promise<void> {
  return orderContainers(session, input, 'restart')
}

async function orderContainers(session: Session, input: Input, verb: Verb): Promise<void> {
  const timeoutMs = timeoutOf(input)
  if (input.args.includes('')) {
    throw new Failure(2, 'usage', 'the name of a container is empty', {
      hint: 'covey ps lists the containers',
    })
  }
  const signal = session.io.interrupted()
  const targets = await findTargets(session, input, input.args)
  const isWaited = !input.isNot('wait')
  const work = async (asked: Session, host: string): Promise<readonly Ordered[]> => {
    const own = targets.found.filter(({ at }) => at.name === host)
    // One after the other: each is a write of its own, and a host has few containers.
    const orders: Ordered[] = []
    for (const target of own) {
      if (signal.aborted) break
      orders.push(await askOrder(asked, verb, target, input.is('release')))
    }
    return orders
  }
  const { orders, silent } = await unlessOver(signal, giveAll(session, targets, work))
  const wait = { verb, timeoutMs, signal }
  const ended = isWaited
    ? await Promise.all(orders.map((each) => awaitOrders(session, { ...wait, ...each })))
    : orders.map((each) => each.orders)
  end(session, verb, { ended: ended.flat(), targets, silent, isWaited, isStopped: signal.aborted })
}

/** A host that does not answer keeps nobody who has had enough. */
async function unlessOver<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const over = Promise.withResolvers<never>()
  const end = (): void => over.reject(interrupted(1))
  if (signal.aborted) end()
  signal.addEventListener('abort', end, { once: true })
  over.promise.catch(() => undefined)
  work.catch(() => undefined)
  try {
    return await Promise.race([work, over.promise])
  } finally {
    signal.removeEventListener('abort', end)
  }
}

interface Given {
  readonly orders: readonly { readonly asked: Session; readonly orders: readonly Ordered[] }[]
  /** Hosts that did not take any order, as far as is known. */
  readonly silent: readonly string[]
}

async function giveAll(
  session: Session,
  { isSeveral, found }: Targets,
  work: (asked: Session, host: string) => Promise<readonly Ordered[]>,
): Promise<Given> {
  const hosts = [...new Set(found.map(({ at }) => at))]
  if (!isSeveral) {
    const given = hosts.map(async (host) => {
      const asked = await host.session()
      return { asked, orders: await work(asked, host.name) }
    })
    return { orders: await Promise.all(given), silent: [] }
  }
  const answers = await askAll(session, hosts, work)
  const heard = answers.map(({ host }) => host)
  const silent = hosts.map(({ name }) => name).filter((name) => !heard.includes(name))
  return { orders: answers.map(({ session: asked, value }) => ({ asked, orders: value })), silent }
}

interface End {
  readonly ended: readonly Ordered[]
  readonly targets: Targets
  readonly silent: readonly string[]
  readonly isWaited: boolean
  readonly isStopped: boolean
}

const done: Readonly<Record<Verb, string>> = {
  start: 'started',
  stop: 'stopped',
  restart: 'restarted',
}

/** Prints what came of it. Throws where not all of it is well. */
function end(session: Session, verb: Verb, came: End): void {
  const { ended, targets, silent, isWaited, isStopped } = came
  const failures = ended.flatMap(({ failure }) => failure ?? [])
  const [first] = failures
  if (first !== undefined && ended.length === 1 && silent.length === 0) throw first
  const document = ended.map(({ failure, host, object, ...order }) => ({
    ...(targets.isSeveral ? { host } : {}),
    name: object,
    ...order,
    error: failure === null ? null : { code: failure.code, message: failure.message },
  }))
  const text = ended.map((order) => `${lineOf(order, verb)}\n`).join('')
  const open = ended.filter(({ state }) => state === 'waiting').length
  const unfinished = isStopped
    ? interrupted(open, document)
    : isWaited && open > 0 && first === undefined && late(open, document)
  if (unfinished) {
    if (!session.settings.json) session.io.out(text)
    throw unfinished
  }
  session.result(document, text)
  for (const order of ended.filter(({ failure }) => failure?.hint !== undefined)) {
    session.note(`${orderLabel(order)}: hint: ${order.failure?.hint}`)
  }
  if (first !== undefined) throw new ExitWith(Math.max(...failures.map(({ exit }) => exit)))
  if (silent.length > 0) throw new ExitWith(5)
}

function lineOf(order: Ordered, verb: Verb): string {
  const { state, changed, note, failure } = order
  const label = orderLabel(order)
  if (failure !== null) return `${label}: ${failure.message}`
  const more = note === null ? '' : ` (${note})`
  if (state === 'waiting') return `${label}: is to be ${done[verb]}${more}`
  return changed ? `${label}: ${done[verb]}${more}` : `${label}: ${note ?? 'nothing to do'}`
}

const goesOn = 'the hosts go on with it: covey ps shows how far they are'

function interrupted(open: number, document?: unknown): Failure {
  const message = open === 0 ? 'interrupted' : 'interrupted; the orders that were taken stand'
  return new Failure(1, 'interrupted', message, { hint: goesOn, document })
}

function late(open: number, document: unknown): Failure {
  const what = open === 1 ? '1 order is' : `${open} orders are`
  return new Failure(1, 'timeout', `${what} not carried out yet`, { hint: goesOn, document })
}
