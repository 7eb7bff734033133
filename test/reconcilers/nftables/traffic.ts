import assert from 'node:assert/strict'
import { craft, type PacketSpec } from '../../packets/craft.ts'
import type { Wire } from '../../packets/wire.ts'
import type { World } from './world.ts'

/** A packet that should come has this long, and a counter that should count one. */
export const answerMsMax = 20_000

/** A packet without its number, which is given when it is sent. */
export type Said = Omit<PacketSpec, 'id'>

/** Single packets on the host of a `World`, and what becomes of each. */
export class Traffic {
  readonly #world: World
  #next = 1

  constructor(world: World) {
    this.#world = world
  }

  /** A number that no packet has yet. */
  take(): number {
    return this.#next++
  }

  /** Sends one from a namespace; gives its number. */
  async send(from: string, said: Said): Promise<number> {
    const id = this.take()
    const wire = await this.#world.wire(from)
    wire.send(said.to, craft({ ...said, id }))
    return id
  }

  /** It comes through to a namespace. */
  async comes(from: string, to: string, said: Said, what = ''): Promise<void> {
    const target = await this.#world.wire(to)
    const id = await this.send(from, said)
    assert.ok(await target.arrives(id, answerMsMax), `${from} to ${to} ${what}`)
  }

  /** The count of a counter so far; all of them for `any`. */
  async countOf(counter: string): Promise<number> {
    const counts = await this.#world.refused()
    if (counter !== 'any') return counts.get(counter) ?? 0
    return [...counts.values()].reduce((sum, count) => sum + count, 0)
  }

  /** It is dropped and counted, and has come to no namespace. */
  async isRefused(counter: string, from: string, said: Said, what = ''): Promise<void> {
    const names = ['covey-a', 'covey-b', 'covey-c', 'remote', 'lan']
    const others: readonly Wire[] = await Promise.all(names.map((name) => this.#world.wire(name)))
    const counted = await this.countOf(counter)
    const id = await this.send(from, said)
    const deadline = performance.now() + answerMsMax
    while ((await this.countOf(counter)) === counted) {
      assert.ok(performance.now() < deadline, `${counter} counts nothing: ${what}`)
    }
    assert.ok(!others.some((wire) => wire.has(id)), `it came through: ${what}`)
  }
}
