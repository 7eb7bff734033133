import * as z from 'zod'
import { isName } from '../../../protocol/names.ts'
import { type Address, parseAddress } from '../../addresses.ts'
import { parseReference } from '../../images/reference.ts'
import { capabilityName } from '../bundle/hardening/capabilities.ts'
import { hostPartOf } from '../bundle/host-parts.ts'
import { hostPathFault, isWithin } from '../bundle/host-paths.ts'
import {
  accountIdMax,
  argumentBytesMax,
  argumentsMax,
  entriesMax,
  hostnameCharactersMax,
  labelCharactersMax,
  nameBytesMax,
  pathCharactersMax,
} from '../bundle/limits.ts'
import { patchFaults } from '../bundle/patch/patch.ts'
import { signalNumber } from '../bundle/signals.ts'

/** Folder for covey's own files inside a container. */
export const ownContainerFolder: string = '/.covey'

/** Name of another object. */
export const reference: z.ZodType<string> = z
  .string()
  .refine(isName, 'must be the name of an object')

/** A string with a rule that returns its own message, or undefined. */
function judged(fault: (text: string) => string | undefined): z.ZodType<string> {
  return z.string().superRefine((text, context) => {
    const message = fault(text)
    if (message !== undefined) context.addIssue(message)
  })
}

/** True if a text holds control characters, which paths and names must not. */
function hasControls(text: string): boolean {
  return [...text].some((character) => character < ' ' || character === '\x7f')
}

function pathFault(text: string): string | undefined {
  if (text.length > pathCharactersMax) return `is longer than ${pathCharactersMax} characters`
  if (!text.startsWith('/')) return 'must be an absolute path'
  if (hasControls(text)) return 'holds control characters'
  const parts = text.split('/').slice(1)
  if (text !== '/' && parts.some((part) => part === '' || part === '.' || part === '..')) {
    return 'must have no empty part, no . or .. and no slash at its end'
  }
  if (parts.some((part) => Buffer.byteLength(part) > nameBytesMax)) {
    return `has a part of more than ${nameBytesMax} bytes, the limit for a file name`
  }
  return undefined
}

/** An absolute path without empty, `.` or `..` parts. */
export const path: z.ZodType<string> = judged(pathFault)

const systemFolders: readonly string[] = ['/proc', '/sys', ownContainerFolder]

/** Reason that nothing can be mounted at a path of a container, or undefined. */
export function mountPointFault(text: string): string | undefined {
  const fault = pathFault(text)
  if (fault !== undefined) return fault
  if (text === '/') return 'nothing can be mounted over the whole image'
  const system = systemFolders.find((folder) => isWithin(text, folder))
  if (system !== undefined) return `nothing can be mounted below ${system} of a container`
  if (text === '/dev' || isWithin(text, '/dev/pts')) return `${text} is managed by covey`
  return undefined
}

/** A path in a container where something can be mounted. */
export const mountPoint: z.ZodType<string> = judged(mountPointFault)

/** A path of the host that may be mounted, if the host grants it. */
export const hostPath: z.ZodType<string> = judged(
  (text) => pathFault(text) ?? hostPathFault(text, []),
)

/** The same, or a part of the host that may be read under a grant of its own. */
export const hostSource: z.ZodType<string> = judged((text) => {
  const fault = pathFault(text)
  return fault ?? (hostPartOf(text) === undefined ? hostPathFault(text, []) : undefined)
})

/** A path in a volume: relative, without empty, `.` and `..` parts. */
export const subpath: z.ZodType<string> = judged((text) =>
  text.startsWith('/') ? 'must be relative, as data/db' : pathFault(`/${text}`),
)

/** A device of the host, or a folder of them. */
export const devicePath: z.ZodType<string> = judged((text) => {
  const fault = pathFault(text)
  if (fault !== undefined) return fault
  if (!text.startsWith('/dev/')) return 'must be a path below /dev'
  return isWithin(text, '/dev/pts')
    ? 'terminals of the host cannot be given to a container'
    : undefined
})

/** An address, as a number. */
export const address: z.ZodType<Address, string> = z.string().transform((text, context) => {
  const parsed = parseAddress(text)
  if (parsed !== undefined) return parsed
  context.addIssue('must be an address such as 10.69.1.5 or fd00::5')
  return z.NEVER
})

/** An image with its digest. */
export const image: z.ZodType<string> = judged((text) => {
  const parsed = parseReference(text)
  return parsed.ok ? undefined : parsed.fault.message
})

/** One argument of a command. */
const argument: z.ZodType<string> = judged((text) => {
  if (text.includes('\0')) return 'must not hold a NUL character'
  const isLong = text.length > argumentBytesMax || Buffer.byteLength(text) > argumentBytesMax
  return isLong ? `is longer than ${argumentBytesMax} bytes, the limit of the kernel` : undefined
})

/** Arguments of a command; may be empty. */
export const commandArguments: z.ZodType<readonly string[]> = z.array(argument).max(argumentsMax)

