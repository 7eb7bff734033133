import { CoveyError } from '../../protocol/fault.ts'
import type { Command, CommandResult, HostPorts } from '../host-ports.ts'
import { checkCommand, listShapeCommand, parseListing, transactionCommand } from '../tools/nft.ts'
import { errorLine } from '../tools/words.ts'
import {
  isWhole,
  readTable,
  removeTransaction,
  replaceTransaction,
  rulesDigest,
  sampleOf,
  tableFamily,
  tableName,
  updateTransaction,
} from './elements/table.ts'
import { checkedElementsMax } from './limits.ts'
import { saveMemory } from './memory.ts'
import type { NftablesStep } from './plan.ts'

/** Carries one step out, whole or not at all. Rejects with `tool-failed` and what nft said. */
export async function applyNftables(
  step: NftablesStep,
  host: HostPorts,
  signal: AbortSignal,
): Promise<void> {
  switch (step.kind) {
    case 'remove':
      return commit(removeTransaction(), removeTransaction(), host, signal)
    case 'update': {
      const { removed, added } = step.change
      const sample = { removed, added: sampleOf(added, checkedElementsMax) }
      return commit(updateTransaction(step.change), updateTransaction(sample), host, signal)
    }
    case 'replace': {
      const { elements, counts } = step
      const sample = replaceTransaction(sampleOf(elements, checkedElementsMax), counts)
      await commit(replaceTransaction(elements, counts), sample, host, signal)
      if (step.learns) await learn(host, signal)
      return
    }
  }
}

/** `sample` is the same with fewer elements where there are many: it is what is checked first. */
async function commit(
  text: string,
  sample: string,
  host: HostPorts,
  signal: AbortSignal,
): Promise<void> {
  await host.files.withTemporary(sample, (path) => runSound(host, checkCommand(path), signal))
  await host.files.withTemporary(text, (path) => runSound(host, transactionCommand(path), signal))
}

async function runSound(
  host: HostPorts,
  command: Command,
  signal: AbortSignal,
): Promise<CommandResult> {
  const result = await host.run(command, signal)
  if (result.exitCode === 0) return result
  throw new CoveyError('tool-failed', `nft: ${errorLine(result.stderr)}`)
}

/** Remembers what the table looks like that was just made. */
async function learn(host: HostPorts, signal: AbortSignal): Promise<void> {
  const listed = await runSound(host, listShapeCommand(tableFamily, tableName), signal)
  const listing = parseListing(listed.stdout)
  if (!isWhole(listing)) {
    throw new CoveyError('tool-failed', 'nft: the table was changed while it was made')
  }
  await saveMemory(host.files, { rules: rulesDigest, shape: readTable(listing).shape })
}
