import * as z from 'zod'
import { CoveyError } from './fault.ts'

/**
 * Frames between `covey exec` and an agent after the upgrade of their connection:
 * one byte for the kind, four for the length of the payload (most significant first), the payload.
 */
export type FrameKind = keyof typeof frameKinds

const frameKinds = {
  /** To the agent, first and once: an `ExecStart` as JSON. */
  start: 1,
  /** Bytes for the program. At most `stdinWindowBytes` more than `taken` has told of. */
  stdin: 2,
  'stdin-end': 3,
  /** A `TerminalSize` as JSON. */
  resize: 4,
  /** Name of a signal for the program, as `SIGINT`. */
  signal: 5,
  /** From the agent: bytes of the program. */
  stdout: 16,
  stderr: 17,
  /** Count of further bytes of stdin passed on, as decimal text. */
  taken: 18,
  /** Last: the exit code as decimal text; 128 and the signal's number where one ended it. */
  exit: 19,
  /** Last: an `ExecFault` as JSON; nothing was run, or it cannot be told how it ended. */
  fault: 20,
} as const

/** Longest payload of one frame, in bytes. */
export const framePayloadBytesMax: number = 256 * 1024
/** Bytes of stdin that may be under way: what the agent holds for a program that does not read. */
export const stdinWindowBytes: number = 256 * 1024
const headBytes = 5

const kindsByNumber: ReadonlyMap<number, FrameKind> = new Map(
  Object.entries(frameKinds).map(([kind, number]) => [number, kind as FrameKind]),
)

/** One frame. */
export interface Frame {
  readonly kind: FrameKind
  readonly payload: Uint8Array
}

/** A frame as bytes. Throws a RangeError where the payload is longer than allowed. */
export function encodeFrame(kind: FrameKind, payload: Uint8Array): Uint8Array {
  if (payload.length > framePayloadBytesMax) throw new RangeError('the frame is too long')
  const bytes = new Uint8Array(headBytes + payload.length)
  bytes[0] = frameKinds[kind]
  new DataView(bytes.buffer).setUint32(1, payload.length)
  bytes.set(payload, headBytes)
  return bytes
}

/** Cuts what arrives into frames; holds at most one that is not whole. */
export interface FrameReader {
  /** Throws `CoveyError` `frame` for an invalid one. */
  feed(chunk: Uint8Array): readonly Frame[]
}

/** A reader at the beginning of a stream. */
export function createFrameReader(): FrameReader {
  let held = new Uint8Array(0)
  return {
    feed(chunk) {
      const bytes = new Uint8Array(held.length + chunk.length)
      bytes.set(held)
      bytes.set(chunk, held.length)
      const frames: Frame[] = []
      let at = 0
      while (bytes.length - at >= headBytes) {
        const kind = kindsByNumber.get(bytes[at] ?? 0)
        const length = new DataView(bytes.buffer).getUint32(at + 1)
        if (kind === undefined || length > framePayloadBytesMax) {
          throw new CoveyError('frame', 'the other side sent an invalid frame')
        }
        const end = at + headBytes + length
        if (bytes.length < end) break
        frames.push({ kind, payload: bytes.slice(at + headBytes, end) })
        at = end
      }
      held = bytes.slice(at)
      return frames
    },
  }
}

/** Size of a terminal, in characters. */
export interface TerminalSize {
  readonly rows: number
  readonly columns: number
}

/** Command to run in a container. */
export interface ExecStart {
  /** Program and arguments; for `run` the arguments alone, or none for the container's own. */
  readonly command: readonly string[]
  /** For `run`: the program in place of the entrypoint. */
  readonly entrypoint?: readonly string[] | undefined
  /** Terminal of the program; null if it gets none. */
  readonly terminal: TerminalSize | null
  readonly stdin: boolean
  /** `user` or `user:group`, names or numbers; null for the container's own. */
  readonly user: string | null
  /** Absolute; null for the container's own. */
  readonly workingDir: string | null
  /** `NAME=value`, over the container's own. */
  readonly environment: readonly string[]
}

/** Reason that nothing could be run, and the exit code that a shell would give it. */
export interface ExecFault {
  readonly code: string
  readonly message: string
  readonly hint: string | null
  readonly exit: 126 | 127
}

const side: z.ZodType<number> = z.int().min(1).max(4096)
const word: z.ZodType<string> = z.string().regex(/^[^\0]*$/)
const variable: z.ZodType<string> = z.string().regex(/^[^=\0]+=[^\0]*$/)

/** Schema of `TerminalSize`. */
export const terminalSizeSchema: z.ZodType<TerminalSize> = z.strictObject({
  rows: side,
  columns: side,
})

const program = z.array(word).max(4096)
const circumstances = {
  terminal: terminalSizeSchema.nullable(),
  stdin: z.boolean(),
  user: word.nullable(),
  workingDir: word.nullable(),
  environment: z.array(variable).max(1024),
}

/** Schema of `ExecStart` for a command in a container that runs. */
export const execStartSchema: z.ZodType<ExecStart> = z.strictObject({
  ...circumstances,
  command: program.min(1),
})

/** Schema of `ExecStart` for a container of its own, which has a command already. */
export const runStartSchema: z.ZodType<ExecStart> = z.strictObject({
  ...circumstances,
  command: program,
  entrypoint: program.optional(),
})

/** Schema of `ExecFault`. */
export const execFaultSchema: z.ZodType<ExecFault> = z.object({
  code: z.string(),
  message: z.string(),
  hint: z.string().nullable(),
  exit: z.literal([126, 127]),
})

/** Signals that are passed on to what runs. */
export const execSignals: readonly string[] = [
  'SIGINT',
  'SIGTERM',
  'SIGHUP',
  'SIGQUIT',
  'SIGUSR1',
  'SIGUSR2',
]
