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

/** Why a registry did not give what it was asked for: one line, and what to do about it. */
export class RegistryError extends CoveyError {
  declare readonly code: RegistryCode
  /** Whether the same question may have another answer soon, without anybody changing something. */
  readonly transient: boolean
  /** What the registry asked to wait for, in ms; null where it named no time. */
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
