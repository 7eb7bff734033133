import * as z from 'zod'
import { isObject } from '../../../protocol/documents/canonical-json.ts'
import type { ContainerHold, ContainerOrder } from '../../../reconcilers/container-orders.ts'

/** Orders and durable holds as they are kept, by object. */
export interface KeptOrders {
  readonly orders: ReadonlyMap<string, ContainerOrder>
  readonly holds: ReadonlyMap<string, readonly ContainerHold[]>
}

const orderSchema: z.ZodType<ContainerOrder> = z.object({
  kind: z.enum(['stop', 'restart', 'run']),
  revision: z.string(),
  atMs: z.number(),
})

const holdsSchema: z.ZodType<readonly Omit<ContainerHold, 'isDurable'>[]> = z.array(
  z.object({ owner: z.string(), reason: z.string(), atMs: z.number() }),
)

/** Text of the file. */
export function orderText({ orders, holds }: KeptOrders): string {
  const kept = [...holds].map(([object, all]) => {
    return [object, all.map(({ isDurable: _, ...hold }) => hold)] as const
  })
  const value = { orders: Object.fromEntries(orders), holds: Object.fromEntries(kept) }
  return `${JSON.stringify(value, null, 2)}\n`
}

/** The content of a file; null where it cannot be read. An entry of another form is left out. */
export function parseOrders(text: string): KeptOrders | null {
  const value = parsed(text)
  if (!isObject(value)) return null
  const holds = entries(value['holds'], holdsSchema).map(([object, all]) => {
    return [object, all.map((hold) => ({ ...hold, isDurable: true }))] as const
  })
  return { orders: new Map(entries(value['orders'], orderSchema)), holds: new Map(holds) }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function entries<T>(value: unknown, schema: z.ZodType<T>): readonly (readonly [string, T])[] {
  if (!isObject(value)) return []
  return Object.entries(value).flatMap(([object, entry]) => {
    const found = schema.safeParse(entry)
    return found.success ? [[object, found.data] as const] : []
  })
}
