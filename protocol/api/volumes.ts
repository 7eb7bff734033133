import * as z from 'zod'

/** One volume of a host. */
export interface VolumeRow {
  /** Its object. */
  readonly name: string
  /** Space that it takes on the disk; null where it could not be measured. */
  readonly bytes: number | null
  /** Space left on its file system. */
  readonly free_bytes: number
  /** Objects whose containers use it. */
  readonly used_by: readonly string[]
}

/** `GET /v1/volumes`. */
export interface VolumeList {
  readonly volumes: readonly VolumeRow[]
}

/** Schema of a list of volumes. */
export const volumesSchema: z.ZodType<VolumeList> = z.object({
  volumes: z.array(
    z.object({
      name: z.string(),
      bytes: z.number().nullable(),
      free_bytes: z.number(),
      used_by: z.array(z.string()),
    }),
  ),
})

/** A volume that was put back, by an archive of so many bytes. */
export interface RestoredVolume {
  readonly volume: string
  readonly bytes: number
  readonly sha256: string
}

/** Schema of the answer to `POST /v1/volumes/NAME/restore`. */
export const restoredSchema: z.ZodType<RestoredVolume> = z.object({
  volume: z.string(),
  bytes: z.number(),
  sha256: z.string(),
})

/** An archive that a host keeps for a while; it is asked for by its checksum. */
export interface KeptVolumeArchive {
  readonly bytes: number
  readonly sha256: string
}

/** Schema of the last event of `POST /v1/volumes/NAME/archives`. */
export const keptArchiveSchema: z.ZodType<KeptVolumeArchive> = z.object({
  bytes: z.number(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
})

/** The part of an archive that a host has received. */
export interface UploadedBytes {
  readonly bytes: number
}

/** Schema of the answers of `/v1/volumes/NAME/uploads/SHA256`. */
export const uploadedSchema: z.ZodType<UploadedBytes> = z.object({ bytes: z.number().min(0) })

/** One event of an archive that is being made. */
export type ArchiveEvent =
  | { readonly event: 'progress'; readonly bytes: number }
  | { readonly event: 'done' }
  | {
      readonly event: 'failed'
      readonly code: string
      readonly message: string
      readonly hint: string | null
    }

/** Schema of such an event. */
export const archiveEventSchema: z.ZodType<ArchiveEvent> = z.discriminatedUnion('event', [
  z.object({ event: z.literal('progress'), bytes: z.number() }),
  z.object({ event: z.literal('done') }),
  z.object({
    event: z.literal('failed'),
    code: z.string(),
    message: z.string(),
    hint: z.string().nullable(),
  }),
])

/** A volume that waits for its content from another host. */
export interface IncomingVolume {
  /** Of the move, as the operator chose it. */
  readonly id: string
  readonly from: string
  /** Checksum of the archive that has come; null before that. */
  readonly sha256: string | null
}

/** Schema of `GET /v1/volumes/NAME/incoming`. */
export const incomingSchema: z.ZodType<IncomingVolume> = z.object({
  id: z.string().regex(/^[0-9a-f]{32}$/),
  from: z.string(),
  sha256: z.string().nullable(),
})
