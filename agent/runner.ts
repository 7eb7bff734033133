import type { Effect, Input } from '../protocol/node/effects.ts'
import type { NodeState } from '../protocol/node/state.ts'
import { step } from '../protocol/node/step.ts'

/** Feeds a node its inputs, one after the other. */
export interface Runner {
  feed(input: Input): void
  /** Nothing is fed any more; what comes late is passed over. */
  stop(): void
}

/**
 * Runs a node: each input is one step, and its effects are carried out in their order before the
 * next input is looked at, also where carrying out brings an input of its own. `settled` is called
 * when none is left.
 */
export function createRunner(
  node: NodeState,
  first: readonly Effect[],
  carryOut: (effect: Effect) => void,
  settled: () => void = () => undefined,
): Runner {
  const inputs: Input[] = []
  let running = true
  let busy = true
  for (const effect of first) carryOut(effect)
  busy = false
  return {
    feed(input) {
      if (!running) return
      inputs.push(input)
      if (busy) return
      busy = true
      for (let next = inputs.shift(); next !== undefined && running; next = inputs.shift()) {
        for (const effect of step(node, next)) carryOut(effect)
      }
      busy = false
      settled()
    },
    stop() {
      running = false
      inputs.length = 0
    },
  }
}
