import * as z from 'zod'
import type { HostFiles } from '../host-ports.ts'

/**
 * Knowledge that the kernel does not give, kept durably: whose a peer is, which endpoint was
 * applied, a link that was about to be made, and the last good address of a name. Losing it costs
 * little: endpoints are written once more, and faulty objects lose their applied form.
 */
export interface Memory {
  /** By link name. */
  readonly links: ReadonlyMap<string, LinkMemory>
  /** By name of an endpoint's host. */
  readonly names: ReadonlyMap<string, NameMemory>
}

/** The applied state of one link. */
export interface LinkMemory {
  readonly object: string
  /** Set before the link is made, and until it was configured: an unnamed link is then covey's. */
  readonly making: boolean
  /** By public key. */
  readonly peers: ReadonlyMap<string, PeerMemory>
}

/** The applied state of one peer. */
export interface PeerMemory {
  readonly object: string
  readonly host: string | null
  /** The numeric endpoint that was written last. */
  readonly endpoint: string | null
  /** Time when it was last added; milliseconds since 1970. */
  readonly sinceMs: number
}

/** The addresses of a name. */
export interface NameMemory {
  /** The last good numeric address, or null. */
  readonly address: string | null
  readonly askedMs: number
  /** Addresses in a row at which nobody has answered. */
  readonly tries: number
}

/** Nothing is remembered. */
const emptyMemory: Memory = { links: new Map(), names: new Map() }

const file = 'wireguard.json'

const peerSchema = z.object({
  object: z.string(),
  host: z.string().nullable(),
  endpoint: z.string().nullable(),
  sinceMs: z.number(),
})
const linkSchema = z.object({
  object: z.string(),
  making: z.boolean(),
  peers: z.array(z.tuple([z.string(), peerSchema])),
})
const nameSchema = z.object({
  address: z.string().nullable(),
  askedMs: z.number(),
  // Version 0.1.0 counted none.
  tries: z.int().default(0),
})
const memorySchema = z.object({
  links: z.array(z.tuple([z.string(), linkSchema])),
  names: z.array(z.tuple([z.string(), nameSchema])),
})

/** Reads a memory; what is missing or damaged is an empty one. */
export function parseMemory(text: string | null): Memory {
  if (text === null) return emptyMemory
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch {
    return emptyMemory
  }
  const parsed = memorySchema.safeParse(document)
  if (!parsed.success) return emptyMemory
  const links = parsed.data.links.map(
    ([link, each]) => [link, { ...each, peers: new Map(each.peers) }] as const,
  )
  return { links: new Map(links), names: new Map(parsed.data.names) }
}

/** The one text of a memory, so that equal memories have equal texts. */
export function memoryText(memory: Memory): string {
  const links = sorted(memory.links).map(([link, { object, making, peers }]) => {
    const texts = sorted(peers).map(([key, { object: owner, host, endpoint, sinceMs }]) => [
      key,
      { object: owner, host, endpoint, sinceMs },
    ])
    return [link, { object, making, peers: texts }]
  })
  const names = sorted(memory.names).map(([name, { address, askedMs, tries }]) => [
    name,
    { address, askedMs, tries },
  ])
  return JSON.stringify({ links, names })
}

function sorted<T>(map: ReadonlyMap<string, T>): readonly (readonly [string, T])[] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1))
}

/** Reads what is remembered. */
export async function loadMemory(files: HostFiles): Promise<Memory> {
  return parseMemory(await files.read(file))
}

/** A change of what is remembered: a null link is forgotten, `names` are all names from now on. */
export interface MemoryChange {
  readonly links?: ReadonlyMap<string, LinkMemory | null>
  readonly names?: ReadonlyMap<string, NameMemory>
}

/** Remembers a change durably; writes nothing if nothing changes. Steps run one after the other. */
export async function changeMemory(files: HostFiles, change: MemoryChange): Promise<void> {
  const text = await files.read(file)
  const before = parseMemory(text)
  const links = new Map(before.links)
  for (const [link, memory] of change.links ?? []) {
    if (memory === null) links.delete(link)
    else links.set(link, memory)
  }
  const after = memoryText({ links, names: change.names ?? before.names })
  if (after !== text) await files.write(file, after)
}

/** True if two memories of one link are the same. */
export function sameLinkMemory(a: LinkMemory, b: LinkMemory): boolean {
  const text = (each: LinkMemory): string =>
    memoryText({ links: new Map([['link', each]]), names: new Map() })
  return text(a) === text(b)
}
