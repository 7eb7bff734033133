import * as z from 'zod'
import type { Head } from '../heads.ts'
import type { Alarm, ObjectReport } from '../node/effects.ts'
import type { HostState } from '../status-record.ts'

/** Something that happened to a container. */
export interface ContainerEvent {
  readonly event: 'container'
  /** Name of its object. */
  readonly name: string
  readonly what:
    | 'created'
    | 'started'
    | 'adopted'
    | 'exited'
    | 'oom'
    | 'no-resolver'
    | 'restarting'
    | 'crash-loop'
    | 'stopped'
    | 'replaced'
    | 'removed'
    | 'healthy'
    | 'unhealthy'
    | 'broken'
    | 'exec'
    | 'ordered'
  /** One line for people, such as `exit code 1`; null where there is nothing to add. */
  readonly detail: string | null
}

/** Something that happened to an image. */
export interface ImageEvent {
  readonly event: 'image'
  /** Reference or digest. */
  readonly image: string
  readonly what: 'pulling' | 'pulled' | 'failed' | 'loaded' | 'removed'
  readonly detail: string | null
}

/** Something that happened on a host, as its agent tells it in `GET /v1/events`. */
export type AgentEvent =
  | { readonly event: 'head'; readonly head: Head }
  | { readonly event: 'applied'; readonly head: Head }
  | { readonly event: 'state'; readonly state: HostState }
  | { readonly event: 'object'; readonly object: ObjectReport }
  | { readonly event: 'peer'; readonly host: string; readonly connected: boolean }
  | { readonly event: 'alarm'; readonly alarm: Alarm; readonly raised: boolean }
  | ContainerEvent
  | ImageEvent

/** An event as it is read: a newer agent may tell of more. */
export interface HeardEvent {
  readonly event: string
  /** Milliseconds since 1970; absent on the status at the beginning. */
  readonly at?: number | undefined
  readonly [member: string]: unknown
}

/** Schema of an event as it is read. */
export const eventSchema: z.ZodType<HeardEvent> = z.looseObject({
  event: z.string(),
  at: z.number().optional(),
})
