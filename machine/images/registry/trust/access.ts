import { addressText, parseAddress } from '../../../../reconcilers/addresses.ts'
import { type AddressClass, classifyAddress } from '../../formats/address-class.ts'
import { urlCharactersMax } from '../limits.ts'
import { RegistryError } from '../transport/errors.ts'
import { type Endpoint, type Endpoints, namesOf } from './endpoints.ts'

/** Purpose of a URL: the registry itself, or one that the registry named. */
export type Purpose = 'registry' | 'redirect' | 'realm'

/**
 * Limits on where one registry may send this host. A signed config decides which registry is
 * asked; what that registry answers decides nothing about this host's own network:
 *
 *  1. Public addresses may be reached.
 *  2. So may the registry's own host and port, and whatever `agent.json` names, among `registries`
 *     or in this registry's `realm_hosts`.
 *  3. If `agent.json` names the registry, addresses of the classes at which the registry itself was
 *     found may be reached: a registry on the LAN may send to its storage on the LAN.
 *  4. Everything else is refused. It is the address connected to that is judged, so that a name
 *     cannot mean one thing when it is looked at and another when it is used.
 */
export interface Access {
  /** Refuses what can be told from the URL alone. Throws `redirect-refused`, `realm-refused`. */
  checkUrl(from: URL, to: URL, purpose: Purpose): void
  /**
   * The addresses of a URL's host that may be connected to. Throws `address-refused` if there is
   * none.
   */
  admit(url: URL, addresses: readonly string[]): readonly string[]
  /**
   * True if the credentials may be told to a realm that the registry named when it was asked at a
   * URL: to the registry's own origin, and to its `realm_hosts`.
   */
  mayHoldCredentials(asked: URL, realm: URL): boolean
  /** True if its certificate need not be proven. */
  isInsecure(url: URL): boolean
}

/** The text of a URL that may be shown: no user, no query (storage hosts sign in it). */
export function shownUrl(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`.slice(0, 200)
}

function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, '$1')
}

function refusal(purpose: Purpose, registry: string, why: string, hint?: string): RegistryError {
  const code = purpose === 'realm' ? 'realm-refused' : 'redirect-refused'
  const deed = purpose === 'realm' ? 'sends token requests' : 'redirects'
  return new RegistryError(code, `${registry} ${deed} ${why}`, hint === undefined ? {} : { hint })
}

function checkForm(registry: string, to: URL, purpose: Purpose, plainIsFine: boolean): void {
  const refuse = (why: string, hint?: string): never => {
    throw refusal(purpose, registry, why, hint)
  }
  if (to.href.length > urlCharactersMax) refuse('to a URL that is too long')
  if (to.protocol !== 'https:' && to.protocol !== 'http:') {
    refuse(`to a URL of the scheme ${JSON.stringify(to.protocol.slice(0, 20))}`)
  }
  if (to.username !== '' || to.password !== '') refuse('to a URL with a user in it')
  if (to.protocol === 'http:' && !plainIsFine) {
    refuse(`to plain HTTP: ${shownUrl(to)}`, 'the registry must stay with https')
  }
}

/** Makes the rules for one registry. */
export function createAccess(endpoint: Endpoint, endpoints: Endpoints): Access {
  const ownClasses = new Set<AddressClass>()
  const isOwn = (url: URL): boolean => namesOf(url).includes(endpoint.name)
  const sharesHost = (url: URL): boolean => {
    return url.hostname === new URL(`https://${endpoint.authority}`).hostname
  }
  const isNamed = (url: URL): boolean => {
    if (endpoints.at(url) !== undefined) return true
    return namesOf(url).some((name) => endpoint.realmHosts.includes(name))
  }
  const isAdmitted = (address: string): boolean => {
    const parsed = parseAddress(address)
    if (parsed === undefined) return false
    const found = classifyAddress(parsed)
    return found === 'public' || (endpoint.configured && ownClasses.has(found))
  }
  const innerHint = (url: URL): string => {
    return `if that is right, name it in agent.json: {"registries": {"${url.host}": {}}}`
  }

  return {
    checkUrl(from, to, purpose) {
      const plainIsFine = from.protocol === 'http:' && (purpose !== 'realm' || endpoint.insecure)
      checkForm(endpoint.name, to, purpose, plainIsFine)
      // A proxy would look the name up where this host cannot.
      if (/(^|\.)localhost\.?$/.test(to.hostname)) this.admit(to, ['127.0.0.1'])
    },
    admit(url, addresses) {
      if (isOwn(url)) {
        for (const address of addresses) {
          const parsed = parseAddress(address)
          if (parsed !== undefined) ownClasses.add(classifyAddress(parsed))
        }
        return addresses
      }
      if (isNamed(url)) return addresses
      const admitted = addresses.filter(isAdmitted)
      if (admitted.length > 0) return admitted
      const parsed = parseAddress(addresses[0] ?? '')
      const shown = parsed === undefined ? 'no address' : addressText(parsed)
      const where = hostOf(url) === shown ? url.host : `${url.host}, which is ${shown}`
      const message = `${endpoint.name} leads to an internal address, ${where}`
      throw new RegistryError('address-refused', message, { hint: innerHint(url) })
    },
    mayHoldCredentials(asked, realm) {
      if (asked.protocol === 'https:' && realm.protocol !== 'https:') return false
      // Another port is another service, often of another user. The domain above is often a
      // provider's, who has other customers there.
      if (realm.origin === new URL(`${asked.protocol}//${endpoint.authority}`).origin) return true
      return namesOf(realm).some((name) => endpoint.realmHosts.includes(name))
    },
    isInsecure(url) {
      if (endpoints.at(url)?.insecure === true) return true
      return endpoint.insecure && sharesHost(url)
    },
  }
}
