import { isIP } from 'node:net'
import type { Dispatcher } from 'undici'
import { createRoutes, type RoutesInit } from '../trust/routes.ts'
import { RegistryError } from './errors.ts'
import { failureOf } from './failures.ts'

/** An answer whose body has not been read. Whoever has it reads or destroys the body. */
export interface Answer {
  readonly url: URL
  readonly status: number
  /** The values of a header by its name in lower case. */
  all(name: string): readonly string[]
  /** The one value of a header; undefined if it is absent or duplicated. */
  one(name: string): string | undefined
  readonly body: Dispatcher.ResponseData['body']
}

/** Sends one request, without redirects or authentication, to wherever `Access` admits. */
export interface Transport {
  /**
   * Resolves once the headers are there. Rejects with a `RegistryError`, or with the signal's
   * reason. `signal` also ends the body.
   */
  send(url: URL, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Answer>
  /** The `RegistryError` for what went wrong while a body of that URL was read. */
  explain(error: unknown, url: URL): RegistryError
  /** Lets connections go once nothing is read through them. */
  retire(): void
  close(): Promise<void>
}

function throughProxy(proxy: string, failure: RegistryError): RegistryError {
  const message = `through the proxy ${proxy}: ${failure.message}`
  return new RegistryError('registry-proxy', message, {
    hint: 'check HTTPS_PROXY, HTTP_PROXY and NO_PROXY of the agent',
    transient: true,
    cause: failure,
  })
}

/** Makes the transport of one registry, with connections of its own. */
export function createTransport(init: RoutesInit): Transport {
  const { access, endpoint, limits } = init
  const routes = createRoutes(init)
  const end = new AbortController()

  const explain = (error: unknown, url: URL): RegistryError => {
    const own = url.host === endpoint.authority
    const failure = failureOf(error, own ? endpoint.name : url.host, own)
    // A certificate that is not trusted may be of a CA that comes with the next edit of a file.
    if (failure.code.startsWith('registry-tls')) routes.drop(url)
    return failure
  }
  const ask = async (
    url: URL,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Answer> => {
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
    if (isIP(host) !== 0) access.admit(url, [host])
    const { dispatcher, proxy } = await routes.to(url)
    const path = `${url.pathname}${url.search}`
    const sent = dispatcher.request({ origin: url.origin, path, method: 'GET', headers, signal })
    const {
      statusCode,
      headers: found,
      body,
    } = await sent.catch((error) => {
      const failure = explain(error, url)
      const met = /^registry-(refused|dns|unreachable)$/.test(failure.code)
      throw proxy !== null && met ? throughProxy(proxy, failure) : failure
    })
    const all = (name: string): readonly string[] => [found[name] ?? []].flat()
    const one = (name: string): string | undefined =>
      all(name).length === 1 ? all(name)[0] : undefined
    return { url, status: statusCode, all, one, body }
  }

  return {
    async send(url, headers, signal) {
      const late = new AbortController()
      const timer = setTimeout(() => late.abort(), limits.connectMs + limits.headersMs)
      try {
        return await ask(url, headers, AbortSignal.any([signal, end.signal, late.signal]))
      } catch (error) {
        signal.throwIfAborted()
        end.signal.throwIfAborted()
        if (!late.signal.aborted) throw error
        throw explain(Object.assign(new Error(), { code: 'UND_ERR_HEADERS_TIMEOUT' }), url)
      } finally {
        clearTimeout(timer)
      }
    },
    explain,
    retire: () => routes.dropAll(),
    close() {
      end.abort(new RegistryError('registry-unreachable', 'the agent is stopping'))
      return routes.destroy()
    },
  }
}
