import type { Delivery } from '../../protocol/messages.ts'
import type { Effect, Verdict } from '../../protocol/node/effects.ts'
import type { SimHost } from './cluster.ts'

/**
 * The events of a run, for those who check, measure or tell them. Everything in it is optional to
 * look at.
 */
export interface Watch {
  /** A node wants something done; nothing of it has been done yet. */
  readonly effect?: (host: SimHost, effect: Effect) => void
  /** A host has just started from its disk. */
  readonly started?: (host: SimHost) => void
  /** A step of a host has ended. */
  readonly stepped?: (host: SimHost) => void
  /** A life of a host has just ended. */
  readonly ended?: (host: SimHost, how: string) => void
  /** Whoever handed a document to a host has been answered; null where the host ended first. */
  readonly answered?: (host: SimHost, delivery: Delivery, verdict: Verdict | null) => void
  /** A host is being given a document that it wanted, by another one. */
  readonly brought?: (to: SimHost, from: SimHost, digest: string) => void
}

/** A watch that hands on to several. */
export interface JoinedWatch {
  effect(host: SimHost, effect: Effect): void
  started(host: SimHost): void
  stepped(host: SimHost): void
  ended(host: SimHost, how: string): void
  answered(host: SimHost, delivery: Delivery, verdict: Verdict | null): void
  brought(to: SimHost, from: SimHost, digest: string): void
}

/** All of these watches at once, in this order. */
export function joinWatches(watches: readonly Watch[]): JoinedWatch {
  return {
    effect(host, effect) {
      for (const watch of watches) watch.effect?.(host, effect)
    },
    started(host) {
      for (const watch of watches) watch.started?.(host)
    },
    stepped(host) {
      for (const watch of watches) watch.stepped?.(host)
    },
    ended(host, how) {
      for (const watch of watches) watch.ended?.(host, how)
    },
    answered(host, delivery, verdict) {
      for (const watch of watches) watch.answered?.(host, delivery, verdict)
    },
    brought(to, from, digest) {
      for (const watch of watches) watch.brought?.(to, from, digest)
    },
  }
}