/** A program with its arguments; an empty list means none at all. */
export const command: z.ZodType<readonly string[]> = commandArguments.refine(
  (words) => words[0] !== '',
  { message: 'must name a program', path: [0] },
)

/** `user`, `user:group`, names or numbers. */
export const user: z.ZodType<string> = judged((text) => {
  const parts = text.split(':')
  const isAccount = (part: string): boolean =>
    /^\d+$/.test(part)
      ? part.length <= 10 && Number(part) <= accountIdMax
      : /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}\$?$/.test(part)
  if (parts.length <= 2 && parts.every(isAccount)) return undefined
  return `must be a user or user:group, by name or by number up to ${accountIdMax}`
})

/** Number of a user or a group. */
export const accountId: z.ZodType<number> = z.int().min(0).max(accountIdMax)

/** Bytes as base64, in the one way to write them (RFC 4648 sections 3.5 and 4). */
export const base64: z.ZodType<string> = judged((text) => {
  if (Buffer.from(text, 'base64').toString('base64') === text) return undefined
  return 'must be base64 with its padding, without white space'
})

/** A host name (RFC 1123 section 2.1) that the kernel can hold. */
export const hostname: z.ZodType<string> = judged((text) => {
  const label = /^[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?$/
  if (text.length <= hostnameCharactersMax && text.split('.').every((part) => label.test(part))) {
    return undefined
  }
  return `must be a host name: at most ${hostnameCharactersMax} of a-z 0-9 - in labels joined by dots`
})

/** A signal by name or number. */
export const signal: z.ZodType<string> = judged((text) =>
  signalNumber(text) === undefined
    ? 'must be a signal such as SIGTERM, 15 or SIGRTMIN+3'
    : undefined,
)

/** A capability by name. */
export const capability: z.ZodType<string> = judged((text) => {
  if (text === 'ALL') return 'ALL cannot be added: name what the program needs, such as NET_ADMIN'
  return capabilityName(text) === undefined
    ? 'is not a capability of Linux such as NET_ADMIN'
    : undefined
})

/** A capability to drop, or `ALL`. */
export const droppedCapability: z.ZodType<string> = judged((text) =>
  text === 'ALL' || capabilityName(text) !== undefined
    ? undefined
    : 'is neither ALL nor a capability of Linux such as CHOWN',
)

/** Reason that a text is not the name of an environment variable, or undefined. */
function variableFault(name: string): string | undefined {
  if (/^[A-Za-z_][A-Za-z0-9_.-]*$/.test(name)) return undefined
  return 'must have a name of letters, digits, _ . and - that does not start with a digit'
}

/** Environment variables by name. */
export const environment: z.ZodType<Readonly<Record<string, string>>> = z
  .record(z.string(), z.string())
  .superRefine((variables, context) => {
    const names = Object.keys(variables)
    if (names.length > entriesMax) context.addIssue(`has more than ${entriesMax} variables`)
    for (const [name, value] of Object.entries(variables)) {
      const fault = variableFault(name) ?? argument.safeParse(value).error?.issues[0]?.message
      const isLong = Buffer.byteLength(`${name}=${value}`) > argumentBytesMax
      const tooLong = `is longer than ${argumentBytesMax} bytes, the limit of the kernel`
      const message = fault ?? (isLong ? tooLong : undefined)
      if (message !== undefined) context.addIssue({ code: 'custom', message, path: [name] })
    }
  })

/** A variable that a shell can set. */
export const shellVariable: z.ZodType<string> = z
  .string()
  .regex(
    /^[A-Za-z_][A-Za-z0-9_]{0,255}$/,
    'must be letters, digits and _, and not start with a digit',
  )

/** A word of a command, by its field and its place there. */
export const wordPlace: z.ZodType<string> = z
  .string()
  .regex(
    /^(command|args|health)\.(0|[1-9]\d{0,3})$/,
    'must be the place of a word, as command.0, args.2 or health.1',
  )

/** Labels by name. */
export const labels: z.ZodType<Readonly<Record<string, string>>> = z
  .record(z.string(), z.string())
  .superRefine((texts, context) => {
    if (Object.keys(texts).length > entriesMax) context.addIssue(`has more than ${entriesMax}`)
    for (const [name, value] of Object.entries(texts)) {
      const sound = [name, value].every((text) => text.length <= labelCharactersMax)
      const message = `names and values have at most ${labelCharactersMax} characters, no control characters`
      if (sound && name !== '' && !hasControls(name + value)) continue
      context.addIssue({ code: 'custom', message, path: [name] })
    }
  })

/**
 * A merge patch for `config.json`, checked by itself: a fault in another field hides no fault of
 * it.
 */
export const runtimeConfig: z.ZodType<Readonly<Record<string, unknown>>> = z
  .record(z.string(), z.unknown())
  .superRefine((patch, context) => {
    for (const { path, message } of patchFaults(patch)) {
      context.addIssue({ code: 'custom', message, path: [...path] })
    }
  })
