import { readdirSync } from 'node:fs'
import * as z from 'zod'
import type {
  ContainerRecord,
  ExitSeen,
  HealthPolicy,
  ImageHealth,
} from '../../reconcilers/host-containers.ts'
import { createDisk, type Disk, readText } from '../files/disk.ts'
import { exitSchema } from './life.ts'
import { type HostPlaces, idPrefix } from './places.ts'

/** Record of a container's run that is kept for good. */
interface Ran {
  /** Null where it was let run and nothing more is known. */
  readonly exit: ExitSeen | null
}

const seconds = z.number()
const textList = z.array(z.string())
const times = {
  interval_seconds: seconds.optional(),
  timeout_seconds: seconds.optional(),
  retries: z.int().optional(),
  start_seconds: seconds.optional(),
  start_interval_seconds: seconds.optional(),
}
const imageHealthSchema: z.ZodType<ImageHealth> = z.object({ command: textList, ...times })
const fromImage: z.ZodType<HealthPolicy> = z.object({
  ...{ from_image: z.literal(true), ...times },
  restart: z.boolean().optional(),
})
const ofObject: z.ZodType<HealthPolicy> = z.object({
  command: textList.optional(),
  http: z
    .object({
      port: z.int(),
      path: z.string(),
      host: z.string().optional(),
      headers: z.record(z.string(), z.string()).optional(),
      https: z.boolean().optional(),
    })
    .optional(),
  tcp: z.object({ port: z.int() }).optional(),
  interval_seconds: seconds,
  timeout_seconds: seconds,
  retries: z.int(),
  start_seconds: seconds,
  start_interval_seconds: seconds.optional(),
  restart: z.boolean().optional(),
})
const healthSchema: z.ZodType<HealthPolicy | null> = z.union([fromImage, ofObject]).nullable()

const recordSchema: z.ZodType<ContainerRecord> = z.object({
  id: z.string(),
  object: z.string(),
  revision: z.string(),
  image: z.string(),
  address: z.string(),
  namespace: z.string().nullable(),
  networkOf: z.string().optional(),
  volumes: z.array(z.string()),
  stopSignal: z.int(),
  policy: z.object({
    restart: z.enum(['always', 'on-failure', 'never']),
    stopGraceMs: z.number(),
    health: healthSchema,
    labels: z.record(z.string(), z.string()),
    dns: z
      .object({
        servers: z.array(z.string()).optional(),
        search: z.array(z.string()).optional(),
        options: z.array(z.string()).optional(),
      })
      .optional(),
  }),
  imageHealth: imageHealthSchema.optional(),
  checkSecrets: z.object({ before: textList, isSilent: z.boolean() }).optional(),
  userNamespace: z.literal(true).optional(),
  privileged: z.boolean().optional(),
  devices: z.record(z.string(), z.array(z.string())).optional(),
  terminal: z.literal(true).optional(),
  stdin: z.literal(true).optional(),
})

const ranSchema: z.ZodType<Ran> = z.object({ exit: exitSchema.nullable() })

/** The durable part of containers. What is read once is kept in memory; only the agent writes. */
export interface Records {
  /** Ids that have a folder now. */
  ids(): readonly string[]
  record(id: string): ContainerRecord | null
  ran(id: string): Ran | null
  /** Durable when it resolves. */
  write(record: ContainerRecord): Promise<void>
  /** Durable when it resolves; null forgets. */
  writeRan(id: string, ran: Ran | null): Promise<void>
  forget(id: string): void
}

/** Reads all records. A damaged one counts as missing: its container is made again. */
export async function openRecords(places: HostPlaces): Promise<Records> {
  const disk = createDisk(places.records)
  const records = new Map<string, ContainerRecord>()
  const rans = new Map<string, Ran>()
  const ids = (): readonly string[] => foldersIn(places.records)
  for (const id of ids()) {
    const record = await parsed(disk, `${id}/record.json`, recordSchema)
    if (record?.id === id) records.set(id, record)
    const ran = await parsed(disk, `${id}/ran.json`, ranSchema)
    if (ran !== null) rans.set(id, ran)
  }
  return {
    ids,
    record: (id) => records.get(id) ?? null,
    ran: (id) => rans.get(id) ?? null,
    async write(record) {
      const content = `${JSON.stringify(record, null, 2)}\n`
      // A disk remembers which folders it has made, and this one may have been removed since.
      await createDisk(places.records).replace([{ path: `${record.id}/record.json`, content }])
      records.set(record.id, record)
    },
    async writeRan(id, ran) {
      const path = `${id}/ran.json`
      if (ran !== null) await disk.replace([{ path, content: `${JSON.stringify(ran)}\n` }])
      else if (rans.has(id)) await disk.remove(path)
      if (ran === null) rans.delete(id)
      else rans.set(id, ran)
    },
    forget(id) {
      records.delete(id)
      rans.delete(id)
    },
  }
}

/** Names of covey's containers in a folder, sorted; none where there is no such folder. */
export function foldersIn(path: string): readonly string[] {
  try {
    return readdirSync(path)
      .filter((name) => name.startsWith(idPrefix))
      .sort()
  } catch {
    return []
  }
}

async function parsed<T>(disk: Disk, path: string, schema: z.ZodType<T>): Promise<T | null> {
  const text = await readText(disk, path)
  if (text === null) return null
  try {
    return schema.safeParse(JSON.parse(text)).data ?? null
  } catch {
    return null
  }
}
