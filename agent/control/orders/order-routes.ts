import type { IncomingMessage, ServerResponse } from 'node:http'
import * as z from 'zod'
import type { MachineContainers } from '../../../machine/containers/containers.ts'
import type { Images } from '../../../machine/images/images.ts'
import type { ContainerOrdered } from '../../../protocol/api/containers.ts'
import type { Config } from '../../../protocol/documents/config.ts'
import { CoveyError } from '../../../protocol/fault.ts'
import type { ContainerOrders } from '../../../reconcilers/container-orders.ts'
import type { ReconcileLoop } from '../../../reconcilers/loop/index.ts'
import { orderBodyBytesMax, orderTextCharactersMax } from '../../limits.ts'
import { expectRow } from '../container-routes.ts'
import type { ContainerDirectory } from '../container-view.ts'
import { Problem } from '../problem.ts'
import type { PathParts, Route } from '../router.ts'
import { sendJson } from '../send.ts'
import { readBody } from '../streams/read-body.ts'
import { type Asked, judgeOrder, wantedOf } from './give-order.ts'

/** Dependencies of the routes of orders. */
export interface OrderRoutesInit {
  readonly directory: ContainerDirectory
  readonly containers: Pick<MachineContainers, 'orders' | 'port'>
  readonly images: Pick<Images, 'hurry'>
  readonly loop: Pick<ReconcileLoop, 'retry'>
  readonly host: string
  /** The config that the host follows, or null. */
  readonly adopted: () => Config | null
  readonly now: () => number
  /** Tells what was ordered. */
  readonly onOrder: (object: string, detail: string) => void
}

/**
 * Routes of `admin.sock` that start and stop containers. An answer comes once the order is durable;
 * that it was carried out is in `GET /v1/containers`, whose `order` is null then.
 */
export function orderRoutes(init: OrderRoutesInit): ReadonlyMap<string, Route> {
  const ordering = (asked: Asked): Route => {
    return async (_request, response, url, parts) => {
      const release = asked === 'start' && url.searchParams.get('release') === '1'
      sendJson(response, 200, await order(init, asked, parts, release))
    }
  }
  return new Map<string, Route>([
    ['POST /v1/containers/{name}/start', ordering('start')],
    ['POST /v1/containers/{name}/stop', ordering('stop')],
    ['POST /v1/containers/{name}/restart', ordering('restart')],
    [
      'POST /v1/containers/{name}/holds',
      (request, response, _url, parts) => hold(init, request, response, parts),
    ],
    [
      'DELETE /v1/containers/{name}/holds/{owner}',
      (_request, response, _url, parts) => release(init, response, parts),
    ],
  ])
}

async function order(
  init: OrderRoutesInit,
  asked: Asked,
  { name: object = '' }: PathParts,
  releases: boolean,
): Promise<ContainerOrdered> {
  const { directory, containers, adopted, host } = init
  const seen = (await containers.port.look()).filter((each) => each.object === object)
  if (seen.length === 0) await expectRow(directory, object)
  if (releases) {
    const durable = ordersOf(init, object).holds.filter(({ isDurable }) => isDurable)
    for (const each of durable) await kept(containers.orders.release(object, each))
  }
  const wanted = wantedOf(adopted(), host, object, seen)
  const facts = { object, seen, known: ordersOf(init, object), ...wanted, nowMs: init.now() }
  const verdict = judgeOrder(asked, facts)
  if (verdict.order !== null) {
    await kept(containers.orders.give(object, verdict.order))
    init.onOrder(object, asked)
  }
  if (verdict.order !== null && asked !== 'stop' && wanted.image !== null) {
    init.images.hurry(wanted.image)
  }
  if (verdict.order !== null || releases) init.loop.retry(object, `covey ${asked}`)
  return verdict.answer
}

function ordersOf({ containers }: OrderRoutesInit, object: string): ContainerOrders {
  return containers.orders.look().get(object) ?? { order: null, holds: [] }
}

/** A failed write is told with the status of a request that may be sent again. */
function kept<T>(written: Promise<T>): Promise<T> {
  return written.catch((error: unknown) => {
    if (!(error instanceof CoveyError)) throw error
    throw Problem.of(error, error.code === 'too-many-holds' ? 409 : 503)
  })
}

const line: z.ZodType<string> = z
  .string()
  .min(1)
  .max(orderTextCharactersMax)
  .regex(/^[\p{L}\p{N}\p{P}\p{S} ]+$/u)

const holdSchema: z.ZodType<{ readonly owner: string; readonly reason: string }> = z.strictObject({
  owner: line,
  reason: line,
})

async function hold(
  init: OrderRoutesInit,
  request: IncomingMessage,
  response: ServerResponse,
  { name: object = '' }: PathParts,
): Promise<void> {
  const body = holdSchema.safeParse(await bodyOf(request))
  if (!body.success) {
    throw new Problem(400, 'bad-body', 'the body must be {"owner","reason"}, one line each')
  }
  await expectRow(init.directory, object)
  const { owner, reason } = body.data
  const held = { owner, reason, atMs: init.now(), isDurable: true }
  await kept(init.containers.orders.hold(object, held))
  init.onOrder(object, `held by ${owner}: ${reason}`)
  init.loop.retry(object, 'a hold')
  sendJson(response, 200, { name: object, changed: true, note: null })
}

async function release(
  init: OrderRoutesInit,
  response: ServerResponse,
  { name = '', owner = '' }: PathParts,
): Promise<void> {
  // One whose object is gone meanwhile may be released too. Work that goes on ends its own hold.
  const changed = await kept(init.containers.orders.release(name, { owner, isDurable: true }))
  if (changed) {
    init.onOrder(name, `released by ${owner}`)
    init.loop.retry(name, 'the end of a hold')
  }
  const note = changed ? null : 'it was not held by that name'
  sendJson(response, 200, { name, changed, note })
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const body = await readBody(request, orderBodyBytesMax)
  if (body === null) throw new Problem(413, 'payload-too-large', 'the body is too long')
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return null
  }
}
