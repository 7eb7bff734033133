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
  /** One line for people, as `exit code 1`; null where there is nothing to add. */
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
