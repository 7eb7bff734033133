import { CoveyError } from '../../../../protocol/fault.ts'

/** Stable codes of what can go wrong with a registry. */
export type RegistryCode =
  | 'address-refused'
  | 'blob-missing'
  | 'digest-mismatch'
  | 'image-missing'
  | 'realm-refused'
  | 'redirect-refused'
  | 'registry-answer'
  | 'registry-busy'
  | 'registry-dns'
  | 'registry-failing'
  | 'registry-plain-http'
  | 'registry-proxy'
  | 'registry-refused'
  | 'registry-settings'
  | 'registry-timeout'
  | 'registry-tls'
  | 'registry-tls-ca'
  | 'registry-tls-expired'
  | 'registry-tls-name'
  | 'registry-unauthorized'
  | 'registry-unreachable'
  | 'size-mismatch'

/** Error of a registry: one line, and a hint. */
export class RegistryError extends CoveyError {
  declare readonly code: RegistryCode
  /** True if the same request may succeed soon without any change. */
  readonly transient: boolean
  /** Time that the registry asked to wait, in ms; null if it named none. */
  readonly retryAfterMs: number | null

  constructor(
    code: RegistryCode,
    message: string,
    options: {
      readonly hint?: string
      readonly cause?: unknown
      readonly transient?: boolean
      readonly retryAfterMs?: number | null
    } = {},
  ) {
    super(code, message, options)
    this.name = 'RegistryError'
    this.transient = options.transient ?? false
    this.retryAfterMs = options.retryAfterMs ?? null
  }
}
