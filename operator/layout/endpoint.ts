import { parseEndpoint as parsePlace } from '../../reconcilers/addresses.ts'

/** The address at which a host's WireGuard is reached. */
export interface Endpoint {
  /** As written: `name:port`, `192.0.2.1:port`, `[2001:db8::1]:port`. */
  readonly text: string
  readonly port: number
}

/** Parses `HOST:PORT`; otherwise returns a message. */
export function parseEndpoint(text: string): Endpoint | string {
  const place = parsePlace(text)
  if (place !== undefined) return { text, port: place.port }
  const bare = !text.includes(':') && text !== '' && parsePlace(`${text}:51820`) !== undefined
  if (bare) return `the port is missing: did you mean ${text}:51820?`
  return 'must be HOST:PORT such as cloud01.example.com:51820, 203.0.113.7:51820 or [2001:db8::1]:51820'
}
