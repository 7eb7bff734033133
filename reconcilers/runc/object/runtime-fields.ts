import * as z from 'zod'
import { hostSettingFault } from '../bundle/host-settings.ts'
import { accountIdMax, entriesMax, settingCharactersMax } from '../bundle/limits.ts'
import type { LimitObject, MemoryObject } from './container-object.ts'
import { mountPoint, user } from './spec-fields.ts'

const accountId: z.ZodType<number> = z.int().min(0).max(accountIdMax)

/** A group by name or number. */
export const userGroup: z.ZodType<string> = user.refine((text) => !text.includes(':'), {
  message: 'must be one group, by name or by number',
})

/** A path with memory, and how it is given. */
export const memoryPlace: z.ZodType<string | MemoryObject> = z.union([
  mountPoint,
  z.strictObject({
    path: mountPoint,
    size_bytes: z.int().min(4096).optional(),
    mode: z
      .string()
      .regex(/^[01]?[0-7]{3}$/, 'must be an octal mode, as 1777')
      .optional(),
    uid: accountId.optional(),
    gid: accountId.optional(),
    exec: z.boolean().optional(),
    only_files: z.literal(true).optional(),
  }),
])

/** Limits of processes (getrlimit(2)), without their `RLIMIT_`. */
const limitNames: ReadonlySet<string> = new Set([
  ...['as', 'core', 'cpu', 'data', 'fsize', 'locks', 'memlock', 'msgqueue', 'nice', 'nofile'],
  ...['nproc', 'rss', 'rtprio', 'rttime', 'sigpending', 'stack'],
])

const limit: z.ZodType<LimitObject> = z.strictObject({
  soft: z.int().min(-1),
  hard: z.int().min(-1),
})

function limitFault(name: string, { soft, hard }: LimitObject): string | undefined {
  if (!limitNames.has(name)) return `is no limit: one of ${[...limitNames].join(', ')}`
  if (name === 'core' && hard !== 0) return 'stays 0: core files may hold secrets'
  const isAbove = hard !== -1 && (soft === -1 || soft > hard)
  return isAbove ? 'has a soft limit above its hard one' : undefined
}

/** Limits of the first process, by name. */
export const limits: z.ZodType<Readonly<Record<string, LimitObject>>> = z
  .record(z.string(), limit)
  .superRefine((all, context) => {
    for (const [name, each] of Object.entries(all)) {
      const message = limitFault(name, each)
      if (message !== undefined) context.addIssue({ code: 'custom', message, path: [name] })
    }
  })

/** Settings of the kernel by name (sysctl(8)). */
export const settings: z.ZodType<Readonly<Record<string, string>>> = z
  .record(z.string(), z.string())
  .superRefine((all, context) => {
    const names = Object.keys(all)
    if (names.length > entriesMax) context.addIssue(`has more than ${entriesMax} settings`)
    for (const [name, value] of Object.entries(all)) {
      const isText = value.length <= settingCharactersMax && /^[\t\x20-\x7e]+$/.test(value)
      const unfit = `must be printable, in one line, at most ${settingCharactersMax} characters`
      const message = hostSettingFault(name) ?? (isText ? undefined : unfit)
      if (message !== undefined) context.addIssue({ code: 'custom', message, path: [name] })
    }
  })
