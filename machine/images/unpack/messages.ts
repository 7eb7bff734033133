import type { LayerSummary } from '../layers/layer-transform.ts'

/** To the thread that unpacks. `id` is that of a task. */
export type ToThread =
  | {
      readonly kind: 'begin'
      readonly id: number
      readonly diffId: string
      readonly target: string
      readonly lowerLinks: ReadonlyMap<string, string>
    }
  | { readonly kind: 'packed'; readonly id: number; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'end'; readonly id: number }
  | { readonly kind: 'abort'; readonly id: number }

/** From it. */
export type FromThread =
  /** So many packed bytes were used up. */
  | { readonly kind: 'taken'; readonly id: number; readonly bytes: number }
  /** So many bytes came out. */
  | { readonly kind: 'unpacked'; readonly id: number; readonly bytes: number }
  | { readonly kind: 'done'; readonly id: number; readonly summary: LayerSummary }
  | {
      readonly kind: 'failed'
      readonly id: number
      readonly code: string | null
      readonly message: string
      readonly hint: string | undefined
    }
