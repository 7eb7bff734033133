import * as z from 'zod'
import { addressText, parseAddress } from '../../addresses.ts'
import {
  resolverOptionsMax,
  resolversMax,
  searchCharactersMax,
  searchDomainsMax,
} from '../bundle/limits.ts'
import {
  aliasesMax,
  extraAddressesMax,
  extraHostsMax,
  groupCharactersMax,
  groupNamesMax,
  groupsMax,
  nameCharactersMax,
} from './limits.ts'

/** Names of a container for the members of each group that it is in. */
export type Groups = Readonly<Record<string, readonly string[]>>

/** Addresses by the names that a container alone knows. */
export type ExtraHosts = Readonly<Record<string, readonly string[]>>

/** Resolver settings of a container; a member that is absent is the host's. */
export interface DnsObject {
  readonly servers?: readonly string[] | undefined
  readonly search?: readonly string[] | undefined
  readonly options?: readonly string[] | undefined
}

const label = '[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?'
const namePattern = new RegExp(`^${label}(\\.${label})*$`)

/** The reason for which a text is no name for `/etc/hosts` (hosts(5)), or undefined. */
function nameFault(name: string): string | undefined {
  if (/^localhost$/i.test(name)) return 'is the name of the container for itself'
  if (parseAddress(name) !== undefined) return 'is an address: give a name'
  if (name.length <= nameCharactersMax && namePattern.test(name)) return undefined
  return 'must be labels of letters, digits, _ and - joined by dots, as web.shop'
}

const name: z.ZodType<string> = z.string().superRefine((text, context) => {
  const message = nameFault(text)
  if (message !== undefined) context.addIssue(message)
})

/** An address as its one text. */
const addressAsText: z.ZodType<string, string> = z.string().transform((text, context) => {
  const parsed = parseAddress(text)
  if (parsed !== undefined) return addressText(parsed)
  context.addIssue('must be an address, as 10.69.1.5 or fd00::5')
  return z.NEVER
})

/** A table of lists with at most `entriesMax` keys, each without fault. */
function tableOf(
  value: z.ZodType<readonly string[]>,
  entriesMax: number,
  keyFault: (key: string) => string | undefined,
): z.ZodType<Readonly<Record<string, readonly string[]>>> {
  return z.record(z.string(), value).superRefine((table, context) => {
    const keys = Object.keys(table)
    if (keys.length > entriesMax) {
      context.addIssue(`has ${keys.length} entries, and at most ${entriesMax} are allowed`)
    }
    for (const key of keys) {
      const message = keyFault(key)
      if (message !== undefined) context.addIssue({ code: 'custom', message, path: [key] })
    }
  })
}

function groupFault(group: string): string | undefined {
  if (group.length <= groupCharactersMax && /^[A-Za-z0-9_./-]+$/.test(group)) return undefined
  return `must be 1 to ${groupCharactersMax} letters, digits, _ . / and -, as shop/default`
}

/** Names by which all containers of the cluster find one. */
export const aliases: z.ZodType<readonly string[]> = z.array(name).max(aliasesMax)

/** Groups that a container is a member of, with its names in each. */
export const groups: z.ZodType<Groups> = tableOf(
  z.array(name).max(groupNamesMax),
  groupsMax,
  groupFault,
)

/** Names that only the container itself knows, with their addresses. */
export const extraHosts: z.ZodType<ExtraHosts> = tableOf(
  z.array(addressAsText).min(1).max(extraAddressesMax),
  extraHostsMax,
  nameFault,
)

const search: z.ZodType<readonly string[]> = z
  .array(z.string().refine((text) => text === '.' || nameFault(text) === undefined, 'is no domain'))
  .max(searchDomainsMax)
  .refine((words) => words.join(' ').length <= searchCharactersMax, {
    message: `are longer than ${searchCharactersMax} characters together`,
  })

/** Resolver settings of a container in place of its host's (resolv.conf(5)). */
export const dns: z.ZodType<DnsObject> = z.strictObject({
  servers: z.array(addressAsText).max(resolversMax).optional(),
  search: search.optional(),
  options: z
    .array(z.string().regex(/^[a-z0-9_-]{1,32}(:[0-9]{1,6})?$/, 'must be an option, as ndots:1'))
    .max(resolverOptionsMax)
    .optional(),
})
