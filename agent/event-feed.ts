import type { AgentEvent } from '../protocol/api/events.ts'

/** An event and when it happened, in ms since 1970 by this host's clock. */
type TimedEvent = AgentEvent & { readonly at: number }

/** Passes events on to whoever watches; keeps none. */
export interface EventFeed {
  tell(event: TimedEvent): void
  /** Returns how to stop watching. Whoever lets clients watch bounds their number. */
  watch(watcher: (event: TimedEvent) => void): () => void
}

/** A feed without watchers. */
export function createEventFeed(): EventFeed {
  const watchers = new Set<(event: TimedEvent) => void>()
  return {
    tell(event) {
      for (const watcher of watchers) watcher(event)
    },
    watch(watcher) {
      watchers.add(watcher)
      return () => watchers.delete(watcher)
    },
  }
}
