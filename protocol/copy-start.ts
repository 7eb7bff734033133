import * as z from 'zod'

/**
 * The first frame of a copy (frames of exec-frames.ts): what a client wants of a container's files.
 * A tree goes as a tar archive, all of it below the name `content`, in `stdout` or `stdin`. A
 * `stderr` frame is one line on what is left out. The agent ends with `exit`, whose text is 0, or
 * with `fault`.
 */
export type CopyStart =
  | {
      readonly direction: 'out'
      /** In the container, from its root. */
      readonly path: string
      /** True copies what a link at the end of the path leads to. */
      readonly followLink: boolean
    }
  | {
      readonly direction: 'in'
      readonly path: string
      /** Kind of what comes: a file, a folder, or the content of a folder. */
      readonly source: 'file' | 'folder' | 'content'
      /** Its name, where it goes into a folder that is there. */
      readonly name: string
      /** True if the content of a folder may make the folder. */
      readonly mayMake: boolean
      /** True keeps owners by number; else root of the container owns all of it. */
      readonly keepOwners: boolean
    }

/** Reason that nothing was copied. */
export interface CopyFault {
  readonly code: string
  readonly message: string
  readonly hint: string | null
}

const path: z.ZodType<string> = z.string().regex(/^[^\0]{0,4000}$/)

/** Schema of `CopyStart`. */
export const copyStartSchema: z.ZodType<CopyStart> = z.discriminatedUnion('direction', [
  z.strictObject({ direction: z.literal('out'), path, followLink: z.boolean() }),
  z.strictObject({
    direction: z.literal('in'),
    path,
    source: z.enum(['file', 'folder', 'content']),
    name: z.string().regex(/^(?!\.{1,2}$)[^\0/]{0,255}$/),
    mayMake: z.boolean(),
    keepOwners: z.boolean(),
  }),
])

/** Schema of `CopyFault`. */
export const copyFaultSchema: z.ZodType<CopyFault> = z.object({
  code: z.string(),
  message: z.string(),
  hint: z.string().nullable(),
})
