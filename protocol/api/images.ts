import * as z from 'zod'

/** One image of a host. */
export interface ImageRow {
  readonly references: readonly string[]
  /** Of its manifest. */
  readonly digest: string
  readonly layers: number
  readonly unpacked_bytes: number
  /** Objects whose containers use it. */
  readonly used_by: readonly string[]
}

/** `GET /v1/images`. */
export interface ImageList {
  readonly images: readonly ImageRow[]
}

/** Schema of a list of images. */
export const imagesSchema: z.ZodType<ImageList> = z.object({
  images: z.array(
    z.object({
      references: z.array(z.string()),
      digest: z.string(),
      layers: z.number(),
      unpacked_bytes: z.number(),
      used_by: z.array(z.string()),
    }),
  ),
})

/** Progress of an agent with an image. */
export interface ImageProgress {
  readonly layers: number
  readonly layers_done: number
  readonly bytes: number
  readonly bytes_done: number
}

/** A line of what an agent says while it works on an image; `done` and `failed` end it. */
export type ImageLine =
  | ({ readonly event: 'progress' } & ImageProgress)
  | { readonly event: 'done' }
  | {
      readonly event: 'failed'
      readonly code: string
      readonly message: string
      readonly hint: string | null
    }

const count: z.ZodType<number> = z.number().min(0)

/** Schema of such a line. */
export const imageLineSchema: z.ZodType<ImageLine> = z.discriminatedUnion('event', [
  z.object({
    event: z.literal('progress'),
    layers: count,
    layers_done: count,
    bytes: count,
    bytes_done: count,
  }),
  z.looseObject({ event: z.literal('done') }),
  z.object({
    event: z.literal('failed'),
    code: z.string(),
    message: z.string(),
    hint: z.string().nullable().default(null),
  }),
])

/** Images removed, and the bytes freed. */
export interface PrunedImages {
  readonly removed: readonly { readonly digest: string; readonly references: readonly string[] }[]
  readonly bytes: number
}

/** Schema of the answer to `POST /v1/images/prune`. */
export const prunedSchema: z.ZodType<PrunedImages> = z.object({
  removed: z.array(z.object({ digest: z.string(), references: z.array(z.string()) })),
  bytes: z.number(),
})
