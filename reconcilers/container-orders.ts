/**
 * A person's order for the container of one object. `stop` stays until another order takes its
 * place; `run` is over once the container is being started, and so is `restart`, which stops what
 * runs before that.
 */
export interface ContainerOrder {
  readonly kind: 'stop' | 'restart' | 'run'
  /** Of the container that it is about; another revision is not concerned. */
  readonly revision: string
  /** Milliseconds since 1970. */
  readonly atMs: number
}

/** Keeps the containers of an object stopped, whatever their revision, while something is done. */
export interface ContainerHold {
  /** Who holds it, as `backup pgdata`: nobody else ends the hold. One line. */
  readonly owner: string
  /** For people: `it is being backed up`. One line. */
  readonly reason: string
  /** Milliseconds since 1970. */
  readonly atMs: number
  /** False for a hold that ends with the agent that set it. */
  readonly isDurable: boolean
}

/** All that is wanted of the containers of one object beyond its config. */
export interface ContainerOrders {
  readonly order: ContainerOrder | null
  /** Ordered by age. */
  readonly holds: readonly ContainerHold[]
}

/** Orders and holds, by object; objects without any are left out. */
export type OrdersByObject = ReadonlyMap<string, ContainerOrders>

/** The part of a host's containers that orders are read from, and settled in. */
export interface HostOrders {
  orders(): Promise<OrdersByObject>
  /** Forgets an order, durably when it resolves; nothing where another was given meanwhile. */
  endOrder(object: string, order: ContainerOrder): Promise<void>
}
