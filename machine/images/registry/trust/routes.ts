import { isIP, type LookupFunction } from 'node:net'
import type { Dispatcher } from 'undici'
import type { HostPorts } from '../../../../reconcilers/host-ports.ts'
import { type ProxyEnvironment, proxyFor } from '../../formats/proxy.ts'
import {
  connectionsMax,
  headerBytesMax,
  keepAliveMs,
  originsMax,
  type RegistryLimits,
} from '../limits.ts'
import { RegistryError } from '../transport/errors.ts'
import type { Access } from './access.ts'
import type { Endpoint } from './endpoints.ts'
import { trustOf } from './trust.ts'

/** Dependencies of the connections of one registry. */
export interface RoutesInit {
  readonly endpoint: Endpoint
  readonly access: Access
  readonly environment: ProxyEnvironment
  readonly resolveName: HostPorts['resolveName']
  readonly limits: RegistryLimits
}

/** Connections to one origin, straight or through a proxy. */
interface Route {
  readonly dispatcher: Dispatcher
  /** The proxy's URL without its password, or null. */
  readonly proxy: string | null
}

/** Connections to the few origins that one registry leads to, by origin; the oldest go first. */
export interface Routes {
  /** Rejects with `registry-settings` or `registry-proxy` where settings cannot be used. */
  to(url: URL): Promise<Route>
  /** Opens connections again, with files read again; what is being read goes on to its end. */
  drop(url: URL): void
  dropAll(): void
  /** Ends everything. */
  destroy(): Promise<void>
}

/** Node asks for one address or for all, as its connection attempts need them. */
function lookupOf({ access, resolveName, limits }: RoutesInit, url: URL): LookupFunction {
  return (hostname, options, answer) => {
    const found = async (): Promise<readonly string[]> => {
      const addresses = await resolveName(hostname, AbortSignal.timeout(limits.connectMs))
      return access.admit(url, addresses)
    }
    found().then(
      (addresses) => {
        const all = addresses.map((address) => ({ address, family: isIP(address) }))
        const [first] = all
        if (first === undefined) answer(new Error(`no address for ${hostname}`), '', 0)
        else if (options.all === true) answer(null, all)
        else answer(null, first.address, first.family)
      },
      (error) => answer(error, '', 0),
    )
  }
}

function proxyUrl(url: URL, proxy: string): URL {
  const parsed = URL.parse(proxy.includes('://') ? proxy : `http://${proxy}`)
  if (parsed !== null && /^https?:$/.test(parsed.protocol)) return parsed
  throw new RegistryError('registry-proxy', `the proxy for ${url.host} is not an http URL`, {
    hint: 'write HTTPS_PROXY and HTTP_PROXY as http://host:port',
  })
}

type TlsOptions = Readonly<Record<string, unknown>>

async function tlsOptions({ access, endpoint }: RoutesInit, url: URL): Promise<TlsOptions> {
  if (url.protocol === 'http:') return {}
  if (access.isInsecure(url)) return { rejectUnauthorized: false }
  return { secureContext: await trustOf(endpoint.caFile) }
}

async function openRoute(init: RoutesInit, url: URL): Promise<Route> {
  const { limits } = init
  // Loaded here, because an agent that pulls nothing does not need it.
  const { Pool, ProxyAgent } = await import('../transport/dispatchers.ts')
  const options = {
    connections: connectionsMax,
    allowH2: false,
    maxHeaderSize: headerBytesMax,
    keepAliveTimeout: keepAliveMs,
    keepAliveMaxTimeout: keepAliveMs,
    headersTimeout: limits.headersMs,
    bodyTimeout: limits.bodyIdleMs,
  }
  const connect = { ...(await tlsOptions(init, url)), timeout: limits.connectMs }
  const proxy = proxyFor(url, init.environment)
  if (proxy === null) {
    const straight = { ...connect, lookup: lookupOf(init, url) }
    return { dispatcher: new Pool(url.origin, { ...options, connect: straight }), proxy }
  }
  const uri = proxyUrl(url, proxy)
  const secure = uri.protocol === 'https:' ? { secureContext: await trustOf(null) } : {}
  const proxyTls = { ...secure, timeout: limits.connectMs }
  return {
    dispatcher: new ProxyAgent({ ...options, uri: uri.href, requestTls: connect, proxyTls }),
    proxy: uri.origin,
  }
}

/** Makes the connections of one registry; none is opened before it is asked for. */
export function createRoutes(init: RoutesInit): Routes {
  const routes = new Map<string, Promise<Route>>()
  const drop = (origin: string): void => {
    const route = routes.get(origin)
    routes.delete(origin)
    route?.then(({ dispatcher }) => dispatcher.close()).catch(() => {})
  }
  return {
    to(url) {
      const held = routes.get(url.origin)
      routes.delete(url.origin)
      const route = held ?? openRoute(init, url)
      const [oldest] = routes.keys()
      if (routes.size >= originsMax && oldest !== undefined) drop(oldest)
      routes.set(url.origin, route)
      if (held === undefined) route.catch(() => drop(url.origin))
      return route
    },
    drop: (url) => drop(url.origin),
    dropAll() {
      for (const origin of routes.keys()) drop(origin)
    },
    async destroy() {
      const opened = await Promise.allSettled(routes.values())
      routes.clear()
      for (const each of opened) {
        if (each.status === 'fulfilled') await each.value.dispatcher.destroy()
      }
    },
  }
}
