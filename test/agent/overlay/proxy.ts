import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { ownAddress } from './host.ts'

/** A TCP relay in front of a host: the cable that a test can cut. */
export interface Proxy {
  readonly address: string
  readonly port: number
  /** Connections through it that are open on both sides. */
  readonly open: number
  /** Resolves once as many connections are open. */
  untilOpen(count: number): Promise<void>
  /** Resolves when a connection has opened or closed. */
  changed(): Promise<void>
  /** Breaks every connection, as the death of a process does. */
  cut(): void
  /** Passes nothing on any more and says so to nobody, as a vanished machine does. */
  freeze(): void
}

/** Starts a relay to a place; it ends after the test. */
export async function startProxy(
  test: Pick<TestContext, 'after'>,
  target: { readonly address: string; readonly port: number },
): Promise<Proxy> {
  const pairs = new Set<readonly [Socket, Socket]>()
  const frozen = new Set<readonly [Socket, Socket]>()
  let next = Promise.withResolvers<void>()
  const look = (): void => {
    next.resolve()
    next = Promise.withResolvers<void>()
  }
  const changed = (): Promise<void> => next.promise
  const server = createServer((inner) => {
    const outer = connect(target.port, target.address)
    const pair = [inner, outer] as const
    pairs.add(pair)
    inner.pipe(outer)
    outer.pipe(inner)
    for (const socket of pair) {
      socket.on('error', () => {})
      socket.on('close', () => {
        if (!frozen.has(pair)) for (const end of pair) end.destroy()
        pairs.delete(pair)
        look()
      })
    }
    look()
  })
  const address = ownAddress()
  server.listen({ host: address, port: target.port })
  await once(server, 'listening')
  const cut = (): void => {
    for (const socket of [...pairs, ...frozen].flat()) socket.resetAndDestroy()
  }
  test.after(() => {
    server.close()
    cut()
  })
  return {
    address,
    port: target.port,
    get open() {
      return pairs.size
    },
    untilOpen: async (count) => {
      while (pairs.size !== count) await changed()
    },
    changed,
    cut,
    freeze: () => {
      for (const pair of pairs) {
        frozen.add(pair)
        const [inner, outer] = pair
        inner.unpipe(outer)
        outer.unpipe(inner)
        for (const socket of [inner, outer]) socket.on('data', () => {})
      }
    },
  }
}
