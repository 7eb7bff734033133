import { statusTexts } from '../../platform/http.ts'
import type { CoveyError } from '../../protocol/fault.ts'

/** Answer to a request that failed: problem details of RFC 9457 with a stable `code`. */
export class Problem extends Error {
  readonly status: number
  readonly code: string
  readonly members: Readonly<Record<string, unknown>>

  constructor(
    status: number,
    code: string,
    detail: string,
    members: Readonly<Record<string, unknown>> = {},
  ) {
    super(detail)
    this.name = 'Problem'
    this.status = status
    this.code = code
    this.members = members
  }

  /** Tells of an error, with its hint. */
  static of({ code, message, hint }: CoveyError, status: number): Problem {
    return new Problem(status, code, message, hint === undefined ? {} : { hint })
  }

  /** The body, as JSON. `type` is `about:blank`: `code` says more than a link would. */
  body(): Readonly<Record<string, unknown>> {
    return {
      type: 'about:blank',
      title: statusTexts[this.status] ?? 'Error',
      status: this.status,
      detail: this.message,
      code: this.code,
      ...this.members,
    }
  }
}
