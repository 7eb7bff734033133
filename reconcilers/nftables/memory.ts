import * as z from 'zod'
import type { HostFiles } from '../host-ports.ts'

/**
 * The memory of the table that was applied last. Versions of nft print one rule in several ways, so
 * what covey's rules look like here is learned when they are applied.
 */
export interface NftablesMemory {
  /** Digest of the rules, in covey's words. */
  readonly rules: string
  /** Digest of the table that they became, in nft's words. */
  readonly shape: string
}

const file = 'nftables.json'

const memorySchema: z.ZodType<NftablesMemory> = z.strictObject({
  rules: z.string(),
  shape: z.string(),
})

/** Reads the memory; null where there is none, or none that can be read: then the table is new. */
export async function loadNftablesMemory(files: HostFiles): Promise<NftablesMemory | null> {
  const text = await files.read(file)
  if (text === null) return null
  try {
    return memorySchema.safeParse(JSON.parse(text)).data ?? null
  } catch {
    return null
  }
}

/** Keeps the memory, durably. */
export async function saveMemory(files: HostFiles, memory: NftablesMemory): Promise<void> {
  await files.write(file, `${JSON.stringify(memory)}\n`)
}
