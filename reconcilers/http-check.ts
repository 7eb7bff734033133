/** A page that is asked for. */
export interface HttpCheck {
  readonly port: number
  readonly path: string
  /** For the `Host` header and, with `https`, the name in TLS; the address where absent. */
  readonly host?: string | undefined
  /** Further headers, by name. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** By TLS, with whatever certificate; off where absent. */
  readonly https?: boolean | undefined
}
