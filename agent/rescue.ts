import { readFile } from 'node:fs/promises'
import * as z from 'zod'
import { CoveyError } from '../protocol/fault.ts'
import { rescuePortsDefault } from '../reconcilers/nftables/resolve.ts'
import { type PortRange, parsePorts } from '../reconcilers/nftables/words.ts'

const rescueSchema: z.ZodType<{ readonly ports: readonly string[] }> = z.strictObject({
  ports: z.array(z.string()).max(64),
})

/**
 * Reads `/etc/covey/rescue.json`, `{"ports": ["22/tcp"]}`: ports of this host that no object may
 * take, so that people get in whatever a config says. Without the file it is ssh's. Errors:
 * `rescue`.
 */
export async function readRescuePorts(file: string): Promise<readonly PortRange[]> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw new CoveyError('rescue', `${file} cannot be read (${error.code})`)
  })
  if (text === null) return rescuePortsDefault
  const hint = 'it must be as {"ports": ["22/tcp"]}'
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new CoveyError('rescue', `${file}: is not JSON`, { hint })
  }
  const parsed = rescueSchema.safeParse(value)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    const path = issue?.path.join('.') || '(whole)'
    throw new CoveyError('rescue', `${file}: ${path}: ${issue?.message}`, { hint })
  }
  return parsed.data.ports.map((port, index) => {
    const range = parsePorts(port)
    if (range !== undefined && range.protocol !== 'icmp') return range
    throw new CoveyError('rescue', `${file}: ports.${index}: must be as 22/tcp`, { hint })
  })
}
