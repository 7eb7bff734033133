import { CoveyError } from '../../protocol/fault.ts'
import type { Command, CommandResult, HostPorts } from '../host-ports.ts'
import { StepError } from '../reconciler.ts'
import {
  addLinkCommand,
  type BatchLine,
  batchCommand,
  deleteLinkCommand,
  parseBatchFailures,
  setAliasCommand,
} from '../tools/ip.ts'
import { removePeersCommand, syncconfCommand, syncconfText, userspaceCommand } from '../tools/wg.ts'
import { errorLine } from '../tools/words.ts'
import { bootFile } from './guards.ts'
import { aliasOf } from './links.ts'
import { changeMemory, loadMemory } from './memory.ts'
import type { MakeLinkStep, SyncDeviceStep, WireguardStep } from './plan.ts'

/**
 * Carries one step out. Rejects with a `CoveyError`, or a `StepError` if part of a batch failed.
 */
export async function applyWireguard(
  step: WireguardStep,
  host: HostPorts,
  signal: AbortSignal,
): Promise<void> {
  switch (step.kind) {
    case 'remove-link':
      await removeLink(step.link, host, signal)
      return changeMemory(host.files, { links: new Map([[step.link, null]]) })
    case 'make-link':
      return makeLink(step, host, signal)
    case 'name-link':
      await runSound(host, setAliasCommand(step.link, step.alias), signal)
      return
    case 'sync-device':
      return syncDevice(step, host, signal)
    case 'batch':
    case 'guard':
      return runBatch(step.lines, host, signal)
    case 'boot':
      if (step.text === '') return host.files.remove(bootFile)
      return host.files.write(bootFile, step.text)
    case 'remember':
      return changeMemory(host.files, step.change)
  }
}

/** Runs a command that must succeed. Rejects with `tool-failed` and what the tool said. */
async function runSound(
  host: HostPorts,
  command: Command,
  signal: AbortSignal,
): Promise<CommandResult> {
  const result = await host.run(command, signal)
  if (result.exitCode === 0) return result
  throw new CoveyError('tool-failed', `${command.tool}: ${errorLine(result.stderr, command.tool)}`)
}

async function removeLink(link: string, host: HostPorts, signal: AbortSignal): Promise<void> {
  const result = await host.run(deleteLinkCommand(link), signal)
  if (result.exitCode === 0 || /cannot find device/i.test(result.stderr)) return
  throw new CoveyError('tool-failed', `ip: ${errorLine(result.stderr)}`)
}

/**
 * The intent is durable before the link is there: a link that was left without its name by a crash
 * is known to be covey's, and nobody else's ever is.
 */
async function makeLink(step: MakeLinkStep, host: HostPorts, signal: AbortSignal): Promise<void> {
  const alias = aliasOf(step.object)
  const memory = await loadMemory(host.files)
  const peers = memory.links.get(step.link)?.peers ?? new Map()
  const intent = { object: step.object, making: true, peers }
  await changeMemory(host.files, { links: new Map([[step.link, intent]]) })
  const kernel = await host.run(addLinkCommand(step.link, alias), signal)
  if (kernel.exitCode === 0) return
  if (!/unknown device type|not supported/i.test(kernel.stderr)) {
    throw new CoveyError('tool-failed', `ip: ${errorLine(kernel.stderr)}`)
  }
  await runSound(host, userspaceCommand(step.link), signal)
  await runSound(host, setAliasCommand(step.link, alias), signal)
}

async function syncDevice(
  step: SyncDeviceStep,
  host: HostPorts,
  signal: AbortSignal,
): Promise<void> {
  const privateKey = await host.keys.wireguardPrivateKey(step.publicKey)
  if (privateKey === null) {
    throw new CoveyError('key-missing', `no private key for ${step.publicKey}`)
  }
  if (step.renew.length > 0) {
    await runSound(host, removePeersCommand(step.link, step.renew), signal)
  }
  const text = syncconfText(privateKey, step.listenPort, step.peers)
  await host.files.withTemporary(text, (path) =>
    runSound(host, syncconfCommand(step.link, path), signal),
  )
  await changeMemory(host.files, { links: new Map([[step.link, step.memory]]) })
}

/** True if a line failed to remove what is not there any more: then all is as it should be. */
function isGone(words: readonly string[], said: string): boolean {
  return words[1] === 'del' && /no such process|cannot assign requested address/i.test(said)
}

async function runBatch(
  lines: readonly BatchLine[],
  host: HostPorts,
  signal: AbortSignal,
): Promise<void> {
  const result = await host.run(batchCommand(lines), signal)
  if (result.exitCode === 0) return
  const failures = parseBatchFailures(result)
  const failed = [...failures].flatMap(([index, said]) => {
    const line = lines[index]
    if (line === undefined || isGone(line.words, said)) return []
    const reason = `${line.words.join(' ')}: ${said}`
    if (line.object === '') throw new CoveyError('tool-failed', reason)
    return [{ object: line.object, reason }]
  })
  if (failed.length > 0) throw new StepError(failed)
  if (failures.size > 0) return
  throw new CoveyError('tool-failed', `ip: ${errorLine(result.stderr)}`)
}
