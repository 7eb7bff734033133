import type { ContainerEvent, ImageEvent } from '../machine/events.ts'
import type { Head } from '../protocol/heads.ts'
import type { Alarm, ObjectReport } from '../protocol/node/effects.ts'
import type { HostState } from '../protocol/status-record.ts'

/** Something that happened on this host, as `GET /v1/events` tells it. */
export type AgentEvent =
  | { readonly event: 'head'; readonly head: Head }
  | { readonly event: 'applied'; readonly head: Head }
  | { readonly event: 'state'; readonly state: HostState }
  | { readonly event: 'object'; readonly object: ObjectReport }
  | { readonly event: 'peer'; readonly host: string; readonly connected: boolean }
  | { readonly event: 'alarm'; readonly alarm: Alarm; readonly raised: boolean }
  | ContainerEvent
  | ImageEvent

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
