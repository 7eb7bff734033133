import * as z from 'zod'
import { readHostJson } from '../machine/files/host-json.ts'
import { type PortRange, parsePorts } from '../reconcilers/nftables/flows/flow-end.ts'
import { rescuePortsDefault } from '../reconcilers/nftables/resolve.ts'

const rescueSchema: z.ZodType<{ readonly ports: readonly string[] }> = z.strictObject({
  ports: z.array(z.string()).max(64),
})

/**
 * Reads `/etc/covey/rescue.json`, `{"ports": ["22/tcp"]}`: ports of this host that no object may
 * take, so that people get in whatever a config says. Without the file it is ssh's. Errors:
 * `rescue`, `not-root-owned`.
 */
export async function readRescuePorts(file: string): Promise<readonly PortRange[]> {
  const hint = 'it must look like {"ports": ["22/tcp"]}'
  const read = await readHostJson(file, rescueSchema, { code: 'rescue', hint })
  if (read === null) return rescuePortsDefault
  return read.value.ports.map((port, index) => {
    const range = parsePorts(port)
    if (range !== undefined && range.protocol !== 'icmp') return range
    const fault = { code: 'rescue', message: 'must look like 22/tcp', path: `ports.${index}` }
    throw read.error([fault])
  })
}
