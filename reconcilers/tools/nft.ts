import * as z from 'zod'
import { CoveyError } from '../../protocol/fault.ts'
import type { Command } from '../host-ports.ts'

/** Lists one table with all that is in it, with numbers instead of names of services. */
export function listTableCommand(family: string, table: string): Command {
  return { tool: 'nft', args: ['-j', '-nn', 'list', 'table', family, table] }
}

/** Lists one table without the elements of its sets. */
export function listShapeCommand(family: string, table: string): Command {
  return { tool: 'nft', args: ['-j', '-nn', '-t', 'list', 'table', family, table] }
}

/** Lists all tables of everybody, without the elements of sets. */
export function listRulesetCommand(): Command {
  return { tool: 'nft', args: ['-j', '-nn', '-t', 'list', 'ruleset'] }
}

/** True if a listing failed because there is no such table. */
export function isAbsent(stderr: string): boolean {
  return /no such file or directory/i.test(stderr)
}

/**
 * Carries out a transaction from a file. A file, because nft opens /dev/stdin by its name, which
 * fails where stdin is a socket.
 */
export function transactionCommand(path: string): Command {
  return { tool: 'nft', args: ['-f', path], timeoutMs: transactionMs }
}

/** Asks the kernel whether it would take a transaction, and changes nothing. */
export function checkCommand(path: string): Command {
  return { tool: 'nft', args: ['-c', '-f', path], timeoutMs: transactionMs }
}

/** A transaction with a hundred thousand elements takes seconds on a small machine. */
const transactionMs = 60_000

/** One object of a listing: a table, chain, set, map, rule or counter, as nft prints it. */
export interface ListedObject {
  readonly kind: string
  readonly fields: Readonly<Record<string, unknown>>
}

const listingSchema = z.object({
  nftables: z.array(z.record(z.string(), z.unknown())),
})

/** Reads a listing in JSON (libnftables-json(5)). Throws `tool-output`. */
export function parseListing(stdout: string): readonly ListedObject[] {
  let document: unknown
  try {
    document = JSON.parse(stdout)
  } catch (cause) {
    throw new CoveyError('tool-output', 'nft printed something that is no JSON', { cause })
  }
  const parsed = listingSchema.safeParse(document)
  if (!parsed.success) throw new CoveyError('tool-output', 'nft printed an unknown form')
  return parsed.data.nftables.flatMap((entry) =>
    Object.entries(entry).flatMap(([kind, fields]) =>
      kind === 'metainfo' || typeof fields !== 'object' || fields === null
        ? []
        : [{ kind, fields: fields as Readonly<Record<string, unknown>> }],
    ),
  )
}
