import { isObject } from '../../../../protocol/documents/canonical-json.ts'

/**
 * The values that a patch may give to a member: those that a function accepts, those that fit a
 * shape, or none, with the reason. Shapes name every member at their level. A member in another
 * letter case, which the decoder of runc would take for the same one, is unknown and refused.
 */
export type Rule = Judge | Refusal | Members | Items | Entries
export type Judge = (value: unknown) => string | undefined
export interface Refusal {
  readonly refused: string
}
/** An object with these members. */
export interface Members {
  readonly members: Readonly<Record<string, Rule>>
  /** True if null may remove the object; never for one that holds protections. */
  readonly isRemovable?: true
  /** Required members. */
  readonly required?: readonly string[]
}
/** A list of items that follow one rule. */
export interface Items {
  readonly items: Rule
}
/** An object with members of any name; `except` gives some of them rules of their own. */
export interface Entries {
  readonly entries: Rule
  readonly except: Readonly<Record<string, Rule>>
}

/** Accepts null, which removes the member. A wrong type would make runc refuse the whole file. */
function optional(judge: Judge): Judge {
  return (value) => (value === null ? undefined : judge(value))
}

function integer(min: number, max: number, says: string): Judge {
  return (value) =>
    Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max
      ? undefined
      : `must be ${says}`
}

const natural: Judge = integer(0, Number.MAX_SAFE_INTEGER, 'an integer of 0 or more')

/** A string. The kernel accepts none with a NUL in it. */
export const text: Judge = (value) =>
  typeof value === 'string' && !value.includes('\0') ? undefined : 'must be a string without NUL'

/** A string, or null. */
export const anyText: Judge = optional(text)
/** `true`, `false` or null. */
export const anyBoolean: Judge = optional((value) =>
  typeof value === 'boolean' ? undefined : 'must be true or false',
)
/** An integer of 64 bits that a config can hold, or null. */
export const anyInteger: Judge = optional(
  integer(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, 'an integer'),
)
/** An integer of 32 bits with a sign, or null. */
export const anyInt32: Judge = optional(integer(-(2 ** 31), 2 ** 31 - 1, 'an integer of 32 bits'))
/** As `anyInteger`, and not below zero. */
export const anyNatural: Judge = optional(natural)
/** An integer of 16 bits without a sign, or null. */
export const anyUint16: Judge = optional(integer(0, 2 ** 16 - 1, '0 to 65535'))
/** An integer of 32 bits without a sign, or null. */
export const anyUint32: Judge = optional(integer(0, 2 ** 32 - 1, '0 to 4294967295'))

/** A member that only protects the host, so a change could only weaken that. */
export const fixed: Refusal = { refused: 'protects the host and has no field that changes it' }

/** A member that has a field of the object. */
export function field(name: string): Refusal {
  return { refused: `set ${name} of the object instead` }
}

/** A list, or null. */
export function listOf(items: Rule): Items {
  return { items }
}

/** An object with members of any names, or null. */
export function mapOf(entries: Rule, except: Entries['except'] = {}): Entries {
  return { entries, except }
}

/** An object with some of these members, or null. */
export function partOf(members: Members['members']): Members {
  return { members, isRemovable: true }
}

/** Must stay on: only its own field takes it away. */
export const noNewPrivileges: Judge = (value) =>
  value === true ? undefined : field('no_new_privileges').refused

/** Priority for the kernel to end the container when memory runs out. */
export const noBelowZero: Judge = (value) =>
  Number.isSafeInteger(value) && Number(value) >= 0 && Number(value) <= 1000
    ? undefined
    : 'must be 0 to 1000: no container may be protected more than the host'

/** A program and its arguments. */
export const commandLine: Judge = (value) => {
  if (!Array.isArray(value) || value.some((item) => text(item) !== undefined)) {
    return 'must be a list of strings without NUL'
  }
  return value[0] ? undefined : 'must name a program'
}

/** An absolute path. */
export const absolutePath: Judge = (value) =>
  text(value) === undefined && String(value).startsWith('/')
    ? undefined
    : 'must be an absolute path'

const policies: readonly unknown[] = ['SCHED_OTHER', 'SCHED_BATCH', 'SCHED_IDLE']

/** A policy that cannot starve the host. */
export const policy: Judge = (value) =>
  policies.includes(value) ? undefined : `must be one of ${policies.join(', ')}`

/** A limit of a process (getrlimit(2)). */
export const processLimit: Judge = (value) => {
  const { type, soft, hard, ...others } = isObject(value) ? value : {}
  const isNamed = typeof type === 'string' && /^RLIMIT_[A-Z]+$/.test(type)
  const isCount = natural(soft) === undefined && natural(hard) === undefined
  if (!isNamed || !isCount || Object.keys(others).length > 0) {
    return 'must be {type: RLIMIT_…, soft, hard}'
  }
  if (Number(soft) > Number(hard)) return `${type} has a soft limit above its hard one`
  const isCore = type === 'RLIMIT_CORE' && hard !== 0
  return isCore ? 'RLIMIT_CORE stays 0: core files may hold secrets' : undefined
}
