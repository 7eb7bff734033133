import type { ContainerRow } from '../../../../protocol/api/containers.ts'
import type { Status } from '../../../../protocol/api/status.ts'
import { askStatus } from '../../../agent-client/status.ts'
import { shownName } from '../../../all-hosts/find.ts'
import { askContainers } from '../../../all-hosts/known.ts'
import { failingLooksMax, hostAnswerMsMax, lookMs, sideQuestionMsMax } from '../../../limits.ts'
import { Failure } from '../../../terminal/failure.ts'
import type { Session } from '../../../terminal/session.ts'
import { type Ordered, orderLabel, type Verb } from './ask-order.ts'

/** The wait for orders of one host. */
export interface OrderWait {
  readonly verb: Verb
  /** The session that asks the host. */
  readonly asked: Session
  readonly orders: readonly Ordered[]
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/** Waits until the orders of one host are carried out, fail, or the time is up. */
export async function awaitOrders(session: Session, wait: OrderWait): Promise<readonly Ordered[]> {
  const { verb, asked, timeoutMs, signal } = wait
  const until = session.io.now() + timeoutMs
  const progress = new Map<string, string>()
  const failing = new Map<string, number>()
  let orders = wait.orders
  let heardMs = session.io.now()
  while (orders.some(isOpen) && !signal.aborted && session.io.now() < until) {
    const [rows, objects] = await looks(asked)
    if (rows !== null) heardMs = session.io.now()
    else if (session.io.now() - heardMs > hostAnswerMsMax) return orders.map(unheard)
    orders = orders.map((order) => {
      if (!isOpen(order) || rows === null) return order
      const row = rows.find(({ name }) => name === order.object)
      const object = objects.find(({ name }) => name === order.object)
      const next = judged(order, verb, row, object, failing)
      if (isOpen(next)) tell(session, progress, next, row, object)
      return next
    })
    if (orders.some(isOpen)) await session.io.wait(lookMs, signal)
  }
  return orders
}

function isOpen({ state }: Ordered): boolean {
  return state === 'waiting'
}

async function looks(
  asked: Session,
): Promise<readonly [readonly ContainerRow[] | null, Status['objects']]> {
  try {
    const { rows } = await askContainers(asked)
    const { status } = await askStatus(asked, { timeoutMs: sideQuestionMsMax })
    return [rows, status.objects]
  } catch (error) {
    if (error instanceof Failure) return [null, []]
    throw error
  }
}

function unheard(order: Ordered): Ordered {
  if (!isOpen(order)) return order
  const failure = new Failure(5, 'host-silent', 'its host does not answer any more', {
    hint: 'the order stands there; covey ps shows what came of it',
  })
  return { ...order, state: 'failed', failure }
}

/** The progress of an order, by a look at its host. */
function judged(
  order: Ordered,
  verb: Verb,
  row: ContainerRow | undefined,
  object: Status['objects'][number] | undefined,
  failing: Map<string, number>,
): Ordered {
  // Nothing of it is there any more: the config has changed meanwhile.
  if (row === undefined) return { ...order, state: 'done', note: 'it has left the config' }
  if (verb === 'stop') {
    if (row.order !== 'stop' && row.order !== 'held') return overtaken(order)
    if (row.pid === null) return { ...order, state: 'done' }
  } else {
    if (row.order === 'stop' || row.order === 'held') return overtaken(order)
    if (row.order === null) return started(order, row)
  }
  const count = object?.state === 'failed' ? (failing.get(order.object) ?? 0) + 1 : 0
  failing.set(order.object, count)
  if (count < failingLooksMax) return order
  const failure = new Failure(1, 'unwell', object?.reason ?? 'it failed', {
    hint: 'the order stands, and the host goes on trying: covey status',
  })
  return { ...order, state: 'failed', failure }
}

function overtaken(order: Ordered): Ordered {
  const failure = new Failure(1, 'order-overtaken', 'another order took the place of this one', {
    hint: 'covey events shows orders as they come',
  })
  return { ...order, state: 'failed', failure }
}

/** One that is over at once is said to be, and its exit code counts. */
function started(order: Ordered, { state, exit_code: code }: ContainerRow): Ordered {
  if (state !== 'exited') return { ...order, state: 'done' }
  const text = `it ended at once with exit code ${code ?? 'unknown'}`
  if (code === 0) return { ...order, state: 'done', note: text }
  const name = shownName(order)
  const failure = new Failure(1, 'ended', text, { hint: `covey logs -n 20 ${name}` })
  return { ...order, state: 'failed', failure }
}

/** A line whenever there is news of an order that goes on. */
function tell(
  session: Session,
  told: Map<string, string>,
  order: Ordered,
  row: ContainerRow | undefined,
  object: Status['objects'][number] | undefined,
): void {
  const reason = object?.state === 'converged' ? null : (object?.reason ?? null)
  const text = reason ?? row?.state ?? 'waiting'
  if (told.get(order.object) === text) return
  told.set(order.object, text)
  session.note(`${orderLabel(order)}: ${text}`)
}
