import { CoveyError } from '../../protocol/fault.ts'
import type { Command, CommandResult, HostPorts } from '../host-ports.ts'
import { checkCommand, listShapeCommand, parseListing, transactionCommand } from '../tools/nft.ts'
import { errorLine } from '../tools/words.ts'
import { checkedElementsMax } from './limits.ts'
import { saveMemory } from './memory.ts'
import type { NftablesStep } from './plan.ts'
import {
  countElements,
  isWhole,
  readTable,
  removeTransaction,
  replaceTransaction,
  rulesDigest,
  tableFamily,
  tableName,
  updateTransaction,
} from './table.ts'

/** Carries one step out, whole or not at all. Rejects with `tool-failed` and what nft said. */
export async function applyNftables(
  step: NftablesStep,
  host: HostPorts,
  signal: AbortSignal,
): Promise<void> {
  switch (step.kind) {
    case 'remove':
      return commit(removeTransaction(), host, signal)
    case 'update':
      return commit(updateTransaction(step.change), host, signal)
    case 'replace': {
      const text = replaceTransaction(step.elements, step.counts)
      const isChecked = countElements(step.elements) <= checkedElementsMax
      await commit(text, host, signal, isChecked)
      if (step.learns) await learn(host, signal)
      return
    }
  }
}

async function commit(
  text: string,
  host: HostPorts,
  signal: AbortSignal,
  isChecked: boolean = false,
): Promise<void> {
  await host.files.withTemporary(text, async (path) => {
    if (isChecked) await runSound(host, checkCommand(path), signal)
    await runSound(host, transactionCommand(path), signal)
  })
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
