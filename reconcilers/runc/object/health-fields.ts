import * as z from 'zod'
import type { HealthPolicy } from '../../host-containers.ts'
import { httpHeaders, httpHost, httpPath } from './http-fields.ts'
import { command } from './spec-fields.ts'

/** Times of a check where neither an object nor an image gives one. */
export const usualTimes = {
  interval_seconds: 10,
  timeout_seconds: 5,
  retries: 3,
  start_seconds: 0,
} as const

const seconds: z.ZodType<number> = z.int().min(1).max(3600)
const port: z.ZodType<number> = z.int().min(1).max(65535)
const { interval_seconds, timeout_seconds, retries, start_seconds } = usualTimes

/**
 * The health check of a container. With `from_image`, absent times stay absent, because the image
 * has its own.
 */
export const healthSchema: z.ZodType<HealthPolicy> = z
  .strictObject({
    command: command
      .refine((words) => words.length > 0, { message: 'must name a program', path: [0] })
      .optional(),
    http: z
      .strictObject({
        port,
        path: httpPath,
        host: httpHost.optional(),
        headers: httpHeaders.optional(),
        https: z.boolean().optional(),
      })
      .optional(),
    tcp: z.strictObject({ port }).optional(),
    from_image: z.literal(true).optional(),
    interval_seconds: seconds.optional().meta({ default: interval_seconds }),
    timeout_seconds: seconds.optional().meta({ default: timeout_seconds }),
    retries: z.int().min(1).max(100).optional().meta({ default: retries }),
    start_seconds: z.int().min(0).max(3600).optional().meta({ default: start_seconds }),
    start_interval_seconds: seconds.optional(),
    restart: z.boolean().optional(),
  })
  .transform((health): HealthPolicy => {
    const { interval_seconds, timeout_seconds, retries, start_seconds, ...rest } = health
    const { command, http, tcp, from_image, start_interval_seconds, restart } = rest
    const times = { interval_seconds, timeout_seconds, retries, start_seconds }
    const later = withoutGaps({ start_interval_seconds, restart })
    const isAsked = [command, http, tcp].some((each) => each !== undefined)
    if (from_image && !isAsked) return { from_image, ...withoutGaps(times), ...later }
    // That two are set is told by `checkContainer`, in its own words.
    const asked = withoutGaps({ command, http, tcp, from_image })
    return { ...asked, ...usualTimes, ...(withoutGaps(times) as object), ...later }
  })

/** An object without the members that have no value, in their order. */
function withoutGaps<T extends object>(members: T): Partial<T> {
  const entries = Object.entries(members).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as Partial<T>
}
