import { pushLayout } from './image.ts'
import { type RegistryOptions, startRegistry } from './registry.ts'

/** The order to `serve.ts`, as JSON in its only argument. */
export interface ServeOrder {
  readonly registry: RegistryOptions
  /** Layouts to push, by the names that they get. */
  readonly push: Readonly<Record<string, string>>
}

const aliveMs = 60_000

/** Its answer when all is there, as one line of JSON. */
export interface Served {
  readonly host: string
  readonly caFile: string | null
  readonly credentials: { readonly username: string; readonly password: string } | null
  /** Token servers that `realm_hosts` must name. */
  readonly realmHosts: readonly string[]
  readonly storage: string
  /** References by name. */
  readonly images: Readonly<Record<string, string>>
}

/**
 * A registry as a process of its own, for virtual hosts: `node serve.ts ORDER`. It ends by SIGTERM;
 * SIGUSR2 takes the registry down, or up again, and prints `down` or `up`.
 */
async function serve(order: ServeOrder): Promise<void> {
  const registry = await startRegistry(order.registry)
  let isUp = true
  // Handlers of signals alone do not keep it while the registry is down.
  setInterval(() => undefined, aliveMs)
  process.on('SIGTERM', () => registry.close().then(() => process.exit(0)))
  process.on('SIGUSR2', () => {
    isUp = !isUp
    const done = isUp ? registry.start() : registry.stop()
    done.then(() => console.log(isUp ? 'up' : 'down'))
  })
  const images: Record<string, string> = {}
  for (const [name, layout] of Object.entries(order.push)) {
    images[name] = await pushLayout(registry, layout, name)
  }
  const { host, caFile, credentials, realmHosts, storage } = registry
  const served: Served = { host, caFile, credentials, realmHosts, storage, images }
  console.log(JSON.stringify(served))
}

if (process.argv[1] === import.meta.filename) await serve(JSON.parse(process.argv[2] ?? ''))
