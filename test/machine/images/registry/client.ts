import { createRegistries, type RegistriesInit } from '../../../../machine/images/registry/index.ts'
import { RegistryError } from '../../../../machine/images/registry/transport/errors.ts'
import type { RegistrySettings } from '../../../../machine/images/registry/trust/settings.ts'
import type { Registries } from '../../../../machine/images/registry/types.ts'
import { CoveyError } from '../../../../protocol/fault.ts'
import type { ImageReference } from '../../../../reconcilers/images/reference.ts'
import type { Piece } from './scripted.ts'

/** A client with a clock of its own, on which waiting takes no time. */
export interface Client extends Registries {
  /** Every wait between tries, in ms. */
  readonly waits: readonly number[]
  /** Names that were looked up. */
  readonly lookups: readonly string[]
  /** Moves its clock. */
  pass(ms: number): void
}

/** The settings that differ from the usual. */
export interface ClientOptions extends Partial<Omit<RegistriesInit, 'resolveName'>> {
  /** Addresses by name; other names do not exist. */
  readonly names?: Readonly<Record<string, readonly string[]>>
}

/** Makes one; no name but those given has an address, and there is no proxy. */
export function makeClient(
  settings: Readonly<Record<string, RegistrySettings>>,
  { names = {}, ...options }: ClientOptions = {},
): Client {
  const waits: number[] = []
  const lookups: string[] = []
  let nowMs = 1_000_000
  const registries = createRegistries(settings, {
    environment: {},
    random: () => 0,
    log: { info() {}, debug() {} },
    clock: {
      now: () => nowMs,
      async sleep(ms) {
        waits.push(ms)
        nowMs += ms
      },
    },
    ...options,
    async resolveName(name) {
      lookups.push(name)
      const found = names[name]
      if (found === undefined) throw new CoveyError('name-unresolved', `no address for ${name}`)
      return found
    },
  })
  return {
    ...registries,
    waits,
    lookups,
    pass(ms) {
      nowMs += ms
    },
  }
}

/** A reference to a piece in a repository of a registry. */
export function referenceTo(registry: string, { digest }: Piece): ImageReference {
  return { registry, repository: 'apps/web', tag: null, digest }
}

const never = new AbortController().signal

/** The bytes of a manifest. */
export async function pullManifest(
  client: Registries,
  registry: string,
  wanted: Piece,
  signal: AbortSignal = never,
): Promise<Buffer> {
  const target = { digest: wanted.digest, sizeBytes: wanted.bytes.length }
  const { bytes } = await client.manifest(referenceTo(registry, wanted), target, signal)
  return Buffer.from(bytes)
}

/** The bytes of a blob. */
export async function pullBlob(
  client: Registries,
  registry: string,
  wanted: Piece,
  signal: AbortSignal = never,
): Promise<Buffer> {
  const { digest, mediaType, bytes } = wanted
  const descriptor = { digest, mediaType, sizeBytes: bytes.length }
  const chunks: Uint8Array[] = []
  for await (const chunk of client.blob(referenceTo(registry, wanted), descriptor, signal)) {
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** The error that a pull ends with; an error of another kind, or none, fails the test. */
export async function failureOf(pull: Promise<unknown>): Promise<RegistryError> {
  let value: unknown
  try {
    value = await pull
  } catch (error) {
    if (error instanceof RegistryError) return error
    throw error
  }
  throw new Error(`it did not fail, and gave ${String(value).slice(0, 100)}`)
}
