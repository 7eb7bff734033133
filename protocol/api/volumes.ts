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
